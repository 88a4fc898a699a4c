//! The server: it takes events, refuses those that ask for it, and writes down the id of each that it took before it answers.

use std::{
    fs::{File, OpenOptions},
    io::{Write, stdout},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Deserialize;
use tokio::{net::TcpListener, time};

use crate::{Failure, load::REFUSED};

/// How long it takes for an answer, where it is slow.
pub(crate) const ANSWER: Duration = Duration::from_millis(200);

struct Server {
    how: How,
    taken: Option<Mutex<File>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Fast,
    Slow,
    /// As slowly, it refuses the credentials.
    Refuses,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    events: Vec<Event<'a>>,
}

#[derive(Deserialize)]
struct Event<'a> {
    event_id: &'a str,
    #[serde(borrow)]
    payload: Payload<'a>,
}

#[derive(Deserialize)]
struct Payload<'a> {
    subtype: &'a str,
}

/// Serves on that port, any one for 0, until the process is ended. `log` is the file that the ids go to; `-` is none.
pub(crate) async fn run(port: u16, how: &str, log: &str) -> Result<(), Failure> {
    let how = match how {
        "fast" => How::Fast,
        "slow" => How::Slow,
        "refuses" => How::Refuses,
        _ => return Err("wanted: fast, slow or refuses".into()),
    };
    let open = |log| OpenOptions::new().create(true).append(true).open(log);
    let taken = if log == "-" { None } else { Some(Mutex::new(open(log)?)) };
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("{}", listener.local_addr()?.port());
    stdout().flush()?;
    let router =
        Router::new().route("/v2/collect", post(collect)).with_state(Arc::new(Server { how, taken }));
    Ok(axum::serve(listener, router).await?)
}

async fn collect(State(server): State<Arc<Server>>, body: Bytes) -> Response {
    if server.how != How::Fast {
        time::sleep(ANSWER).await;
    }
    if server.how == How::Refuses {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Ok(Body { events }) = serde_json::from_slice(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let (mut refused, mut taken) = (String::new(), String::new());
    for Event { event_id, payload } in events {
        if payload.subtype == REFUSED {
            let comma = if refused.is_empty() { "" } else { "," };
            refused.push_str(&format!(r#"{comma}{{"event_id":"{event_id}","error":"refused"}}"#));
        } else {
            taken.push_str(event_id);
            taken.push('\n');
        }
    }
    if let Some(file) = &server.taken {
        let written = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(taken.as_bytes());
        if written.is_err() {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    }
    ([(CONTENT_TYPE, "application/json")], format!(r#"{{"invalid_events":[{refused}]}}"#)).into_response()
}
