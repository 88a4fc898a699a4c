//! `copilot-sandbox`: an embedded Copilot.cx as a program of its own.

use std::{error::Error, ffi::OsString, io::Write, process::ExitCode, str::FromStr};

use copilot_sandbox::{Sandbox, SandboxBuilder};
use lexopt::{Arg, ValueExt};

const USAGE: &str = "\
An embedded Copilot.cx to develop and test against. It enforces the contract and shows what arrived, at its own address.

Usage: copilot-sandbox [OPTIONS]

Options:
  --port PORT                   listen on this port [default: a free one]
  --client-id ID                ask clients for these credentials [default: made up, and printed];
  --client-secret SECRET        the secret can also be given as COPILOT_CLIENT_SECRET, which other users cannot see
  --keep N                      remember the newest N events, and the N users and things seen last [default: 100000]
  --body-limit BYTES            answer greater bodies with 413 [default: 1048576]
  --seed N                      what the random numbers of the faults begin with [default: 0]
  --clock MILLISECONDS          judge the times of events as if it were always this moment, in milliseconds since 1970
  --bind ADDRESS                listen on this address [default: 127.0.0.1]; one that other machines can reach
                                also needs the next option
  --i-know-this-is-not-copilot  whoever reaches the sandbox can read what arrived, and that is meant
  -h, --help                    print this
  -V, --version                 print the version
";

fn main() -> ExitCode {
    let builder = match arguments(lexopt::Parser::from_env()) {
        Ok(Asked::Start(builder)) => builder,
        Ok(Asked::Words(words)) => {
            print(&words);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("copilot-sandbox: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(*builder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut words = format!("copilot-sandbox: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                words.push_str(&format!(": {cause}"));
                source = cause.source();
            }
            eprintln!("{words}");
            ExitCode::FAILURE
        }
    }
}

/// What the command line asks for.
enum Asked {
    Start(Box<SandboxBuilder>),
    Words(String),
}

fn arguments(mut parser: lexopt::Parser) -> Result<Asked, lexopt::Error> {
    let mut builder = Sandbox::builder().log_requests();
    let (mut client_id, mut client_secret) = (None, None);
    while let Some(argument) = parser.next()? {
        builder = match argument {
            Arg::Long("port") => builder.port(value(&mut parser, "--port")?),
            Arg::Long("client-id") => {
                client_id = Some(parser.value()?.string()?);
                builder
            }
            Arg::Long("client-secret") => {
                client_secret = Some(secret(parser.value()?)?);
                builder
            }
            Arg::Long("keep") => builder.keep(value(&mut parser, "--keep")?),
            Arg::Long("body-limit") => builder.body_limit(value(&mut parser, "--body-limit")?),
            Arg::Long("seed") => builder.seed(value(&mut parser, "--seed")?),
            Arg::Long("clock") => builder.clock(clock(value(&mut parser, "--clock")?)?),
            Arg::Long("bind") => builder.bind(value(&mut parser, "--bind")?),
            Arg::Long("i-know-this-is-not-copilot") => builder.i_know_this_is_not_copilot(),
            Arg::Short('h') | Arg::Long("help") => return Ok(Asked::Words(USAGE.to_owned())),
            Arg::Short('V') | Arg::Long("version") => {
                return Ok(Asked::Words(format!("copilot-sandbox {}\n", env!("CARGO_PKG_VERSION"))));
            }
            other => return Err(other.unexpected()),
        };
    }
    if client_id.is_some() && client_secret.is_none() {
        client_secret = std::env::var_os("COPILOT_CLIENT_SECRET").map(secret).transpose()?;
    }
    match (client_id, client_secret) {
        (None, None) => {}
        (Some(client_id), Some(client_secret)) => builder = builder.credentials(client_id, client_secret),
        (Some(_), None) => return Err("--client-id needs --client-secret, or COPILOT_CLIENT_SECRET".into()),
        (None, Some(_)) => return Err("--client-secret needs --client-id".into()),
    }
    Ok(Asked::Start(Box::new(builder)))
}

/// The value of an option, whose name the error says.
fn value<T>(parser: &mut lexopt::Parser, option: &str) -> Result<T, lexopt::Error>
where
    T: FromStr<Err: Into<Box<dyn Error + Send + Sync>>>,
{
    parser.value()?.parse().map_err(|error| format!("{option}: {error}").into())
}

/// A moment in milliseconds since 1970, from the year 1973 to the year 9999: what lies elsewhere is in another unit.
fn clock(moment: i64) -> Result<i64, lexopt::Error> {
    let (unit, mend) = match moment {
        100_000_000_000..=253_402_300_799_999 => return Ok(moment),
        ..=0 => return Err("--clock: must be milliseconds since 1970".into()),
        1..100_000_000_000 => ("seconds", "multiply it by 1000"),
        253_402_300_800_000..253_402_300_800_000_000 => ("microseconds", "divide it by 1000"),
        _ => ("nanoseconds", "divide it by 1000000"),
    };
    Err(format!("--clock: is in {unit}: milliseconds since 1970 are expected, so {mend}").into())
}

/// The error must not repeat it.
fn secret(value: OsString) -> Result<String, lexopt::Error> {
    value.into_string().map_err(|_| "the client secret is not UTF-8".into())
}

fn run(builder: SandboxBuilder) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Before anything is printed: who reads the address may send a signal at once.
    let stop = runtime.block_on(async { signals() })?;
    let sandbox = builder.start()?;
    let mut lines = format!("listening on {}\n", sandbox.url());
    if sandbox.made_its_credentials() {
        lines.push_str(&format!(
            "client id     {}\nclient secret {}\n",
            sandbox.client_id(),
            sandbox.client_secret()
        ));
    }
    print(&lines);
    runtime.block_on(stop);
    sandbox.stop();
    Ok(())
}

/// Who started the sandbox may have stopped reading.
fn print(words: &str) {
    let mut output = std::io::stdout().lock();
    let _ = output.write_all(words.as_bytes()).and_then(|()| output.flush());
}

/// Resolves when the sandbox is told to stop.
#[cfg(unix)]
fn signals() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Resolves when the sandbox is told to stop.
#[cfg(windows)]
fn signals() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move { _ = interrupt.recv().await })
}
