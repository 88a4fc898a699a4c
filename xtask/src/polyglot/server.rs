//! Servers on this machine that do what they are told, and remember what came to them.

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
    /// Asks the server at this address, and hands its answer on.
    Relay(String),
    /// Sends nothing, and keeps the connection open.
    Silence,
    /// Sends the head of a 200, and its body byte by byte for ever.
    Drip,
}

/// Listens on 127.0.0.1 until it is dropped.
pub(super) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    answer: Mutex<Arc<Answer>>,
    stops: AtomicBool,
    connections: AtomicUsize,
    requests: Mutex<Vec<Request>>,
}

/// A request that arrived whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// A field of its head.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

impl Server {
    pub(super) fn start(answer: Answer) -> Result<Self, Failure> {
        let (listener, address) = listen()?;
        let shared = Arc::new(Shared {
            answer: Mutex::new(Arc::new(answer)),
            stops: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            requests: Mutex::new(Vec::new()),
        });
        let server = Self { address, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            for line in listener.incoming().map_while(Result::ok) {
                if shared.stops.load(Ordering::SeqCst) {
                    break;
                }
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let shared = Arc::clone(&shared);
                // A client that goes away ends it, which is no fault of the server.
                thread::spawn(move || serve(line, &shared));
            }
        });
        Ok(server)
    }

    /// What it does from now on.
    pub(super) fn set(&self, answer: Answer) {
        *self.shared.answer.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(answer);
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections were made.
    pub(super) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The requests since this was called the last time.
    pub(super) fn take(&self) -> Vec<Request> {
        std::mem::take(&mut *self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stops.store(true, Ordering::SeqCst);
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

fn serve(mut line: TcpStream, shared: &Shared) -> io::Result<()> {
    line.set_read_timeout(Some(PATIENCE))?;
    let request = read(&mut line)?;
    let answer = Arc::clone(&shared.answer.lock().unwrap_or_else(PoisonError::into_inner));
    shared.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
    match &*answer {
        Answer::Text(text) => line.write_all(text.as_bytes()),
        Answer::Relay(address) => relay(&request, address, &mut line),
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

/// Sends the request to the address, and its answer to the line.
fn relay(request: &Request, address: &str, line: &mut TcpStream) -> io::Result<()> {
    let mut server = TcpStream::connect(address)?;
    let own = ["connection", "content-length", "transfer-encoding"];
    for field in request.head.lines() {
        let name = field.split(':').next().unwrap_or_default().to_lowercase();
        if !own.contains(&name.as_str()) {
            write!(server, "{field}\r\n")?;
        }
    }
    write!(server, "Connection: close\r\nContent-Length: {}\r\n\r\n", request.body.len())?;
    server.write_all(&request.body)?;
    io::copy(&mut server, line).map(drop)
}

fn read(line: &mut TcpStream) -> io::Result<Request> {
    let mut text = Vec::new();
    let mut part = [0; 4096];
    loop {
        if let Some(request) = whole(&text) {
            return Ok(request);
        }
        let count = line.read(&mut part)?;
        if count == 0 || text.len() > LONGEST_REQUEST {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        text.extend_from_slice(part.get(..count).unwrap_or_default());
    }
}

/// The request, if all of it has arrived.
fn whole(text: &[u8]) -> Option<Request> {
    let (head, rest) = split(text, b"\r\n\r\n")?;
    let mut request = Request { head: String::from_utf8_lossy(head).into_owned(), body: Vec::new() };
    if request.field("Transfer-Encoding").is_some() {
        request.body = unchunked(rest)?;
    } else {
        let length = request.field("Content-Length").map_or(Some(0), |length| length.parse().ok())?;
        request.body = rest.get(..length)?.to_vec();
    }
    Some(request)
}

/// The body, if its last chunk has arrived.
fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let (size, chunks) = split(rest, b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(size).ok()?, 16).ok()?;
        body.extend_from_slice(chunks.get(..size)?);
        rest = chunks.get(size..)?.strip_prefix(b"\r\n")?;
        if size == 0 {
            return Some(body);
        }
    }
}

/// What stands before the mark, and behind it.
fn split<'t>(text: &'t [u8], mark: &[u8]) -> Option<(&'t [u8], &'t [u8])> {
    let place = text.windows(mark.len()).position(|bytes| bytes == mark)?;
    Some((text.get(..place)?, text.get(place + mark.len()..)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_request_is_whole_with_its_body() {
        for (text, body) in [
            ("GET / HTTP/1.1\r\n\r\n", ""),
            ("POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nok", "ok"),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "ok"),
        ] {
            assert_eq!(whole(text.as_bytes()).unwrap().body, body.as_bytes(), "{text}");
        }
        for part in [
            "POST / HTTP/1.1\r\nContent-Length: 2\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\no",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
        ] {
            assert_eq!(whole(part.as_bytes()), None, "{part}");
        }
    }

    #[test]
    fn a_server_answers_as_told_and_remembers() {
        let server = Server::start(Answer::Text("anything".to_owned())).unwrap();
        let relay = Server::start(Answer::Relay(server.address.to_string())).unwrap();
        let ask = |address| {
            let mut line = TcpStream::connect(address).unwrap();
            line.write_all(b"GET /x HTTP/1.1\r\nA: b\r\n\r\n").unwrap();
            let mut answer = String::new();
            line.read_to_string(&mut answer).unwrap();
            answer
        };
        assert_eq!(ask(relay.address), "anything");
        server.set(Answer::Text("something else".to_owned()));
        assert_eq!(ask(server.address), "something else");
        let fields: Vec<_> = server.take().iter().map(|request| request.field("a") == Some("b")).collect();
        assert_eq!((fields.as_slice(), server.connections()), ([true, true].as_slice(), 2));
        assert_eq!(server.take(), []);
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
