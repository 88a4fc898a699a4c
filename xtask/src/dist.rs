//! `cargo xtask dist`: `copilot-cx` as operators get it: a binary, manual pages, completions, and a Debian package of these.

mod check;
mod glibc;
mod licences;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    failure::Failure,
    tool::Tool,
    workspace::{Workspace, cargo, in_ci, printed, succeeds},
};

pub(crate) use check::unit_is_valid;

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

/// Where all of it is put, from the workspace's root: the list of the package's files in `copilot-cli/Cargo.toml` has it too.
const FOLDER: &str = "target/dist";

/// Makes all. `false` when something cannot be built, or a check fails.
pub(crate) fn run(root: &Path, mode: Mode) -> Result<bool, Failure> {
    let workspace = Workspace::read(root)?;
    if !succeeds(&mut cargo(root, ["build", "--release", "--locked", "-p", "copilot-cli"]))? {
        return Ok(false);
    }
    let folder = root.join(FOLDER);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(Failure::writing(&folder))?;
    }
    fs::create_dir_all(&folder).map_err(Failure::writing(&folder))?;
    let program = folder.join("copilot-cx");
    fs::copy(workspace.target.join("release/copilot-cx"), &program).map_err(Failure::writing(&program))?;
    pages_and_completions(&program, &folder)?;
    let file = folder.join("libraries.txt");
    fs::write(&file, licences::of_libraries(root)?).map_err(Failure::writing(&file))?;
    if Tool::Binutils.is_installed(root) {
        println!("{} needs {}", program.display(), glibc::needed(&program)?);
    } else {
        Tool::Binutils.skip("which glibc it needs");
    }
    if !Tool::CargoDeb.is_installed(root) {
        Tool::CargoDeb.skip("the Debian package");
        return Ok(!(mode == Mode::Check && in_ci()));
    }
    let package = package(root)?;
    println!("{}", package.display());
    match mode {
        Mode::Make => Ok(true),
        Mode::Check => check::all(root, &folder, &package),
    }
}

fn pages_and_completions(program: &Path, folder: &Path) -> Result<(), Failure> {
    printed(Command::new(program).args(["man", "--out"]).arg(folder.join("man")))?;
    let folder = folder.join("completions");
    fs::create_dir_all(&folder).map_err(Failure::writing(&folder))?;
    for (shell, name) in COMPLETIONS {
        let script = printed(Command::new(program).args(["completions", shell]))?;
        let file = folder.join(name);
        fs::write(&file, script).map_err(Failure::writing(&file))?;
    }
    Ok(())
}

/// What is in it stands in `copilot-cli/Cargo.toml`.
fn package(root: &Path) -> Result<PathBuf, Failure> {
    let arguments = ["deb", "--locked", "--no-build", "-p", "copilot-cli", "--output", FOLDER];
    let said = printed(&mut cargo(root, arguments))?;
    // Its last line is where the package is.
    let package = said.lines().last().map(|line| root.join(line)).filter(|package| package.is_file());
    package.ok_or_else(|| Failure::Unexpected(format!("`cargo deb` names no package: {said}")))
}
