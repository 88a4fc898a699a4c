//! The judges of `openapi/examples` that are measured beside ours, with what they need installed under `target`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    failure::Failure,
    workspace::{CONTRACT_JSON, Workspace, printed},
};

const PYTHON: &str = "openapi/examples/json-schema-python";
const JAVASCRIPT: &str = "openapi/examples/json-schema-javascript";

/// The program and arguments that read events with Python's jsonschema; a file and a number are still to be added.
pub(super) fn python(workspace: &Workspace) -> Result<Vec<PathBuf>, Failure> {
    let folder = workspace.root.join(PYTHON);
    let requirements = folder.join("requirements.txt");
    let environment = workspace.target.join("bench/python");
    unless_installed(&environment, &requirements, || {
        printed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
        let mut pip = Command::new(environment.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check", "-r"]).arg(&requirements);
        printed(&mut pip).map(drop)
    })?;
    let reader = workspace.root.join("bench/reading/jsonschema_reader.py");
    // -B: what is in the work tree stays as it is.
    Ok(vec![environment.join("bin/python"), "-B".into(), reader, folder])
}

/// The same with Ajv.
pub(super) fn javascript(workspace: &Workspace) -> Result<Vec<PathBuf>, Failure> {
    let beneath = workspace.target.join("bench");
    let folder = beneath.join(JAVASCRIPT);
    let original = workspace.root.join(JAVASCRIPT);
    unless_installed(&folder, &original.join("package-lock.json"), || {
        fs::create_dir_all(&folder).map_err(Failure::writing(&folder))?;
        for file in ["package.json", "package-lock.json"] {
            copy(&original.join(file), &folder.join(file))?;
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]);
        printed(npm.current_dir(&folder)).map(drop)
    })?;
    for module in ["validate.mjs", "keywords.mjs", "numbers.mjs"] {
        copy(&original.join(module), &folder.join(module))?;
    }
    // It looks for the contract where it lies in the work tree.
    copy(&workspace.root.join(CONTRACT_JSON), &beneath.join(CONTRACT_JSON))?;
    let reader = workspace.root.join("bench/reading/ajv-reader.mjs");
    Ok(vec!["node".into(), reader, folder])
}

/// Installs into a folder, unless that was done for the same list.
fn unless_installed(
    folder: &Path,
    list: &Path,
    install: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let wanted = fs::read_to_string(list).map_err(Failure::reading(list))?;
    let stamp = folder.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    install()?;
    fs::write(&stamp, wanted).map_err(Failure::writing(stamp))
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::copy(from, to).map(drop).map_err(Failure::writing(to))
}
