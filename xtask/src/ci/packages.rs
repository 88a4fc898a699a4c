//! What people get from a registry: each package is complete, builds on the others, and brings no needless crates.

use std::{fmt::Write, fs, process::Command};

use crate::{
    failure::Failure,
    workspace::{Workspace, cargo, printed, shown, succeeds},
};

/// The crates that only the generator needs, beside those of typify. `progenitor-client` is what generated
/// code runs on.
const GENERATOR_CRATES: [&str; 3] = ["progenitor", "progenitor-impl", "progenitor-macro"];

/// The package that judges by the contract alone.
const SECOND_OPINION: &str = "copilot-sandbox";

/// `cargo package` for all published packages at once, so that they find each other.
pub(super) fn package_command(workspace: &Workspace, in_ci: bool) -> Command {
    let mut command = cargo(&workspace.root, ["package", "--locked", "--no-verify"]);
    for package in workspace.published() {
        command.args(["-p", &package.name]);
    }
    // A person checks before committing; what is submitted must be what was committed.
    if !in_ci {
        command.arg("--allow-dirty");
    }
    command
}

/// Packs every published package, unpacks them beside each other, and checks them as a workspace in which each takes the
/// others from their packages. cargo's own verification builds every one of them with nearly all of its crates anew, which
/// takes four times as long and finds no more: what is missing in a package is missing here too.
pub(super) fn package(workspace: &Workspace, in_ci: bool) -> Result<bool, Failure> {
    let mut command = package_command(workspace, in_ci);
    if !succeeds(&mut command)? {
        return Err(Failure::Exit { command: shown(&command), said: None });
    }
    let packages = workspace.target.join("package");
    let folder = packages.join("unpacked");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(Failure::writing(&folder))?;
    }
    fs::create_dir_all(&folder).map_err(Failure::writing(&folder))?;
    let (mut members, mut patches) = (String::new(), String::new());
    for package in workspace.published() {
        let unpacked = format!("{}-{}", package.name, package.version);
        let archive = packages.join(format!("{unpacked}.crate"));
        printed(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(&folder))?;
        _ = write!(members, "{unpacked:?}, ");
        _ = writeln!(patches, "{}.path = {unpacked:?}", package.name);
    }
    let manifest = folder.join("Cargo.toml");
    let text =
        format!("[workspace]\nresolver = \"3\"\nmembers = [{members}]\n\n[patch.crates-io]\n{patches}");
    fs::write(&manifest, text).map_err(Failure::writing(&manifest))?;
    // In the versions of this workspace; what only its other packages need goes from the copy.
    let lock = folder.join("Cargo.lock");
    fs::copy(workspace.root.join("Cargo.lock"), &lock).map_err(Failure::writing(&lock))?;
    let mut check = cargo(&workspace.root, ["check", "--workspace", "--manifest-path"]);
    succeeds(check.arg(&manifest).env("CARGO_TARGET_DIR", &workspace.target))
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
