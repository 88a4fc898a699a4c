//! The limit: one body, made before, sent again and again by hyper. It makes no event and reads no answer's text, so no
//! client of the same server goes beyond it.

use std::{cell::RefCell, fmt::Write, ops::Range};

use bytes::Bytes;
use contest::{Contestant, Outcome, Task, event};
use http_body_util::{BodyExt, Full};
use hyper::{
    Request,
    client::conn::http1::{SendRequest, handshake},
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

struct Limit {
    host: String,
    batch: usize,
    body: Bytes,
    idle: RefCell<Vec<SendRequest<Full<Bytes>>>>,
}

impl Limit {
    async fn connect(&self) -> Outcome<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(&self.host).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

impl Contestant for Limit {
    type Load = usize;

    async fn new(task: &Task) -> Outcome<Self> {
        let host = task.url.strip_prefix("http://").ok_or("not an http URL")?.to_owned();
        let body = body(task.batch)?;
        Ok(Self { host, batch: task.batch, body, idle: RefCell::default() })
    }

    fn load(&self, numbers: Range<i64>) -> Outcome<usize> {
        Ok(numbers.count().div_ceil(self.batch))
    }

    async fn send(&self, requests: usize) -> Outcome {
        let idle = self.idle.borrow_mut().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        for _ in 0..requests {
            let request = Request::post("/v2/collect")
                .header(HOST, &self.host)
                .header(AUTHORIZATION, "Basic YmVuY2g6YmVuY2g=")
                .header(CONTENT_TYPE, "application/json")
                .body(Full::new(self.body.clone()))?;
            connection.ready().await?;
            let answer = connection.send_request(request).await?;
            if !answer.status().is_success() {
                return Err(answer.status().as_str().into());
            }
            answer.into_body().collect().await?;
        }
        self.idle.borrow_mut().push(connection);
        Ok(())
    }
}

/// A request as the others make it.
fn body(events: usize) -> Outcome<Bytes> {
    let mut text = String::from(r#"{"events":["#);
    for number in 0..events {
        if number > 0 {
            text.push(',');
        }
        write!(
            text,
            r#"{{"type":"custom_event","event_id":"019ac07e-0d4d-7f11-8a54-{number:012}","timestamp":1795509017875,"payload":{{"subtype":"{}","user_id":"{}","thing_id":"{}","{}":"{}","{}":{number}}}}}"#,
            event::SUBTYPE,
            event::USER_ID,
            event::THING_ID,
            event::TEXT,
            event::TEXT_VALUE,
            event::NUMBER,
        )?;
    }
    text.push_str("]}");
    Ok(text.into())
}

fn main() -> Outcome {
    contest::run::<Limit>()
}
