//! `copilot-cx relay`: takes events from any client, keeps them in an outbox, and delivers them to Copilot.cx.
//!
//! `operations` are the two of the Server API, `control` is what `copilot-cx outbox` asks, `seen` and `page` are for people and probes;
//! `routes` leads to them, `state` is what they share, and `connections` what is beneath.

mod admission;
mod answer;
mod connections;
mod control;
mod credentials;
mod envelope;
mod guard;
mod operations;
mod page;
mod rejections;
mod routes;
mod seen;
mod state;
#[cfg(test)]
mod tests;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use copilot_api::{Client, Endpoints};
use copilot_delivery::Reporter;
use tokio::{net::TcpListener, time::Instant};

use crate::{
    exit::{Exit, Failure},
    out,
    outbox::{self, Opening},
    settings::{Connection, LISTEN, Settings},
    signals::{Interrupt, Signal},
};
use admission::Pair;
use credentials::{ClientsPair, Source};
use state::Relay;

/// How long running requests are given at the end, of what there is in all.
const GRACE: Duration = Duration::from_secs(5);

/// A relay: it answers the two operations of the Server API on this machine, by the same contract, as soon as events are checked and in
/// the outbox; and it empties the outbox into Copilot.cx. A client in any language becomes durable by sending here.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    outbox: Opening,
    /// Listen at this address; otherwise COPILOT_LISTEN [default: 127.0.0.1:7400]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Whoever reaches that address can see how the relay is, and send what they know the pair for; and that is meant
    #[arg(long)]
    i_know_others_can_reach_this: bool,
    /// After SIGTERM or SIGINT, deliver for so long what is in the outbox; the rest stays there
    #[arg(long, value_name = "SECONDS", default_value_t = 25)]
    drain: u16,
    /// Take over an outbox that belongs to another client id or endpoint: what it holds then goes to this one
    #[arg(long)]
    rebind: bool,
    /// Make the tables of a PostgreSQL database, or bring them up to date, before it starts
    #[arg(long)]
    migrate: bool,
    #[command(flatten)]
    clients: ClientsPair,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) fn run(arguments: Arguments, settings: &Settings) -> Result<Exit, Failure> {
    let address =
        address(&settings.listen(arguments.listen.clone()), arguments.i_know_others_can_reach_this)?;
    // What the courier and the engines have to say.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing_subscriber::filter::LevelFilter::INFO)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::given_up(format!("no runtime can be made: {error}")))?;
    runtime.block_on(relay(arguments, settings, address))
}

async fn relay(arguments: Arguments, settings: &Settings, address: SocketAddr) -> Result<Exit, Failure> {
    let url = arguments.outbox.url(settings)?.ok_or_else(|| {
        Failure::usage("no outbox: say --outbox, as sqlite:/var/lib/copilot-cx/outbox, or set COPILOT_OUTBOX")
    })?;
    let endpoints = arguments.connection.endpoints(settings)?;
    if leads_to(&endpoints, address) {
        return Err(Failure::usage("the endpoint is the relay's own address: name that of Copilot.cx"));
    }
    let source =
        Source { connection: arguments.connection, clients: arguments.clients, settings: settings.clone() };
    let own = source.own()?;
    let pair = Pair::new(&source.of_clients(&own)?);
    let (to, client_id) =
        (endpoints.collect_url().origin().ascii_serialization(), own.client_id().to_owned());
    let client = Client::new(own.clone(), endpoints).map_err(|error| Failure::of_client(&error))?;

    // Before anybody can know that it runs: a signal that came earlier would end the process at once.
    let mut interrupt =
        Interrupt::listen().map_err(|error| Failure::given_up(format!("no signal is heard: {error}")))?;
    let hang_up = credentials::HangUp::listen();
    // Before the outbox, which may be in use by the relay that has the address.
    let listener = connections::listen(address)
        .map_err(|error| Failure::given_up(format!("{address} cannot be listened at: {error}")))?;
    if arguments.migrate {
        outbox::migrate(&url).await?;
    }
    let (reporter, place) = report(&url, client, arguments.rebind).await?;

    let relay = Arc::new(Relay::new(reporter.clone(), place.clone(), pair, address.ip().is_loopback()));
    let kept = tokio::spawn(credentials::keep(Arc::clone(&relay), source, own, hang_up));
    out::note(&format!("copilot-cx: from the outbox {place} to {to} as {client_id}"));
    out::quietly(&format!("listening on http://{}", local_address(&listener, address)));
    let drain = Duration::from_secs(arguments.drain.into());
    let (told, mut ends_at) = (interrupt.clone(), Instant::now());
    let stop = async {
        interrupt.wait().await;
        ends_at = Instant::now() + drain;
    };
    connections::serve(listener, routes::router(relay), stop, drain.min(GRACE)).await;
    kept.abort();
    let left = reporter.shutdown(ends_at.saturating_duration_since(Instant::now())).await;
    out::note(&match left.stay {
        0 => format!("copilot-cx: nothing is pending in the outbox {place}"),
        stay => format!("copilot-cx: {stay} items stay in the outbox {place}, for the next start"),
    });
    Ok(if told.clone().wait().await == Signal::Interrupt { Exit::Interrupted } else { Exit::Done })
}

/// Opens the outbox and starts delivery out of it.
async fn report(url: &str, client: Client, rebind: bool) -> Result<(Reporter, String), Failure> {
    let outbox = outbox::open(url).await?;
    let place = outbox.place().filter(|_| outbox.abilities().durable).ok_or_else(|| {
        Failure::usage("the relay answers for what outlives it: an outbox in memory does not. Say sqlite:, postgres: or nats:")
    })?;
    let builder = Reporter::builder(client).shared_outbox(outbox);
    let started = if rebind { builder.rebind() } else { builder }.start();
    Ok((started.map_err(|error| outbox::failure(&error))?, place))
}

fn local_address(listener: &TcpListener, asked: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(asked)
}

/// Where to listen. Beyond this machine only where that was said in words.
fn address(asked: &str, others_may: bool) -> Result<SocketAddr, Failure> {
    let address: SocketAddr = asked.parse().map_err(|_| {
        Failure::usage(format!(
            "`{asked}` is no address to listen at: an IP address and a port are, as {LISTEN}"
        ))
    })?;
    if !address.ip().is_loopback() && !others_may {
        return Err(Failure::usage(format!(
            "other machines can reach {address}: what they send there, their credentials with it, is not encrypted. Say \
             --i-know-others-can-reach-this where that is meant, as within a pod"
        )));
    }
    Ok(address)
}

/// Whether an operation is at that address, as far as its URL says: what the relay delivers would come back to it.
fn leads_to(endpoints: &Endpoints, address: SocketAddr) -> bool {
    [endpoints.collect_url(), endpoints.consent_url()].into_iter().any(|url| {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_here = host == "localhost"
            || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback() || ip == address.ip());
        is_here && url.port_or_known_default() == Some(address.port())
    })
}
