//! Stores what is read in an outbox, and sends it from there.

use std::{collections::VecDeque, time::Duration};

use copilot_api::{Client, types::Event};
use copilot_delivery::{Pause, ReportError, Reported, Reporter, Ticket, outbox::Tally as Counted};

use super::{
    Ended,
    reading::{Reading, Shared},
};
use crate::{
    exit::{Exit, Failure, with_causes},
    out, outbox,
    signals::Interrupt,
};

/// How many events wait to be stored at once: an outbox stores those that come together by one commit.
const AT_ONCE: usize = 2000;
/// How many dead letters are read at once.
const PAGE: usize = 1000;
/// How often it is shown how much is left.
const LOOK: Duration = Duration::from_millis(200);
/// Why an event is not stored.
const SYNC: &str = "opens or closes the one-time sync: `copilot-cx sync` sends it";
/// What an outbox that is closed may still take.
const END: Duration = Duration::from_secs(10);

pub(super) async fn send(mut reading: Reading, client: Client, url: &str) -> Result<Ended, Failure> {
    let failed = |error: &dyn std::error::Error| Failure::given_up(with_causes(error));
    let mut interrupt = Interrupt::listen()
        .map_err(|error| Failure::given_up(format!("no signals can be heard: {error}")))?;
    let outbox = outbox::open(url).await?;
    if !outbox.abilities().durable {
        return Err(Failure::usage(
            "--outbox is for what outlives this program: an outbox in memory does not",
        ));
    }
    let reporter =
        Reporter::builder(client).shared_outbox(outbox).start().map_err(|error| outbox::failure(&error))?;
    let shared = reading.shared.clone();
    let before = reporter.snapshot().await.map_err(|error| failed(&error))?;
    let mut last = None;
    while let Some(letter) =
        reporter.dead_letters().list(last, PAGE).await.map_err(|error| failed(&error))?.last()
    {
        last = Some(letter.id);
    }
    let stored = store(&mut reading, &reporter, &mut interrupt).await;
    drop(reading);
    let done = match stored {
        Ok(()) => shared.tally().read,
        Err((index, failure)) => {
            let done = shared.tally().pieces_before(index);
            reporter.shutdown(END).await;
            return Ok(Ended { exit: failure.exit, words: Some(failure.words), done });
        }
    };
    // All is stored: what is left is for this program, or for whoever opens the outbox next.
    let pause = loop {
        tokio::select! {
            biased;
            _ = interrupt.wait() => break None,
            flushed = reporter.flush(LOOK) => if flushed.is_ok() { break None },
        }
        let snapshot = reporter.snapshot().await.map_err(|error| failed(&error))?;
        if snapshot.events_paused == Some(Pause::Status(401)) {
            break Some(Failure {
                exit: Exit::Unauthorized,
                words: "Copilot.cx refuses the credentials".to_owned(),
            });
        }
    };
    let after = reporter.snapshot().await.map_err(|error| failed(&error))?;
    note(&shared, &reporter, last, (&before.counts.tally, &after.counts.tally)).await?;
    let left = reporter.shutdown(END).await.stay;
    if left > 0 {
        out::note(&format!(
            "{left} events are in the outbox, and are sent when it is opened next: by `copilot-cx relay --outbox …`, or by this command"
        ));
    }
    let tally = shared.tally();
    let beyond = tally
        .is_beyond_limit()
        .then(|| format!("{} events were rejected: more than --max-rejects", tally.rejected));
    Ok(match (pause, beyond) {
        (Some(failure), _) => Ended { exit: failure.exit, words: Some(failure.words), done },
        (None, Some(words)) => Ended { exit: Exit::Rejected, words: Some(words), done },
        (None, None) if interrupt.came() => Ended { exit: Exit::Interrupted, words: None, done },
        (None, None) => Ended { exit: Exit::Done, words: None, done },
    })
}

/// Stores what is read. An error has the index of the first event that may not be stored.
async fn store(
    reading: &mut Reading,
    reporter: &Reporter,
    interrupt: &mut Interrupt,
) -> Result<(), (u64, Failure)> {
    let mut waiting: VecDeque<(u64, Ticket)> = VecDeque::new();
    loop {
        let event = reading.next_in_turn(interrupt).await;
        let is_over = event.is_none();
        if let Some(event) = event {
            let index = reading.shared.tally().taken - 1;
            match take(reporter, event).await {
                Ok(Taken::Ticket(ticket)) => waiting.push_back((index, ticket)),
                Ok(Taken::OfSync(event)) => {
                    reading.shared.tally().reject_event(index, &[SYNC.to_owned()], &event);
                }
                Err(failure) => return Err((waiting.front().map_or(index, |(index, _)| *index), failure)),
            }
        }
        while waiting.len() >= AT_ONCE || (is_over && !waiting.is_empty()) {
            let Some((index, mut ticket)) = waiting.pop_front() else { break };
            if let Err(error) = ticket.stored().await {
                return Err((index, Failure::given_up(with_causes(&error))));
            }
        }
        if is_over {
            return Ok(());
        }
    }
}

/// Hands an event over without waiting for it to be stored; where there is no room, waits for both.
async fn take(reporter: &Reporter, event: Event) -> Result<Taken, Failure> {
    let failed = |error: &ReportError| Failure::given_up(with_causes(error));
    let error = match reporter.try_report(event) {
        Ok(ticket) => return Ok(Taken::Ticket(ticket)),
        Err(error) => error,
    };
    let is_of_sync = error.is_sync_event();
    if !error.is_full() && !is_of_sync {
        return Err(failed(&error));
    }
    match error.into_reported() {
        Some(Reported::Event(event)) if is_of_sync => Ok(Taken::OfSync(event)),
        Some(Reported::Event(event)) => {
            reporter.report(event).await.map(Taken::Ticket).map_err(|error| failed(&error))
        }
        _ => Err(Failure::given_up("the outbox has not given an event back")),
    }
}

/// What became of an event that was handed over.
enum Taken {
    Ticket(Ticket),
    /// It belongs to the one-time sync, and is not taken.
    OfSync(Event),
}

/// Counts what became of the events, and writes down those that became dead letters meanwhile.
async fn note(
    shared: &Shared,
    reporter: &Reporter,
    mut last: Option<u64>,
    (before, after): (&Counted, &Counted),
) -> Result<(), Failure> {
    shared.tally().accepted += after.accepted.saturating_sub(before.accepted);
    loop {
        let page = reporter.dead_letters().list(last, PAGE).await;
        let page = page.map_err(|error| Failure::given_up(with_causes(&error)))?;
        let Some(letter) = page.last() else { return Ok(()) };
        last = Some(letter.id);
        let mut tally = shared.tally();
        for letter in &page {
            let mut why = vec![letter.outcome.name().to_owned()];
            why.extend(letter.outcome.reason().iter().flat_map(|reason| reason.words.iter().cloned()));
            tally.reject_letter(&why, &letter.item.copy().into_record().json);
        }
    }
}
