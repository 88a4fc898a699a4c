//! `cargo xtask`: the workspace's own commands. [`USAGE`] says which there are; each has a file of its own.

mod bench;
mod ci;
mod crash;
mod diff;
mod dist;
mod failure;
mod r#gen;
mod lint;
mod polyglot;
mod public_api;
mod sandbox;
mod soak;
mod tool;
mod workspace;

use std::process::ExitCode;

use failure::Failure;

const USAGE: &str = "\
Usage: cargo xtask <command>

  gen [--check]    Write copilot-gen/generated/client.rs, openapi/copilot.json and the sandbox's copy of it from
                   openapi/copilot.yaml, and the listings of the public APIs, public-api.txt, from their source.
                   With --check write nothing: show how they differ, and fail if they do.
  lint [FILE]      Check an OpenAPI contract (openapi/copilot.yaml) with the rules of this workspace, Redocly and Spectral.
  diff [--release] Compare openapi/copilot.json with the contract released last, openapi/released/copilot.json, and fail
                   on a breaking change that its version and openapi/CHANGELOG.md do not declare. With --release make
                   it the released one.
  ci [STEP...]     Run every check of the workspace, or the named steps; `ci --list` names them.
  polyglot [--write] [CLIENT...]
                   Make a client of the contract in each of several languages, run the vectors with it, and let it talk
                   to the sandbox. With --write put what was found into openapi/examples/README.md.
  schemathesis     Send the sandbox thousands of requests that are made from the contract.
  browser          Drive the sandbox's page with Chromium; screenshots go to target/browser.
  crash [--outbox sqlite|memory|postgres|jetstream] [--kills N] [--seed N]
                   Kill a process that reports at full speed, 20 times unless it is said, start it again on its outbox, and
                   fail where something is lost or out of order, or the run proves little. Memory loses, and must fail.
  soak [--short]   Run the long forms of what CI runs the short forms of, one after the other; with --short, the short forms of
                   those that have no command of their own: memory over many items, and outages.
  dist [--check]   Build copilot-cx as it is released, say which glibc it needs, and make its manual pages, its completions
                   and a Debian package in target/dist. With --check look into the package, at its unit, and install it
                   into a system of its own.
  docs             Render the contract as one page, target/docs/copilot.html.
  bench [--short]  Send events with copilot-api, by hand and with other clients, in one run, and write docs/benchmarks.md.
  bench --delivery Measure what copilot-delivery costs, write it into docs/delivery.md, and fail where it is more than is
                   demanded.
  bench --files    Read, check and send 5,000,000 events with copilot-cx, and fail where that costs more than is promised.
  bench --instructions [--write]
                   Count the instructions of the hot paths, and fail where they are not those of bench/instructions.json
                   or, with another compiler, more than those of the commit before. With --write put them there.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("error: {}", failure.chain());
            if matches!(failure, Failure::Usage(_)) {
                eprint!("\n{USAGE}");
                return ExitCode::from(2);
            }
            ExitCode::FAILURE
        }
    }
}

/// Runs one command. `false` when it ran, and what it checks is not so.
fn run(arguments: &[String]) -> Result<bool, Failure> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["gen"] => r#gen::run(&workspace::root()?, r#gen::Mode::Write),
        ["gen", "--check"] => r#gen::run(&workspace::root()?, r#gen::Mode::Check),
        ["lint"] => lint::run(&workspace::root()?, None),
        ["lint", file] if !file.starts_with('-') => lint::run(&workspace::root()?, Some(file)),
        ["diff"] => diff::run(&workspace::root()?, diff::Mode::Check),
        ["diff", "--release"] => diff::run(&workspace::root()?, diff::Mode::Release),
        ["ci", steps @ ..] => ci::run(&workspace::root()?, steps),
        ["polyglot", "--write", clients @ ..] => {
            polyglot::run(&workspace::root()?, polyglot::Mode::Write, clients)
        }
        ["polyglot", clients @ ..] => polyglot::run(&workspace::root()?, polyglot::Mode::Check, clients),
        ["crash", options @ ..] => crash::run(&workspace::root()?, &crash::Options::parse(options)?),
        ["soak"] => soak::run(&workspace::root()?),
        ["soak", "--short"] => soak::short(&workspace::root()?),
        ["schemathesis"] => sandbox::schemathesis(&workspace::root()?),
        ["browser"] => sandbox::browser(&workspace::root()?),
        ["dist"] => dist::run(&workspace::root()?, dist::Mode::Make),
        ["dist", "--check"] => dist::run(&workspace::root()?, dist::Mode::Check),
        ["docs"] => lint::docs(&workspace::root()?),
        ["bench"] => bench::run(&workspace::root()?, bench::Form::Full),
        ["bench", "--short"] => bench::run(&workspace::root()?, bench::Form::Short),
        ["bench", "--files"] => bench::files(&workspace::root()?),
        ["bench", "--delivery"] => bench::delivery(&workspace::root()?),
        ["bench", "--instructions"] => bench::instructions(&workspace::root()?, bench::Mode::Check),
        ["bench", "--instructions", "--write"] => {
            bench::instructions(&workspace::root()?, bench::Mode::Write)
        }
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(true)
        }
        [] => Err(Failure::Usage("no command".to_owned())),
        [command, ..] => {
            Err(Failure::Usage(format!("`{command}` is no command, or not with these arguments")))
        }
    }
}
