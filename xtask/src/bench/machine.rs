//! What the figures were measured on, and with.

use std::{fs, path::Path, process::Command};

use super::process::Cores;
use crate::{failure::Failure, workspace::printed};

/// A line each, by its name.
pub(super) type Description = Vec<(&'static str, String)>;

/// The machine, the tools, the commit and the day.
pub(super) fn describe(root: &Path, cores: Cores) -> Result<Description, Failure> {
    let said = |program: &str, arguments: &[&str]| {
        printed(Command::new(program).args(arguments).current_dir(root)).map(|text| first_line(&text))
    };
    let read = |path: &str| fs::read_to_string(path).map_err(Failure::reading(path));
    let cpus = read("/proc/cpuinfo")?;
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let count = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let changed = if said("git", &["status", "--porcelain"])?.is_empty() { "" } else { ", with changes" };
    let load = read("/proc/loadavg")?;
    Ok(vec![
        ("day", said("date", &["-u", "+%Y-%m-%d"])?),
        ("commit", format!("{}{changed}", said("git", &["rev-parse", "--short=12", "HEAD"])?)),
        ("processor", format!("{} × {}", count, model.map_or("unknown", |(_, name)| name))),
        ("cores used", format!("{} by the client, {} by the sink", cores.client, cores.sink)),
        ("load before the run", load.split_whitespace().take(3).collect::<Vec<_>>().join(", ")),
        ("kernel", said("uname", &["-sr"])?),
        ("libc", libc()?),
        ("rustc", rustc(root)?),
        ("valgrind", valgrind()?),
    ])
}

/// What decides, beside the code, how many instructions it takes.
pub(super) fn conditions(root: &Path) -> Result<Description, Failure> {
    let cpus = fs::read_to_string("/proc/cpuinfo").map_err(Failure::reading("/proc/cpuinfo"))?;
    // libc picks its string functions by it, under valgrind too.
    let vectors = if cpus.split_whitespace().any(|flag| flag == "avx2") { "avx2" } else { "no avx2" };
    Ok(vec![
        ("rustc", rustc(root)?),
        ("libc", libc()?),
        ("valgrind", valgrind()?),
        ("vectors", vectors.to_owned()),
    ])
}

/// With the host, for which it is.
fn rustc(root: &Path) -> Result<String, Failure> {
    let host = printed(Command::new("rustc").args(["--print", "host-tuple"]).current_dir(root))?;
    let version = printed(Command::new("rustc").arg("--version").current_dir(root))?;
    Ok(format!("{} for {}", version.trim(), host.trim()))
}

fn libc() -> Result<String, Failure> {
    printed(Command::new("getconf").arg("GNU_LIBC_VERSION")).map(|text| first_line(&text))
}

fn valgrind() -> Result<String, Failure> {
    printed(Command::new("valgrind").arg("--version")).map(|text| first_line(&text))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}
