//! The bodies of requests, within limits of bytes and of time, and of answers, as faults want them.

use std::{io, time::Duration};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{
        HeaderMap, HeaderValue,
        header::{CONNECTION, CONTENT_LENGTH, EXPECT},
    },
    response::Response,
};
use bytes::BytesMut;
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time;

use crate::faults::RequestFaults;

/// A body that is to be read in this time, or it is [`BodyError::TooSlow`].
pub(super) const TIME: Duration = Duration::from_secs(10);
/// How long the server reads on, to no purpose but that the client can read its answer.
const DRAIN_TIME: Duration = Duration::from_secs(1);
/// How many bytes it reads so, and in how many pieces.
const DRAIN_BYTES: usize = 8 << 20;
const DRAIN_PIECES: usize = 4096;
/// A piece of a body costs as much time as many bytes: a body may come in one piece for each so many bytes of the limit.
const PIECE: usize = 16;

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    /// It is, or says to be, larger than the limit, or comes in very many pieces.
    TooLarge,
    /// It did not arrive in time.
    TooSlow,
    /// The connection broke, or the body's chunks are malformed.
    Broken,
}

/// Reads a body of at most `limit` bytes in at most [`TIME`].
pub(super) async fn read(body: &mut Body, limit: usize) -> Result<Bytes, BodyError> {
    if usize::try_from(body.size_hint().lower()).map_or(true, |length| length > limit) {
        return Err(BodyError::TooLarge);
    }
    let mut limited = Limited::new(body, limit);
    let read = async {
        // The pieces are copied, since each of them can keep a much larger buffer alive.
        let mut all = BytesMut::new();
        for _ in 0..=limit / PIECE + 1 {
            match limited.frame().await {
                Some(Ok(frame)) => frame.into_data().iter().for_each(|piece| all.extend_from_slice(piece)),
                Some(Err(error)) if error.is::<LengthLimitError>() => return Err(BodyError::TooLarge),
                Some(Err(_)) => return Err(BodyError::Broken),
                None => return Ok(all.freeze()),
            }
        }
        Err(BodyError::TooLarge)
    };
    time::timeout(TIME, read).await.unwrap_or(Err(BodyError::TooSlow))
}

/// The answer to a request whose body is not wanted. A socket that is closed with bytes unread resets the connection, and
/// the client loses the answer that it had not read yet. So what it is sending is read first, within limits.
pub(super) async fn refuse(mut answer: Response, headers: &HeaderMap, body: &mut Body) -> Response {
    let mut rest = Limited::new(body, DRAIN_BYTES);
    let drained = async {
        for _ in 0..DRAIN_PIECES {
            match rest.frame().await {
                Some(Ok(_)) => {}
                Some(Err(_)) => break,
                None => return true,
            }
        }
        false
    };
    // A client that waits for 100 sends nothing before it has one.
    let waits = headers.contains_key(EXPECT);
    if waits || !time::timeout(DRAIN_TIME, drained).await.unwrap_or(false) {
        // hyper closes the connection then, and does not say so.
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// The answer, whose body comes as the faults say: slowly, in chunks, or not to its end.
pub(super) fn deliver(mut answer: Response, faults: &RequestFaults) -> Response {
    if faults.drip.is_none() && faults.chunk.is_none() && faults.cut_at.is_none() {
        return answer;
    }
    if let (None, None, Some(length)) = (faults.drip, faults.chunk, answer.body().size_hint().exact()) {
        answer.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    let (piece, pause) = faults.drip.map_or((usize::MAX, Duration::ZERO), pace);
    let piece = piece.min(faults.chunk.unwrap_or(usize::MAX));
    let cut_at = faults.cut_at;
    answer.map(|body| in_pieces(body, piece, pause, cut_at))
}

/// The length of the pieces, and the pause between them, that make this speed: at most ten pieces a second.
fn pace(bytes_per_second: u32) -> (usize, Duration) {
    let pieces = bytes_per_second.clamp(1, 10);
    ((bytes_per_second / pieces).max(1) as usize, Duration::from_secs(1) / pieces)
}

fn in_pieces(body: Body, piece: usize, pause: Duration, cut_at: Option<usize>) -> Body {
    let whole = async move { body.collect().await.map(|whole| whole.to_bytes()).unwrap_or_default() };
    let pieces = stream::once(whole).flat_map(move |mut whole| {
        let is_cut = cut_at.is_some_and(|length| length < whole.len());
        whole.truncate(cut_at.unwrap_or(usize::MAX));
        stream::unfold((whole, is_cut), move |(mut rest, is_cut)| async move {
            if rest.is_empty() && is_cut {
                // hyper drops what it has not sent yet.
                time::sleep(Duration::from_millis(10)).await;
                return Some((Err(io::Error::other("a fault cuts the answer")), (rest, false)));
            }
            if rest.is_empty() {
                return None;
            }
            time::sleep(pause).await;
            let piece = rest.split_to(piece.min(rest.len()));
            Some((Ok::<Bytes, io::Error>(piece), (rest, is_cut)))
        })
    });
    Body::from_stream(pieces)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_end_is_too_slow_and_one_that_breaks_is_broken() {
        let first = || stream::iter([Ok::<_, io::Error>("first")]);
        let mut silent = Body::from_stream(first().chain(stream::pending()));
        let start = time::Instant::now();
        assert_eq!(read(&mut silent, 100).await, Err(BodyError::TooSlow));
        assert_eq!(start.elapsed(), TIME);
        let broken = stream::once(async { Err(io::Error::other("gone")) });
        assert_eq!(read(&mut Body::from_stream(first().chain(broken)), 100).await, Err(BodyError::Broken));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dripping_body_has_the_same_bytes_and_comes_at_that_speed() {
        let start = time::Instant::now();
        let (piece, pause) = pace(5);
        let body = in_pieces(Body::from("twenty bytes of body"), piece, pause, None);
        assert_eq!(body.collect().await.unwrap().to_bytes(), "twenty bytes of body");
        assert_eq!(start.elapsed().as_secs(), 4);
    }
}
