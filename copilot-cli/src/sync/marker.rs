//! The events that open and close the import. Nobody says what a second one does, so none is sent twice without being told.

use std::time::Duration;

use copilot_api::{
    Client, Error, EventPayload as _, EventTimestamp, InvalidInput, NewEvent as _,
    attempt::{EventBatch, Verdict},
    types::{Event, PreexistingSyncCompletedPayload, PreexistingSyncStartedPayload},
};

use super::state::{Marker, State, StateFile};
use crate::{
    exit::{Exit, Failure},
    signals::Interrupt,
};

/// How often it is tried where it is known that nothing arrived, and how long to wait in between.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Started,
    Completed,
}

/// What became of a request.
enum Sending {
    Accepted,
    /// Copilot.cx does not have it.
    Refused(Failure),
    /// Nobody knows.
    Unknown(Failure),
}

impl Which {
    fn event_type(self) -> &'static str {
        match self {
            Self::Started => PreexistingSyncStartedPayload::EVENT_TYPE,
            Self::Completed => PreexistingSyncCompletedPayload::EVENT_TYPE,
        }
    }

    fn of(self, state: &mut State) -> &mut Marker {
        match self {
            Self::Started => &mut state.started,
            Self::Completed => &mut state.completed,
        }
    }

    fn event(self, state: &State) -> Result<Event, InvalidInput> {
        let now = EventTimestamp::now();
        match self {
            Self::Started => {
                PreexistingSyncStartedPayload::builder().event_with(state.marker_id("started"), now)
            }
            Self::Completed => {
                PreexistingSyncCompletedPayload::builder().event_with(state.marker_id("completed"), now)
            }
        }
    }

    /// What to ask where nobody knows.
    fn question(self) -> String {
        format!(
            "it is not known whether Copilot.cx has {}. Ask them whether it arrived, and say --sent or --send-again",
            self.event_type()
        )
    }
}

/// Takes the answer to what an earlier run left open.
pub(super) fn settle(file: &StateFile, state: &mut State, sent: bool, again: bool) -> Result<(), Failure> {
    let open =
        [Which::Started, Which::Completed].into_iter().find(|which| *which.of(state) == Marker::Intended);
    let Some(which) = open else {
        if sent || again {
            return Err(Failure::usage(
                "--sent and --send-again answer a question that is not open: leave them out",
            ));
        }
        return Ok(());
    };
    *which.of(state) = match (sent, again) {
        (true, _) => Marker::Sent,
        (_, true) => Marker::NotSent,
        _ => return Err(Failure::given_up(which.question())),
    };
    file.write(state)
}

/// Sends it, unless it was sent.
pub(super) async fn send(
    client: &Client,
    file: &StateFile,
    state: &mut State,
    interrupt: &mut Interrupt,
    which: Which,
) -> Result<(), Failure> {
    if *which.of(state) == Marker::Sent {
        return Ok(());
    }
    let event = which.event(state).map_err(|error| Failure::given_up(error.to_string()))?;
    *which.of(state) = Marker::Intended;
    file.write(state)?;
    let (marker, outcome) = match once(client, &event, interrupt, which).await {
        Sending::Accepted => (Marker::Sent, Ok(())),
        Sending::Refused(failure) => (Marker::NotSent, Err(failure)),
        Sending::Unknown(failure) => return Err(failure),
    };
    *which.of(state) = marker;
    file.write(state)?;
    outcome
}

/// One request that may have arrived, and no more.
async fn once(client: &Client, event: &Event, interrupt: &mut Interrupt, which: Which) -> Sending {
    let mut batch = EventBatch::new();
    batch.push(event);
    let mut attempts = 0;
    loop {
        attempts += 1;
        let error = match client.attempt(&mut batch).await {
            Ok(answer) => match answer.verdict(0) {
                Verdict::Accepted => return Sending::Accepted,
                Verdict::Rejected(words) => {
                    let words = words.join("; ");
                    let words = match words.contains("`copilot-cx sync` sends it") {
                        true => "the endpoint is a relay, which has other events before and after: name that of Copilot.cx".to_owned(),
                        false => format!("Copilot.cx rejected {}: {words}", which.event_type()),
                    };
                    return Sending::Refused(Failure { exit: Exit::Rejected, words });
                }
                _ => return Sending::Unknown(Failure::given_up(which.question())),
            },
            Err(error) => error,
        };
        if error.may_have_been_taken() {
            return Sending::Unknown(unknown(&error, which));
        }
        if !error.is_retryable() || attempts >= ATTEMPTS {
            return Sending::Refused(Failure::of_client(&error));
        }
        let pause = error.retry_after().unwrap_or_default().clamp(PAUSE, LONGEST_PAUSE);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = interrupt.wait() => {
                let words = format!("interrupted: {} was not sent", which.event_type());
                return Sending::Refused(Failure { exit: Exit::Interrupted, words });
            }
        }
    }
}

fn unknown(error: &Error, which: Which) -> Failure {
    let Failure { words, .. } = Failure::of_client(error);
    Failure::given_up(format!("{words}; {}", which.question()))
}
