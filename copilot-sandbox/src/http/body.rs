//! Reads the body of a request within a limit of bytes and of time.

#[cfg(test)]
mod tests;

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use bytes::BytesMut;
use http_body_util::BodyExt;
use tokio::time;

/// A body that is to be read in this time, or it is [`BodyError::TooSlow`].
pub(crate) const TIME: Duration = Duration::from_secs(10);

/// A piece of a body costs as much time as many bytes: a body may come in one piece for each so many bytes of the limit.
const PIECE: usize = 16;

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    /// It is, or says to be, larger than the limit; or it comes in very many pieces.
    #[error("the body is too large")]
    TooLarge,
    /// It did not arrive in time.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// The connection broke, or the body's chunks are malformed.
    #[error("the body ended early or is malformed")]
    Broken,
}

/// Reads a body of at most `limit` bytes in at most `time`. A body that says to be larger is rejected unread.
pub(crate) async fn read(body: Body, limit: usize, time: Duration) -> Result<Bytes, BodyError> {
    time::timeout(time, read_all(body, limit)).await.unwrap_or(Err(BodyError::TooSlow))
}

async fn read_all(mut body: Body, limit: usize) -> Result<Bytes, BodyError> {
    if usize::try_from(body.size_hint().lower()).map_or(true, |length| length > limit) {
        return Err(BodyError::TooLarge);
    }
    // The pieces are copied, since each of them can keep a much larger buffer alive. Nothing is set aside for what was
    // only promised.
    let mut all = BytesMut::new();
    let mut pieces = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| BodyError::Broken)?;
        let Ok(piece) = frame.into_data() else { continue };
        pieces += 1;
        if piece.len() > limit - all.len() || pieces > limit / PIECE + 1 {
            return Err(BodyError::TooLarge);
        }
        all.extend_from_slice(&piece);
    }
    Ok(all.freeze())
}
