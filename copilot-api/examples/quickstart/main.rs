//! Reports one event of each type, a deliberately bad one and a change of consent, and prints what became of each. Fails
//! when a good event was not accepted.
//!
//! With `COPILOT_*` variables it talks to what they name; without, to a sandbox in this process.

mod events;

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    io::{self, IsTerminal},
};

use copilot_api::{
    Client, Credentials, Endpoints,
    env::{CLIENT_ID, CLIENT_SECRET, COLLECT_ENDPOINT, CONSENT_ENDPOINT, ENVIRONMENT},
};
use copilot_sandbox::Sandbox;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let variables = [CLIENT_ID, CLIENT_SECRET, ENVIRONMENT, COLLECT_ENDPOINT, CONSENT_ENDPOINT];
    if variables.iter().any(|variable| env::var_os(variable).is_some()) {
        let endpoints = Endpoints::from_env()?;
        println!("COPILOT_* variables are set: reporting test events to {}", endpoints.collect_url());
        return report(&Client::new(Credentials::from_env()?, endpoints)?).await;
    }
    let sandbox = Sandbox::start()?;
    println!("No COPILOT_* variable is set: a sandbox in this process stands in for Copilot.cx.");
    let credentials = Credentials::new(sandbox.client_id(), sandbox.client_secret())?;
    report(&Client::new(credentials, Endpoints::base(&sandbox.url())?)?).await?;
    // The page is gone with this process: its address is for somebody who can keep it.
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        println!("\nLook at what arrived: {}\nPress Enter to stop.", sandbox.url());
        io::stdin().read_line(&mut String::new())?;
    }
    Ok(())
}

async fn report(client: &Client) -> Result<(), Box<dyn Error>> {
    let mut events = events::one_of_each_type()?;
    let good = events.len();
    events.push(events::a_bad_one()?);
    let types: Vec<&str> = events.iter().map(|event| event.event_type()).collect();

    let report = client.collect(events).await?;

    let mut others = BTreeMap::new();
    for rejection in report.rejections() {
        // Words of the server may repeat what was sent: here that is made up.
        let words = rejection.server_words().join("; ");
        others.insert(rejection.index(), format!("rejected: {} {words}", rejection.cause()));
    }
    for uncertain in report.uncertain() {
        others.insert(uncertain.index(), "accepted or rejected: the answer leaves it open".to_owned());
    }
    for (index, event_type) in types.iter().enumerate() {
        let outcome = others.get(&index).map_or("accepted", |outcome| outcome.trim_end());
        println!("  {index:>2}  {event_type:<36} {outcome}");
    }
    println!("{} accepted, {} rejected", report.accepted(), report.rejections().len());
    if report.accepted() != good {
        return Err(format!("{good} of the events are good, and {} were accepted", report.accepted()).into());
    }

    client.set_consent("user-7", true).await?;
    println!("consent set");
    Ok(())
}
