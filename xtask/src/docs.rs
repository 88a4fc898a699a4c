//! `cargo xtask docs`: the contract as one page for people, `target/docs/copilot.html`, which asks no host for anything.
//!
//! Redocly renders it, from a copy of the contract in which the extensions are said in words. Then Chromium opens the
//! page: it must show both operations with their examples, without an error and without a request.

mod wording;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use copilot_codegen::Contract;

use crate::{
    failure::Failure,
    lint::linters::{INSTALL, PROJECT, npm_version, npm_wanted, redocly},
    sandbox::chromium,
    workspace::{CONTRACT, Workspace, shown, succeeds},
};

/// The packages of the npm project that this needs.
const PACKAGES: [&str; 2] = ["@redocly/cli", "playwright-core"];

/// What Redocly's bundle asks another host for, and what stands there instead.
const LOGOS: [&str; 2] =
    ["https://cdn.redoc.ly/redoc/logo-mini-full.svg", "https://cdn.redoc.ly/redoc/logo-mini.svg"];

/// Whether the npm packages are there, in the versions that the project names.
pub(crate) fn is_installed(root: &Path) -> bool {
    PACKAGES.iter().all(|package| {
        npm_version(root, package).is_some_and(|version| npm_wanted(root, package) == Some(version))
    })
}

/// Renders the page and looks at it. `false`: the page is not as it must be.
pub(crate) fn run(root: &Path) -> Result<bool, Failure> {
    if !is_installed(root) {
        return Err(Failure::Unexpected(format!("what {PROJECT} needs is not installed: {INSTALL}")));
    }
    let chromium = chromium()
        .ok_or_else(|| Failure::Unexpected("Chromium is not installed; `.ci/run` says how".to_owned()))?;
    let folder = Workspace::read(root)?.target.join("docs");
    fs::create_dir_all(&folder).map_err(Failure::writing(&folder))?;
    let page = folder.join("copilot.html");
    let copy = folder.join("contract.json");
    render(root, &copy, &page)?;
    println!("{}", page.display());

    let mut look = Command::new("node");
    look.current_dir(root).arg(Path::new(PROJECT).join("look.mjs")).arg("--page").arg(&page);
    look.arg("--contract").arg(&copy);
    look.arg("--chromium").arg(chromium).arg("--out").arg(&folder);
    succeeds(&mut look)
}

/// Writes the copy of the contract that is rendered, and the page.
fn render(root: &Path, copy: &Path, page: &Path) -> Result<(), Failure> {
    let path = root.join(CONTRACT);
    let text = fs::read_to_string(&path).map_err(Failure::reading(path))?;
    let contract = Contract::parse(&text).map_err(|source| Failure::Contract { file: CONTRACT, source })?;
    let mut document = contract.root().clone();
    wording::for_people(&mut document);
    fs::write(copy, document.to_string()).map_err(Failure::writing(copy))?;

    let project = root.join(PROJECT);
    let mut command = redocly(root);
    command.arg("build-docs").arg(copy).arg("--output").arg(page).arg("--inlineBundle");
    command.arg("--config").arg(project.join("redocly.yaml"));
    command.arg("--template").arg(project.join("docs.hbs"));
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Failure::Start { command: shown(&command), source })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
        return Err(Failure::Exit { command: shown(&command), said: Some(said) });
    }
    let rendered = fs::read_to_string(page).map_err(Failure::reading(page))?;
    fs::write(page, without_logos(&rendered)?).map_err(Failure::writing(page))
}

/// The page with Redocly's name as text, where its bundle loads a picture of it from another host.
fn without_logos(page: &str) -> Result<String, Failure> {
    let mut page = page.to_owned();
    for logo in LOGOS {
        if !page.contains(logo) {
            return Err(Failure::Unexpected(format!(
                "the page no longer loads {logo}: take what works around it out of xtask/src/docs.rs"
            )));
        }
        page = page.replace(logo, NAME);
    }
    Ok(page)
}

/// A picture of the word.
const NAME: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='46' height='16'%3E%3Ctext \
                    x='0' y='12' font-family='sans-serif' font-size='12' fill='%230044d4'%3ERedocly%3C/text%3E%3C/svg%3E";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{LOGOS, without_logos};

    #[test]
    fn a_page_that_loads_no_logo_any_more_needs_no_workaround() {
        let mended = without_logos(&format!("<img src=`{}`><img src=`{}`>", LOGOS[0], LOGOS[1])).unwrap();
        assert!(!mended.contains("https://cdn"), "{mended}");
        assert!(without_logos("<img>").unwrap_err().to_string().contains("no longer loads"));
    }
}
