//! Hostile requests that are sent whole, or as far as the server takes them, and what may come back.

use serde_json::json;

use super::{Outcome, Target};

/// A request, and what it may be answered with.
pub struct Attack {
    /// The kind of hostility.
    pub kind: &'static str,
    /// What is special about this one.
    pub name: String,
    /// All bytes.
    pub bytes: Vec<u8>,
    /// What may come back.
    pub expected: Expected,
}

/// What may come back. The connection may always be closed without an answer.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// The statuses that one answer may have.
    pub statuses: &'static [u16],
    /// Whether a 200 must reject an event.
    pub rejected: bool,
}

impl Expected {
    const fn status(statuses: &'static [u16]) -> Self {
        Self { statuses, rejected: true }
    }

    /// Whether this came back, and nothing besides.
    pub fn allows(&self, outcome: &Outcome) -> bool {
        match outcome.statuses.as_slice() {
            [] => true,
            [200] if self.rejected && !outcome.text.contains("\"error\":") => false,
            [status] => self.statuses.contains(status),
            _ => false,
        }
    }
}

/// All kinds, those with bodies once with credentials and once without.
pub fn attacks(target: &Target) -> Vec<Vec<Attack>> {
    let writer = Writer { target };
    vec![
        writer.huge_lengths(),
        writer.endless_chunks(),
        writer.deep_json(),
        writer.invalid_utf8(),
        writer.duplicate_keys(),
        writer.header_bombs(),
        writer.path_tricks(),
        writer.smuggling(),
    ]
}

struct Writer<'a> {
    target: &'a Target,
}

const BAD_REQUEST: Expected = Expected::status(&[400]);
const TOO_LARGE: Expected = Expected::status(&[413]);
const UNAUTHORIZED: Expected = Expected::status(&[401]);
const HEAD_TOO_LARGE: Expected = Expected::status(&[431]);
const NOT_THERE: Expected = Expected::status(&[400, 403, 404, 405, 414]);
const BAD_OR_REJECTED: Expected = Expected::status(&[200, 400]);

impl Writer<'_> {
    /// The head of a request of `collect` up to its last header, on a connection that the answer ends.
    fn head(&self, with_credentials: bool) -> String {
        let Target { address, authorization } = self.target;
        let authorization =
            if with_credentials { format!("Authorization: {authorization}\r\n") } else { String::new() };
        format!(
            "POST /v2/collect HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{authorization}\
             Content-Type: application/json\r\n"
        )
    }

    /// A body, with credentials and without.
    fn body(&self, kind: &'static str, name: &str, body: &[u8], expected: Expected) -> [Attack; 2] {
        self.rest(
            kind,
            name,
            &[format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat(),
            expected,
        )
    }

    /// What follows the head, with credentials and without.
    fn rest(&self, kind: &'static str, name: &str, rest: &[u8], expected: Expected) -> [Attack; 2] {
        [(true, name.to_owned(), expected), (false, format!("{name}, without credentials"), UNAUTHORIZED)]
            .map(|(with_credentials, name, expected)| {
                let bytes = [self.head(with_credentials).as_bytes(), rest].concat();
                Attack { kind, name, bytes, expected }
            })
    }

    fn huge_lengths(&self) -> Vec<Attack> {
        let rest = |length: &str, sent: usize| {
            let mut rest = format!("Content-Length: {length}\r\n\r\n").into_bytes();
            rest.resize(rest.len() + sent, b' ');
            rest
        };
        let kind = "huge Content-Length";
        let mut attacks = Vec::new();
        attacks.extend(self.rest(kind, "1 GB, nothing sent", &rest("1000000000", 0), TOO_LARGE));
        attacks.extend(self.rest(kind, "1 GB, 2 MB sent", &rest("1000000000", 2 << 20), TOO_LARGE));
        attacks.extend(self.rest(kind, "1 EB", &rest("1000000000000000000", 1), TOO_LARGE));
        let no_number = Expected::status(&[400, 413, 431]);
        attacks.push(Attack {
            kind,
            name: "more than 64 bits".to_owned(),
            bytes: [self.head(true).as_bytes(), &rest("99999999999999999999", 0)].concat(),
            expected: no_number,
        });
        attacks
    }

    fn endless_chunks(&self) -> Vec<Attack> {
        let chunks =
            |chunk: &str, number| format!("Transfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(number));
        let large = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
        let kind = "endless chunks";
        let mut attacks = Vec::new();
        // More than the server reads of a body, though it reads on for a while so that its answer can be read.
        attacks.extend(self.rest(kind, "large ones", chunks(&large, 192).as_bytes(), TOO_LARGE));
        attacks.extend(self.rest(kind, "small ones", chunks("1\r\n \r\n", 2 << 20).as_bytes(), TOO_LARGE));
        let long = format!("1;{}\r\n \r\n", "x".repeat(100_000));
        attacks.extend(self.rest(kind, "a long extension", chunks(&long, 1).as_bytes(), BAD_REQUEST));
        attacks.extend(self.rest(
            kind,
            "a size of 17 digits",
            chunks("11111111111111111\r\n", 1).as_bytes(),
            BAD_REQUEST,
        ));
        let trailers = chunks(&format!("0\r\n{}", "T: x\r\n".repeat(20_000)), 1);
        attacks.extend(self.rest(kind, "trailers", trailers.as_bytes(), BAD_REQUEST));
        attacks
    }

    fn deep_json(&self) -> Vec<Attack> {
        let deep = |before: &str, after: &str| {
            let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
            format!("{before}{open}{close}{after}")
        };
        let event = r#"{"events":[{"type":"thing_connected","event_id":"deep","timestamp":1,"payload":"#;
        let objects = format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
        let kind = "deep JSON";
        let mut attacks = Vec::new();
        attacks.extend(self.body(kind, "the body", deep("", "").as_bytes(), BAD_REQUEST));
        attacks.extend(self.body(kind, "an unclosed body", "[".repeat(100_000).as_bytes(), BAD_REQUEST));
        attacks.extend(self.body(kind, "the events", deep(r#"{"events":"#, "}").as_bytes(), BAD_OR_REJECTED));
        attacks.extend(self.body(kind, "a payload", deep(event, "}]}").as_bytes(), BAD_OR_REJECTED));
        attacks.extend(self.body(kind, "objects", objects.as_bytes(), BAD_REQUEST));
        attacks.extend(self.body(
            kind,
            "an unknown member",
            deep(r#"{"other":"#, "}").as_bytes(),
            BAD_REQUEST,
        ));
        attacks
    }

    fn invalid_utf8(&self) -> Vec<Attack> {
        let kind = "invalid UTF-8";
        let event = |id: &[u8]| {
            let before = br#"{"events":[{"type":"thing_connected","timestamp":1,"payload":{"thing_id":"x"},"event_id":""#;
            [before, id, br#""}]}"#].concat()
        };
        let mut attacks = Vec::new();
        attacks.extend(self.body(kind, "the body", &[0xff; 1000], BAD_REQUEST));
        attacks.extend(self.body(kind, "a lone continuation", &event(b"\x80"), BAD_OR_REJECTED));
        attacks.extend(self.body(kind, "an overlong slash", &event(b"\xc0\xaf"), BAD_OR_REJECTED));
        attacks.extend(self.body(kind, "a surrogate", &event(b"\xed\xa0\x80"), BAD_OR_REJECTED));
        attacks.extend(self.body(kind, "an escaped lone surrogate", &event(br"\ud800"), BAD_OR_REJECTED));
        attacks.extend(self.body(kind, "an escaped NUL", &event(br"\u0000"), BAD_OR_REJECTED));
        attacks.extend(self.body(kind, "a NUL", &event(b"\0"), BAD_OR_REJECTED));
        attacks.push(Attack {
            kind,
            name: "the credentials".to_owned(),
            bytes: [
                self.head(false).as_bytes(),
                b"Authorization: Basic \xff\xfe\r\nContent-Length: 2\r\n\r\n{}",
            ]
            .concat(),
            expected: Expected::status(&[400, 401]),
        });
        attacks
    }

    fn duplicate_keys(&self) -> Vec<Attack> {
        let kind = "duplicate keys";
        let event = json!({ "type": "thing_connected", "event_id": "twice", "timestamp": 1, "payload": {} })
            .to_string();
        let any = Expected { statuses: &[200, 400], rejected: false };
        let twice = format!(r#"{{"events":[{event}],"events":[{event}]}}"#);
        let inside = event.replacen('{', r#"{"type":"user_created","event_id":"other","#, 1);
        let many = format!(r#"{{{}"events":[]}}"#, r#""events":[],"#.repeat(50_000));
        let mut attacks = Vec::new();
        attacks.extend(self.body(kind, "of the request", twice.as_bytes(), BAD_OR_REJECTED));
        attacks.extend(self.body(kind, "of an event", format!(r#"{{"events":[{inside}]}}"#).as_bytes(), any));
        attacks.extend(self.body(kind, "50,000 times", many.as_bytes(), any));
        attacks
    }

    fn header_bombs(&self) -> Vec<Attack> {
        let attack = |name: &str, headers: String, expected| Attack {
            kind: "header bomb",
            name: name.to_owned(),
            bytes: format!("{}{headers}\r\n", self.head(true)).into_bytes(),
            expected,
        };
        vec![
            attack("1,000 headers", "X: y\r\n".repeat(1000), HEAD_TOO_LARGE),
            attack("one of 1 MB", format!("X: {}\r\n", "y".repeat(1 << 20)), HEAD_TOO_LARGE),
            attack("one that does not end", format!("X: {}", "y".repeat(4 << 20)), HEAD_TOO_LARGE),
            attack(
                "a name of 1 MB",
                format!("{}: y\r\n", "x".repeat(1 << 20)),
                Expected::status(&[400, 431]),
            ),
            attack("200,000 headers", "X: y\r\n".repeat(200_000), HEAD_TOO_LARGE),
            attack("a name of no letters", "\u{1}\u{2}: y\r\n".to_owned(), BAD_REQUEST),
            attack("no colon", "X\r\n".to_owned(), BAD_REQUEST),
        ]
    }

    fn path_tricks(&self) -> Vec<Attack> {
        let Target { address, authorization } = self.target;
        let attack = |line: &str, expected| {
            let shown: String = line.chars().take(60).collect();
            let bytes = format!(
                "{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: {authorization}\r\n\
                 Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
            );
            Attack { kind: "path trick", name: shown, bytes: bytes.into_bytes(), expected }
        };
        let mut attacks: Vec<Attack> = [
            "POST /v2/../v2/collect",
            "POST /../v2/collect",
            "POST //v2//collect",
            "POST /v2/./collect",
            "POST /v2/collect/",
            "POST /V2/Collect",
            "POST /v2/collect%00",
            "POST /v2/collect%2e%2e",
            "POST /v2%2fcollect",
            "POST /v2/collect;x=y",
            "POST /%2e%2e/%2e%2e/etc/passwd",
            "POST *",
            "POST v2/collect",
            "POST /v2/collect\\..\\collect",
            "GET /v2/collect",
            "DELETE /v2/collect",
            "PRI *",
            "CONNECT 127.0.0.1:80",
            "TRACE /v2/collect",
            "GET /_sandbox/page/../../Cargo.toml",
            "GET /_sandbox/page/..%2f..%2fCargo.toml",
            "GET /_sandbox/page/%2e%2e/%2e%2e/Cargo.toml",
            "GET /_sandbox/page/%00",
            "GET /_sandbox/page//etc/passwd",
            "GET /_sandbox/events/%ff",
            "GET /_sandbox/events/99999999999999999999999999",
            "GET /_sandbox/events/-1",
            "GET /_sandbox/users/%ff%fe",
            "GET /_sandbox/things/..%2f..%2f",
        ]
        .into_iter()
        .map(|line| attack(line, NOT_THERE))
        .collect();
        attacks.push(attack(&format!("POST /{}", "x".repeat(8000)), NOT_THERE));
        attacks.push(attack(&format!("POST /{}", "x/".repeat(100_000)), Expected::status(&[414, 431])));
        // An absolute form names the resource too: `{}` lacks the events, or the host is another's.
        attacks.push(attack("POST http://other.example/v2/collect", Expected::status(&[400, 403, 421])));
        attacks.push(attack(&format!("POST http://{address}/v2/collect"), BAD_REQUEST));
        attacks.push(attack("POST http://[::1/v2/collect", BAD_REQUEST));
        attacks.push(attack("POST /v2/collect?\u{1}", BAD_REQUEST));
        attacks
    }

    fn smuggling(&self) -> Vec<Attack> {
        let inner = format!(
            "POST /_sandbox/reset HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\n\r\n",
            self.target.address
        );
        let attack = |name: &str, rest: &str, expected| Attack {
            kind: "smuggling",
            name: name.to_owned(),
            // The connection is to be kept: an answer to the inner request would show.
            bytes: format!("{}{rest}{inner}", self.head(true).replace("Connection: close\r\n", ""))
                .into_bytes(),
            expected,
        };
        let bad = |name, rest| attack(name, rest, BAD_REQUEST);
        let bare = self.head(true).replace("\r\n", "\n");
        vec![
            bad("two lengths", "Content-Length: 0\r\nContent-Length: 90\r\n\r\n"),
            bad("a list of lengths", "Content-Length: 0, 90\r\n\r\n"),
            bad("a signed length", "Content-Length: +0\r\n\r\n"),
            bad("a length and chunks", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            bad("chunks and a length", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
            bad("chunks that are not last", "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
            bad("chunks that are not chunks", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
            bad("a space before the colon", "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
            bad("a folded header", "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
            bad("a bare CR in a header", "X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            bad("a NUL in a header", "X: y\0\r\n\r\n"),
            bad("a bare LF after a size", "Transfer-Encoding: chunked\r\n\r\n0\n\r\n"),
            Attack {
                kind: "smuggling",
                name: "bare LFs".to_owned(),
                bytes: format!("{bare}Content-Length: 0\n\n").into_bytes(),
                expected: BAD_REQUEST,
            },
        ]
    }
}
