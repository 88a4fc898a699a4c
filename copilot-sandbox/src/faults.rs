//! Faults by script: what goes wrong on purpose, for how many requests, and how often.

use std::{collections::BTreeMap, fmt, time::Duration};

use axum::http::{HeaderName, HeaderValue};
use fastrand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Number;

/// An operation of the Server API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Report events.
    Collect,
    /// Report a user's consent.
    SetConsent,
}

impl Operation {
    /// Its `operationId` in the contract.
    pub fn id(self) -> &'static str {
        match self {
            Self::Collect => "collect",
            Self::SetConsent => "set_consent",
        }
    }
}

/// Something that goes wrong on purpose.
///
/// It applies to requests that are authorised and whose body was read, in their order of arrival. Whether a request is
/// within its [`share`](Fault::share) is drawn by the sandbox's seed, so a run can be repeated.
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
    id: u64,
    /// The operation that it is for; both if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operation: Option<Operation>,
    /// For how many requests more; until it is switched off if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    next: Option<u64>,
    /// Which part of the requests, from 0 to 1.
    #[serde(default = "whole")]
    #[schemars(range(min = 0.0, max = 1.0))]
    share: f64,
    /// How often it happened. The sandbox counts it.
    #[serde(default, skip_deserializing)]
    fired: u64,
    /// What goes wrong.
    fault: FaultKind,
}

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
        #[schemars(range(max = 600_000))]
        milliseconds: u64,
    },
    /// The body of the answer comes in small pieces.
    Drip {
        #[schemars(range(min = 1))]
        bytes_per_second: u32,
    },
    /// The connection is closed without an answer, and nothing is taken.
    // Braces, here and below: serde would let unknown members of a variant without them pass.
    CloseBefore {},
    /// The events are taken, then the connection is closed without an answer.
    CloseAfter {},
    /// Events are refused that meet every condition given; all without one.
    RefuseEvents(Refuse),
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

/// Which events to refuse.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refuse {
    /// This part of them, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "share")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) share: Option<f64>,
    /// Those of these types.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) types: Vec<String>,
    /// Those with these ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) event_ids: Vec<String>,
    /// Those at these places of the request, from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) indexes: Vec<usize>,
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
        Self { id: 0, operation: None, next: None, share: whole(), fired: 0, fault }
    }

    /// Requests are answered with this status (400 to 599) and the API's error body; nothing is taken.
    pub fn status(status: u16) -> Self {
        Self::new(FaultKind::Status { status, retry_after: None })
    }

    /// Requests wait that long before they are treated as usual. At most ten minutes.
    pub fn delay(time: Duration) -> Self {
        Self::new(FaultKind::Delay { milliseconds: u64::try_from(time.as_millis()).unwrap_or(u64::MAX) })
    }

    /// The body of the answer comes at this speed.
    pub fn drip(bytes_per_second: u32) -> Self {
        Self::new(FaultKind::Drip { bytes_per_second })
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

    /// With this header. Only [`Fault::answer`] sends it.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        if let FaultKind::Answer { headers, .. } = &mut self.fault {
            headers.insert(name.into(), value.into());
        }
        self
    }

    /// All events of a request are refused.
    pub fn refuse_events() -> Self {
        Self::new(FaultKind::RefuseEvents(Refuse::default()))
    }

    /// Events are refused that are of one of these types.
    pub fn refuse_types(types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let types = types.into_iter().map(Into::into).collect();
        Self::new(FaultKind::RefuseEvents(Refuse { types, ..Refuse::default() }))
    }

    /// Events are refused that have one of these ids.
    pub fn refuse_event_ids(ids: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let event_ids = ids.into_iter().map(Into::into).collect();
        Self::new(FaultKind::RefuseEvents(Refuse { event_ids, ..Refuse::default() }))
    }

    /// This part of all events is refused, from 0 to 1.
    pub fn refuse_share(share: f64) -> Self {
        Self::new(FaultKind::RefuseEvents(Refuse { share: Some(share), ..Refuse::default() }))
    }

    /// With the header `Retry-After`: seconds, or an HTTP date. Only [`Fault::status`] sends it.
    #[must_use]
    pub fn retry_after(mut self, value: impl Into<String>) -> Self {
        if let FaultKind::Status { retry_after, .. } = &mut self.fault {
            *retry_after = Some(value.into());
        }
        self
    }

    /// For this operation only.
    #[must_use]
    pub fn on(self, operation: Operation) -> Self {
        Self { operation: Some(operation), ..self }
    }

    /// For that many requests; then it is switched off.
    #[must_use]
    pub fn next(self, requests: u64) -> Self {
        Self { next: Some(requests), ..self }
    }

    /// For this part of the requests, from 0 to 1.
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

    /// The first value that is out of its range.
    fn check(&self) -> Result<(), InvalidFault> {
        let in_share = |share: f64| (0.0..=1.0).contains(&share);
        let wrong = |place, rule| Err(InvalidFault { place, rule });
        if self.next == Some(0) {
            return wrong("/next", "must be at least 1");
        }
        if !in_share(self.share) {
            return wrong("/share", "must be from 0 to 1");
        }
        match &self.fault {
            FaultKind::Status { status, .. } | FaultKind::Html { status } if !(400..600).contains(status) => {
                wrong("/fault/status", "must be from 400 to 599")
            }
            FaultKind::Status { retry_after: Some(value), .. } if HeaderValue::from_str(value).is_err() => {
                wrong("/fault/retry_after", "must be the value of a header")
            }
            FaultKind::Answer { status, .. } if !(200..600).contains(status) => {
                wrong("/fault/status", "must be from 200 to 599")
            }
            FaultKind::Answer { headers, .. }
                if !headers.iter().all(|(name, value)| is_free(name, value)) =>
            {
                wrong("/fault/headers", "must be headers, and none that frames the body")
            }
            FaultKind::Answer { status: 204 | 205 | 304, body, .. } if !body.is_empty() => {
                wrong("/fault/body", "must be empty: this status has none")
            }
            FaultKind::Delay { milliseconds } if *milliseconds > 600_000 => {
                wrong("/fault/milliseconds", "must be at most 600000")
            }
            FaultKind::Drip { bytes_per_second: 0 } => wrong("/fault/bytes_per_second", "must be at least 1"),
            FaultKind::RefuseEvents(Refuse { share: Some(share), .. }) if !in_share(*share) => {
                wrong("/fault/share", "must be from 0 to 1")
            }
            _ => Ok(()),
        }
    }
}

/// Whether an answer may have this header.
fn is_free(name: &str, value: &str) -> bool {
    let frames = ["connection", "content-length", "keep-alive", "trailer", "transfer-encoding", "upgrade"];
    HeaderName::try_from(name).is_ok_and(|name| !frames.contains(&name.as_str()))
        && HeaderValue::from_str(value).is_ok()
}

/// A value of a fault is out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidFault {
    place: &'static str,
    rule: &'static str,
}

impl fmt::Display for InvalidFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.rule)
    }
}

impl std::error::Error for InvalidFault {}

/// More faults than that are a mistake.
const GREATEST_COUNT: usize = 1000;

/// The faults that are switched on.
pub(crate) struct Faults {
    active: Vec<Active>,
    newest: u64,
    seed: u64,
}

struct Active {
    fault: Fault,
    /// Each has dice of its own, so that one does not disturb the other.
    dice: Rng,
}

/// What goes wrong with one request.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    pub(crate) delay: Option<Duration>,
    pub(crate) drip: Option<u32>,
    pub(crate) refuse: Vec<(Refuse, u64)>,
    /// What becomes of the answer: the first of the faults that are about it.
    pub(crate) answer: Option<FaultKind>,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self { active: Vec::new(), newest: 0, seed }
    }

    /// Switches a fault on.
    pub(crate) fn add(&mut self, fault: Fault) -> Result<Fault, InvalidFault> {
        fault.check()?;
        if self.active.len() >= GREATEST_COUNT {
            return Err(InvalidFault { place: "", rule: "there are 1000 faults already" });
        }
        self.newest += 1;
        let fault = Fault { id: self.newest, fired: 0, ..fault };
        let dice = Rng::with_seed(self.seed.wrapping_add(self.newest));
        self.active.push(Active { fault: fault.clone(), dice });
        Ok(fault)
    }

    pub(crate) fn list(&self) -> Vec<Fault> {
        self.active.iter().map(|active| active.fault.clone()).collect()
    }

    pub(crate) fn count(&self) -> u64 {
        self.active.len() as u64
    }

    /// Switches one off. `false`: there is none of that number.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.active.len();
        self.active.retain(|active| active.fault.id != id);
        self.active.len() < before
    }

    /// Switches all off, and begins the dice anew.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.seed);
    }

    /// What goes wrong with the next request of this operation.
    pub(crate) fn draw(&mut self, operation: Operation) -> Trouble {
        let mut trouble = Trouble::default();
        for Active { fault, dice } in &mut self.active {
            if fault.operation.is_some_and(|only| only != operation) || dice.f64() >= fault.share {
                continue;
            }
            match &fault.fault {
                FaultKind::Delay { milliseconds } => {
                    let delay = Duration::from_millis(*milliseconds);
                    trouble.delay = Some(trouble.delay.unwrap_or_default().saturating_add(delay));
                }
                FaultKind::Drip { bytes_per_second } => trouble.drip = Some(*bytes_per_second),
                FaultKind::RefuseEvents(_) if operation != Operation::Collect => continue,
                FaultKind::RefuseEvents(refuse) => trouble.refuse.push((refuse.clone(), dice.u64(..))),
                // One answer has one end: the others wait for their turn.
                _ if trouble.answer.is_some() => continue,
                about_the_answer => trouble.answer = Some(about_the_answer.clone()),
            }
            fault.fired += 1;
            if let Some(next) = &mut fault.next {
                *next -= 1;
            }
        }
        self.active.retain(|active| active.fault.next != Some(0));
        trouble
    }
}

impl Refuse {
    /// Whether the event is to be refused.
    pub(crate) fn meets(&self, index: usize, event: &crate::model::ReceivedEvent, dice: &mut Rng) -> bool {
        let named = |list: &[String], name: &Option<String>| {
            list.is_empty() || name.as_ref().is_some_and(|name| list.contains(name))
        };
        // The dice are thrown for each event, so that one condition does not shift the others' luck.
        let drawn = self.share.is_none_or(|share| dice.f64() < share);
        drawn
            && named(&self.types, &event.r#type)
            && named(&self.event_ids, &event.event_id)
            && (self.indexes.is_empty() || self.indexes.contains(&index))
    }
}
