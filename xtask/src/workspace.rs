//! Where the workspace is, what cargo says about it, and how its commands are run.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::failure::Failure;

/// The contract, from the root of the workspace.
pub(crate) const CONTRACT: &str = "openapi/copilot.yaml";
/// The contract as JSON, made from it, from the workspace's root.
pub(crate) const CONTRACT_JSON: &str = "openapi/copilot.json";
/// The conformance vectors, from the workspace's root.
pub(crate) const VECTORS: &str = "openapi/vectors";

/// Whether a machine checks, so that nothing may be left out.
pub(crate) fn in_ci() -> bool {
    env::var("CI").is_ok_and(|value| value == "true")
}

/// The root of the workspace: the folder above xtask's own.
pub(crate) fn root() -> Result<PathBuf, Failure> {
    // `cargo run` sets it to where the sources are now; the one from compile time is for running the binary
    // by hand.
    let xtask =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    match xtask.parent() {
        Some(root) => Ok(root.to_owned()),
        None => Err(Failure::Unexpected(format!("{}: has no folder above it", xtask.display()))),
    }
}

/// The cargo that runs xtask, to be run at the root of the workspace.
pub(crate) fn cargo<S: AsRef<OsStr>>(root: &Path, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).args(arguments);
    // `cargo run` tells xtask about xtask. Some build scripts (ring's) run again when these variables change,
    // so what a person built from the shell would be built again from here, and the other way round.
    for (name, _) in env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            command.env_remove(name);
        }
    }
    command
}

/// A cargo command for a workspace that stands apart in this one, with what this one has built where that is the same.
pub(crate) fn cargo_apart(workspace: &Workspace, command: &str, manifest: &str) -> Command {
    let mut cargo = cargo(&workspace.root, [command, "--locked", "--manifest-path", manifest]);
    cargo.env("CARGO_TARGET_DIR", &workspace.target);
    cargo
}

/// The command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default();
    std::iter::once(program)
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs the command with xtask's own output and without input. `false` when it fails.
pub(crate) fn succeeds(command: &mut Command) -> Result<bool, Failure> {
    let status = command.stdin(Stdio::null()).status();
    Ok(status.map_err(|source| Failure::Start { command: shown(command), source })?.success())
}

/// Runs the command and returns what it prints.
pub(crate) fn printed(command: &mut Command) -> Result<String, Failure> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Failure::Start { command: shown(command), source })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
        return Err(Failure::Exit { command: shown(command), said: Some(said) });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A package of the workspace, as far as its checks need to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Whether it goes to a registry.
    pub(crate) published: bool,
    /// Each feature with what it turns on.
    pub(crate) features: BTreeMap<String, Vec<String>>,
}

/// What `cargo metadata` says about the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn read(root: &Path) -> Result<Self, Failure> {
        let text = printed(&mut cargo(root, ["metadata", "--format-version=1", "--no-deps"]))?;
        Self::parse(root, &text).ok_or_else(|| {
            Failure::Unexpected(
                "`cargo metadata` answered something else than its format version 1".to_owned(),
            )
        })
    }

    fn parse(root: &Path, text: &str) -> Option<Self> {
        let metadata: Value = serde_json::from_str(text).ok()?;
        let target = metadata.get("target_directory")?.as_str()?.into();
        let packages =
            metadata.get("packages")?.as_array()?.iter().map(Package::parse).collect::<Option<_>>()?;
        Some(Self { root: root.to_owned(), target, packages })
    }

    /// The packages that go to a registry.
    pub(crate) fn published(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.published)
    }
}

impl Package {
    fn parse(package: &Value) -> Option<Self> {
        let text = |member: &str| Some(package.get(member)?.as_str()?.to_owned());
        let features = package.get("features")?.as_object()?.iter().map(|(name, turns_on)| {
            let turns_on = turns_on.as_array()?.iter().map(|item| item.as_str().map(str::to_owned));
            Some((name.clone(), turns_on.collect::<Option<_>>()?))
        });
        Some(Self {
            name: text("name")?,
            version: text("version")?,
            // null: to any registry. A list: to those in it, and an empty one is `publish = false`.
            published: package.get("publish")?.as_array().is_none_or(|registries| !registries.is_empty()),
            features: features.collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn metadata_tells_what_is_published_and_which_features_there_are() {
        let text = r#"{"target_directory": "/t", "packages": [
            {"name": "a", "version": "1.0.0", "publish": null, "features": {"x": ["dep:y"]}},
            {"name": "b", "version": "0.0.0", "publish": [], "features": {}}]}"#;
        let workspace = Workspace::parse(Path::new("/w"), text).unwrap();
        assert_eq!(workspace.target, Path::new("/t"));
        let published: Vec<_> = workspace.published().collect();
        assert_eq!(published.len(), 1);
        assert_eq!(published.first().unwrap().name, "a");
        assert_eq!(published.first().unwrap().features.get("x").unwrap(), &["dep:y"]);
        assert!(Workspace::parse(Path::new("/w"), "{}").is_none());
    }

    #[test]
    fn the_root_holds_the_contract() {
        assert!(root().unwrap().join(CONTRACT).is_file());
    }

    #[test]
    fn a_failed_command_is_named_with_what_it_said() {
        let failure = printed(&mut cargo(&root().unwrap(), ["no-such-command"])).unwrap_err().to_string();
        assert!(failure.starts_with("`cargo no-such-command` failed"), "{failure}");
        assert!(failure.contains("no such command"), "{failure}");
    }
}
