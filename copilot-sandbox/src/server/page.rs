//! The live page. Its files are in the program itself, so that it needs nothing else and no other host.

use std::sync::Arc;

use axum::{
    Router,
    http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{answer, path::Id};
use crate::state::State;

/// What an event holds could never run: only the page's own files are.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../page/", $name)))),*]
    };
}

const FILES: &[(&str, &str)] = files![
    "api.js",
    "connect.js",
    "consents.js",
    "directory.js",
    "element.js",
    "eventlist.js",
    "eventrow.js",
    "events.js",
    "faultform.js",
    "faults.js",
    "favicon.svg",
    "follow.js",
    "index.html",
    "json.js",
    "jsonview.js",
    "lines.js",
    "mending.js",
    "mistakes.js",
    "overview.js",
    "page.css",
    "page.js",
    "route.js",
    "send.js",
    "stream.js",
    "subject.js",
    "text.js",
];

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/", get(async || file("index.html")))
        .route("/favicon.ico", get(async || file("favicon.svg")))
        .route(
            "/_sandbox/page/{file}",
            get(async |name: Id| name.map_or_else(|_| answer::no_such_path(), |name| file(&name))),
        )
}

fn file(name: &str) -> Response {
    match FILES.iter().find(|(found, _)| *found == name) {
        Some((name, text)) => {
            ([(CONTENT_TYPE, kind(name)), (CONTENT_SECURITY_POLICY, POLICY)], *text).into_response()
        }
        None => answer::no_such_path(),
    }
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        _ => "image/svg+xml",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    #[test]
    fn every_file_of_the_page_is_served() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
        let names =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let served = FILES.iter().map(|(name, _)| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(names.collect::<BTreeSet<_>>(), served);
    }
}
