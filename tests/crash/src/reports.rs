//! Those who report, at full speed: tasks and threads, each with users of its own, so that the order of each user is known.

use std::{thread, time::Duration};

use copilot_api::{
    EventTimestamp, NewEvent,
    types::{Event, ThingConnectedPayload},
};
use copilot_delivery::{ReportError, Reported, Reporter};
use tokio::time;

use crate::{Failure, say};

/// Tasks that wait while the outbox is full, tasks that try first, and threads without a runtime.
const WAITING: u32 = 24;
const TRYING: u32 = 24;
const THREADS: u32 = 4;
const USERS_EACH: u32 = 2;

/// How often a user's consent changes: each change is a request of its own.
const CONSENT: Duration = Duration::from_millis(50);

/// Begins to report, on the runtime and on threads, until delivery ends. The users are numbered from `base`.
pub(crate) fn begin(reporter: &Reporter, life: u32, base: u32) {
    for worker in 0..WAITING + TRYING {
        let reporter = reporter.clone();
        tokio::spawn(async move {
            for (user, number) in turns(base, worker) {
                let id = id(life, user, number);
                let taken = match event(&id, user) {
                    Ok(event) if worker < WAITING => reporter.report(event).await.map(drop),
                    Ok(event) => try_first(&reporter, event).await,
                    Err(error) => fails(&*error),
                };
                if !is_taken(taken, format_args!("took {id}")) {
                    return;
                }
            }
        });
    }
    for worker in (WAITING + TRYING..).take(THREADS as usize) {
        let reporter = reporter.clone();
        thread::spawn(move || {
            for (user, number) in turns(base, worker) {
                let id = id(life, user, number);
                let taken = match event(&id, user) {
                    Ok(event) => reporter.report_blocking(event).map(drop),
                    Err(error) => fails(&*error),
                };
                if !is_taken(taken, format_args!("took {id}")) {
                    return;
                }
            }
        });
    }
    tokio::spawn(consent(reporter.clone(), life));
}

/// Each user's events, one after the other.
fn turns(base: u32, worker: u32) -> impl Iterator<Item = (u32, u32)> {
    let first = base + worker * USERS_EACH;
    (0..u32::MAX).flat_map(move |number| (first..).take(USERS_EACH as usize).map(move |user| (user, number)))
}

/// An id tells whose event it is, and its place in the order of reporting.
fn id(life: u32, user: u32, number: u32) -> String {
    format!("{life}-{user}-{number}")
}

fn event(id: &str, user: u32) -> Result<Event, Failure> {
    let payload =
        ThingConnectedPayload::builder().thing_id("kettle").user_id(format!("user-{user}")).build()?;
    Ok(payload.event_with(id.try_into()?, EventTimestamp::now()))
}

async fn try_first(reporter: &Reporter, event: Event) -> Result<(), ReportError> {
    // A server says only afterwards that it has no room.
    let tried = match reporter.try_report(event) {
        Ok(mut ticket) => ticket.stored().await,
        Err(refused) => Err(refused),
    };
    match tried {
        Err(refused) if refused.is_full() => match refused.into_reported() {
            Some(Reported::Event(event)) => reporter.report(event).await.map(drop),
            _ => fails("a full outbox did not give the event back"),
        },
        tried => tried,
    }
}

/// One change a user: of two, a request of a killed process that the server takes late could undo the second one.
async fn consent(reporter: Reporter, life: u32) {
    for number in 0..u32::MAX {
        let (user, value) = (format!("consent-{life}-{number}"), number % 2 == 0);
        let taken = reporter.set_consent(user.as_str(), value).await.map(drop);
        if !is_taken(taken, format_args!("consent {user} {value}")) {
            return;
        }
        time::sleep(CONSENT).await;
    }
}

/// Writes down that it was taken. Whether it was: delivery may have ended.
fn is_taken(taken: Result<(), ReportError>, words: std::fmt::Arguments<'_>) -> bool {
    match taken {
        Ok(()) => {
            say(words);
            true
        }
        Err(error) if error.is_closed() => false,
        Err(error) => match error.outbox_error() {
            Some(why) => fails(why),
            None => fails(error),
        },
    }
}

/// Ends the program: what it was asked to show cannot be shown.
fn fails(words: impl std::fmt::Display) -> ! {
    eprintln!("copilot-crash: {words}");
    std::process::exit(1)
}
