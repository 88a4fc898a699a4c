//! `tests/tls`: the client with each choice of TLS. A package of its own, since features are one for a workspace.

use std::process::Command;

use super::features::NATIVE_TLS;
use crate::{
    failure::Failure,
    workspace::{Workspace, cargo, cargo_apart, printed},
};

const MANIFEST: &str = "tests/tls/Cargo.toml";

/// The features that it is tested with, by the name of the step: those of `copilot-api`, and none of them.
pub(super) const CHOICES: [(&str, &str); 4] =
    [("none", ""), ("rustls", "rustls"), (NO_PROVIDER, NO_PROVIDER), (NATIVE_TLS, NATIVE_TLS)];

const NO_PROVIDER: &str = "rustls-no-provider";

/// The crate that a program is free of with `rustls-no-provider`.
const DEFAULT_PROVIDER: &str = "aws-lc-rs";

/// Its tests.
pub(super) fn test(workspace: &Workspace, features: &str) -> Command {
    let mut command = cargo_apart(workspace, "test", MANIFEST);
    command.args(["--tests", "--features", features]);
    command
}

/// How it is formatted: it is not among the packages of the workspace.
pub(super) fn format(workspace: &Workspace) -> Command {
    cargo(&workspace.root, ["fmt", "--manifest-path", MANIFEST, "--", "--check"])
}

/// Whether ring alone is enough with `rustls-no-provider`. That the default has the other provider proves that the name
/// is still the right one.
pub(super) fn providers(workspace: &Workspace) -> Result<bool, Failure> {
    let mut right = true;
    for (features, wanted) in [(NO_PROVIDER, false), ("rustls", true)] {
        let mut tree = cargo_apart(workspace, "tree", MANIFEST);
        tree.args(["--features", features, "-e", "normal,build", "--prefix", "none", "--format", "{p}"]);
        let found = brings(&printed(&mut tree)?, DEFAULT_PROVIDER);
        println!("{features}: {} {DEFAULT_PROVIDER}", if found { "with" } else { "without" });
        right &= found == wanted;
    }
    Ok(right)
}

/// Whether a package of that name is in the output of `cargo tree`, one package a line.
fn brings(tree: &str, name: &str) -> bool {
    tree.lines().any(|line| line.split_whitespace().next() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_found_by_its_whole_name() {
        let tree = "copilot-tls-tests v0.0.0 (/w)\nring v0.17.14\naws-lc-rs-not v1.0.0\n";
        assert!(!brings(tree, DEFAULT_PROVIDER) && brings(tree, "ring"));
        assert!(brings(&format!("{tree}aws-lc-rs v1.19.0 (*)\n"), DEFAULT_PROVIDER));
    }
}
