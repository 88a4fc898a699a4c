//! The steps of `cargo xtask ci`, in their order: what fails fast comes first.

use std::{env, process::Command};

use super::{features, packages, tls};
use crate::{
    bench, diff,
    failure::Failure,
    r#gen, lint, polyglot, sandbox,
    tool::Tool,
    workspace::{Workspace, cargo, cargo_apart, shown, succeeds},
};

/// What cargo-deny looks at.
const DENIED: [&str; 3] = ["licenses", "bans", "sources"];

/// The workspace of the benchmarks, and its packages that need no other client.
const BENCH: &str = "bench/Cargo.toml";
const BENCH_PACKAGES: [&str; 5] = ["bench-copilot", "bench-hand", "bench-limit", "bench-sink", "contest"];

/// One check.
pub(super) struct Step<'a> {
    /// What it is called in the table and on the command line.
    pub(super) name: String,
    /// What it runs, for people.
    pub(super) does: String,
    /// What it cannot run without.
    pub(super) needs: Vec<Tool>,
    /// `false`: what it checks is not so.
    pub(super) work: Box<dyn Fn() -> Result<bool, Failure> + 'a>,
}

/// Every step.
pub(super) fn all<'a>(workspace: &'a Workspace, in_ci: bool) -> Vec<Step<'a>> {
    // RUSTFLAGS stay as they are, or everything would be built again. clippy and rustdoc deny warnings.
    let mut steps = vec![
        step(workspace, "fmt", &[Tool::Rustfmt], &["fmt", "--all", "--", "--check"]),
        own("gen", "cargo xtask gen --check", || r#gen::run(&workspace.root, r#gen::Mode::Check)),
        own("lint", "cargo xtask lint", || lint::run(&workspace.root, None)),
        own("diff", "cargo xtask diff", || diff::run(&workspace.root, diff::Mode::Check)),
        own("dependencies", "copilot-api must not depend on the generator", || {
            packages::dependencies(workspace)
        }),
        step(workspace, "deny", &[Tool::CargoDeny], &[&["deny", "check"], &DENIED[..]].concat()),
        clippy(workspace, "clippy", false, &["--workspace"]),
    ];
    for package in workspace.published() {
        for set in features::sets(package) {
            let name = format!("clippy:{}:{}", package.name, set.label);
            let mut arguments = vec!["-p", &package.name];
            arguments.extend(set.flags.iter().map(String::as_str));
            steps.push(clippy(workspace, &name, set.native_tls, &arguments));
        }
    }
    // Benches are not for here: they measure, and clippy compiled them.
    steps.push(step(
        workspace,
        "test",
        &[],
        &["test", "--workspace", "--no-fail-fast", "--lib", "--bins", "--tests", "--examples"],
    ));
    steps.push(step(
        workspace,
        "test:foreign",
        &[],
        &[
            "test",
            "-p",
            "copilot-tests",
            "--features",
            "foreign-json-features",
            "--no-fail-fast",
            "--test=properties",
            "--test=reading",
            "--test=sandbox_control",
            "--test=sandbox_fault_control",
            "--test=sandbox_vectors",
            "--test=vectors",
            "--test=vectors_events",
            "--test=vectors_texts",
        ],
    ));
    steps.push(step(workspace, "doctest", &[], &["test", "--workspace", "--doc"]));
    steps.push(step(
        workspace,
        "test:committed",
        &[],
        &["test", "-p", "copilot-gen", "--no-default-features"],
    ));
    steps.push(command("tls:fmt", &[Tool::Rustfmt], || tls::format(workspace)));
    steps.push(own("tls:providers", "rustls-no-provider must do without aws-lc-rs", || {
        tls::providers(workspace)
    }));
    for (name, features) in tls::CHOICES {
        let needs: &[Tool] = if features == features::NATIVE_TLS { &[Tool::OpenSsl] } else { &[] };
        steps.push(command(&format!("tls:{name}"), needs, move || tls::test(workspace, features)));
    }
    steps.push(step(
        workspace,
        "bench:fmt",
        &[Tool::Rustfmt],
        &["fmt", "--all", "--manifest-path", BENCH, "--", "--check"],
    ));
    steps.push(command("bench:deny", &[Tool::CargoDeny], || {
        let mut command = cargo(&workspace.root, ["deny", "--manifest-path", BENCH, "--config", "deny.toml"]);
        // What only the generator needs is excepted in deny.toml, and is not here.
        command.args(["check", "-A", "license-exception-not-encountered"]).args(DENIED);
        command
    }));
    steps.push(command("bench:clippy", &[Tool::Clippy], || {
        let mut command = cargo_apart(workspace, "clippy", BENCH);
        command.args(BENCH_PACKAGES.iter().flat_map(|package| ["-p", package]));
        command.args(["--all-targets", "--", "-D", "warnings"]);
        command
    }));
    steps.push(command("bench:test", &[], || {
        let mut command = cargo_apart(workspace, "test", BENCH);
        command.args(["-p", "bench-sink", "-p", "contest", "--bins", "--lib"]);
        command
    }));
    steps.push(command("doc", &[Tool::OpenSsl], || {
        let mut command = cargo(&workspace.root, ["doc", "--workspace", "--no-deps", "--all-features"]);
        command.env("RUSTDOCFLAGS", "-D warnings");
        command
    }));
    for example in ["quickstart", "everyday"] {
        steps.push(command(example, &[], move || run_example(workspace, example)));
    }
    let mut requests =
        own("schemathesis", "cargo xtask schemathesis", || sandbox::schemathesis(&workspace.root));
    requests.needs.push(Tool::Schemathesis);
    let mut page = own("browser", "cargo xtask browser", || sandbox::browser(&workspace.root));
    page.needs.extend([Tool::Chromium, Tool::BrowserDriver]);
    let clients = own("polyglot", "cargo xtask polyglot", || {
        polyglot::run(&workspace.root, polyglot::Mode::Check, &[])
    });
    let docs = command("docs", &[Tool::ContractLinters], || lint::docs(&workspace.root));
    let mut instructions = own("instructions", "cargo xtask bench --instructions", || {
        bench::instructions(&workspace.root, bench::Mode::Check)
    });
    instructions.needs.push(Tool::Valgrind);
    steps.extend([requests, page, docs, clients, instructions]);
    let packing = shown(&packages::package_command(workspace, in_ci));
    let mut packaging = own("package", &packing, move || packages::package(workspace, in_ci));
    packaging.needs.push(Tool::Tar);
    steps.push(packaging);
    steps
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

fn clippy<'a>(workspace: &'a Workspace, name: &str, native_tls: bool, packages: &[&str]) -> Step<'a> {
    let arguments =
        [&["clippy", "--keep-going"], packages, &["--all-targets", "--", "-D", "warnings"]].concat();
    let needs: &[Tool] = if native_tls { &[Tool::Clippy, Tool::OpenSsl] } else { &[Tool::Clippy] };
    step(workspace, name, needs, &arguments)
}

/// A step that is a command of cargo.
fn step<'a>(workspace: &'a Workspace, name: &str, needs: &[Tool], arguments: &[&str]) -> Step<'a> {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    command(name, needs, move || cargo(&workspace.root, &arguments))
}

/// A step that is a command.
fn command<'a>(name: &str, needs: &[Tool], make: impl Fn() -> Command + 'a) -> Step<'a> {
    Step {
        name: name.to_owned(),
        does: shown(&make()),
        needs: needs.to_vec(),
        work: Box::new(move || succeeds(&mut make())),
    }
}

/// A step that xtask does by itself.
fn own<'a>(name: &str, does: &str, work: impl Fn() -> Result<bool, Failure> + 'a) -> Step<'a> {
    Step { name: name.to_owned(), does: does.to_owned(), needs: Vec::new(), work: Box::new(work) }
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
