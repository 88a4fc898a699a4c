//! A server on 127.0.0.1 that speaks HTTP/1.1 by a script: it keeps connections alive, remembers every request, and
//! breaks off wherever the script says. Beside it, what the tests of the client share.

use std::{
    future::Future,
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use copilot_api::{
    Client, ClientBuilder, Credentials, Endpoints, EventTimestamp, NewEvent, RetryPolicy,
    raw::operations,
    types::{Event, ThingConnectedPayload},
};
use copilot_sandbox::Sandbox;
use serde_json::{Value, json};
use tokio::time;

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
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The values of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Vec<&str> {
        let values = self.headers.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
        values.map(|(_, value)| value.as_str()).collect()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body is not JSON")
    }

    /// The event ids in the body of `collect`.
    pub fn event_ids(&self) -> Vec<String> {
        let body = self.json();
        let events = body["events"].as_array().expect("a body is not what collect takes");
        events.iter().map(|event| event["event_id"].as_str().expect("no event id").to_owned()).collect()
    }

    fn read(reader: &mut impl BufRead) -> io::Result<Self> {
        let mut lines = reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty());
        let first = lines.next().ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut words = first.split(' ').map(str::to_owned);
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':').expect("a header without a colon");
            (name.to_owned(), value.trim().to_owned())
        });
        let mut request = Self {
            headers: headers.collect(),
            method: words.next().expect("a method"),
            target: words.next().expect("a target"),
            body: Vec::new(),
        };
        let length =
            request.header("content-length").first().map_or(0, |text| text.parse().expect("a length"));
        request.body.resize(length, 0);
        reader.read_exact(&mut request.body)?;
        Ok(request)
    }
}

/// How a request is answered.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The first line. When it is empty, the connection is closed; when an empty line ends it, it is all that comes.
    start: String,
    headers: String,
    body: Vec<u8>,
    times: usize,
    delay: Duration,
    cut_at: Option<usize>,
}

impl Answer {
    /// A status without a body.
    pub fn status(status: u16) -> Self {
        Self { start: format!("HTTP/1.1 {status} Scripted\r\n"), times: 1, ..Self::default() }
    }

    /// A status with a body of JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::status(status).header("Content-Type", "application/json").body(body.to_string())
    }

    /// The answer to `collect` that refuses these events.
    pub fn invalid_events(invalid: &[Value]) -> Self {
        Self::json(200, &json!({ "invalid_events": invalid }))
    }

    /// These lines, a status and headers; then the connection is closed.
    pub fn head(lines: &str) -> Self {
        Self { start: format!("{lines}\r\n"), ..Self::default() }
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

    /// With the body so many times over.
    #[must_use]
    pub fn repeated(self, times: usize) -> Self {
        Self { times, ..self }
    }

    /// Not before that long.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// The connection is closed after that many bytes of the body.
    #[must_use]
    pub fn cut_at(self, bytes: usize) -> Self {
        Self { cut_at: Some(bytes), ..self }
    }

    /// Writes the answer; says whether the connection goes on.
    fn write(&self, mut stream: &TcpStream) -> io::Result<bool> {
        thread::sleep(self.delay);
        if self.start.is_empty() || self.start.ends_with("\r\n\r\n") {
            return stream.write_all(self.start.as_bytes()).and(Ok(false));
        }
        let length = self.body.len() * self.times;
        let head = format!("{}{}Content-Length: {length}\r\n\r\n", self.start, self.headers);
        stream.write_all(head.as_bytes())?;
        let body = &self.body[..self.cut_at.unwrap_or(self.body.len())];
        (0..self.times).try_for_each(|_| stream.write_all(body))?;
        Ok(self.cut_at.is_none())
    }
}

type Log = Mutex<Vec<Arc<Request>>>;

/// A server that takes connections until it is dropped, each on a thread of its own.
pub struct Server {
    address: SocketAddr,
    requests: Arc<Log>,
    stopped: Arc<AtomicBool>,
}

impl Server {
    /// Starts it.
    pub fn start(script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("cannot listen on 127.0.0.1");
        let address = listener.local_addr().expect("the listener has no address");
        let (requests, stopped) = (Arc::<Log>::default(), Arc::<AtomicBool>::default());
        let server = Self { address, requests: requests.clone(), stopped: stopped.clone() };
        let script = Arc::new(script);
        thread::spawn(move || {
            for stream in listener.incoming().flatten().take_while(|_| !stopped.load(Ordering::Relaxed)) {
                let (log, script) = (requests.clone(), script.clone());
                // A client that goes away is no fault of the server.
                thread::spawn(move || serve(&stream, &log, &*script).is_ok());
            }
        });
        server
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

    /// What they were sent to.
    pub fn targets(&self) -> Vec<String> {
        self.requests().iter().map(|request| request.target.clone()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // It waits for a connection.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(stream: &TcpStream, log: &Log, script: &dyn Fn(&Request) -> Answer) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    loop {
        let request = Arc::new(Request::read(&mut reader)?);
        log.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        if !script(&request).write(stream)? {
            return Ok(());
        }
    }
}

/// The part of Copilot.cx that takes events, and remembers which, request by request.
#[derive(Debug, Default)]
pub struct Copilot {
    taken: Mutex<Vec<Vec<String>>>,
}

impl Copilot {
    /// Takes the events of a `collect` request. Any other operation succeeds.
    pub fn take(&self, request: &Request) -> Answer {
        if request.target != operations::COLLECT.path {
            return Answer::status(204);
        }
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).push(request.event_ids());
        Answer::invalid_events(&[])
    }

    /// The ids that were taken so far, request by request.
    pub fn taken(&self) -> Vec<Vec<String>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A Copilot.cx that takes every event, unless `refuse` has an answer to the whole request.
pub fn copilot(
    refuse: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
) -> (Server, Arc<Copilot>) {
    let copilot = Arc::new(Copilot::default());
    let taking = copilot.clone();
    let server = Server::start(move |request| refuse(request).unwrap_or_else(|| taking.take(request)));
    (server, copilot)
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

/// The id of the event at that place of [`events`].
pub fn id(at: usize) -> String {
    format!("e-{at}")
}

/// So many small good events.
pub fn events(count: usize) -> impl Iterator<Item = Event> + Clone + Send {
    (0..count).map(|at| event(&id(at)))
}

/// What the future gives, unless it takes so long that it must be stuck.
pub async fn in_time<T>(future: impl Future<Output = T>) -> T {
    time::timeout(Duration::from_secs(60), future).await.expect("the test is stuck")
}
