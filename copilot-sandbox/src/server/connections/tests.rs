//! Clients good and bad against a small router, over real sockets.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    thread,
    time::Instant,
};

use axum::{
    extract::DefaultBodyLimit,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{get, post},
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
    task::JoinHandle,
};

use super::*;
use crate::server::body;

/// No exchange takes longer, or the test fails.
const PATIENCE: Duration = Duration::from_secs(10);
const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
/// How many bytes `/limited` takes.
const LIMIT: usize = 100_000;

fn router() -> Router {
    Router::new()
        .route("/", get(|| async { "here" }))
        .route("/limited", post(limited))
        .route("/panic", get(|| async { panic!("on purpose") as &str }))
        .route("/slow", get(|| async { time::sleep(Duration::from_millis(500)).await }))
        .route("/hang", get(std::future::pending::<()>))
        .route("/close", get(|| async { axum::Extension(Close).into_response() }))
        .layer(DefaultBodyLimit::disable())
}

/// Answers with the length of the body.
async fn limited(headers: HeaderMap, mut body: Body) -> Response {
    match body::read(&mut body, LIMIT).await {
        Ok(read) => read.len().to_string().into_response(),
        Err(_) => body::refuse(StatusCode::PAYLOAD_TOO_LARGE.into_response(), &headers, &mut body).await,
    }
}

/// A server in threads of its own.
struct Server {
    address: SocketAddr,
    runtime: Runtime,
    stop: oneshot::Sender<()>,
    stopped: JoinHandle<()>,
}

impl Server {
    fn start(limits: Limits) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(async { listen(SocketAddr::from(([127, 0, 0, 1], 0))) }).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopping) = oneshot::channel();
        let stopped = runtime.spawn(serve(listener, router(), limits, async { _ = stopping.await }));
        Self { address, runtime, stop, stopped }
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client(stream)
    }

    /// Stops it, and returns how long that took.
    fn stop(self) -> Duration {
        let begin = Instant::now();
        self.stop.send(()).unwrap();
        self.runtime.block_on(self.stopped).unwrap();
        begin.elapsed()
    }
}

struct Client(TcpStream);

impl Client {
    fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.0.write_all(bytes.as_ref()).unwrap();
        self
    }

    fn get(&mut self, path: &str) -> &mut Self {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
    }

    /// Reads the head of an answer, in lower case, and its body.
    fn answer(&mut self) -> (String, String) {
        let mut read = Vec::new();
        loop {
            let mut byte = [0];
            assert_eq!(self.0.read(&mut byte).unwrap(), 1, "closed after {read:?}");
            read.push(byte[0]);
            if read.ends_with(b"\r\n\r\n") {
                break;
            }
        }
        let head = String::from_utf8(read).unwrap().to_lowercase();
        let length = head.split("content-length: ").nth(1).map_or("0", |rest| rest.lines().next().unwrap());
        let mut body = vec![0; length.parse().unwrap()];
        self.0.read_exact(&mut body).unwrap();
        (head, String::from_utf8(body).unwrap())
    }

    fn status(&mut self) -> u16 {
        self.answer().0.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Waits for the end of the connection, before which nothing may come.
    fn assert_closed(&mut self) {
        assert_eq!(self.0.read(&mut [0; 100]).unwrap(), 0);
    }

    fn is_open(&self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        let open = matches!(self.0.peek(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock);
        self.0.set_nonblocking(false).unwrap();
        open
    }
}

#[test]
fn silent_slow_and_idle_connections_are_closed_in_time() {
    let limits = Limits { header_time: Duration::from_millis(400), ..Limits::default() };
    let server = Server::start(limits.clone());
    let [mut silent, mut slow, mut idle, mut hanging] = std::array::from_fn(|_| server.connect());
    let begin = Instant::now();
    slow.send("GET / HTTP/1.1\r\nX: ");
    assert_eq!(idle.send(GET).status(), 200);
    hanging.get("/slow");
    for client in [&mut silent, &mut slow, &mut idle] {
        client.assert_closed();
    }
    let taken = begin.elapsed();
    assert!(taken >= limits.header_time && taken < limits.header_time * 3, "{taken:?}");
    assert_eq!(hanging.status(), 200, "a request may take longer");
}

#[test]
fn heads_are_limited_in_bytes_and_in_number() {
    let server = Server::start(Limits::default());
    let with = |headers: String| server.connect().send(format!("GET / HTTP/1.1\r\n{headers}\r\n")).status();
    assert_eq!(with("X: y\r\n".repeat(64)), 200);
    assert_eq!(with("X: y\r\n".repeat(65)), 431);
    assert_eq!(with(format!("X: {}\r\n", "y".repeat(16_000))), 200);
    assert_eq!(with(format!("X: {}\r\n", "y".repeat(16 << 10))), 431);
}

#[test]
fn a_client_that_closed_its_side_is_answered() {
    let server = Server::start(Limits::default());
    let mut client = server.connect();
    client.get("/slow").0.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.status(), 200);
    client.assert_closed();
}

#[test]
fn of_too_many_connections_the_one_that_was_idle_for_longest_is_closed() {
    let server = Server::start(Limits { connections: 4, ..Limits::default() });
    let [mut good, mut busy, mut old, mut new] = std::array::from_fn(|_| server.connect());
    busy.get("/slow");
    for client in [&mut good, &mut old, &mut new] {
        assert_eq!(client.send(GET).status(), 200);
    }
    assert_eq!(good.send(GET).status(), 200);
    assert_eq!(server.connect().send(GET).status(), 200);
    old.assert_closed();
    assert!(new.is_open());
    assert_eq!((good.send(GET).status(), busy.status()), (200, 200));

    let idle: Vec<Client> = (0..50).map(|_| server.connect()).collect();
    assert_eq!(server.connect().send(GET).status(), 200);
    thread::sleep(Duration::from_millis(100));
    assert!(idle.iter().filter(|idle| idle.is_open()).count() <= 4);
}

#[test]
fn a_handler_that_panics_ends_its_connection_only() {
    let server = Server::start(Limits::default());
    let mut other = server.connect();
    assert_eq!(other.send(GET).status(), 200);
    server.connect().get("/panic").assert_closed();
    assert_eq!(other.send(GET).status(), 200);
}

#[test]
fn a_handler_can_close_its_connection_without_an_answer() {
    let server = Server::start(Limits::default());
    let mut client = server.connect();
    assert_eq!(client.send(GET).status(), 200);
    client.get("/close").assert_closed();
}

#[test]
fn bodies_up_to_the_limit_are_read_and_greater_ones_get_a_413_that_can_be_read() {
    let server = Server::start(Limits::default());
    let with_length = |length: usize, sent: usize| {
        let head = format!("POST /limited HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
        [head.into_bytes(), vec![b'x'; sent]].concat()
    };
    let chunked = |chunks: usize| {
        let chunk = format!("{LIMIT:x}\r\n{}\r\n", "x".repeat(LIMIT)).repeat(chunks);
        format!("POST /limited HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n").into_bytes()
    };
    let mut client = server.connect();
    for good in [with_length(LIMIT, LIMIT), chunked(1)] {
        assert_eq!(client.send(good).answer().1, LIMIT.to_string());
    }
    // Read to its end, so the connection goes on.
    for large in [with_length(LIMIT + 1, LIMIT + 1), with_length(7 << 20, 7 << 20), chunked(70)] {
        assert_eq!(client.send(large).status(), 413);
    }
    let tiny = format!("Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n", "1\r\nx\r\n".repeat(LIMIT / 10));
    assert_eq!(client.send(format!("POST /limited HTTP/1.1\r\n{tiny}")).status(), 413, "in pieces");
    let mut client = server.connect();
    let (head, _) = client.send(with_length(1_000_000_000, 2 << 20)).answer();
    assert!(head.contains(" 413 ") && head.contains("connection: close"), "{head}");

    let expecting =
        format!("POST /limited HTTP/1.1\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n", LIMIT + 1);
    let (head, _) = server.connect().send(expecting).answer();
    assert!(head.contains(" 413 ") && head.contains("connection: close"), "not asked for: {head}");
}

#[test]
fn at_shutdown_running_requests_are_answered_and_all_else_is_closed() {
    let server = Server::start(Limits::default());
    let [mut running, mut idle, mut silent] = std::array::from_fn(|_| server.connect());
    running.get("/slow");
    assert_eq!(idle.send(GET).status(), 200);
    thread::sleep(Duration::from_millis(100));
    let taken = server.stop();
    assert!(taken < Duration::from_secs(1), "{taken:?}");
    assert_eq!(running.status(), 200);
    for client in [&mut running, &mut idle, &mut silent] {
        client.assert_closed();
    }
}

#[test]
fn at_shutdown_a_request_that_does_not_end_is_given_a_grace_only() {
    let server = Server::start(Limits { grace: Duration::from_millis(300), ..Limits::default() });
    let mut client = server.connect();
    client.get("/hang");
    thread::sleep(Duration::from_millis(100));
    let taken = server.stop();
    assert!(taken > Duration::from_millis(200) && taken < Duration::from_secs(1), "{taken:?}");
    client.assert_closed();
}
