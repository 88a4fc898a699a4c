//! The programs of `bench/`, built.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use super::plan::{CONTESTANTS, Contestant};
use crate::{
    failure::Failure,
    workspace::{Workspace, cargo, shown, succeeds},
};

const MANIFEST: &str = "bench/Cargo.toml";

/// Where the built programs are.
#[derive(Debug)]
pub(super) struct Programs {
    folder: PathBuf,
}

/// What a program of a contestant counts beside time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counting {
    Nothing,
    Allocations,
}

impl Programs {
    pub(super) fn sink(&self) -> PathBuf {
        self.named("bench-sink")
    }

    pub(super) fn of(&self, contestant: &Contestant, counting: Counting) -> PathBuf {
        match counting {
            Counting::Nothing => self.named(contestant.program),
            Counting::Allocations => self.named(&format!("{}-allocations", contestant.program)),
        }
    }

    pub(super) fn named(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }
}

/// Builds the sink and all contestants, and those again that count allocations.
pub(super) fn build_all(workspace: &Workspace) -> Result<Programs, Failure> {
    let programs = build_sink(workspace)?;
    let mut packages: Vec<_> = CONTESTANTS.iter().map(|contestant| contestant.program).collect();
    packages.dedup();
    for package in packages {
        build(workspace, package, &["--features", "allocations"])?;
        let (built, kept) = (programs.named(package), programs.named(&format!("{package}-allocations")));
        // The next build writes to the same name.
        fs::copy(&built, &kept).map_err(Failure::writing(kept))?;
        build(workspace, package, &[])?;
    }
    Ok(programs)
}

/// Builds the sink and the programs of this workspace's crates.
pub(super) fn build_ours(workspace: &Workspace) -> Result<Programs, Failure> {
    for package in ["bench-copilot", "bench-delivery"] {
        build(workspace, package, &[])?;
    }
    build_sink(workspace)
}

/// Builds the sink, the programs of copilot-delivery, and whom it stands beside.
pub(super) fn build_for_delivery(workspace: &Workspace) -> Result<Programs, Failure> {
    build(workspace, "bench-delivery", &["--features", "sqlite"])?;
    for package in ["bench-copilot", "bench-posthog"] {
        build(workspace, package, &[])?;
    }
    build_sink(workspace)
}

/// Builds the sink, and what reads and sends beside `copilot-cx`.
pub(super) fn build_for_files(workspace: &Workspace) -> Result<Programs, Failure> {
    for package in ["bench-copilot", "bench-hand"] {
        build(workspace, package, &[])?;
    }
    build_sink(workspace)
}

fn build_sink(workspace: &Workspace) -> Result<Programs, Failure> {
    build(workspace, "bench-sink", &[])?;
    Ok(Programs { folder: target(workspace).join("release") })
}

fn target(workspace: &Workspace) -> PathBuf {
    workspace.target.join("bench")
}

/// Builds one package by itself: in a build with others, their features would be on in it as well.
fn build(workspace: &Workspace, package: &str, more: &[&str]) -> Result<(), Failure> {
    let arguments = ["build", "--quiet", "--release", "--locked", "--manifest-path", MANIFEST, "-p", package];
    let mut command = cargo(&workspace.root, arguments);
    command.args(more).env("CARGO_TARGET_DIR", target(workspace));
    if succeeds(&mut command)? { Ok(()) } else { Err(Failure::Exit { command: shown(&command), said: None }) }
}

/// Whether a checkout has what is built here.
pub(super) fn are_in(root: &Path) -> bool {
    root.join(MANIFEST).is_file()
}
