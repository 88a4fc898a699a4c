//! `cargo xtask build-cost`: what a clean build costs with and without copilot-api, in CPU seconds.
//!
//! CPU seconds of all the processes of the build, because they hardly depend on how many cores are idle,
//! which the time on the wall does.

use std::{fs, io, path::Path, process::Command};

use crate::{
    failure::Failure,
    workspace::{cargo, printed, shown, succeeds},
};

/// What every measured program depends on: a program that makes requests, with copilot-api's own TLS.
const COMMON: &str = r#"
[dependencies]
reqwest = { version = "0.13", default-features = false, features = ["json", "rustls"] }
serde = { version = "1", features = ["derive"] }
tokio = { version = "1", default-features = false, features = ["macros", "rt"] }
"#;

/// A program to build: its name, and what it depends on beside [`COMMON`].
const PROGRAMS: [(&str, &str); 3] = [
    ("reqwest-alone", ""),
    ("with-copilot-api", "copilot-api = { path = \"../../../copilot-api\" }\n"),
    ("with-codegen", "copilot-api = { path = \"../../../copilot-api\", features = [\"codegen\"] }\n"),
];

/// Builds each program from nothing and prints what that cost. `false` when one does not build.
pub(crate) fn run(root: &Path) -> Result<bool, Failure> {
    // Not the configured target directory: the paths of the dependencies start from here.
    let folder = root.join("target/build-cost");
    let mut rows = Vec::new();
    for (name, dependency) in PROGRAMS {
        println!("==> {name}");
        let program = folder.join(name);
        lay_out(root, &program, name, dependency)?;
        fetch(&program)?;
        let before = children_cpu_seconds()?;
        let mut build = build(&program);
        if !succeeds(&mut build)? {
            return Err(Failure::Exit { command: format!("{} ({name})", shown(&build)), said: None });
        }
        rows.push((name, children_cpu_seconds()? - before));
        // A clean build leaves hundreds of megabytes that nothing needs.
        remove(&program.join("target"))?;
    }
    print!("\n{}", table(&rows));
    Ok(true)
}

/// Writes the program. It is a workspace of its own, with the versions that this workspace has locked.
fn lay_out(root: &Path, program: &Path, name: &str, dependency: &str) -> Result<(), Failure> {
    remove(program)?;
    let source = program.join("src");
    fs::create_dir_all(&source).map_err(Failure::writing(&source))?;
    let package = format!("[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n");
    let manifest = format!("{package}\n[workspace]\n{COMMON}{dependency}");
    let lock = root.join("Cargo.lock");
    let lock = fs::read_to_string(&lock).map_err(Failure::reading(lock))?;
    for (file, text) in [
        ("Cargo.toml", manifest.as_str()),
        ("Cargo.lock", lock.as_str()),
        ("src/main.rs", "fn main() {\n    println!(\"Hello, world!\");\n}\n"),
    ] {
        let path = program.join(file);
        fs::write(&path, text).map_err(Failure::writing(path))?;
    }
    Ok(())
}

/// Prunes the lock file and downloads what is missing, so that the build neither waits nor pays for it.
fn fetch(program: &Path) -> Result<(), Failure> {
    let host = printed(Command::new("rustc").args(["--print", "host-tuple"]).current_dir(program))?;
    let arguments = ["fetch", "--quiet", "--target", host.trim()];
    if printed(cargo(program, arguments).arg("--offline")).is_ok() {
        return Ok(());
    }
    printed(&mut cargo(program, arguments)).map(|_| ())
}

fn build(program: &Path) -> Command {
    let mut command = cargo(program, ["build", "--offline", "--locked"]);
    // A cache of compilations would make a clean build look cheap.
    command.env("CARGO_TARGET_DIR", program.join("target")).env("RUSTC_WRAPPER", "");
    command
}

fn remove(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Failure::File { path: folder.to_owned(), attempt: "removed", source })
        }
        _ => Ok(()),
    }
}

fn table(rows: &[(&str, f64)]) -> String {
    let base = rows.first().map_or(f64::NAN, |(_, seconds)| *seconds);
    let mut text = format!("{:<18}{:>12}{:>8}\n", "clean build of", "CPU seconds", "ratio");
    for (name, seconds) in rows {
        text.push_str(&format!("{name:<18}{seconds:>12.1}{:>8.2}\n", seconds / base));
    }
    text
}

/// The user and system seconds of all processes that xtask started and that ended.
#[cfg(unix)]
fn children_cpu_seconds() -> Result<f64, Failure> {
    use nix::sys::{
        resource::{UsageWho, getrusage},
        time::TimeValLike,
    };

    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)
        .map_err(|errno| Failure::Unexpected(format!("getrusage: {}", errno.desc())))?;
    let milliseconds = (usage.user_time() + usage.system_time()).num_milliseconds();
    Ok(std::time::Duration::from_millis(milliseconds.unsigned_abs()).as_secs_f64())
}

#[cfg(not(unix))]
fn children_cpu_seconds() -> Result<f64, Failure> {
    Err(Failure::Unexpected("build-cost needs getrusage, which only Unix has".to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn ratios_are_to_the_first_program() {
        let expected = "\
clean build of     CPU seconds   ratio
reqwest-alone             50.0    1.00
with-copilot-api          60.0    1.20
";
        assert_eq!(table(&[("reqwest-alone", 50.0), ("with-copilot-api", 60.0)]), expected);
    }

    #[cfg(unix)]
    #[test]
    fn the_work_of_a_child_process_is_measured() {
        let before = children_cpu_seconds().unwrap();
        let mut child = Command::new("sh");
        child.args(["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"]);
        assert!(succeeds(&mut child).unwrap());
        assert!(children_cpu_seconds().unwrap() > before);
    }
}
