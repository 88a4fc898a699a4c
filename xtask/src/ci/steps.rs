//! The steps of `cargo xtask ci`, in their order: what fails fast comes first.

use std::{
    env,
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
};

use super::{features, packages, tls};
use crate::{
    crash, diff, dist,
    failure::Failure,
    r#gen, lint, polyglot, sandbox, soak,
    tool::Tool,
    workspace::{Workspace, cargo, cargo_apart, shown, succeeds},
};

/// One check.
pub(super) struct Step<'a> {
    /// What it is called in the table and on the command line.
    pub(super) name: String,
    /// What it runs, for people.
    pub(super) does: String,
    /// What it cannot run without.
    pub(super) needs: Vec<Tool>,
    /// Whether it is run beside the steps that follow: it leaves a core idle, measures no time, and prints when it has ended.
    pub(super) beside: bool,
    /// `false`: what it checks is not so.
    pub(super) work: Box<dyn Fn() -> Result<bool, Failure> + Sync + 'a>,
}

/// Every step.
pub(super) fn all<'a>(workspace: &'a Workspace, in_ci: bool) -> Vec<Step<'a>> {
    // RUSTFLAGS stay as they are, or everything would be built again. clippy and rustdoc deny warnings.
    let mut steps = vec![
        step(workspace, "fmt", &[Tool::Rustfmt], "fmt --all -- --check"),
        own("gen", "cargo xtask gen --check", &[], || r#gen::run(&workspace.root, r#gen::Mode::Check)),
        own("lint", "cargo xtask lint", &[], || lint::run(&workspace.root, None)),
        own("diff", "cargo xtask diff", &[], || diff::run(&workspace.root, diff::Mode::Check)),
        own("dependencies", "copilot-api must not depend on the generator", &[], || {
            packages::dependencies(workspace)
        }),
        step(workspace, "deny", &[Tool::CargoDeny], "deny check licenses bans sources"),
        clippy(workspace, "clippy", &[Tool::Clippy], "--workspace --all-targets"),
    ];
    for package in workspace.published() {
        for (set, flags) in features::sets(package) {
            let needs: &[Tool] = match features::has_native_tls(package, &set) {
                true => &[Tool::Clippy, Tool::OpenSsl],
                false => &[Tool::Clippy],
            };
            // Without tests: what these need would turn on features of other crates that users may not have.
            let name = format!("clippy:{}:{set}", package.name);
            steps.push(clippy(workspace, &name, needs, &format!("-p {} {flags}", package.name)));
        }
    }
    steps.extend([
        // Doctests have a step of their own.
        // Of the counts, loom has a build of its own.
        step(
            workspace,
            "test",
            &[],
            "test --workspace --exclude copilot-loom-tests --no-fail-fast --lib --bins --tests --examples",
        ),
        own(
            "unit",
            "systemd-analyze verify packaging/copilot-cx-relay.service",
            &[Tool::SystemdAnalyze],
            || dist::unit_is_valid(&workspace.root),
        ),
        own("browser", "cargo xtask browser", &[Tool::Chromium, Tool::BrowserDriver], || {
            sandbox::browser(&workspace.root)
        }),
        own("polyglot", "cargo xtask polyglot", &[], || {
            polyglot::run(&workspace.root, polyglot::Mode::Check, &[])
        }),
        beside("instructions", &[Tool::Valgrind], &["bench", "--instructions"]),
        beside("schemathesis", &[Tool::Schemathesis], &["schemathesis"]),
        beside("docs", &[Tool::ContractLinters], &["docs"]),
        step(
            workspace,
            "test:foreign",
            &[],
            "test -p copilot-tests --features foreign-json-features --no-fail-fast --test=contract \
             --test=sandbox -- --skip=hostile:: --skip=page:: --skip=program::",
        ),
        // Every order in which threads can use the queue of the memory outbox.
        step(workspace, "loom", &[], "test -p copilot-loom-tests --test queue"),
        step(workspace, "doctest", &[], "test --workspace --doc"),
        step(workspace, "test:committed", &[], "test -p copilot-gen --no-default-features"),
        command("tls:fmt", &[Tool::Rustfmt], || tls::format(workspace)),
        own("tls:providers", "rustls-no-provider must do without aws-lc-rs", &[], || {
            tls::providers(workspace)
        }),
    ]);
    for (name, features) in tls::CHOICES {
        let needs: &[Tool] = if features == features::NATIVE_TLS { &[Tool::OpenSsl] } else { &[] };
        steps.push(command(&format!("tls:{name}"), needs, move || tls::test(workspace, features)));
    }
    steps.extend([
        step(
            workspace,
            "importers:fmt",
            &[Tool::Rustfmt],
            "fmt --manifest-path tests/importers/Cargo.toml -- --check",
        ),
        // Beside others that link SQLite, and with the oldest rusqlite of the range, which is all that they leave.
        command("importers", &[], || {
            let mut command = cargo_apart(workspace, "test", "tests/importers/Cargo.toml");
            command.args(["--test", "outboxes", "sqlite"]);
            command
        }),
    ]);
    steps.extend(bench(workspace));
    steps.push(command("doc", &[Tool::OpenSsl], || {
        let mut command = cargo(&workspace.root, ["doc", "--workspace", "--no-deps", "--all-features"]);
        command.env("RUSTDOCFLAGS", "-D warnings");
        command
    }));
    for example in ["quickstart", "everyday"] {
        steps.push(command(example, &[], move || run_example(workspace, example)));
    }
    let packing = format!(
        "{}, then cargo check of what is in them",
        shown(&packages::package_command(workspace, in_ci))
    );
    steps.extend([
        own("crash", "cargo xtask crash", &[], || {
            crash::run(&workspace.root, &crash::Options::short("sqlite"))
        }),
        own("crash:postgres", "cargo xtask crash --outbox postgres", &[Tool::Postgres], || {
            crash::run(&workspace.root, &crash::Options::short("postgres"))
        }),
        own("crash:jetstream", "cargo xtask crash --outbox jetstream", &[Tool::Nats], || {
            crash::run(&workspace.root, &crash::Options::short("jetstream"))
        }),
        own("soak", "cargo xtask soak --short", &[], || soak::short(&workspace.root)),
        own("package", &packing, &[Tool::Tar], move || packages::package(workspace, in_ci)),
    ]);
    steps
}

/// The workspace of the benchmarks: of its packages those that need no other client.
fn bench(workspace: &Workspace) -> [Step<'_>; 4] {
    const MANIFEST: &str = "bench/Cargo.toml";
    let apart = |name: &str, needs: &[Tool], line: &'static str| {
        command(name, needs, move || {
            let (subcommand, rest) = line.split_once(' ').unwrap_or((line, ""));
            let mut command = cargo_apart(workspace, subcommand, MANIFEST);
            command.args(rest.split_whitespace());
            command
        })
    };
    [
        step(
            workspace,
            "bench:fmt",
            &[Tool::Rustfmt],
            "fmt --manifest-path bench/Cargo.toml --all -- --check",
        ),
        // What only the generator needs is excepted in deny.toml, and is not here.
        step(
            workspace,
            "bench:deny",
            &[Tool::CargoDeny],
            "deny --manifest-path bench/Cargo.toml --config deny.toml check -A license-exception-not-encountered \
             licenses bans sources",
        ),
        apart(
            "bench:clippy",
            &[Tool::Clippy],
            "clippy -p bench-copilot -p bench-hand -p bench-limit -p bench-sink -p contest --all-targets -- -D warnings",
        ),
        apart("bench:test", &[], "test -p bench-sink -p contest --bins --lib"),
    ]
}

/// The first thing that a newcomer runs must work where nothing is set up, whatever this machine has set.
fn run_example(workspace: &Workspace, example: &str) -> Command {
    let mut command = cargo(&workspace.root, ["run", "-p", "copilot-api", "--example", example]);
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("COPILOT_")) {
            command.env_remove(name);
        }
    }
    command
}

fn clippy<'a>(workspace: &'a Workspace, name: &str, needs: &[Tool], packages: &str) -> Step<'a> {
    step(workspace, name, needs, &format!("clippy --keep-going {packages} -- -D warnings"))
}

/// A step that is a command of cargo.
fn step<'a>(workspace: &'a Workspace, name: &str, needs: &[Tool], line: &str) -> Step<'a> {
    let line = line.to_owned();
    command(name, needs, move || cargo(&workspace.root, line.split_whitespace()))
}

/// A step that is a command.
fn command<'a>(name: &str, needs: &[Tool], make: impl Fn() -> Command + Sync + 'a) -> Step<'a> {
    let does = shown(&make());
    own(name, &does, needs, move || succeeds(&mut make()))
}

/// A step that xtask does by itself.
fn own<'a>(
    name: &str,
    does: &str,
    needs: &[Tool],
    work: impl Fn() -> Result<bool, Failure> + Sync + 'a,
) -> Step<'a> {
    let (name, does) = (name.to_owned(), does.to_owned());
    Step { name, does, needs: needs.to_vec(), beside: false, work: Box::new(work) }
}

/// What steps that failed beside others said last: between the output of the others nobody finds it.
static LAST_WORDS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// See [`LAST_WORDS`]; gives them once.
pub(super) fn last_words() -> Vec<String> {
    std::mem::take(&mut *LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner))
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n")
}

/// A step that is a command of xtask in a process of its own, whose output comes when it has ended.
fn beside<'a>(name: &'static str, needs: &[Tool], arguments: &'static [&'static str]) -> Step<'a> {
    let does = format!("cargo xtask {}", arguments.join(" "));
    let could_not = |source| Failure::Start { command: name.to_owned(), source };
    let work = move || {
        let mut command = Command::new(env::current_exe().map_err(could_not)?);
        let output = command.args(arguments).stdin(Stdio::null()).output().map_err(could_not)?;
        let [said, errors] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
        println!("\n==> {name} has ended\n{said}{errors}");
        if !output.status.success() {
            let words = format!(
                "==> {name} failed beside the others, and said last:\n{}",
                tail(&format!("{said}{errors}"))
            );
            LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner).push(words);
        }
        Ok(output.status.success())
    };
    Step { beside: true, ..own(name, &does, needs, work) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_quickstart_is_run_whatever_is_installed_and_nothing_that_is_set_reaches_it() {
        let workspace = Workspace { root: "/w".into(), target: "/w/target".into(), packages: Vec::new() };
        let steps = all(&workspace, true);
        let step = steps.iter().find(|step| step.name == "quickstart").unwrap();
        assert_eq!(step.does, "cargo run -p copilot-api --example quickstart");
        assert_eq!(step.needs, []);
        let kept = run_example(&workspace, "quickstart");
        let given = kept.get_envs().filter(|(_, value)| value.is_some()).count();
        assert_eq!(given, 0);
    }
}
