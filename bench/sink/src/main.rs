//! The server that all contestants send to. It answers each as that one expects, and counts what it reads from the
//! connections: requests, events, bytes.
//!
//! It prints its URL, then for each line that it reads a line of JSON: the counts since the last one. It ends with its
//! input, so that no sink outlives who started it.
//!
//! Events are counted by a text that stands in each exactly once: reading JSON would cost more than some clients do. With
//! `--verify` it does read it, and counts apart what is not the event that all contestants are to send.

mod counts;
mod verify;
mod wire;

use std::{
    convert::Infallible,
    io::{BufRead, Write, stdin, stdout},
    sync::Arc,
};

use bytes::Bytes;
use contest::Outcome;
use counts::Counts;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use wire::Counted;

/// What each contestant's server answers when all is well, by path.
const ANSWERS: [(&str, &str); 4] = [
    ("/v2/collect", r#"{"invalid_events":[]}"#),
    ("/v1/batch", r#"{"success":true}"#),
    ("/batch/", r#"{"status":"Ok"}"#),
    ("/2/httpapi", r#"{"code":200}"#),
];

fn main() -> Outcome {
    let counts = Arc::new(Counts::new(std::env::args().any(|argument| argument == "--verify")));
    let answering = Arc::clone(&counts);
    std::thread::spawn(move || {
        // Whoever started it sees that it ended.
        let ended = serve(answering);
        eprintln!("the sink ended: {ended:?}");
        std::process::exit(1);
    });
    for line in stdin().lock().lines() {
        line?;
        let mut out = stdout().lock();
        writeln!(out, "{}", counts.take()?)?;
        out.flush()?;
    }
    Ok(())
}

fn serve(counts: Arc<Counts>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        {
            let mut out = stdout().lock();
            writeln!(out, "http://{}", listener.local_addr()?)?;
            out.flush()?;
        }
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let counts = Arc::clone(&counts);
            tokio::spawn(async move {
                let stream = TokioIo::new(Counted::new(stream, Arc::clone(&counts)));
                // A client that goes away ends its connection as it likes.
                let _ = http1::Builder::new()
                    .serve_connection(stream, service_fn(|request| answer(request, &counts)))
                    .await;
            });
        }
    })
}

async fn answer(request: Request<Incoming>, counts: &Counts) -> Result<Response<Full<Bytes>>, Infallible> {
    let text = ANSWERS.iter().find(|(path, _)| *path == request.uri().path());
    let body = request.into_body().collect().await.map(|body| body.to_bytes());
    let (Some((_, text)), Ok(body)) = (text, body) else {
        return Ok(refusal());
    };
    counts.add(&body);
    Ok(Response::new(Full::from(*text)))
}

fn refusal() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}
