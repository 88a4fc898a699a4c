//! The help of every command, as it is shown in terminals of 80 columns, and of the longest in one of 40; and what else is made of it.
//!
//! `TRYCMD=overwrite cargo test -p copilot-cli --test help` writes it anew, with files for new commands and without those of
//! commands that are gone.
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_copilot-cx");
const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/help");

#[test]
fn the_help_of_every_command_is_as_it_was_written_down() {
    let wanted = cases();
    if std::env::var("TRYCMD").is_ok_and(|mode| mode == "overwrite") {
        fs::create_dir_all(CASES).unwrap();
        for gone in written().into_iter().filter(|name| !wanted.contains_key(name)) {
            fs::remove_file(path(&gone)).unwrap();
        }
        for (name, line) in &wanted {
            fs::write(path(name), format!("```\n$ {line}\n```\n")).unwrap();
        }
    }
    let named: BTreeSet<String> = wanted.into_keys().collect();
    assert_eq!(written(), named, "to mend it: TRYCMD=overwrite cargo test -p copilot-cli --test help");
    trycmd::TestCases::new().case(format!("{CASES}/*.trycmd"));
}

#[test]
fn every_shell_is_told_of_every_command() {
    let told = |shell: &str| Command::new(PROGRAM).args(["completions", shell]).output().unwrap();
    let commands = commands();
    for shell in ["bash", "fish", "powershell", "zsh"] {
        let output = told(shell);
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{shell}");
        for command in &commands {
            assert!(script.contains(command.rsplit(' ').next().unwrap()), "{shell}: {command}");
        }
    }
    let refused = told("cmd");
    assert!(refused.status.code() == Some(1) && refused.stdout.is_empty());
}

#[test]
fn bash_completes_behind_the_first_word() {
    let script = Command::new(PROGRAM).args(["completions", "bash"]).output().unwrap().stdout;
    let script = String::from_utf8(script).unwrap();
    let name = script.split('(').next().unwrap();
    for (words, offered) in [("outbox \"\"", "retry"), ("event custom_event --s", "--subtype")] {
        let count = words.split(' ').count();
        let ask = format!(
            "{script}\nCOMP_WORDS=(copilot-cx {words}); COMP_CWORD={count}; {name} copilot-cx ${{COMP_WORDS[-1]:-''}} x; echo ${{COMPREPLY[@]}}"
        );
        let Ok(bash) = Command::new("bash").args(["-c", &ask]).output() else { return };
        let said = String::from_utf8(bash.stdout).unwrap();
        assert!(said.split_whitespace().any(|word| word == offered), "{words}: {said}");
        assert!(!said.contains("--client-secret "), "{said}");
    }
}

/// The name of each case, and its command line.
fn cases() -> BTreeMap<String, String> {
    let commands = commands();
    let at = |columns: u16, command: &str| {
        let name = format!("{}.{columns}", command.replace(' ', "-"));
        (name, format!("COLUMNS={columns} {command} --help"))
    };
    // Of the types of events one stands for all: their flags are generated.
    let is_generated = |command: &&String| command.contains(" event ") && !command.ends_with(" custom_event");
    let mut cases: BTreeMap<String, String> =
        commands.iter().filter(|command| !is_generated(command)).map(|command| at(80, command)).collect();
    let longest = commands.iter().max_by_key(|command| help(command).len()).unwrap();
    cases.extend([at(40, "copilot-cx"), at(40, longest)]);
    cases
}

/// The program and each of its commands, as they are called: each has a manual page, whose hyphens are spaces on the
/// command line.
fn commands() -> Vec<String> {
    // Each test has its own.
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("man-{number}"));
    let _ = fs::remove_dir_all(&folder);
    let made = Command::new(PROGRAM).args(["man", "--out"]).arg(&folder).status().unwrap();
    assert!(made.success());
    let pages = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let command = |page: String| match page.strip_suffix(".1").unwrap().strip_prefix("copilot-cx-") {
        Some(words) => format!("copilot-cx {}", words.replace('-', " ")),
        None => "copilot-cx".to_owned(),
    };
    pages.map(command).collect()
}

fn help(command: &str) -> Vec<u8> {
    let words = command.split(' ').skip(1);
    Command::new(PROGRAM).args(words).arg("--help").output().unwrap().stdout
}

/// The names of the cases that there are.
fn written() -> BTreeSet<String> {
    let Ok(files) = fs::read_dir(CASES) else { return BTreeSet::new() };
    files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn path(name: &str) -> PathBuf {
    Path::new(CASES).join(format!("{name}.trycmd"))
}
