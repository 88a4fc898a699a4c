//! A server on 127.0.0.1 that speaks HTTP/1.1 by a script: it keeps connections alive, remembers every request, and
//! breaks off wherever the script says. Beside it, what the tests of the client share.

use std::{
    future::Future,
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use copilot_api::{
    Client, ClientBuilder, Credentials, Endpoints, EventTimestamp, NewEvent, RetryPolicy,
    raw::operations,
    types::{Event, ThingConnectedPayload},
};
use copilot_sandbox::Sandbox;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::{Builder, Runtime},
    time,
};

use crate::vectors::{self, BasicAuth};

/// The worked example of the introduction to the API: the first of the vectors.
static EXAMPLE: LazyLock<BasicAuth> = LazyLock::new(|| vectors::basic_auth().swap_remove(0));

/// Its client id.
pub fn client_id() -> &'static str {
    &EXAMPLE.client_id
}

/// Its client secret.
pub fn client_secret() -> &'static str {
    &EXAMPLE.client_secret
}

/// The header that the two make.
pub fn authorization() -> &'static str {
    EXAMPLE.header.as_deref().expect("the worked example has no header")
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its method.
    pub method: String,
    /// What follows the method: path and query.
    pub target: String,
    /// The headers, in order.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The values of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Vec<&str> {
        let same = |found: &[u8]| found.eq_ignore_ascii_case(name.as_bytes());
        let values = self.headers.iter().filter(|(found, _)| same(found));
        values.map(|(_, value)| std::str::from_utf8(value).expect("a header is not UTF-8")).collect()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body is not JSON")
    }

    /// The event ids in the body of `collect`.
    pub fn event_ids(&self) -> Vec<String> {
        #[derive(Deserialize)]
        struct Body {
            events: Vec<Named>,
        }
        #[derive(Deserialize)]
        struct Named {
            event_id: String,
        }
        let body: Body = serde_json::from_slice(&self.body).expect("a body is not what collect takes");
        body.events.into_iter().map(|event| event.event_id).collect()
    }

    fn parse(head: &[u8], body: Vec<u8>) -> Self {
        let mut lines =
            head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let first = String::from_utf8(lines.next().unwrap_or_default().to_vec()).expect("a request line");
        let mut words = first.split(' ').map(str::to_owned);
        let headers = lines.map(|line| {
            let colon = line.iter().position(|byte| *byte == b':').expect("a header without a colon");
            (line[..colon].to_vec(), line[colon + 1..].trim_ascii().to_vec())
        });
        Self {
            method: words.next().expect("a method"),
            target: words.next().expect("a target"),
            headers: headers.collect(),
            body,
        }
    }
}

/// How a request is answered.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    status: u16,
    headers: String,
    body: Vec<u8>,
    delay: Duration,
    chunked: bool,
    cut_at: Option<usize>,
    drip: Option<(usize, Duration)>,
}

impl Answer {
    /// A status without a body.
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// A status with a body of JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::status(status).header("Content-Type", "application/json").body(body.to_string())
    }

    /// The answer to `collect` that refuses these events.
    pub fn invalid_events(invalid: &[Value]) -> Self {
        Self::json(200, &json!({ "invalid_events": invalid }))
    }

    /// The connection is closed instead.
    pub fn closed() -> Self {
        Self::default()
    }

    /// With this header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// Not before that long.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// With the body in chunks, its length not told in advance.
    #[must_use]
    pub fn chunked(self) -> Self {
        Self { chunked: true, ..self }
    }

    /// The connection is closed after that many bytes of the body.
    #[must_use]
    pub fn cut_at(self, bytes: usize) -> Self {
        Self { cut_at: Some(bytes), ..self }
    }

    /// The body comes that many bytes at a time, with a pause before each.
    #[must_use]
    pub fn drip(self, bytes: usize, pause: Duration) -> Self {
        Self { drip: Some((bytes, pause)), ..self }
    }

    /// Writes the answer; says whether the connection goes on.
    async fn write(&self, stream: &mut TcpStream) -> io::Result<bool> {
        time::sleep(self.delay).await;
        if self.status == 0 {
            return Ok(false);
        }
        let status = self.status;
        let length = match (self.chunked, status) {
            (true, _) => "Transfer-Encoding: chunked\r\n".to_owned(),
            (_, 204) => String::new(),
            _ => format!("Content-Length: {}\r\n", self.body.len()),
        };
        let mut bytes = format!("HTTP/1.1 {status} Scripted\r\n{}{length}\r\n", self.headers).into_bytes();
        let body = &self.body[..self.cut_at.unwrap_or(self.body.len())];
        if let Some((size, pause)) = self.drip {
            stream.write_all(&bytes).await?;
            for piece in body.chunks(size) {
                time::sleep(pause).await;
                stream.write_all(piece).await?;
            }
            return Ok(self.cut_at.is_none());
        }
        if self.chunked && !self.body.is_empty() {
            bytes.extend_from_slice(format!("{:x}\r\n", self.body.len()).as_bytes());
        }
        bytes.extend_from_slice(body);
        if self.chunked && self.cut_at.is_none() {
            bytes.extend_from_slice(if body.is_empty() { b"0\r\n\r\n" } else { b"\r\n0\r\n\r\n" });
        }
        stream.write_all(&bytes).await?;
        Ok(self.cut_at.is_none())
    }
}

/// What a server does.
pub trait Script: Send + Sync + 'static {
    /// Whether the connection is closed on a request that has begun to arrive, without reading it.
    fn hangs_up(&self) -> bool {
        false
    }

    /// The answer to a request.
    fn answer(&self, request: &Request) -> Answer;
}

impl<F: Fn(&Request) -> Answer + Send + Sync + 'static> Script for F {
    fn answer(&self, request: &Request) -> Answer {
        self(request)
    }
}

/// Closes every connection on a request, unread.
#[derive(Clone, Copy, Debug)]
pub struct HangsUp;

impl Script for HangsUp {
    fn hangs_up(&self) -> bool {
        true
    }

    fn answer(&self, _: &Request) -> Answer {
        Answer::closed()
    }
}

/// A server that runs until it is dropped, on a thread of its own.
pub struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Arc<Request>>>>,
    runtime: Option<Runtime>,
}

impl Server {
    /// Starts it.
    pub fn start(script: impl Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("cannot listen on 127.0.0.1");
        listener.set_nonblocking(true).expect("a socket that cannot wait");
        let address = listener.local_addr().expect("the listener has no address");
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("no thread");
        let requests = Arc::<Mutex<Vec<_>>>::default();
        let (log, script) = (requests.clone(), Arc::new(script));
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("the listener cannot be used");
            while let Ok((stream, _)) = listener.accept().await {
                let (log, script) = (log.clone(), script.clone());
                // A client that goes away is no fault of the server.
                tokio::spawn(async move { serve(stream, &log, &*script).await.is_ok() });
            }
        });
        Self { address, requests, runtime: Some(runtime) }
    }

    /// Starts one that answers every request alike.
    pub fn always(answer: Answer) -> Self {
        Self::start(move |_: &Request| answer.clone())
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Both operations on this server.
    pub fn endpoints(&self) -> Endpoints {
        Endpoints::base(&self.url()).expect("the server's URL is no base URL")
    }

    /// A client of this server, as [`quick`].
    pub fn client(&self) -> ClientBuilder {
        quick(self.endpoints())
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Arc<Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(mut stream: TcpStream, log: &Mutex<Vec<Arc<Request>>>, script: &dyn Script) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    loop {
        if buffer.is_empty() && (stream.peek(&mut [0]).await? == 0 || script.hangs_up()) {
            return Ok(());
        }
        let Some(request) = read_request(&mut stream, &mut buffer).await? else { return Ok(()) };
        let request = Arc::new(request);
        log.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        if !script.answer(&request).write(&mut stream).await? {
            return Ok(());
        }
    }
}

/// Takes one request off the connection; none when it is closed. What follows stays in the buffer.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Request>> {
    const BLANK_LINE: &[u8] = b"\r\n\r\n";
    loop {
        if let Some(end) = buffer.windows(BLANK_LINE.len()).position(|window| window == BLANK_LINE) {
            let mut request = Request::parse(&buffer[..end], Vec::new());
            let start = end + BLANK_LINE.len();
            let length = request
                .header("content-length")
                .first()
                .map_or(0, |length| length.parse().expect("a length"));
            while buffer.len() < start + length {
                if stream.read_buf(buffer).await? == 0 {
                    return Ok(None);
                }
            }
            let rest = buffer.split_off(start + length);
            request.body = std::mem::replace(buffer, rest).split_off(start);
            return Ok(Some(request));
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// The part of Copilot.cx that takes events, and remembers which, request by request.
#[derive(Debug, Default)]
pub struct Copilot {
    taken: Mutex<Vec<Vec<String>>>,
}

impl Copilot {
    /// Takes the events of a `collect` request but those for which `refuse` gives an entry of `invalid_events`, by
    /// position and event id. Any other operation succeeds.
    pub fn take(&self, request: &Request, mut refuse: impl FnMut(usize, &str) -> Option<Value>) -> Answer {
        if request.target != operations::COLLECT.path {
            return Answer::status(204);
        }
        let mut invalid = Vec::new();
        let mut taken = Vec::new();
        for (position, event_id) in request.event_ids().into_iter().enumerate() {
            match refuse(position, &event_id) {
                Some(entry) => invalid.push(entry),
                None => taken.push(event_id),
            }
        }
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).push(taken);
        Answer::invalid_events(&invalid)
    }

    /// The ids that were taken so far, request by request.
    pub fn taken(&self) -> Vec<Vec<String>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The credentials of the worked example.
pub fn credentials() -> Credentials {
    Credentials::new(client_id(), client_secret()).expect("the worked example is no pair of credentials")
}

/// A client that waits no longer than 5 ms before another attempt, unless the server asks for more.
pub fn quick(endpoints: Endpoints) -> ClientBuilder {
    let policy = RetryPolicy::default().delays(Duration::from_millis(1), Duration::from_millis(5));
    Client::builder(credentials(), endpoints).retry(policy)
}

/// A sandbox that asks for the credentials of the worked example.
pub fn sandbox() -> Sandbox {
    Sandbox::builder().credentials(client_id(), client_secret()).start().expect("no sandbox")
}

/// A client of that sandbox, as [`quick`].
pub fn client_of(sandbox: &Sandbox) -> ClientBuilder {
    quick(Endpoints::base(&sandbox.url()).expect("the sandbox's URL is no base URL"))
}

/// Endpoints that nobody listens at.
pub fn nobody() -> Endpoints {
    let listener = TcpListener::bind("127.0.0.1:0").expect("cannot listen on 127.0.0.1");
    let address = listener.local_addr().expect("the listener has no address");
    Endpoints::base(&format!("http://{address}")).expect("an address is no base URL")
}

/// A small good event under that id.
pub fn event(event_id: &str) -> Event {
    event_of_thing(event_id, "A4:CF:12:00:9B:3E")
}

/// A good event under that id, of a thing whose id may be long.
pub fn event_of_thing(event_id: &str, thing_id: &str) -> Event {
    let payload = ThingConnectedPayload::builder().thing_id(thing_id).build().expect("no thing id");
    payload.event_with(event_id.try_into().expect("no event id"), EventTimestamp::now())
}

/// What the future gives, unless it takes so long that it must be stuck.
pub async fn in_time<T>(future: impl Future<Output = T>) -> T {
    time::timeout(Duration::from_secs(60), future).await.expect("the test is stuck")
}
