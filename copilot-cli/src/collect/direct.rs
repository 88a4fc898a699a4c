//! Sends what is read, batch by batch.

use copilot_api::{Client, CollectReport, Rejection, RejectionCause};

use super::{
    Ended,
    reading::{Reading, Shared},
};
use crate::{
    exit::{Exit, Failure},
    signals::Interrupt,
};

/// Reads to the end and sends nothing.
pub(super) async fn count(mut reading: Reading) -> Result<Ended, Failure> {
    while reading.next().await.is_some() {
        reading.pace().await;
    }
    Ok(over(&reading.shared, Exit::Done))
}

/// Sends until the end, an error that lasts, or an interrupt: then what was read is still sent.
pub(super) async fn send(reading: Reading, client: Client) -> Result<Ended, Failure> {
    let interrupt = Interrupt::listen()
        .map_err(|error| Failure::given_up(format!("no signals can be heard: {error}")))?;
    let shared = reading.shared.clone();
    let mut batches = client.collect_batches(reading.stream(interrupt.clone()));
    while let Some(outcome) = batches.next().await {
        let (report, error) = match outcome {
            Ok(report) => (report, None),
            Err(error) => {
                let (error, report) = error.into_parts();
                (report, Some(error))
            }
        };
        let first = report.undelivered().iter().map(|undelivered| undelivered.index() as u64).min();
        note(&shared, report);
        // What was rejected for what it is, is counted, and the rest goes on.
        let Some(error) = error.filter(|error| first.is_some() || error.is_unauthorized()) else { continue };
        let failure = Failure::of_client(&error);
        let tally = shared.tally();
        let done = tally.pieces_before(first.unwrap_or(tally.taken));
        return Ok(Ended { exit: failure.exit, words: Some(failure.words), done });
    }
    let exit = if interrupt.came() { Exit::Interrupted } else { Exit::Done };
    Ok(over(&shared, exit))
}

/// All that was read is done.
fn over(shared: &Shared, exit: Exit) -> Ended {
    let tally = shared.tally();
    let words = tally
        .is_beyond_limit()
        .then(|| format!("{} events were rejected: more than --max-rejects", tally.rejected));
    let exit = if words.is_some() { Exit::Rejected } else { exit };
    Ended { exit, words, done: tally.read }
}

fn note(shared: &Shared, report: CollectReport) {
    let mut tally = shared.tally();
    tally.accepted += report.accepted() as u64;
    for rejection in report.rejections() {
        tally.reject_event(rejection.index() as u64, &why(rejection), rejection.event());
    }
    // Of several nobody knows which one was rejected: each may be in Copilot.cx or not.
    for uncertain in report.uncertain() {
        tally.uncertain += 1;
        let why = ["whether it was taken was not said".to_owned()];
        tally.reject_event(uncertain.index() as u64, &why, uncertain.event());
        tally.rejected -= 1;
    }
}

fn why(rejection: &Rejection) -> Vec<String> {
    match rejection.cause() {
        RejectionCause::Contract(violations) => violations.iter().map(ToString::to_string).collect(),
        cause if cause.server_words().is_empty() => vec![cause.to_string()],
        cause => cause.server_words().to_vec(),
    }
}
