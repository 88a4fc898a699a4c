//! Clients good and bad against a small router, over real sockets.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod exchange;

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    thread,
    time::{Duration, Instant},
};

use axum::{
    Extension, Router,
    body::{Body, Bytes},
    extract::DefaultBodyLimit,
    http::StatusCode,
    routing::{get, post},
};
use futures_util::{StreamExt, stream};

use super::{Connection, Limits};

use exchange::PATIENCE;
pub(crate) use exchange::{Client, End, Server};

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

fn router() -> Router {
    Router::new()
        .route("/", get(|| async { "here" }))
        .route("/echo", post(|body: Bytes| async { body }))
        .route("/unread", post(|| async { (StatusCode::UNAUTHORIZED, "no") }))
        .route("/panic", get(|| async { panic!("on purpose") as &str }))
        .route("/slow", get(|| async { tokio::time::sleep(Duration::from_millis(500)).await }))
        .route("/hang", get(std::future::pending::<()>))
        .route("/large", get(|| async { vec![b'x'; 32 << 20] }))
        .route("/stream", get(|| async { Body::from_stream(first_and_nothing_more()) }))
        .route("/close", get(close))
        .layer(DefaultBodyLimit::disable())
}

async fn close(Extension(connection): Extension<Connection>) -> &'static str {
    match connection.close().await {}
}

fn first_and_nothing_more() -> impl futures_util::Stream<Item = Result<&'static str, std::io::Error>> {
    stream::iter([Ok("first")]).chain(stream::pending())
}

/// Limits that need no patience.
fn brief() -> Limits {
    let time = Duration::from_millis(400);
    Limits { header_time: time, idle_time: time * 5, write_time: time, ..Limits::default() }
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}

#[test]
fn a_connection_carries_many_requests() {
    let server = Server::start(router(), Limits::default());
    let mut client = server.connect();
    for _ in 0..10 {
        let answer = client.send("POST /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello").answer();
        assert_eq!((answer.status, answer.body.as_str(), answer.closes()), (200, "hello", false));
    }
    client.send(GET.repeat(3));
    assert_eq!([client.answer().status, client.answer().status, client.answer().status], [200; 3]);
}

#[test]
fn a_connection_is_closed_when_the_client_asks_for_it() {
    let server = Server::start(router(), Limits::default());
    let mut client = server.connect();
    assert!(client.send("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").answer().closes());
    assert_eq!(client.end(), End::Closed);
    let mut client = server.connect();
    assert_eq!(client.send("GET / HTTP/1.0\r\n\r\n").answer().body, "here");
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn a_silent_connection_and_a_slow_head_are_closed_in_time() {
    let server = Server::start(router(), brief());
    let begin = Instant::now();
    let mut silent = server.connect();
    let mut slow = server.connect();
    let dripping = slow.stream.try_clone().unwrap();
    thread::spawn(move || {
        let mut dripping = &dripping;
        dripping.write_all(b"GET / HTTP/1.1\r\nX: ").unwrap();
        while dripping.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    silent.end();
    slow.end();
    let taken = begin.elapsed();
    assert!(taken >= brief().header_time && taken < brief().header_time * 3, "{taken:?}");
}

#[test]
fn a_further_request_may_come_later_than_a_head_may_take_but_not_be_slow_itself() {
    let server = Server::start(router(), brief());
    let mut client = server.connect();
    let mut idle = server.connect();
    client.send(GET).answer();
    idle.send(GET).answer();
    thread::sleep(brief().header_time * 2);
    assert_eq!(client.send(GET).answer().status, 200);
    let begin = Instant::now();
    assert_eq!(client.send("GET / HT").end(), End::Closed);
    assert!(begin.elapsed() < brief().idle_time / 2);
    assert_eq!(idle.end(), End::Closed);
}

#[test]
fn heads_are_limited_in_bytes_and_in_number() {
    let server = Server::start(router(), Limits::default());
    let with =
        |headers: &str| server.connect().send(format!("GET / HTTP/1.1\r\n{headers}\r\n")).answer().status;
    assert_eq!(with(&"X: y\r\n".repeat(64)), 200);
    assert_eq!(with(&"X: y\r\n".repeat(65)), 431);
    assert_eq!(with(&format!("X: {}\r\n", "y".repeat(16_000))), 200);
    assert_eq!(with(&format!("X: {}\r\n", "y".repeat(16 << 10))), 431);
}

#[test]
fn a_client_that_sends_on_and_on_can_read_that_its_head_is_too_large() {
    let server = Server::start(router(), Limits::default());
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nX: ").send(vec![b'y'; 4 << 20]);
    assert_eq!(client.answer().status, 431);
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn what_is_no_http_is_answered_with_400() {
    let server = Server::start(router(), Limits::default());
    for request in [
        "\0\0\0\0\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET /\x01 HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nSpace : x\r\n\r\n",
        "POST /echo HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "POST /echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let mut client = server.connect();
        assert_eq!(client.send(request).answer().status, 400, "{request:?}");
        client.stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.end(), End::Closed, "{request:?}");
    }
}

#[test]
fn a_client_that_closed_its_side_is_answered() {
    let server = Server::start(router(), Limits::default());
    let mut client = server.connect();
    client.send(request("/slow"));
    client.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.answer().status, 200);
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn idle_connections_keep_no_good_client_out() {
    let server = Server::start(router(), Limits { connections: 8, ..Limits::default() });
    let mut good = server.connect();
    good.send(GET).answer();
    let idle: Vec<Client> = (0..50).map(|_| server.connect()).collect();
    let mut fresh = server.connect();
    assert_eq!(fresh.send(GET).answer().status, 200);
    assert_eq!(good.send(GET).answer().status, 200);
    thread::sleep(Duration::from_millis(100));
    let open: Vec<usize> = (0..50).filter(|at| idle[*at].is_open()).collect();
    assert_eq!(open, [44, 45, 46, 47, 48, 49], "the newest stay");
}

#[test]
fn of_connections_with_answers_the_one_with_the_oldest_is_closed() {
    let server = Server::start(router(), Limits { connections: 3, ..Limits::default() });
    let [mut first, mut second, mut third] = [server.connect(), server.connect(), server.connect()];
    for client in [&mut first, &mut second, &mut third] {
        client.send(GET).answer();
    }
    first.send(GET).answer();
    assert_eq!(server.connect().send(GET).answer().status, 200);
    assert_eq!(second.end(), End::Closed);
    assert!(first.is_open() && third.is_open());
    assert_eq!(first.send(GET).answer().status, 200);
}

#[test]
fn a_connection_that_ended_takes_no_place() {
    let server = Server::start(router(), Limits { connections: 3, ..Limits::default() });
    let mut keeps = server.connect();
    keeps.send(GET).answer();
    for _ in 0..20 {
        server.connect().send(GET).answer();
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(keeps.send(GET).answer().status, 200);
}

#[test]
fn a_handler_that_panics_ends_its_connection_only() {
    let server = Server::start(router(), Limits::default());
    let mut other = server.connect();
    other.send(GET).answer();
    let mut client = server.connect();
    assert_eq!(client.send(request("/panic")).end(), End::Closed);
    assert_eq!(other.send(GET).answer().status, 200);
    assert_eq!(server.connect().send(GET).answer().status, 200);
}

#[test]
fn a_handler_can_close_its_connection_without_an_answer() {
    let server = Server::start(router(), Limits::default());
    let mut client = server.connect();
    client.send(GET).answer();
    let begin = Instant::now();
    assert_eq!(client.send(request("/close")).end(), End::Closed);
    assert!(begin.elapsed() < Duration::from_millis(500));
}

#[test]
fn an_answer_to_a_body_that_was_not_read_reaches_a_client_that_sends_it_all_first() {
    let server = Server::start(router(), Limits::default());
    let mut client = server.connect();
    let length = 6 << 20;
    client.send(format!("POST /unread HTTP/1.1\r\nContent-Length: {length}\r\n\r\n"));
    client.send(vec![b'x'; length]);
    let answer = client.answer();
    assert_eq!((answer.status, answer.body.as_str(), answer.closes()), (401, "no", true));
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn a_client_that_never_stops_sending_is_not_listened_to_for_long() {
    let limits = Limits { linger_bytes: 1 << 20, ..Limits::default() };
    let server = Server::start(router(), limits);
    let mut client = server.connect();
    client.send("POST /unread HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n");
    let begin = Instant::now();
    let mut sent = 0;
    while client.stream.write_all(&[b'x'; 4096]).is_ok() {
        sent += 4096;
        assert!(sent < 100_000_000 && begin.elapsed() < PATIENCE);
    }

    let server = Server::start(router(), Limits::default());
    let mut client = server.connect();
    client.send("POST /unread HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n").answer();
    let begin = Instant::now();
    while client.stream.write_all(b"x").is_ok() {
        thread::sleep(Duration::from_millis(10));
    }
    let taken = begin.elapsed();
    let linger = Limits::default().linger_time;
    assert!(taken > linger / 2 && taken < linger * 2, "{taken:?}");
}

#[test]
fn a_body_that_waits_for_100_continue_is_not_asked_for_in_vain() {
    let server = Server::start(router(), Limits::default());
    let expecting =
        |path: &str| format!("POST {path} HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    let mut client = server.connect();
    assert_eq!(client.send(expecting("/echo")).answer().status, 100);
    assert_eq!(client.send("hello").answer().body, "hello");
    let mut client = server.connect();
    let answer = client.send(expecting("/unread")).answer();
    assert_eq!((answer.status, answer.closes()), (401, true));
}

#[test]
fn a_client_that_does_not_take_its_answer_is_closed_in_time() {
    let server = Server::start(router(), brief());
    let mut client = server.connect();
    client.send(request("/large"));
    thread::sleep(brief().write_time * 3);
    let mut read = 0;
    let mut piece = vec![0; 1 << 20];
    while let Ok(length @ 1..) = client.stream.read(&mut piece) {
        read += length;
    }
    assert!(read < 32 << 20, "the whole answer came");
    // One that takes it slowly gets all of it.
    let mut client = server.connect();
    client.send(request("/large"));
    let mut read = 0;
    let begin = Instant::now();
    while read < 32 << 20 {
        let length = client.stream.read(&mut piece[..256 << 10]).unwrap();
        assert_ne!(length, 0, "the answer was cut");
        read += length;
        thread::sleep(Duration::from_millis(6));
    }
    assert!(begin.elapsed() > brief().write_time);
}

#[test]
fn a_stream_is_open_for_longer_than_an_idle_connection() {
    let limits = Limits { idle_time: Duration::from_millis(100), ..brief() };
    let server = Server::start(router(), limits);
    let mut client = server.connect();
    client.send(request("/stream"));
    client.read_through("first\r\n");
    thread::sleep(Duration::from_millis(1500));
    assert!(client.is_open());
}

#[test]
fn at_shutdown_running_requests_are_answered_and_all_else_is_closed() {
    let mut server = Server::start(router(), Limits::default());
    let [mut running, mut streaming, mut idle, mut silent, mut slow] =
        std::array::from_fn(|_| server.connect());
    running.send(request("/slow"));
    streaming.send(request("/stream")).read_through("first\r\n");
    idle.send(GET).answer();
    slow.send("GET / HT");
    thread::sleep(Duration::from_millis(100));
    server.stop();
    let begin = Instant::now();
    assert_eq!(streaming.end(), End::Closed);
    assert_eq!(idle.end(), End::Closed);
    assert_eq!(silent.end(), End::Closed);
    assert_eq!(slow.end(), End::Closed);
    assert!(begin.elapsed() < Duration::from_millis(200));
    let answer = running.answer();
    assert_eq!((answer.status, answer.closes()), (200, true));
    assert_eq!(running.end(), End::Closed);
    drop(running);
    assert!(server.stopped() < Duration::from_secs(1));
    assert!(TcpStream::connect(server.address).is_err());
}

#[test]
fn at_shutdown_a_request_that_does_not_end_is_given_a_grace_only() {
    let mut server =
        Server::start(router(), Limits { grace: Duration::from_millis(300), ..Limits::default() });
    let mut client = server.connect();
    client.send(request("/hang"));
    thread::sleep(Duration::from_millis(100));
    server.stop();
    let taken = server.stopped();
    assert!(taken > Duration::from_millis(200) && taken < Duration::from_secs(1), "{taken:?}");
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn a_server_that_is_dropped_leaves_no_connection() {
    let server = Server::start(router(), Limits::default());
    let mut client = server.connect();
    client.send(GET).answer();
    server.abandon();
    assert_eq!(client.end(), End::Closed);
}
