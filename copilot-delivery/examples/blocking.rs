//! The same without async: threads that report what they read, a thing's id a line, from standard input.
//!
//! ```sh
//! printf 'SN-1\nSN-2\n' | cargo run -p copilot-delivery --example blocking --features sqlite
//! ```
//!
//! With `COPILOT_*` variables it reports to what they name, by way of the file that `OUTBOX_FILE` names (`copilot.outbox`); without
//! them to a sandbox in this process, by way of memory. A signal ends it at once: what a thread has reported is in the
//! file then, and is sent at the next start.

use std::{
    env,
    error::Error,
    io,
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use copilot_api::{Client, Credentials, Endpoints, NewEvent, types::ThingConnectedPayload};
use copilot_delivery::{Reporter, SqliteOutbox};
use copilot_sandbox::Sandbox;

const THREADS: usize = 4;
const DELIVERY: Duration = Duration::from_secs(3);

fn main() -> Result<(), Box<dyn Error>> {
    let (reporter, _sandbox) = reporter()?;
    let (lines, waiting) = mpsc::sync_channel::<String>(100);
    let waiting = Mutex::new(waiting);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let line = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(thing_id) = line else { break };
                    if let Err(error) = connected(&reporter, thing_id) {
                        eprintln!("not reported: {error}");
                    }
                }
            });
        }
        // In this order, so that nothing is read that could not be reported any more: the input ends, then the threads, then
        // the reporter.
        for line in io::stdin().lines() {
            lines.send(line?)?;
        }
        drop(lines);
        Ok::<_, Box<dyn Error>>(())
    })?;
    let left = reporter.shutdown_blocking(DELIVERY);
    println!("{} items stay in the outbox, {} are lost", left.stay, left.items.len());
    Ok(())
}

/// A reporter to what the `COPILOT_*` variables name, or to a sandbox, which stops when it is dropped.
fn reporter() -> Result<(Reporter, Option<Sandbox>), Box<dyn Error>> {
    if env::vars_os().any(|(name, _)| name.to_string_lossy().starts_with("COPILOT_")) {
        let outbox =
            SqliteOutbox::open(env::var_os("OUTBOX_FILE").unwrap_or_else(|| "copilot.outbox".into()))?;
        return Ok((Reporter::builder(Client::from_env()?).outbox(outbox).start()?, None));
    }
    let sandbox = Sandbox::start()?;
    let credentials = Credentials::new(sandbox.client_id(), sandbox.client_secret())?;
    let client = Client::new(credentials, Endpoints::base(&sandbox.url())?)?;
    Ok((Reporter::builder(client).start()?, Some(sandbox)))
}

/// Reports an event. When this returns, the event is on the disk.
fn connected(reporter: &Reporter, thing_id: String) -> Result<(), Box<dyn Error>> {
    let event = ThingConnectedPayload::builder().thing_id(thing_id).event()?;
    reporter.report_blocking(event)?;
    Ok(())
}
