//! Bodies of all kinds over real sockets.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::{
    io::Write,
    net::Shutdown,
    thread,
    time::{Duration, Instant},
};

use axum::{Router, body::Body, http::StatusCode, routing::post};

use super::{BodyError, PIECE, read};
use crate::http::connections::{
    Limits,
    tests::{Client, End, Server},
};

const LIMIT: usize = 100_000;
const TIME: Duration = Duration::from_millis(500);

/// A server that answers with the length of the body.
fn server() -> Server {
    let answer = |body: Body| async {
        match read(body, LIMIT, TIME).await {
            Ok(body) => (StatusCode::OK, body.len().to_string()),
            Err(BodyError::TooLarge) => (StatusCode::PAYLOAD_TOO_LARGE, String::new()),
            Err(BodyError::TooSlow) => (StatusCode::REQUEST_TIMEOUT, String::new()),
            Err(BodyError::Broken) => (StatusCode::BAD_REQUEST, String::new()),
        }
    };
    Server::start(Router::new().route("/", post(answer)), Limits::default())
}

fn with_length(length: usize, body: usize) -> Vec<u8> {
    let mut request = format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    request.resize(request.len() + body, b'x');
    request
}

fn chunked() -> &'static str {
    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
}

fn chunk(length: usize) -> String {
    format!("{length:x}\r\n{}\r\n", "x".repeat(length))
}

/// Sends the bytes, and asserts the answer and that the connection goes on after it only if the body was read.
fn assert_answer(client: &mut Client, bytes: impl AsRef<[u8]>, status: u16, body: &str) {
    let answer = client.send(bytes).answer();
    assert_eq!((answer.status, answer.body.as_str(), answer.closes()), (status, body, status != 200));
}

#[test]
fn a_body_up_to_the_limit_is_read_whole() {
    let server = server();
    let mut client = server.connect();
    assert_answer(&mut client, with_length(0, 0), 200, "0");
    assert_answer(&mut client, with_length(5, 5), 200, "5");
    assert_answer(&mut client, with_length(LIMIT, LIMIT), 200, "100000");
    client.send(chunked());
    for _ in 0..10 {
        client.send(chunk(LIMIT / 10));
    }
    assert_answer(&mut client, "0\r\n\r\n", 200, "100000");
    client.send(chunked()).send("1\r\nx\r\n".repeat(LIMIT / PIECE));
    assert_answer(&mut client, "0\r\nTrailer: x\r\n\r\n", 200, "6250");
}

#[test]
fn a_body_in_very_many_pieces_is_rejected() {
    let server = server();
    let mut client = server.connect();
    client.send(chunked()).send("1\r\nx\r\n".repeat(LIMIT / PIECE + 2));
    assert_answer(&mut client, "", 413, "");
}

#[test]
fn a_body_that_says_to_be_larger_is_rejected_unread() {
    let server = server();
    for length in [LIMIT + 1, 1_000_000_000, u64::MAX as usize >> 4] {
        let mut client = server.connect();
        assert_answer(&mut client, with_length(length, 0), 413, "");
        client.stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.end(), End::Closed);
    }
    let mut client = server.connect();
    let expecting =
        format!("POST / HTTP/1.1\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n", LIMIT + 1);
    assert_answer(&mut client, expecting, 413, "");
}

#[test]
fn a_client_that_sends_a_body_that_is_too_large_to_its_end_can_read_the_rejection() {
    let server = server();
    let mut client = server.connect();
    assert_answer(&mut client, with_length(LIMIT + 1, LIMIT + 1), 413, "");
    assert_eq!(client.end(), End::Closed);
    let mut client = server.connect();
    assert_answer(&mut client, with_length(7 << 20, 7 << 20), 413, "");
    assert_eq!(client.end(), End::Closed);
    let mut client = server.connect();
    client.send(chunked());
    for _ in 0..70 {
        client.send(chunk(LIMIT));
    }
    assert_answer(&mut client, "0\r\n\r\n", 413, "");
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn a_body_without_an_end_is_rejected_at_the_limit() {
    let server = server();
    let mut client = server.connect();
    client.send(chunked()).send(chunk(LIMIT));
    assert_answer(&mut client, chunk(1), 413, "");
    let begin = Instant::now();
    while client.stream.write_all(chunk(1000).as_bytes()).is_ok() {
        assert!(begin.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn a_slow_body_is_rejected_however_steadily_it_drips() {
    let server = server();
    let begin = Instant::now();
    let mut silent = server.connect();
    silent.send(with_length(5, 3));
    let mut dripping = server.connect();
    dripping.send(with_length(1000, 0));
    for _ in 0..5 {
        thread::sleep(TIME / 10);
        dripping.send("x");
    }
    assert_answer(&mut silent, "", 408, "");
    assert_answer(&mut dripping, "", 408, "");
    let taken = begin.elapsed();
    assert!(taken >= TIME && taken < TIME * 2, "{taken:?}");
}

#[test]
fn a_body_that_ends_early_or_has_malformed_chunks_is_broken() {
    let server = server();
    let mut client = server.connect();
    client.send(with_length(5, 3)).stream.shutdown(Shutdown::Write).unwrap();
    assert_answer(&mut client, "", 400, "");
    let mut client = server.connect();
    client.send(chunked()).send("5\r\nabc").stream.shutdown(Shutdown::Write).unwrap();
    assert_answer(&mut client, "", 400, "");
    for chunks in ["x\r\n", "5 5\r\n", "-1\r\n", "fffffffffffffffff\r\n", "1\r\nabc\r\n"] {
        let mut client = server.connect();
        assert_answer(&mut client, format!("{}{chunks}", chunked()), 400, "");
    }
}
