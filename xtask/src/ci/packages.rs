//! What people get from a registry: each package builds on its own, is complete, and brings no needless
//! crates.

use std::{fs, path::PathBuf, process::Command};

use crate::{
    failure::Failure,
    workspace::{Package, Workspace, cargo, printed, shown, succeeds},
};

/// The package that ships generated code, and the file that its build needs where there is no contract.
const SHIPS_GENERATED: (&str, &str) = ("copilot-gen", "generated/client.rs");

/// The crates that only the generator needs, beside those of typify. `progenitor-client` is what generated
/// code runs on.
const GENERATOR_CRATES: [&str; 3] = ["progenitor", "progenitor-impl", "progenitor-macro"];

/// The package that judges by the contract alone.
const SECOND_OPINION: &str = "copilot-sandbox";

/// `cargo package` for all published packages at once, so that they find each other.
pub(super) fn package_command(workspace: &Workspace, in_ci: bool) -> Command {
    let mut command = cargo(&workspace.root, ["package", "--locked"]);
    for package in workspace.published() {
        command.args(["-p", &package.name]);
    }
    // A person checks before committing; what is submitted must be what was committed.
    if !in_ci {
        command.arg("--allow-dirty");
    }
    command
}

/// Removes what `cargo package` unpacked of our packages before. It builds each package on the others by way of a registry
/// in the target folder, and of a version that it has unpacked once it never looks at the contents again: with a kept
/// CARGO_HOME, the packages of an earlier commit would be built.
fn forget_unpacked(workspace: &Workspace) -> Result<(), Failure> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let Some(sources) = home.and_then(|home| fs::read_dir(home.join("registry/src")).ok()) else {
        return Ok(());
    };
    // Of a registry in a folder the name has no host before its hash.
    let in_folders = sources.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with('-'));
    for source in in_folders {
        for Package { name, version, .. } in workspace.published() {
            let unpacked = source.path().join(format!("{name}-{version}"));
            if unpacked.exists() {
                fs::remove_dir_all(&unpacked).map_err(|error| {
                    Failure::Unexpected(format!("cannot remove {}: {error}", unpacked.display()))
                })?;
            }
        }
    }
    Ok(())
}

/// Packs every published package, builds each from its package, and looks into the one with generated code.
pub(super) fn package(workspace: &Workspace, in_ci: bool) -> Result<bool, Failure> {
    forget_unpacked(workspace)?;
    let mut command = package_command(workspace, in_ci);
    if !succeeds(&mut command)? {
        return Err(Failure::Exit { command: shown(&command), said: None });
    }
    let (name, file) = SHIPS_GENERATED;
    let Some(Package { version, .. }) = workspace.published().find(|package| package.name == name) else {
        return Err(Failure::Unexpected(format!("{name} is not among the published packages")));
    };
    let archive = workspace.target.join(format!("package/{name}-{version}.crate"));
    let listing = printed(Command::new("tar").arg("-tzf").arg(&archive))?;
    let wanted = format!("{name}-{version}/{file}");
    let holds = listing.lines().any(|line| line == wanted);
    println!("{}: {} {file}", archive.display(), if holds { "holds" } else { "LACKS" });
    Ok(holds)
}

/// Whether `copilot-api` is free of the generator's crates, and the sandbox of the code whose second opinion it is. That
/// `copilot-gen` has the generator's proves that the names are still the right ones.
pub(super) fn dependencies(workspace: &Workspace) -> Result<bool, Failure> {
    let mut right = true;
    for (package, wanted) in [("copilot-api", false), ("copilot-gen", true)] {
        let tree = tree(workspace, package)?;
        let found = generator_crates(&tree);
        let has = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
        println!("{package}: of the generator's crates it depends on {has}");
        right &= if wanted {
            ["progenitor", "typify"].iter().all(|name| found.contains(name))
        } else {
            found.is_empty()
        };
    }
    let tree = tree(workspace, SECOND_OPINION)?;
    let ours: Vec<&str> = tree.lines().skip(1).filter(|line| line.starts_with("copilot-")).collect();
    println!(
        "{SECOND_OPINION}: of this workspace's crates it depends on {}",
        if ours.is_empty() { "none" } else { "some" }
    );
    Ok(right && ours.is_empty())
}

/// The package and what it needs to be built, one package a line.
fn tree(workspace: &Workspace, package: &str) -> Result<String, Failure> {
    let arguments =
        ["tree", "--locked", "-p", package, "-e", "normal,build", "--prefix", "none", "--format", "{p}"];
    printed(&mut cargo(&workspace.root, arguments))
}

/// The generator's crates in the output of `cargo tree`, one package a line.
fn generator_crates(tree: &str) -> Vec<&str> {
    let mut found: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| GENERATOR_CRATES.contains(name) || name.starts_with("typify"))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_of_progenitor_is_no_generator() {
        assert!(
            generator_crates("copilot-api v0.1.0 (/w)\nprogenitor-client v0.15.1\nserde v1.0.229\n")
                .is_empty()
        );
        let tree =
            "copilot-gen v0.1.0\nprogenitor v0.15.1\ntypify v0.8.0\ntypify-impl v0.8.0\ntypify v0.8.0 (*)\n";
        assert_eq!(generator_crates(tree), ["progenitor", "typify", "typify-impl"]);
    }
}
