//! What `apply` prints at its end, however it ends.

use std::path::Path;

use serde_json::json;

use super::{
    progress::grouped,
    state::{Marker, State},
};
use crate::{out, settings::Settings};

pub(super) fn print(state: &State, path: &Path, settings: &Settings) {
    let is_complete = state.completed == Marker::Sent;
    if settings.json {
        out::json(&json!({
            "result": "apply",
            "started": state.started,
            "completed": state.completed,
            "users": state.users,
            "things": state.things,
            "associations": state.associations,
            "rejected": state.rejected(),
            "repeated_at_most": state.repeated_at_most,
            "rejects": state.rejects,
            "state": path,
        }));
        return;
    }
    for (kind, position) in state.positions() {
        out::line(&format!(
            "{:<14}{:>12} accepted {:>12} rejected",
            kind.name(),
            grouped(position.accepted),
            grouped(position.rejected)
        ));
    }
    if state.repeated_at_most > 0 {
        out::line(&format!(
            "sent again under the same event ids: at most {}",
            grouped(state.repeated_at_most)
        ));
    }
    if state.rejected() > 0 {
        out::line(&format!("what was rejected, and why: {}", state.rejects.display()));
    }
    out::line(if is_complete { "the import is complete" } else { "the import is not complete" });
}
