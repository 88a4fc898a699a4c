//! The client id and secret that the sandbox asks for.

use std::fmt;

use axum::http::{HeaderMap, header::AUTHORIZATION};
use base64::{Engine, prelude::BASE64_STANDARD};
use subtle::ConstantTimeEq;

/// What a client must know.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    /// Whether the sandbox made them itself, so that it may show them.
    pub(crate) generated: bool,
    token: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

impl Credentials {
    /// What the user gave. The error says which rule is broken.
    pub(crate) fn given(client_id: String, client_secret: String) -> Result<Self, &'static str> {
        if client_id.is_empty() || client_secret.is_empty() {
            return Err("the client id and the client secret must not be empty");
        }
        if client_id.contains(':') {
            return Err("the client id must not have a colon: Basic authentication ends it there");
        }
        if client_id.chars().chain(client_secret.chars()).any(char::is_control) {
            return Err("the client id and the client secret must not have control characters");
        }
        Ok(Self::new(client_id, client_secret, false))
    }

    /// Made up.
    pub(crate) fn generate() -> Self {
        let letters = |count| (0..count).map(|_| fastrand::alphanumeric()).collect::<String>();
        Self::new(format!("sandbox-{}", letters(8)), letters(30), true)
    }

    fn new(client_id: String, client_secret: String, generated: bool) -> Self {
        let token = BASE64_STANDARD.encode(format!("{client_id}:{client_secret}"));
        Self { client_id, client_secret, generated, token }
    }

    /// Whether the request has them. How long that takes does not tell how much of a guess was right.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> bool {
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (given.next(), given.next()) else { return false };
        let Some((scheme, token)) = value.as_bytes().split_at_checked("Basic ".len()) else { return false };
        scheme.eq_ignore_ascii_case(b"Basic ") && bool::from(token.trim_ascii().ct_eq(self.token.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn admits(value: &str) -> bool {
        let credentials = Credentials::given("kettle".to_owned(), "p:w".to_owned()).unwrap();
        credentials.admit(&HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]))
    }

    #[test]
    fn only_the_right_header_is_admitted() {
        assert!(admits("Basic a2V0dGxlOnA6dw=="));
        assert!(admits("basic  a2V0dGxlOnA6dw=="));
        let wrong = [
            "",
            "Basic",
            "Basic ",
            "Bearer a2V0dGxlOnA6dw==",
            "Basic a2V0dGxlOnA6dw",
            "Basic a2V0dGxlOnA6dx==",
        ];
        for value in wrong {
            assert!(!admits(value), "{value}");
        }
        assert!(!Credentials::generate().admit(&HeaderMap::new()));
    }

    #[test]
    fn two_headers_are_rejected_even_if_both_are_right() {
        let credentials = Credentials::generate();
        let value = axum::http::HeaderValue::from_str(&format!("Basic {}", credentials.token)).unwrap();
        let mut headers = HeaderMap::from_iter([(AUTHORIZATION, value.clone())]);
        assert!(credentials.admit(&headers));
        headers.append(AUTHORIZATION, value);
        assert!(!credentials.admit(&headers));
    }

    #[test]
    fn credentials_that_no_header_can_carry_are_refused() {
        for (id, secret) in [("", "s"), ("i", ""), ("a:b", "s"), ("i", "s\n")] {
            assert!(Credentials::given(id.to_owned(), secret.to_owned()).is_err(), "{id:?}");
        }
    }

    #[test]
    fn the_secret_is_not_shown() {
        let credentials = Credentials::generate();
        let shown = format!("{credentials:?}");
        assert!(shown.contains(&credentials.client_id));
        assert!(!shown.contains(&credentials.client_secret) && !shown.contains(&credentials.token));
    }
}
