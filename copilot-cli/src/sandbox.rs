//! `copilot-cx sandbox`: an embedded Copilot.cx.

use std::net::IpAddr;

use clap::Args;
use copilot_sandbox::Sandbox;

use crate::{
    exit::{Exit, Failure, with_causes},
    out,
    signals::Interrupt,
};

/// An embedded Copilot.cx to develop and test against: it enforces the contract and shows what arrived, at its own address.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Listen on this port; without it, on a free one
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// Ask clients for these credentials; without them some are made up, and printed
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// The secret of these credentials, which protect nothing real; otherwise COPILOT_CLIENT_SECRET
    #[arg(long, value_name = "SECRET", requires = "client_id")]
    client_secret: Option<String>,
    /// Remember the newest N events, and the N users and things seen last [default: 100000]
    #[arg(long, value_name = "N")]
    keep: Option<usize>,
    /// Answer greater bodies with 413 [default: 1048576]
    #[arg(long, value_name = "BYTES")]
    body_limit: Option<usize>,
    /// What the random numbers of the faults begin with [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Judge the times of events as if it were always this moment, in milliseconds since 1970
    #[arg(long, value_name = "MILLISECONDS", value_parser = clock)]
    clock: Option<i64>,
    /// Listen on this address [default: 127.0.0.1]; one that other machines can reach also needs the next option
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<IpAddr>,
    /// Whoever reaches the sandbox can read what arrived, and that is meant
    #[arg(long)]
    i_know_this_is_not_copilot: bool,
}

pub(crate) fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let mut builder = Sandbox::builder().log_requests().port(arguments.port);
    if let Some(client_id) = arguments.client_id {
        let of_environment = || std::env::var("COPILOT_CLIENT_SECRET").ok();
        let secret = arguments.client_secret.or_else(of_environment);
        let secret = secret
            .ok_or_else(|| Failure::usage("--client-id needs --client-secret, or COPILOT_CLIENT_SECRET"))?;
        builder = builder.credentials(client_id, secret);
    }
    if let Some(keep) = arguments.keep {
        builder = builder.keep(keep);
    }
    if let Some(bytes) = arguments.body_limit {
        builder = builder.body_limit(bytes);
    }
    if let Some(seed) = arguments.seed {
        builder = builder.seed(seed);
    }
    if let Some(moment) = arguments.clock {
        builder = builder.clock(moment);
    }
    if let Some(address) = arguments.bind {
        builder = builder.bind(address);
    }
    if arguments.i_know_this_is_not_copilot {
        builder = builder.i_know_this_is_not_copilot();
    }
    let failed = |error: &dyn std::error::Error| Failure::usage(with_causes(error));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| failed(&error))?;
    // Before anything is printed: who reads the address may send a signal at once.
    let mut interrupt = runtime.block_on(async { Interrupt::listen() }).map_err(|error| failed(&error))?;
    let sandbox = builder.start().map_err(|error| failed(&error))?;
    let mut lines = vec![format!("listening on {}", sandbox.url())];
    if sandbox.made_its_credentials() {
        lines.push(format!("client id     {}", sandbox.client_id()));
        lines.push(format!("client secret {}", sandbox.client_secret()));
    }
    out::quietly(&lines.join("\n"));
    runtime.block_on(interrupt.wait());
    sandbox.stop();
    Ok(Exit::Done)
}

/// A moment in milliseconds since 1970, from the year 1973 to the year 9999: what lies elsewhere is in another unit.
fn clock(text: &str) -> Result<i64, String> {
    let moment: i64 = text.parse().map_err(|error: std::num::ParseIntError| error.to_string())?;
    let (unit, mend) = match moment {
        100_000_000_000..=253_402_300_799_999 => return Ok(moment),
        ..=0 => return Err("must be milliseconds since 1970".to_owned()),
        1..100_000_000_000 => ("seconds", "multiply it by 1000"),
        253_402_300_800_000..253_402_300_800_000_000 => ("microseconds", "divide it by 1000"),
        _ => ("nanoseconds", "divide it by 1000000"),
    };
    Err(format!("is in {unit}: milliseconds since 1970 are expected, so {mend}"))
}
