//! `cargo xtask soak`: the long forms of what `cargo xtask ci` runs the short forms of; with `--short`, the short forms of those
//! that have no command of their own.

use std::{fs, path::Path, process::Command};

use crate::{
    crash,
    failure::Failure,
    workspace::{Workspace, cargo, shown, succeeds},
};

/// A long form. `false`: what it checks is not so.
type Member = (&'static str, fn(&Path) -> Result<bool, Failure>);

const MEMBERS: &[Member] = &[
    ("crash --kills 200", |root| crash::run(root, &crash::Options::long("sqlite"))),
    ("crash --outbox postgres --kills 200", |root| crash::run(root, &crash::Options::long("postgres"))),
    ("crash --outbox jetstream --kills 200", |root| crash::run(root, &crash::Options::long("jetstream"))),
    ("10,000 transactions, and one that stays open for 30 s", |root| {
        let test = "test -p copilot-delivery --features postgres --test postgres";
        succeeds(cargo(root, test.split(' ')).env("COPILOT_LONG", "1"))
    }),
    ("soak", |root| program(root, "release", LONG)),
];

/// What the program of `tests/soak` is told.
type Told = &'static [&'static [&'static str]];

const LONG: Told = &[
    &["steady", "memory", "10000000"],
    &["steady", "sqlite", "1000000"],
    &["outage", "down", "60"],
    &["outage", "refused", "60"],
    &["scale", "postgres"],
    &["scale", "jetstream"],
    &["taken", "postgres"],
    &["taken", "jetstream"],
    &["table", "1000000", "1.5"],
];
const SHORT: Told = &[
    &["steady", "memory", "300000"],
    &["steady", "sqlite", "50000"],
    &["outage", "down", "5"],
    &["outage", "refused", "5"],
    &["scale", "postgres"],
    // Beside other steps of CI.
    &["table", "60000", "3"],
];

/// Runs all of them. `false` when one failed.
pub(crate) fn run(root: &Path) -> Result<bool, Failure> {
    let mut good = true;
    for (name, work) in MEMBERS {
        println!("\n==> {name}");
        good &= work(root)?;
    }
    Ok(good)
}

/// What CI runs: with the crates that its tests have built.
pub(crate) fn short(root: &Path) -> Result<bool, Failure> {
    program(root, "debug", SHORT)
}

/// Runs the program, the long forms as it is shipped.
fn program(root: &Path, profile: &str, told: Told) -> Result<bool, Failure> {
    let workspace = Workspace::read(root)?;
    let mut build = cargo(&workspace.root, ["build", "--locked", "-p", "copilot-soak"]);
    if profile == "release" {
        build.arg("--release");
    }
    if !succeeds(&mut build)? {
        return Err(Failure::Exit { command: shown(&build), said: None });
    }
    let program =
        workspace.target.join(profile).join(format!("copilot-soak{}", std::env::consts::EXE_SUFFIX));
    let folder = workspace.target.join("soak");
    let mut good = true;
    for arguments in told {
        println!("==> {}", arguments.join(" "));
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(Failure::writing(&folder))?;
        }
        fs::create_dir_all(&folder).map_err(Failure::writing(&folder))?;
        let kept = succeeds(Command::new(&program).args(*arguments).arg(&folder))?;
        if !kept {
            println!("{}: what is promised is not so", arguments.join(" "));
        }
        good &= kept;
    }
    Ok(good)
}
