//! `cargo xtask dist`: `copilot-cx` as operators get it: a binary, manual pages, completions, and a Debian package of these.

mod check;
mod glibc;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    failure::Failure,
    tool::Tool,
    workspace::{Workspace, cargo, printed, succeeds},
};

/// Whether what was made is also tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Make,
    Check,
}

/// Each shell's script, by the name under which the shell looks for it.
const COMPLETIONS: [(&str, &str); 4] = [
    ("bash", "copilot-cx.bash"),
    ("fish", "copilot-cx.fish"),
    ("powershell", "copilot-cx.ps1"),
    ("zsh", "_copilot-cx"),
];

/// Makes all, in `target/dist`. `false` when something cannot be built, or a check fails.
pub(crate) fn run(root: &Path, mode: Mode) -> Result<bool, Failure> {
    let workspace = Workspace::read(root)?;
    if !succeeds(&mut cargo(root, ["build", "--release", "--locked", "-p", "copilot-cli"]))? {
        return Ok(false);
    }
    let built = workspace.target.join("release");
    let program = built.join("copilot-cx");
    // Where the package's list of files has them: cargo-deb knows only what is built by another name of this folder.
    let made = built.join("dist");
    clear(&made)?;
    pages_and_completions(&program, &made)?;
    if Tool::Binutils.is_installed(root) {
        println!("copilot-cx needs {}", glibc::needed(&program)?);
    } else {
        skip(Tool::Binutils, "which glibc it needs");
    }
    if !Tool::CargoDeb.is_installed(root) {
        skip(Tool::CargoDeb, "the Debian package");
        return Ok(true);
    }
    let package = package(&workspace)?;
    println!("{}", package.display());
    match mode {
        Mode::Make => Ok(true),
        Mode::Check => check::all(&workspace, &program, &package),
    }
}

fn pages_and_completions(program: &Path, made: &Path) -> Result<(), Failure> {
    printed(Command::new(program).args(["man", "--out"]).arg(made.join("man")))?;
    let folder = made.join("completions");
    fs::create_dir_all(&folder).map_err(Failure::writing(&folder))?;
    for (shell, name) in COMPLETIONS {
        let script = printed(Command::new(program).args(["completions", shell]))?;
        let file = folder.join(name);
        fs::write(&file, script).map_err(Failure::writing(&file))?;
    }
    Ok(())
}

/// What is in it stands in `copilot-cli/Cargo.toml`.
fn package(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let folder = workspace.target.join("dist");
    clear(&folder)?;
    let mut command =
        cargo(&workspace.root, ["deb", "--locked", "--no-build", "-p", "copilot-cli", "--output"]);
    let said = printed(command.arg(&folder))?;
    // Its last line is where the package is.
    let package = said.lines().last().map(PathBuf::from).filter(|package| package.is_file());
    package.ok_or_else(|| Failure::Unexpected(format!("`cargo deb` names no package: {said}")))
}

/// Makes an empty folder in its place.
fn clear(folder: &Path) -> Result<(), Failure> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(Failure::writing(folder))?;
    }
    fs::create_dir_all(folder).map_err(Failure::writing(folder))
}

/// Says what is not done for want of a tool.
fn skip(tool: Tool, what: &str) {
    println!("SKIPPED: {what}: {}", tool.missing());
}
