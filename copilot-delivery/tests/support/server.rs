//! Servers that answer as a test wants.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, extract::Request, http::StatusCode, response::IntoResponse};

/// A request, as a test judges it.
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) body: String,
    pub(crate) credentials: String,
}

impl Asked {
    pub(crate) fn is_consent(&self) -> bool {
        !self.body.contains("event_id")
    }
}

/// An answer; no answer where none.
pub(crate) type Answer = Option<(u16, &'static str)>;

pub(crate) const TAKEN: Answer = Some((200, r#"{"invalid_events":[]}"#));
pub(crate) const BAD: Answer = Some((400, r#"{"reason":"COMMON.REQUEST_VALIDATION","error_message":"no"}"#));

/// Starts one on this runtime; gives its URL.
pub(crate) async fn start(mut answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> String {
    slow(move |asked| match answer(asked) {
        Some((status, body)) => Slow { wait: Duration::ZERO, status, body, header: None },
        None => Slow { wait: Duration::MAX, status: 200, body: "", header: None },
    })
    .await
}

/// An answer that takes its time, and a header with it.
pub(crate) struct Slow {
    pub(crate) wait: Duration,
    pub(crate) status: u16,
    pub(crate) body: &'static str,
    pub(crate) header: Option<(&'static str, &'static str)>,
}

/// As [`start`], of a server that may take its time.
pub(crate) async fn slow(answer: impl FnMut(&Asked) -> Slow + Send + 'static) -> String {
    let answer = Arc::new(Mutex::new(answer));
    let serve = move |request: Request| {
        let answer = answer.clone();
        async move {
            let path = request.uri().path().to_owned();
            let header = request.headers().get("authorization");
            let credentials = header.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
            let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
            let asked = Asked { path, body: String::from_utf8(body.to_vec()).unwrap(), credentials };
            let Slow { wait, status, body, header } = (*answer.lock().unwrap())(&asked);
            tokio::time::sleep(wait).await;
            let status = StatusCode::from_u16(status).unwrap();
            header.map_or_else(
                || (status, body).into_response(),
                |header| (status, [header], body).into_response(),
            )
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(serve)).await.unwrap() });
    url
}

/// One that takes connections and never answers.
pub(crate) async fn silent() -> (String, tokio::net::TcpListener) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    (format!("http://{}", listener.local_addr().unwrap()), listener)
}

/// A moment in which nothing is to happen.
pub(crate) async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(100)).await;
}
