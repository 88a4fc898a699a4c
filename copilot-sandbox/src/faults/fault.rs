//! A fault: what goes wrong on purpose, for how many requests, and how often.

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Number;

use crate::model::Operation;

/// Something that goes wrong on purpose.
///
/// It applies to requests that are authorised and whose body was read, in their order of arrival. Whether a request is
/// within its [`share`](Fault::share) is drawn by the sandbox's seed, so a run can be repeated. A setting that would have
/// no effect is refused by [`Sandbox::add_fault`](crate::Sandbox::add_fault).
///
/// ```
/// use copilot_sandbox::{Fault, Operation};
///
/// let busy = Fault::status(503).retry_after("1").on(Operation::Collect).next(3);
/// let flaky = Fault::close_after().share(0.1);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Its number, from 1. The sandbox gives it.
    #[serde(default, skip_deserializing)]
    pub(super) id: u64,
    /// The operation that it is for; both if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) operation: Option<Operation>,
    /// For how many requests more; until it is switched off if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub(super) next: Option<u64>,
    /// Which part of the requests: more than 0, at most 1.
    #[serde(default = "whole")]
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0))]
    pub(super) share: f64,
    /// How often it happened. The sandbox counts it.
    #[serde(default, skip_deserializing)]
    pub(super) fired: u64,
    /// What goes wrong.
    pub(super) fault: FaultKind,
    /// The first setting that this kind does not have. The builder cannot fail, so it is told when the fault is added.
    #[serde(skip)]
    pub(super) misused: Option<InvalidFault>,
}

/// A setting of a fault is out of its range, or has no effect beside the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {rule}")]
pub struct InvalidFault {
    pub(super) place: &'static str,
    pub(super) rule: &'static str,
}

/// What holds for the headers of an answer.
pub(super) const ONCE: &str = "must name each header once";

fn whole() -> f64 {
    1.0
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum FaultKind {
    /// An answer with this status, the API's error body, and nothing taken.
    Status {
        #[schemars(range(min = 400, max = 599))]
        status: u16,
        /// The header `Retry-After`: seconds, or an HTTP date.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<String>,
    },
    /// The request is kept waiting, and goes on as usual.
    Delay {
        #[schemars(range(min = 1, max = 600_000))]
        milliseconds: u64,
    },
    /// The body of the answer comes in small pieces.
    Drip {
        #[schemars(range(min = 1))]
        bytes_per_second: u32,
    },
    /// The body of the answer comes in chunks of this length, and its own length is not told.
    Chunked {
        #[schemars(range(min = 1))]
        bytes: u32,
    },
    /// The connection is closed after so many bytes of the answer's body, where it has more.
    CutBody { bytes: u32 },
    /// The connection is closed before the request's body is read, and nothing is taken.
    // Braces, here and below: serde would let unknown members of a variant without them pass.
    HangUp {},
    /// The connection is closed without an answer, and nothing is taken.
    CloseBefore {},
    /// The events are taken, then the connection is closed without an answer.
    CloseAfter {},
    /// Events are rejected that meet every condition given; all without one.
    RejectEvents(Reject),
    /// An HTML page with this status, as a proxy would send, and nothing taken.
    Html {
        #[schemars(range(min = 400, max = 599))]
        status: u16,
    },
    /// The events are taken, and the JSON of the answer ends in the middle.
    CutJson {},
    /// This very answer, and nothing taken.
    Answer {
        #[schemars(range(min = 200, max = 599))]
        status: u16,
        /// Its headers, by name. Those that frame the body are the sandbox's own.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
        /// Its body, whatever the status says.
        #[serde(default)]
        body: String,
    },
}

/// Which events to reject.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reject {
    /// This part of them: more than 0, at most 1.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "share")]
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0))]
    pub(crate) share: Option<f64>,
    /// Those of these types of the contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub(crate) types: Option<Vec<String>>,
    /// Those with these ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub(crate) event_ids: Option<Vec<String>>,
    /// Those at these places of the request, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub(crate) indexes: Option<Vec<usize>>,
    /// What the answer says about them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// Reads a decimal inside of a tagged fault. serde takes that apart first, and then it is no `f64` any more in a program
/// in which another crate turned on `serde_json/arbitrary_precision`.
fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let number = Option::<Number>::deserialize(deserializer)?;
    let decimal = |number: Number| number.as_f64().ok_or_else(|| de::Error::custom("number out of range"));
    number.map(decimal).transpose()
}

impl Fault {
    fn new(fault: FaultKind) -> Self {
        Self { id: 0, operation: None, next: None, share: whole(), fired: 0, fault, misused: None }
    }

    fn misuse(&mut self, place: &'static str, rule: &'static str) {
        self.misused.get_or_insert(InvalidFault { place, rule });
    }

    /// Requests are answered with this status (400 to 599) and the API's error body; nothing is taken.
    pub fn status(status: u16) -> Self {
        Self::new(FaultKind::Status { status, retry_after: None })
    }

    /// Requests wait that long before they are treated as usual: from a millisecond to ten minutes.
    pub fn delay(time: Duration) -> Self {
        Self::new(FaultKind::Delay { milliseconds: u64::try_from(time.as_millis()).unwrap_or(u64::MAX) })
    }

    /// The body of the answer comes at this speed, also where another fault gives the answer.
    pub fn drip(bytes_per_second: u32) -> Self {
        Self::new(FaultKind::Drip { bytes_per_second })
    }

    /// The body of the answer comes in chunks of that many bytes, and its own length is not told, also where another fault
    /// gives the answer.
    pub fn chunked(bytes: u32) -> Self {
        Self::new(FaultKind::Chunked { bytes })
    }

    /// The connection is closed after that many bytes of the answer's body, where it has more, also where another fault
    /// gives the answer.
    pub fn cut_body(bytes: u32) -> Self {
        Self::new(FaultKind::CutBody { bytes })
    }

    /// The connection is closed before the body of the request is read; nothing is taken.
    pub fn hang_up() -> Self {
        Self::new(FaultKind::HangUp {})
    }

    /// The connection is closed without an answer; nothing is taken.
    pub fn close_before() -> Self {
        Self::new(FaultKind::CloseBefore {})
    }

    /// The events are taken, then the connection is closed without an answer.
    pub fn close_after() -> Self {
        Self::new(FaultKind::CloseAfter {})
    }

    /// A proxy answers with an HTML page and this status (400 to 599); nothing is taken.
    pub fn html(status: u16) -> Self {
        Self::new(FaultKind::Html { status })
    }

    /// The events are taken, and the JSON of the answer ends in the middle.
    pub fn cut_json() -> Self {
        Self::new(FaultKind::CutJson {})
    }

    /// Requests get this very answer, with a status from 200 to 599; nothing is taken. So a recorded answer can be
    /// replayed.
    pub fn answer(status: u16, body: impl Into<String>) -> Self {
        Self::new(FaultKind::Answer { status, headers: BTreeMap::new(), body: body.into() })
    }

    /// With this header, once. Only [`Fault::answer`] has it.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        const PLACE: &str = "/fault/headers";
        match &mut self.fault {
            FaultKind::Answer { headers, .. } => {
                if headers.insert(name.into(), value.into()).is_some() {
                    self.misuse(PLACE, ONCE);
                }
            }
            _ => self.misuse(PLACE, "only an answer of your own (`answer`) has headers"),
        }
        self
    }

    /// All events of a request are rejected.
    pub fn reject_events() -> Self {
        Self::new(FaultKind::RejectEvents(Reject::default()))
    }

    /// Events are rejected that are of one of these types of the contract.
    pub fn reject_types(types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let types = Some(types.into_iter().map(Into::into).collect());
        Self::new(FaultKind::RejectEvents(Reject { types, ..Reject::default() }))
    }

    /// Events are rejected that have one of these ids.
    pub fn reject_event_ids(ids: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let event_ids = Some(ids.into_iter().map(Into::into).collect());
        Self::new(FaultKind::RejectEvents(Reject { event_ids, ..Reject::default() }))
    }

    /// This part of all events is rejected: more than 0, at most 1.
    pub fn reject_share(share: f64) -> Self {
        Self::new(FaultKind::RejectEvents(Reject { share: Some(share), ..Reject::default() }))
    }

    /// With the header `Retry-After`: seconds, or an HTTP date. Only [`Fault::status`] has it.
    #[must_use]
    pub fn retry_after(mut self, value: impl Into<String>) -> Self {
        match &mut self.fault {
            FaultKind::Status { retry_after, .. } => *retry_after = Some(value.into()),
            _ => self.misuse("/fault/retry_after", "only an error status (`status`) has it"),
        }
        self
    }

    /// For this operation only. Events come with [`Operation::Collect`] alone, and only its answer has a body.
    #[must_use]
    pub fn on(self, operation: Operation) -> Self {
        Self { operation: Some(operation), ..self }
    }

    /// For that many requests; then it is switched off.
    #[must_use]
    pub fn next(self, requests: u64) -> Self {
        Self { next: Some(requests), ..self }
    }

    /// For this part of the requests: more than 0, at most 1.
    #[must_use]
    pub fn share(self, share: f64) -> Self {
        Self { share, ..self }
    }

    /// Its number, once it was added to a sandbox.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// How often it happened, as of when it was asked for.
    pub fn fired(&self) -> u64 {
        self.fired
    }
}
