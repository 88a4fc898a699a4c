//! A server in threads of its own, and a client that speaks HTTP by the byte.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::mpsc,
    time::{Duration, Instant},
};

use axum::Router;
use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
};

use crate::http::connections::{Limits, listen, serve};

/// No exchange takes longer, or the test fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A server in threads of its own.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    runtime: Runtime,
    stop: Option<oneshot::Sender<()>>,
    stopped: mpsc::Receiver<()>,
}

impl Server {
    pub(crate) fn start(router: Router, limits: Limits) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(async { listen(SocketAddr::from(([127, 0, 0, 1], 0))) }).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopping) = oneshot::channel();
        let (tell, stopped) = mpsc::channel();
        runtime.spawn(async move {
            serve(listener, router, limits, async { _ = stopping.await }).await;
            tell.send(()).unwrap();
        });
        Self { address, runtime, stop: Some(stop), stopped }
    }

    pub(crate) fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream, unread: Vec::new() }
    }

    /// Drops all that the server runs.
    pub(super) fn abandon(self) {
        self.runtime.shutdown_background();
    }

    /// Asks the server to stop.
    pub(super) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Returns how long it took until the server had stopped.
    pub(super) fn stopped(&self) -> Duration {
        let begin = Instant::now();
        self.stopped.recv_timeout(PATIENCE).unwrap();
        begin.elapsed()
    }
}

/// A connection to the server.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    unread: Vec<u8>,
}

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Closed,
    Reset,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The status line and the headers, in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn closes(&self) -> bool {
        self.head.contains("\r\nconnection: close\r\n")
    }
}

impl Client {
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).unwrap();
        self
    }

    /// Reads an answer with a length.
    pub(crate) fn answer(&mut self) -> Answer {
        let head = self.read_through("\r\n\r\n").to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length =
            head.split("\r\ncontent-length: ").nth(1).map_or("0", |rest| rest.lines().next().unwrap());
        let length: usize = length.parse().unwrap();
        while self.unread.len() < length {
            self.read_more();
        }
        let body = String::from_utf8(self.unread.drain(..length).collect()).unwrap();
        Answer { status, head, body }
    }

    /// Reads up to and with that text.
    pub(super) fn read_through(&mut self, text: &str) -> String {
        loop {
            let found = self.unread.windows(text.len()).position(|window| window == text.as_bytes());
            match found {
                Some(at) => {
                    return String::from_utf8(self.unread.drain(..at + text.len()).collect()).unwrap();
                }
                None => self.read_more(),
            }
        }
    }

    fn read_more(&mut self) {
        let mut piece = [0; 4096];
        let length = self.stream.read(&mut piece).unwrap();
        assert_ne!(length, 0, "the connection was closed after {:?}", String::from_utf8_lossy(&self.unread));
        self.unread.extend_from_slice(&piece[..length]);
    }

    /// Reads to the end, where no more answers may come.
    pub(crate) fn end(&mut self) -> End {
        assert_eq!(String::from_utf8_lossy(&self.unread), "");
        match self.stream.read(&mut [0; 4096]) {
            Ok(0) => End::Closed,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => End::Reset,
            other => panic!("the connection did not end: {other:?}"),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let open = matches!(self.stream.peek(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock);
        self.stream.set_nonblocking(false).unwrap();
        open
    }
}
