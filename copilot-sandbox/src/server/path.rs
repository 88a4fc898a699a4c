//! What stands for an id in a path.

use axum::extract::{Path, rejection::PathRejection};

/// One that is not UTF-8 is the id of nothing.
pub(super) type Id = Result<Path<String>, PathRejection>;

/// A number that may be none.
pub(super) fn number(id: &Id) -> Option<u64> {
    id.as_ref().ok()?.parse().ok()
}
