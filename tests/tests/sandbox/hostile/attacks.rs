//! Hostile requests that are sent whole, or as far as the sandbox takes them, and what they may be answered with.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// No connection stays open for longer, or the test fails: two seconds more than the sandbox waits for a head.
const PATIENCE: Duration = Duration::from_secs(12);

const BAD: &[u16] = &[400];
const BAD_OR_REJECTED: &[u16] = &[200, 400];
const TOO_LARGE: &[u16] = &[413];
const HEAD_TOO_LARGE: &[u16] = &[400, 431];
const NOT_THERE: &[u16] = &[400, 403, 404, 405];

/// A request.
pub(super) struct Attack {
    /// The kind of hostility, and what is special about this one.
    pub(super) name: String,
    bytes: Vec<u8>,
    /// The statuses that its answer may have; a 200 must reject an event.
    expected: &'static [u16],
}

impl Attack {
    /// Sends it on a fresh connection and reads until the sandbox closes that; the objection to what came, if any.
    pub(super) fn objection(&self, address: &str) -> Option<String> {
        match exchange(address, &self.bytes) {
            Ok(text) => objection(&text, self.expected),
            Err(error) => Some(error.to_string()),
        }
    }
}

/// What is wrong with all that came back: one answer with one of these statuses is right, and so is none.
pub(super) fn objection(text: &str, expected: &[u16]) -> Option<String> {
    // No body of the sandbox has a status line in it.
    let lines = text.split("HTTP/1.").skip(1);
    let statuses: Vec<u16> =
        lines.filter_map(|line| line.get(2..5)?.parse().ok()).filter(|status| *status != 100).collect();
    let is_right = match statuses.as_slice() {
        [] => text.is_empty(),
        [200] if !text.contains("\"error\":") => false,
        [status] => expected.contains(status),
        _ => false,
    };
    (!is_right).then(|| format!("{statuses:?} {text}"))
}

/// All that comes back on a fresh connection until the sandbox closes it.
fn exchange(address: &str, bytes: &[u8]) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // A server may answer, and close, before it has read all.
    let _ = stream.write_all(bytes);
    let mut read = Vec::new();
    match stream.read_to_end(&mut read) {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Err(error),
        _ => Ok(String::from_utf8_lossy(&read).into_owned()),
    }
}

/// All attacks, by kind: each kind is one hostile client.
pub(super) fn attacks(address: &str, authorization: &str) -> Vec<Vec<Attack>> {
    let head = format!(
        "POST /v2/collect HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nAuthorization: {authorization}\r\n"
    );
    let kind = |kind: &str, head: &str, rows: Vec<(&str, Vec<u8>, &'static [u16])>| -> Vec<Attack> {
        let row = |(name, rest, expected): (&str, Vec<u8>, _)| {
            let bytes = [head.as_bytes(), &rest].concat();
            Attack { name: format!("{kind}, {name}"), bytes, expected }
        };
        rows.into_iter().map(row).collect()
    };
    let closing = format!("{head}Connection: close\r\n");
    vec![
        kind("huge length", &closing, lengths()),
        kind("endless chunks", &closing, chunks()),
        kind("deep JSON", &closing, deep_json()),
        kind("no UTF-8", &closing, no_utf8()),
        kind("header bomb", &closing, header_bombs()),
        kind("path trick", "", path_tricks(&closing)),
        // The connection is kept: an answer to the inner request would show.
        kind("smuggling", &head, smuggling(address)),
    ]
}

type Rows = Vec<(&'static str, Vec<u8>, &'static [u16])>;

fn lengths() -> Rows {
    let rest = |length: &str, sent: usize| {
        [format!("Content-Length: {length}\r\n\r\n").into_bytes(), vec![b' '; sent]].concat()
    };
    vec![
        ("1 GB, nothing sent", rest("1000000000", 0), TOO_LARGE),
        ("1 GB, 2 MB sent", rest("1000000000", 2 << 20), TOO_LARGE),
        ("more than 64 bits", rest("99999999999999999999", 0), BAD),
    ]
}

fn chunks() -> Rows {
    let rest = |chunk: &str, number| {
        format!("Transfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(number)).into_bytes()
    };
    let large = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    vec![
        // More than the server reads of a body, though it reads on for a while so that its answer can be read.
        ("large ones", rest(&large, 192), TOO_LARGE),
        ("small ones", rest("1\r\n \r\n", 2 << 20), TOO_LARGE),
        ("a size of 17 digits", rest("11111111111111111\r\n", 1), BAD),
        ("trailers", rest(&format!("0\r\n{}", "T: x\r\n".repeat(20_000)), 1), BAD),
    ]
}

fn with_length(body: &[u8]) -> Vec<u8> {
    [format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

fn deep_json() -> Rows {
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    let deep = |before: &str, after: &str| with_length(format!("{before}{open}{close}{after}").as_bytes());
    let event = r#"{"events":[{"type":"thing_connected","event_id":"deep","timestamp":1,"payload":"#;
    vec![("the body", deep("", ""), BAD), ("a payload", deep(event, "}]}"), BAD_OR_REJECTED)]
}

fn no_utf8() -> Rows {
    let event = |id: &[u8]| {
        let before =
            br#"{"events":[{"type":"thing_connected","timestamp":1,"payload":{"thing_id":"x"},"event_id":""#;
        with_length(&[before, id, br#""}]}"#].concat())
    };
    vec![
        ("the body", with_length(&[0xff; 1000]), BAD),
        ("an overlong slash", event(b"\xc0\xaf"), BAD_OR_REJECTED),
        ("a surrogate", event(b"\xed\xa0\x80"), BAD_OR_REJECTED),
        ("a NUL", event(b"\0"), BAD_OR_REJECTED),
    ]
}

fn header_bombs() -> Rows {
    let rest = |headers: String| format!("{headers}\r\n").into_bytes();
    vec![
        ("200,000 headers", rest("X: y\r\n".repeat(200_000)), HEAD_TOO_LARGE),
        ("one that does not end", rest(format!("X: {}", "y".repeat(4 << 20))), HEAD_TOO_LARGE),
        ("a name of no letters", rest("\u{1}\u{2}: y\r\n".to_owned()), BAD),
    ]
}

fn path_tricks(head: &str) -> Rows {
    let (_, headers) = head.split_once("\r\n").expect("a head has lines");
    let lines = [
        "POST /v2/../v2/collect",
        "POST /v2/collect%00",
        "POST /%2e%2e/%2e%2e/etc/passwd",
        "POST *",
        "POST http://other.example/v2/collect",
        "CONNECT 127.0.0.1:80",
        "GET /_sandbox/page/%2e%2e/%2e%2e/Cargo.toml",
        "GET /_sandbox/events/99999999999999999999999999",
    ];
    lines
        .map(|line| {
            (line, format!("{line} HTTP/1.1\r\n{headers}Content-Length: 2\r\n\r\n{{}}").into(), NOT_THERE)
        })
        .into()
}

/// A reset of the sandbox, behind a request whose end can be read in two ways.
fn smuggling(address: &str) -> Rows {
    let inner = format!("POST /_sandbox/reset HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\n\r\n");
    let rows = [
        ("two lengths", "Content-Length: 0\r\nContent-Length: 90\r\n\r\n"),
        ("a length and chunks", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("chunks that are not last", "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        ("a space before the colon", "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
        ("a bare CR in a header", "X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("a bare LF after a size", "Transfer-Encoding: chunked\r\n\r\n0\n\r\n"),
    ];
    rows.map(|(name, rest)| (name, format!("{rest}{inner}").into_bytes(), BAD)).into()
}
