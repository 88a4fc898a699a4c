//! One connection: what it is doing, and the task that serves it.

use std::{
    convert::Infallible,
    future::{self, Future},
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, HttpBody},
    http::{HeaderValue, Request, Response, header::CONNECTION},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, sync::Notify, time::Instant};
use tower::ServiceExt;

use super::{
    Limits,
    bodies::{AnswerBody, RequestBody},
    socket::Socket,
};

/// What hyper keeps of a connection's bytes: it must hold a head, and bounds what a body is read in.
const BUFFER: usize = 32 << 10;

/// A connection. It stands in the extensions of every request that it brings, so that a handler can close it.
#[derive(Clone)]
pub(crate) struct Connection(Arc<Shared>);

struct Shared {
    /// How many answers there were on all connections.
    answers: Arc<AtomicU64>,
    /// How many of them there were when this connection had its last one; 0 if it had none.
    last_answer: AtomicU64,
    doing: Mutex<Doing>,
    close: Notify,
    finish: Notify,
}

struct Doing {
    phase: Phase,
    /// Since when the client takes nothing of what is written.
    blocked_since: Option<Instant>,
}

/// Where a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The head of a request is awaited, or has begun to arrive.
    Head(Instant),
    /// A request is read, handled or answered.
    Request,
    /// The answer is a stream whose length nobody knows.
    Stream,
    /// The last request was answered, and nothing came since.
    Idle(Instant),
}

impl Connection {
    pub(super) fn new(answers: Arc<AtomicU64>) -> Self {
        Self(Arc::new(Shared {
            answers,
            last_answer: AtomicU64::new(0),
            doing: Mutex::new(Doing { phase: Phase::Head(Instant::now()), blocked_since: None }),
            close: Notify::new(),
            finish: Notify::new(),
        }))
    }

    /// Closes the connection at once, without an answer. It never resolves: the request ends here.
    pub(crate) fn close(&self) -> impl Future<Output = Infallible> + use<> {
        self.0.close.notify_one();
        future::pending()
    }

    /// Closes the connection once its running request is answered.
    pub(super) fn finish(&self) {
        self.0.finish.notify_one();
    }

    /// Grows with each answer on any connection; 0 if this one had none.
    pub(super) fn last_answer(&self) -> u64 {
        self.0.last_answer.load(Ordering::Relaxed)
    }

    pub(super) fn is_overdue(&self, now: Instant, limits: &Limits) -> bool {
        let doing = self.doing();
        let longer_than = |since, time| now.saturating_duration_since(since) > time;
        doing.blocked_since.is_some_and(|since| longer_than(since, limits.write_time))
            || match doing.phase {
                Phase::Head(since) => longer_than(since, limits.header_time),
                Phase::Idle(since) => longer_than(since, limits.idle_time),
                Phase::Request | Phase::Stream => false,
            }
    }

    /// Whether an answer is on its way that has an end.
    pub(super) fn has_work(&self) -> bool {
        let doing = self.doing();
        match doing.phase {
            Phase::Request => true,
            Phase::Idle(_) => doing.blocked_since.is_some(),
            Phase::Head(_) | Phase::Stream => false,
        }
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.doing().phase = phase;
    }

    /// Bytes came in.
    pub(super) fn received(&self) {
        let mut doing = self.doing();
        if let Phase::Idle(_) = doing.phase {
            doing.phase = Phase::Head(Instant::now());
        }
    }

    /// Bytes went out, or could not.
    pub(super) fn wrote(&self, blocked: bool) {
        let mut doing = self.doing();
        doing.blocked_since = blocked.then(|| doing.blocked_since.unwrap_or_else(Instant::now));
    }

    fn answered(&self) {
        let answers = self.0.answers.fetch_add(1, Ordering::Relaxed) + 1;
        self.0.last_answer.store(answers, Ordering::Relaxed);
    }

    fn doing(&self) -> MutexGuard<'_, Doing> {
        self.0.doing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves a connection until it is closed by either side.
pub(super) async fn run(stream: TcpStream, connection: Connection, router: Router, limits: Arc<Limits>) {
    let socket = Socket::new(stream, connection.clone(), &limits);
    let service = service_fn(|request| {
        let (router, connection) = (router.clone(), connection.clone());
        async move { Ok::<_, Infallible>(answer(router, connection, request).await) }
    });
    let served = http1::Builder::new()
        // A client that has closed its side for sending still wants its answer.
        .half_close(true)
        // hyper takes the same time for a silent connection and for a slow head; this server tells them apart.
        .header_read_timeout(None)
        .max_headers(limits.headers)
        .max_header_size(limits.header_bytes)
        .max_buf_size(BUFFER.max(limits.header_bytes))
        .serve_connection(TokioIo::new(socket), service);
    let mut served = pin!(served);
    // An error is the client's, which was told by hyper if that was possible, or is gone.
    tokio::select! {
        biased;
        () = connection.0.close.notified() => return,
        _ = served.as_mut() => return,
        () = connection.0.finish.notified() => served.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        biased;
        () = connection.0.close.notified() => {}
        _ = served => {}
    }
}

async fn answer(router: Router, connection: Connection, request: Request<Incoming>) -> Response<Body> {
    connection.enter(Phase::Request);
    let (mut head, body) = request.into_parts();
    let (body, read) = RequestBody::new(body);
    head.extensions.insert(connection.clone());
    let answer = router.oneshot(Request::from_parts(head, Body::new(body))).await;
    let mut answer = answer.unwrap_or_else(|never| match never {});
    connection.answered();
    if !read.to_the_end() {
        // hyper closes the connection then, and does not say so.
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if answer.body().size_hint().exact().is_none() {
        connection.enter(Phase::Stream);
    }
    answer.map(|body| Body::new(AnswerBody::new(body, connection)))
}
