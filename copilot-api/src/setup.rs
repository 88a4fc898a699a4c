//! The HTTP client that is made where the caller gives none, and what must be right before it is.

use std::{any::TypeId, env, error::Error as StdError, ffi::OsString, fmt, time::Duration};

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{Url, redirect};

use crate::{Endpoints, Error, lasting::root_cause};

/// Makes the client.
pub(crate) fn http_client(
    endpoints: &Endpoints,
    connect_timeout: Duration,
    timeout: Duration,
) -> Result<reqwest::Client, Error> {
    require_some(connect_timeout, "connect_timeout")?;
    if !has_tls() && endpoints.urls().iter().any(|url| url.scheme() == "https") {
        return Err(Error::configuration(SetupError::NoTls));
    }
    if !has_provider() {
        return Err(Error::configuration(SetupError::NoProvider));
    }
    let mut builder = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(connect_timeout)
        .timeout(timeout);
    if endpoints.is_any_loopback() {
        // A proxy of the environment would carry what is meant for loopback to another machine, readable.
        builder = builder.no_proxy();
    } else {
        for url in endpoints.urls() {
            check_proxy(url, env::var_os).map_err(Error::configuration)?;
        }
    }
    builder.build().map_err(|error| Error::configuration(SetupError::Http(error)))
}

/// Refuses a time limit that nothing can meet.
pub(crate) fn require_some(limit: Duration, setting: &'static str) -> Result<(), Error> {
    if limit.is_zero() { Err(Error::configuration(SetupError::NoTime { setting })) } else { Ok(()) }
}

/// Whether reqwest has TLS, by this crate's features or by another crate's.
fn has_tls() -> bool {
    // Only then it has a module `tls`, which goes before the one that stands in for it.
    mod tls {
        pub(super) struct Certificate;
    }
    let stand_in = TypeId::of::<tls::Certificate>();
    let found = {
        #[allow(unused_imports)]
        use reqwest::*;
        TypeId::of::<tls::Certificate>()
    };
    cfg!(any(feature = "rustls-no-provider", feature = "native-tls")) || found != stand_in
}

/// Whether reqwest finds cryptography for rustls. It panics where it does not.
fn has_provider() -> bool {
    // With `rustls` it brings its own, and with `native-tls` it does not use rustls.
    #[cfg(all(feature = "rustls-no-provider", not(any(feature = "rustls", feature = "native-tls"))))]
    return rustls::crypto::CryptoProvider::get_default().is_some();
    #[cfg(not(all(feature = "rustls-no-provider", not(any(feature = "rustls", feature = "native-tls")))))]
    true
}

/// Refuses a variable that is to name the proxy for the URL and does not: reqwest would pass over it, and go without the
/// proxy that somebody wanted.
fn check_proxy(url: &Url, variable: impl Fn(&'static str) -> Option<OsString>) -> Result<(), SetupError> {
    let first = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, variable(name)?)));
    let own =
        if url.scheme() == "https" { ["HTTPS_PROXY", "https_proxy"] } else { ["HTTP_PROXY", "http_proxy"] };
    // A web server that runs the program as a script sets HTTP_PROXY from a header of the request.
    if variable("REQUEST_METHOD").is_some() {
        return Ok(());
    }
    let Ok(destination) = url.as_str().parse() else { return Ok(()) };
    let exempt = first(["NO_PROXY", "no_proxy"]).map(|(_, hosts)| hosts).unwrap_or_default();
    let any_proxy = Matcher::builder().all("http://proxy.invalid").no(exempt.to_string_lossy().into_owned());
    if any_proxy.build().intercept(&destination).is_none() {
        return Ok(());
    }
    let set =
        [own, ["ALL_PROXY", "all_proxy"]].into_iter().filter_map(first).find(|(_, value)| !value.is_empty());
    let Some((variable, value)) = set else { return Ok(()) };
    let proxy = value
        .to_str()
        .and_then(|value| Matcher::builder().all(value.to_owned()).build().intercept(&destination));
    // A port that is no number is passed over as well, for the default one.
    let usable = proxy
        .as_ref()
        .and_then(|proxy| proxy.uri().authority())
        .is_some_and(|authority| authority.port_u16().is_some() || authority.as_str() == authority.host());
    if usable { Ok(()) } else { Err(SetupError::Proxy { variable }) }
}

/// Why no HTTP client can be made. A proxy's URL is not repeated: it may hold a password.
#[derive(Debug)]
enum SetupError {
    NoTime { setting: &'static str },
    NoTls,
    NoProvider,
    Proxy { variable: &'static str },
    Http(reqwest::Error),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTime { setting } => {
                write!(f, "the {setting} of the client's builder is 0, in which no request can succeed")
            }
            Self::NoTls => f.write_str(crate::lasting::NO_TLS),
            Self::NoProvider => f.write_str(
                "rustls has no cryptography: with the feature `rustls-no-provider` the program chooses it, before it \
                 makes a client, by `rustls::crypto::ring::default_provider().install_default()` or the same of \
                 `aws_lc_rs`",
            ),
            Self::Proxy { variable } => write!(
                f,
                "the environment variable {variable} names no proxy that can be used: http://host:port is expected \
                 (or https://, socks5:// …), and nothing is sent past it"
            ),
            Self::Http(error) => {
                write!(f, "the HTTP client cannot be set up: {}", root_cause(error))
            }
        }
    }
}

impl StdError for SetupError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Http(error) => Some(error),
            Self::NoTime { .. } | Self::NoTls | Self::NoProvider | Self::Proxy { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// What is said of these variables, for an https endpoint.
    fn check(variables: &[(&str, &str)]) -> Result<(), String> {
        let url = Url::parse("https://api.acme.invalid/v2/collect").unwrap();
        let read =
            |name: &str| variables.iter().find(|(found, _)| *found == name).map(|(_, value)| value.into());
        check_proxy(&url, read).map_err(|error| error.to_string())
    }

    #[test]
    fn a_variable_that_names_a_proxy_or_does_not_matter_is_fine() {
        let fine: &[&[(&str, &str)]] = &[
            &[],
            &[("HTTPS_PROXY", "http://127.0.0.1:3128")],
            &[("HTTPS_PROXY", "http://me:secret@127.0.0.1:3128/")],
            &[("https_proxy", "127.0.0.1:3128")],
            &[("HTTPS_PROXY", "https://proxy.invalid")],
            &[("HTTPS_PROXY", "[::1]:3128")],
            &[("HTTPS_PROXY", "http://[::1]")],
            &[("ALL_PROXY", "socks5h://127.0.0.1:1080")],
            &[("HTTPS_PROXY", "")],
            &[("HTTPS_PROXY", ""), ("all_proxy", "http://127.0.0.1:3128")],
            &[("HTTPS_PROXY", "http://127.0.0.1:3128"), ("https_proxy", "ftp://127.0.0.1")],
            &[("HTTPS_PROXY", "http://127.0.0.1:3128"), ("ALL_PROXY", "ftp://127.0.0.1")],
            // Of the other scheme.
            &[("HTTP_PROXY", "ftp://127.0.0.1")],
            &[("HTTPS_PROXY", "ftp://127.0.0.1"), ("NO_PROXY", "localhost, acme.invalid")],
            &[("HTTPS_PROXY", "ftp://127.0.0.1"), ("REQUEST_METHOD", "GET")],
        ];
        for variables in fine {
            assert_eq!(check(variables), Ok(()), "{variables:?}");
        }
    }

    #[test]
    fn a_variable_that_names_no_proxy_is_named_without_its_value() {
        let refused: &[(&str, &[(&str, &str)])] = &[
            ("HTTPS_PROXY", &[("HTTPS_PROXY", "ftp://me:secret@127.0.0.1")]),
            ("https_proxy", &[("https_proxy", "secret://127.0.0.1:1")]),
            ("HTTPS_PROXY", &[("HTTPS_PROXY", "http://secret host:3128")]),
            ("HTTPS_PROXY", &[("HTTPS_PROXY", "http://127.0.0.1:secret")]),
            ("HTTPS_PROXY", &[("HTTPS_PROXY", "http://127.0.0.1:3128\n")]),
            ("ALL_PROXY", &[("ALL_PROXY", "ftp://secret.invalid")]),
            ("HTTPS_PROXY", &[("HTTPS_PROXY", "ftp://127.0.0.1"), ("ALL_PROXY", "http://127.0.0.1:3128")]),
            ("HTTPS_PROXY", &[("HTTPS_PROXY", "ftp://127.0.0.1"), ("NO_PROXY", "other.invalid")]),
        ];
        for (name, variables) in refused {
            let said = check(variables).unwrap_err();
            assert!(said.contains(name) && !said.contains("secret"), "{variables:?}: {said}");
        }
    }
}
