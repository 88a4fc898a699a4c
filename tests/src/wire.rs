//! A server on 127.0.0.1 that answers one request with given bytes, however wrong they are as HTTP.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};

/// No exchange takes longer, or the test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What happens to the connection when the answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is closed.
    Close,
    /// It stays open, and silent, until the client closes it.
    Stall,
}

/// What the server saw.
#[derive(Debug)]
pub struct Seen {
    /// The request, from its first line to the end of its body.
    pub request: Vec<u8>,
    /// Whether the whole answer could be written before the client went away.
    pub answered: bool,
}

impl Seen {
    /// The request line and the header lines, in lower case.
    pub fn head(&self) -> String {
        let end = find(&self.request, b"\r\n\r\n").unwrap_or(self.request.len());
        String::from_utf8_lossy(&self.request[..end]).to_lowercase()
    }

    /// The values of a header, whose name is given in lower case.
    pub fn header(&self, name: &str) -> Vec<String> {
        let head = self.head();
        let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(|(found, _)| *found == name).map(|(_, value)| value.trim().to_owned()).collect()
    }

    /// The body of the request.
    pub fn body(&self) -> &[u8] {
        find(&self.request, b"\r\n\r\n").map_or(&[], |end| &self.request[end + 4..])
    }
}

/// Starts the server; returns its base URL, and what it saw once it is done.
pub async fn answer(answer: Vec<u8>, then: Then) -> (String, JoinHandle<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("cannot listen on 127.0.0.1");
    let url = format!("http://{}", listener.local_addr().expect("the listener has no address"));
    let server = tokio::spawn(async move {
        timeout(PATIENCE, serve(&listener, &answer, then)).await.expect("the exchange took too long").unwrap()
    });
    (url, server)
}

/// An answer as HTTP/1.1 with an honest `Content-Length`.
pub fn http(status: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    with_length(status, headers, body, body.len())
}

/// An answer as HTTP/1.1 that promises a body of `length` bytes.
pub fn with_length(status: &str, headers: &[&str], body: &[u8], length: usize) -> Vec<u8> {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let mut answer = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n").into_bytes();
    answer.extend_from_slice(body);
    answer
}

async fn serve(listener: &TcpListener, answer: &[u8], then: Then) -> io::Result<Seen> {
    let (mut stream, _) = listener.accept().await?;
    let request = read_request(&mut stream).await?;
    let answered = stream.write_all(answer).await.is_ok();
    match then {
        Then::Close => _ = stream.shutdown().await,
        Then::Stall => while stream.read(&mut [0; 1024]).await.is_ok_and(|count| count > 0) {},
    }
    Ok(Seen { request, answered })
}

async fn read_request(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut request = Vec::new();
    while !is_whole(&request) {
        if stream.read_buf(&mut request).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(request)
}

fn is_whole(request: &[u8]) -> bool {
    let Some(end) = find(request, b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).map_or(0, |length| {
        length.trim().parse::<usize>().expect("the client sent a length that is no number")
    });
    request.len() >= end + 4 + length
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}
