//! A body that comes in small pieces.

use std::{convert::Infallible, time::Duration};

use axum::body::{Body, Bytes};
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use tokio::time;

/// How many pieces a second there are, if the speed allows it.
const PIECES: u32 = 10;

/// The same body at this speed.
pub(super) fn drip(body: Body, bytes_per_second: u32) -> Body {
    let pieces = PIECES.min(bytes_per_second).max(1);
    let size = (bytes_per_second / pieces).max(1) as usize;
    let pause = Duration::from_secs(1) / pieces;
    let whole = async move { body.collect().await.map(|whole| whole.to_bytes()).unwrap_or_default() };
    let dripping = stream::once(whole).flat_map(move |whole| {
        stream::unfold(whole, move |mut rest| async move {
            if rest.is_empty() {
                return None;
            }
            time::sleep(pause).await;
            let piece = rest.split_to(size.min(rest.len()));
            Some((Ok::<Bytes, Infallible>(piece), rest))
        })
    });
    Body::from_stream(dripping)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_bytes_are_the_same_and_come_at_that_speed() {
        let start = time::Instant::now();
        let body = drip(Body::from("twenty bytes of body"), 5);
        assert_eq!(body.collect().await.unwrap().to_bytes(), "twenty bytes of body");
        assert_eq!(start.elapsed().as_secs(), 4);
    }
}
