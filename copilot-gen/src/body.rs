//! Reads the bodies of answers: within a bound, and with what is known of the answer kept when its body fails.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_core::Stream;
use reqwest::{Body, Response, StatusCode};

/// How many bytes of an answer's body are read at most, whatever its status. The answer to a thousand events that are all
/// refused in a hundred words each is smaller.
pub const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// A body as far as it came, and what ended it early.
pub(crate) struct ReadBody {
    pub(crate) bytes: Vec<u8>,
    pub(crate) fault: Option<BodyFault>,
}

/// Reads a body up to [`MAX_BODY_BYTES`].
pub(crate) async fn read(response: &mut Response) -> ReadBody {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if chunk.len() > MAX_BODY_BYTES - bytes.len() => {
                bytes.extend_from_slice(chunk.get(..MAX_BODY_BYTES - bytes.len()).unwrap_or_default());
                return ReadBody { bytes, fault: Some(BodyFault::TooLarge) };
            }
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => return ReadBody { bytes, fault: None },
            Err(error) => {
                let fault = if error.is_timeout() { BodyFault::TooSlow } else { BodyFault::BrokeOff };
                return ReadBody { bytes, fault: Some(fault) };
            }
        }
    }
}

/// What ended the body of an answer early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyFault {
    /// The time limit of the request ran out.
    TooSlow,
    /// The connection broke off, or the body's framing or encoding is wrong.
    BrokeOff,
    /// It has more than [`MAX_BODY_BYTES`].
    TooLarge,
    /// It is the API's error, for all the status says.
    AnError,
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSlow => f.write_str("did not arrive in time"),
            Self::BrokeOff => f.write_str("broke off"),
            Self::AnError => f.write_str("is an error of the API"),
            Self::TooLarge => write!(f, "has more than {MAX_BODY_BYTES} bytes"),
        }
    }
}

/// A success whose body could not be read to its end: the request may have been carried out. It is the source of the
/// [`ResponseBodyError`](crate::Error::ResponseBodyError) of an operation.
#[derive(Debug)]
pub struct BrokenAnswer {
    status: StatusCode,
    fault: BodyFault,
}

impl BrokenAnswer {
    /// Finds it among the sources of an error.
    pub fn in_sources_of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What ended its body early.
    pub fn fault(&self) -> BodyFault {
        self.fault
    }
}

impl fmt::Display for BrokenAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the body of the answer with status {} {}", self.status.as_u16(), self.fault)
    }
}

impl Error for BrokenAnswer {}

/// The body of an answer that stands in for one that failed: reading it fails as well, and says why.
pub(crate) fn broken(status: StatusCode, fault: BodyFault) -> Body {
    Body::wrap_stream(Once(Some(BrokenAnswer { status, fault })))
}

/// A stream of one error.
struct Once(Option<BrokenAnswer>);

impl Stream for Once {
    type Item = Result<Bytes, BrokenAnswer>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take().map(Err))
    }
}
