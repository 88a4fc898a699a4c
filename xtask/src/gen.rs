//! `cargo xtask gen`: makes the committed files that come from the contract and from the source, or checks that they
//! are up to date.

mod portable;

use std::{fs, io, path::Path, time::Duration};

use copilot_codegen::{COMMAND, Contract, generate, generate_flags, generate_sql};
use similar::TextDiff;

use crate::{
    failure::Failure,
    public_api,
    workspace::{CONTRACT, CONTRACT_JSON, VECTORS, Workspace},
};

/// What the sandbox enforces, from the workspace's root: [`CONTRACT_JSON`] again, since a package holds its own files only.
const SANDBOX_COPY: &str = "copilot-sandbox/generated/contract.json";

/// What PostgreSQL is told of the contract.
const SQL: &str = "copilot-delivery/sql/contract.sql";

/// What the command line is told of it.
const FLAGS: &str = "copilot-cli/generated/events.rs";

/// How many lines of difference are shown for a file: enough to see what it is about.
const SHOWN_LINES: usize = 200;

/// What to do about a file that is out of date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write it.
    Write,
    /// Show how it differs.
    Check,
}

/// Makes every generated file and settles it. `false` when `mode` is [`Mode::Check`] and one is out of date.
pub(crate) fn run(root: &Path, mode: Mode) -> Result<bool, Failure> {
    let contract_file = root.join(CONTRACT);
    let text = fs::read_to_string(&contract_file).map_err(Failure::reading(contract_file))?;
    let wrong = |source| Failure::Contract { file: CONTRACT, source };
    let contract = Contract::parse(&text).map_err(wrong)?;
    let client = generate(&contract).map_err(wrong)?;
    let workspace = Workspace::read(root)?;
    let mut files = Vec::new();
    for krate in public_api::LISTED {
        let listing = public_api::listing(&workspace, krate, &client)?;
        files.push((format!("{krate}/public-api.txt"), listing));
    }
    files.push(("copilot-gen/generated/client.rs".to_owned(), client));
    for file in [CONTRACT_JSON, SANDBOX_COPY] {
        files.push((file.to_owned(), contract.to_json()));
    }
    files.push((SQL.to_owned(), generate_sql(&contract).map_err(wrong)?));
    files.push((FLAGS.to_owned(), generate_flags(&contract).map_err(wrong)?));
    files.push((portable::PORTABLE.to_owned(), portable::portable(&contract.to_json())?));
    files.extend(copilot_vectors::made().into_iter().map(|(name, text)| (format!("{VECTORS}/{name}"), text)));

    let mut up_to_date = true;
    for (name, wanted) in &files {
        up_to_date &= settle(root, name, wanted, mode)?;
    }
    if !up_to_date {
        println!("\nrun `{COMMAND}`, and commit what it writes");
    }
    Ok(up_to_date)
}

/// Writes the file or checks it: one function, so that the two can never disagree. `false` when a check
/// fails.
pub(crate) fn settle(root: &Path, name: &str, wanted: &str, mode: Mode) -> Result<bool, Failure> {
    let path = root.join(name);
    let found = match fs::read_to_string(&path) {
        Ok(text) => Some(normalised(&text)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => None,
        Err(source) => return Err(Failure::reading(path)(source)),
    };
    let wanted = normalised(wanted);
    if found.as_ref() == Some(&wanted) {
        println!("{name}: up to date");
        return Ok(true);
    }
    if mode == Mode::Check {
        let state = if found.is_some() { "out of date" } else { "missing" };
        println!("{name}: {state}\n{}", difference(name, &found.unwrap_or_default(), &wanted));
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Failure::writing(folder))?;
    }
    fs::write(&path, &wanted).map_err(Failure::writing(path))?;
    println!("{name}: written");
    Ok(true)
}

/// Git may check text files out with the line ends of the system.
fn normalised(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// The unified diff from what is committed to what is generated, cut after [`SHOWN_LINES`] lines.
pub(crate) fn difference(name: &str, found: &str, wanted: &str) -> String {
    let diff = TextDiff::configure().timeout(Duration::from_secs(5)).diff_lines(found, wanted);
    let text = diff
        .unified_diff()
        .header(&format!("{name} (committed)"), &format!("{name} (generated)"))
        .to_string();
    let mut shown: String = text.split_inclusive('\n').take(SHOWN_LINES).collect();
    let left_out = text.lines().count().saturating_sub(SHOWN_LINES);
    if left_out > 0 {
        shown.push_str(&format!("... and {left_out} more lines of difference\n"));
    }
    shown
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("xtask-gen-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_check_of_a_stale_file_fails_and_leaves_it_alone() {
        let root = folder("stale");
        fs::write(root.join("a.rs"), "old\n").unwrap();
        assert!(!settle(&root, "a.rs", "new\n", Mode::Check).unwrap());
        assert_eq!(fs::read_to_string(root.join("a.rs")).unwrap(), "old\n");
        assert!(!settle(&root, "missing.rs", "new\n", Mode::Check).unwrap());
        assert!(!root.join("missing.rs").exists());
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn what_was_written_passes_the_check_with_any_line_ends() {
        let root = folder("written");
        assert!(settle(&root, "new/a.rs", "one\ntwo\n", Mode::Write).unwrap());
        assert!(settle(&root, "new/a.rs", "one\ntwo\n", Mode::Check).unwrap());
        fs::write(root.join("new/a.rs"), "one\r\ntwo\r\n").unwrap();
        assert!(settle(&root, "new/a.rs", "one\ntwo\n", Mode::Check).unwrap());
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_long_difference_is_cut_and_says_by_how_much() {
        let wanted = "line\n".repeat(500);
        let shown = difference("a.rs", "", &wanted);
        assert_eq!(shown.lines().count(), SHOWN_LINES + 1);
        // Two lines of header and one of the hunk stand before the 500.
        assert!(shown.ends_with("... and 303 more lines of difference\n"), "{shown}");
        assert!(difference("a.rs", "old\n", "new\n").contains("-old\n+new\n"));
    }
}
