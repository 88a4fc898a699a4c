//! Servers on this machine that misbehave by a script, and remember what came to them.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use crate::failure::Failure;

/// Pauses between the bytes of an answer that never ends: shorter than any client waits for a byte.
const DRIP: Duration = Duration::from_millis(200);
/// No client takes longer between two parts of its request.
const PATIENCE: Duration = Duration::from_secs(20);
/// Requests of the clients under test are far smaller.
const LONGEST_REQUEST: usize = 1024 * 1024;

/// What a server does with every request.
pub(super) enum Answer {
    /// Sends this, whatever it is, and closes the connection.
    Text(String),
    /// Sends nothing, and keeps the connection open.
    Silence,
    /// Sends the head of a 200, and its body byte by byte for ever.
    Drip,
}

/// Listens on 127.0.0.1 until it is dropped.
pub(super) struct Server {
    address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    stops: AtomicBool,
    connections: AtomicUsize,
    requests: Mutex<Vec<String>>,
}

impl Server {
    pub(super) fn start(answer: Answer) -> Result<Self, Failure> {
        let (listener, address) = listen()?;
        let seen = Arc::new(Seen::default());
        let (shared, answer) = (Arc::clone(&seen), Arc::new(answer));
        thread::spawn(move || {
            for line in listener.incoming().map_while(Result::ok) {
                if shared.stops.load(Ordering::SeqCst) {
                    break;
                }
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let (shared, answer) = (Arc::clone(&shared), Arc::clone(&answer));
                // A client that goes away ends it, which is no fault of the server.
                thread::spawn(move || serve(line, &answer, &shared));
            }
        });
        Ok(Self { address, seen })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections were made.
    pub(super) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// The requests that arrived whole, heads and bodies.
    pub(super) fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.seen.stops.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for a connection.
        let _ = TcpStream::connect(self.address);
    }
}

/// The URL of a port that nobody listens on.
pub(super) fn closed_url() -> Result<String, Failure> {
    Ok(format!("http://{}", listen()?.1))
}

fn listen() -> Result<(TcpListener, SocketAddr), Failure> {
    let listen = || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    listen().map_err(|error: io::Error| Failure::Unexpected(format!("no port to listen on: {error}")))
}

fn serve(mut line: TcpStream, answer: &Answer, seen: &Seen) -> io::Result<()> {
    line.set_read_timeout(Some(PATIENCE))?;
    let request = read(&mut line)?;
    seen.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    match answer {
        Answer::Text(text) => line.write_all(text.as_bytes()),
        Answer::Silence => {
            line.set_read_timeout(None)?;
            // Until the client gives up.
            line.read(&mut [0]).map(drop)
        }
        Answer::Drip => {
            line.write_all(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n",
            )?;
            loop {
                line.write_all(b" ")?;
                thread::sleep(DRIP);
            }
        }
    }
}

/// A whole request.
fn read(line: &mut TcpStream) -> io::Result<String> {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    while !is_whole(&request) {
        let count = line.read(&mut part)?;
        if count == 0 || request.len() > LONGEST_REQUEST {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        request.extend_from_slice(part.get(..count).unwrap_or_default());
    }
    Ok(String::from_utf8_lossy(&request).into_owned())
}

fn is_whole(request: &[u8]) -> bool {
    let end = b"\r\n\r\n";
    let Some(head) = request.windows(end.len()).position(|bytes| bytes == end) else { return false };
    let (head, rest) = request.split_at(head);
    let body = rest.get(end.len()..).unwrap_or_default();
    let head = String::from_utf8_lossy(head);
    let field = |name: &str| {
        let mut fields = head.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    match field("Content-Length") {
        Some(length) => length.parse().is_ok_and(|length: usize| body.len() >= length),
        None => field("Transfer-Encoding").is_none() || body.ends_with(b"0\r\n\r\n"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_request_is_whole_with_its_body() {
        assert!(is_whole(b"GET / HTTP/1.1\r\n\r\n"));
        assert!(is_whole(b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nok"));
        assert!(is_whole(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"));
        for part in [
            "POST / HTTP/1.1\r\nContent-Length: 2\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\no",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
        ] {
            assert!(!is_whole(part.as_bytes()), "{part}");
        }
    }

    #[test]
    fn a_server_answers_by_its_script_and_remembers() {
        let server = Server::start(Answer::Text("anything".to_owned())).unwrap();
        let mut line = TcpStream::connect(server.address).unwrap();
        line.write_all(b"GET /x HTTP/1.1\r\n\r\n").unwrap();
        let mut answer = String::new();
        line.read_to_string(&mut answer).unwrap();
        assert_eq!((answer.as_str(), server.connections()), ("anything", 1));
        assert_eq!(server.requests(), ["GET /x HTTP/1.1\r\n\r\n"]);
        let address = server.address;
        drop(server);
        // The listener goes with its thread, shortly after.
        let gone = (0..100).any(|_| {
            thread::sleep(Duration::from_millis(20));
            TcpStream::connect(address).is_err()
        });
        assert!(gone);
    }
}
