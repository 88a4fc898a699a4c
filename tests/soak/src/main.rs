//! The program that `cargo xtask soak` runs.
//!
//! `steady memory|sqlite ITEMS` reports so many items through a bounded outbox, and fails where the most memory that it held
//! when a tenth was taken is not what it held in the end. `outage down|refused SECONDS` reports under load while the server is
//! away, or refuses the credentials, for so long; it fails where something is lost, or sent late. `scale postgres|jetstream` compares one, two
//! and four couriers of a shared outbox, `taken` what 8 producers have stored with the engine's own loop, and `table ITEMS TIMES` a lease at the
//! beginning and at the end of a long queue. `serve` is that server, as a
//! process of its own: so its memory is not in what is measured, and its end closes every socket.

mod load;
mod outage;
mod serve;
mod server;
mod shared;
mod steady;

use std::{env, error::Error, process::ExitCode};

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("copilot-soak: {error}");
            ExitCode::FAILURE
        }
    }
}

/// `false`: what is promised is not so.
fn run(arguments: &[&str]) -> Result<bool, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match arguments {
        ["steady", outbox @ ("memory" | "sqlite"), items, folder] => {
            runtime.block_on(steady::run(outbox, items.parse()?, folder.as_ref()))
        }
        ["outage", kind @ ("down" | "refused"), seconds, folder] => {
            runtime.block_on(outage::run(kind, seconds.parse()?, folder.as_ref()))
        }
        ["scale", engine @ ("postgres" | "jetstream"), folder] => {
            runtime.block_on(shared::scale(engine, folder.as_ref()))
        }
        ["taken", engine @ ("postgres" | "jetstream"), _] => runtime.block_on(shared::taken(engine)),
        ["table", items, most, _] => runtime.block_on(shared::table(items.parse()?, most.parse()?)),
        ["courier", url, port] => runtime.block_on(shared::carry(url, port.parse()?)).map(|()| true),
        ["serve", port, how, log] => runtime.block_on(serve::run(port.parse()?, how, log)).map(|()| true),
        _ => Err("wanted: steady memory|sqlite ITEMS, outage down|refused SECONDS, scale ENGINE, taken ENGINE or table ITEMS TIMES, and a FOLDER".into()),
    }
}
