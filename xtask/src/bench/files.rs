//! `copilot-cx` with files: what it costs to read, check and send them, beside what does as much in memory.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, SystemTime},
};

use nix::sys::resource::{UsageWho, getrusage};

use super::{
    judges,
    plan::Load,
    process::{self, Cores, Cost, Sink, pinned},
    programs,
};
use crate::{
    failure::Failure,
    workspace::{Workspace, cargo, shown, succeeds},
};

/// Events of the file, and of the one that a slower reader is given, with how many it reads of that.
const EVENTS: u64 = 5_000_000;
const FEW: u64 = 1000;
const OF_PYTHON: u64 = 10_000;
/// What is promised: at least that share of the speed of structs that check nothing, at most so many times the CPU of `collect`
/// itself, and no more memory, whatever the file.
const READING: f64 = 0.5;
const SENDING: f64 = 2.0;
const PEAK_KIB: u64 = 64 * 1024;

/// `false` when a bound is broken.
pub(super) fn run(workspace: &Workspace) -> Result<bool, Failure> {
    let cores = Cores::pick()?;
    let programs = programs::build_for_files(workspace)?;
    let cx = build(workspace)?;
    let (file, few) = (write(workspace, "many", EVENTS)?, write(workspace, "few", FEW)?);
    let reader = |name: &str, events: u64| {
        let mut command = pinned(cores.client, programs.named(name));
        command.arg(&file).arg(events.to_string());
        Cost::of(&mut command)
    };
    let by_hand = reader("bench-hand-reading", EVENTS)?.cpu_ns as f64 / EVENTS as f64;
    let mut command = pinned(cores.client, &cx);
    let validate = Spent::of(command.arg("validate").arg(&file))?;
    let python = judges::python(workspace).and_then(|line| {
        let [program, arguments @ ..] = line.as_slice() else { return Ok(None) };
        let mut command = pinned(cores.client, program);
        Cost::of(command.args(arguments).arg(&few).arg(OF_PYTHON.to_string())).map(Some)
    });

    let mut sink = Sink::start(&programs.sink(), cores, false)?;
    let load = Load { events: EVENTS / 5, batch: 100, connections: 1 };
    let mut command = pinned(cores.client, programs.named("bench-copilot"));
    process::add_load(&mut command, Some("collect"), &sink.url, load);
    let collect = Cost::of(&mut command)?.cpu_ns as f64 / load.events as f64;
    sink.counts()?;
    let mut command = pinned(cores.client, &cx);
    command.args(["collect", "--client-id", "id", "--endpoint", &sink.url]);
    let sent = Spent::of(command.env("COPILOT_CLIENT_SECRET", "secret").arg(&file))?;
    let arrived = sink.counts()?.events;

    let of = |spent: &Spent| spent.cpu_ns as f64 / EVENTS as f64;
    println!("{EVENTS} events, CPU of one:");
    println!("serde_json into structs, unchecked, in memory   {by_hand:>8.0} ns");
    println!(
        "copilot-cx validate                             {:>8.0} ns, peak {} KiB",
        of(&validate),
        validate.peak_kib
    );
    match python {
        Ok(Some(cost)) => println!(
            "Python's jsonschema                             {:>8.0} ns",
            cost.cpu_ns as f64 / OF_PYTHON as f64
        ),
        Ok(None) => {}
        Err(failure) => println!("Python's jsonschema is left out: {}", failure.chain()),
    }
    println!("collect, 100 a request, events made in memory   {collect:>8.0} ns");
    println!(
        "copilot-cx collect                              {:>8.0} ns, peak {} KiB",
        of(&sent),
        sent.peak_kib
    );
    let (reading, sending) = (by_hand / of(&validate), of(&sent) / collect);
    println!(
        "files: validate at {reading:.2} of structs that check nothing (at least {READING}), collect at {sending:.2} of collect itself \
         (at most {SENDING}), at most {PEAK_KIB} KiB, {arrived} arrived"
    );
    let peak = validate.peak_kib.max(sent.peak_kib);
    Ok(reading >= READING && sending <= SENDING && peak <= PEAK_KIB && arrived == EVENTS)
}

fn build(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let mut build = cargo(&workspace.root, ["build", "--release", "--locked", "-p", "copilot-cli"]);
    if !succeeds(&mut build)? {
        return Err(Failure::Exit { command: shown(&build), said: None });
    }
    Ok(workspace.target.join("release").join(format!("copilot-cx{}", std::env::consts::EXE_SUFFIX)))
}

/// Events of five properties, each with an id of its own. The sink counts them by the text in the middle.
fn write(workspace: &Workspace, name: &str, events: u64) -> Result<PathBuf, Failure> {
    let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis());
    let path = workspace.target.join(format!("bench/{name}.ndjson"));
    let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| lines(&path, now, events));
    made.map_err(Failure::writing(&path))?;
    Ok(path)
}

fn lines(path: &Path, now: u128, events: u64) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for number in 0..events {
        let (user, cups) = (number % 1000, number % 9);
        writeln!(
            file,
            r#"{{"type":"custom_event","event_id":"e-{number}","timestamp":{now},"payload":{{"subtype":"brewed","user_id":"user-{user}","cups":{cups},"strength":"Oolong, second infusion","hot":true}}}}"#
        )?;
    }
    file.flush()
}

/// What a child process has used.
struct Spent {
    cpu_ns: u64,
    peak_kib: u64,
}

impl Spent {
    /// Runs it to its end.
    fn of(command: &mut Command) -> Result<Self, Failure> {
        let before = cpu_of_children()?;
        let mut child = command.stdout(Stdio::null()).spawn();
        let child =
            child.as_mut().map_err(|_| Failure::Unexpected(format!("{} cannot be run", shown(command))))?;
        let (status, mut peak_kib) = (format!("/proc/{}/status", child.id()), 0);
        let ended = loop {
            if let Some(ended) = child.try_wait().map_err(Failure::reading("a child's end"))? {
                break ended;
            }
            let text = fs::read_to_string(&status).unwrap_or_default();
            let peak = text
                .lines()
                .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
            peak_kib = peak_kib.max(peak.unwrap_or(0));
            thread::sleep(Duration::from_millis(20));
        };
        if !ended.success() {
            return Err(Failure::Exit { command: shown(command), said: None });
        }
        Ok(Self { cpu_ns: cpu_of_children()? - before, peak_kib })
    }
}

/// The CPU time of the children that have ended, in nanoseconds.
fn cpu_of_children() -> Result<u64, Failure> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)
        .map_err(|error| Failure::Unexpected(format!("what children use is not told: {error}")))?;
    let nanoseconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as u64 * 1_000_000_000 + time.tv_usec() as u64 * 1000;
    Ok(nanoseconds(usage.user_time()) + nanoseconds(usage.system_time()))
}
