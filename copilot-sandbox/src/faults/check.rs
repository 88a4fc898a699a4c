//! Which faults are taken: each value is within its range, and each setting has an effect.

use std::collections::BTreeSet;

use axum::http::{HeaderName, HeaderValue};

use super::fault::{Fault, FaultKind, InvalidFault, ONCE, Reject};
use crate::model::Operation;

/// The longest delay: ten minutes.
const GREATEST_DELAY: u64 = 600_000;

impl Fault {
    /// The first setting that is out of its range or without effect; `is_type` knows the contract's types of event.
    pub(super) fn check(&self, is_type: impl Fn(&str) -> bool) -> Result<(), InvalidFault> {
        if let Some(misused) = self.misused {
            return Err(misused);
        }
        demand(self.next != Some(0), "/next", "must be at least 1")?;
        check_share("/share", self.share)?;
        if self.operation == Some(Operation::SetConsent) {
            let brings_events = !matches!(self.fault, FaultKind::RejectEvents(_));
            demand(brings_events, "/operation", "must be collect: no events come with set_consent")?;
            let is_of_body = matches!(
                self.fault,
                FaultKind::Drip { .. } | FaultKind::Chunked { .. } | FaultKind::CutBody { .. }
            );
            demand(!is_of_body, "/operation", "must be collect: the answer of set_consent has no body")?;
        }
        self.fault.check(is_type)
    }
}

impl FaultKind {
    fn check(&self, is_type: impl Fn(&str) -> bool) -> Result<(), InvalidFault> {
        match self {
            Self::Status { status, retry_after } => {
                check_error(*status)?;
                let is_value = retry_after.as_ref().is_none_or(|value| HeaderValue::from_str(value).is_ok());
                demand(is_value, "/fault/retry_after", "must be the value of a header")
            }
            Self::Html { status } => check_error(*status),
            Self::Delay { milliseconds } => demand(
                (1..=GREATEST_DELAY).contains(milliseconds),
                "/fault/milliseconds",
                "must be from 1 to 600000",
            ),
            Self::Drip { bytes_per_second } => {
                demand(*bytes_per_second > 0, "/fault/bytes_per_second", "must be at least 1")
            }
            Self::Chunked { bytes } => demand(*bytes > 0, "/fault/bytes", "must be at least 1"),
            Self::RejectEvents(reject) => reject.check(is_type),
            Self::Answer { status, headers, body } => {
                demand((200..600).contains(status), "/fault/status", "must be from 200 to 599")?;
                let are_free = headers.iter().all(|(name, value)| is_free(name, value));
                demand(are_free, "/fault/headers", "must be headers, and none that frames the body")?;
                let names: BTreeSet<_> = headers.keys().map(|name| name.to_ascii_lowercase()).collect();
                demand(names.len() == headers.len(), "/fault/headers", ONCE)?;
                let has_body = !matches!(status, 204 | 205 | 304);
                demand(has_body || body.is_empty(), "/fault/body", "must be empty: this status has none")
            }
            Self::CutBody { .. }
            | Self::HangUp {}
            | Self::CloseBefore {}
            | Self::CloseAfter {}
            | Self::CutJson {} => Ok(()),
        }
    }
}

impl Reject {
    fn check(&self, is_type: impl Fn(&str) -> bool) -> Result<(), InvalidFault> {
        const EMPTY: &str = "must not be empty: without it, any event is meant";
        check_share("/fault/share", self.share.unwrap_or(1.0))?;
        demand(self.types.as_ref().is_none_or(|types| !types.is_empty()), "/fault/types", EMPTY)?;
        demand(self.event_ids.as_ref().is_none_or(|ids| !ids.is_empty()), "/fault/event_ids", EMPTY)?;
        demand(self.indexes.as_ref().is_none_or(|indexes| !indexes.is_empty()), "/fault/indexes", EMPTY)?;
        let are_types = self.types.iter().flatten().all(|name| is_type(name));
        demand(are_types, "/fault/types", "must be types of the contract")
    }
}

fn demand(holds: bool, place: &'static str, rule: &'static str) -> Result<(), InvalidFault> {
    if holds { Ok(()) } else { Err(InvalidFault { place, rule }) }
}

fn check_share(place: &'static str, share: f64) -> Result<(), InvalidFault> {
    demand(share > 0.0 && share <= 1.0, place, "must be more than 0 and at most 1")
}

fn check_error(status: u16) -> Result<(), InvalidFault> {
    demand((400..600).contains(&status), "/fault/status", "must be from 400 to 599")
}

/// Whether an answer may have this header.
fn is_free(name: &str, value: &str) -> bool {
    let frames = ["connection", "content-length", "keep-alive", "trailer", "transfer-encoding", "upgrade"];
    HeaderName::try_from(name).is_ok_and(|name| !frames.contains(&name.as_str()))
        && HeaderValue::from_str(value).is_ok()
}
