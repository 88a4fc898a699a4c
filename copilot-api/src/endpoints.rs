//! Where the two operations live.

use std::fmt;

use copilot_gen::{
    SERVER, operations,
    raw::{Operation, without_query},
};
use percent_encoding::percent_decode_str;
use reqwest::Url;

use crate::env::{self, COLLECT_ENDPOINT, CONSENT_ENDPOINT, ENVIRONMENT};

/// The URLs of the two operations.
///
/// ```
/// use copilot_api::Endpoints;
///
/// let production = Endpoints::environment("acme")?;
/// assert_eq!(production.collect_url().as_str(), "https://api.acme.bycopilot.com/v2/collect");
///
/// let elsewhere = production.with_collect_url("https://report.acme.bycopilot.com/v2/collect")?;
/// assert_eq!(elsewhere.collect_url().host_str(), Some("report.acme.bycopilot.com"));
/// # Ok::<(), copilot_api::EndpointError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoints {
    collect: Url,
    consent: Url,
}

impl Endpoints {
    /// The endpoints of a Copilot.cx environment: `https://api.<name>.bycopilot.com` (`documented` for consent,
    /// `assumed` for collect) with the contract's paths.
    ///
    /// # Errors
    ///
    /// When the name is not one label of a host name: letters, digits and inner hyphens.
    pub fn environment(name: &str) -> Result<Self, EndpointError> {
        let inner_hyphens = !name.starts_with('-') && !name.ends_with('-');
        let letters = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
        if name.is_empty() || name.len() > 63 || !letters || !inner_hyphens {
            return Err(EndpointError::new("the environment's name", Problem::NotALabel));
        }
        Self::base(&SERVER.replace("{environment}", &name.to_ascii_lowercase()))
    }

    /// The contract's paths on a server of your choice, for example a sandbox on loopback. A path in the URL goes before
    /// them: `https://gateway.example/copilot` sends events to `/copilot/v2/collect`.
    ///
    /// # Errors
    ///
    /// When the URL is not fit for an endpoint ([`with_collect_url`](Self::with_collect_url)), has a query, which nothing
    /// could be added to, or ends where an operation's path begins, as `…/v2` and `…/v2/collect` do: that part would be
    /// there twice.
    pub fn base(url: &str) -> Result<Self, EndpointError> {
        let what = "the base URL";
        let base = endpoint(what, url)?;
        let both = [operations::COLLECT, operations::SET_CONSENT];
        if base.query().is_some() {
            return Err(EndpointError::new(what, Problem::Query));
        }
        if both.iter().any(|operation| ends_in_a_beginning_of(&base, operation)) {
            return Err(EndpointError::new(what, Problem::BeginsThePath));
        }
        let [collect, consent] = both.map(|operation| joined(&base, &operation));
        Ok(Self { collect, consent })
    }

    /// From the environment: `COPILOT_ENVIRONMENT` names the environment; `COPILOT_CLIENT_COLLECT_ENDPOINT` and
    /// `COPILOT_CLIENT_CONSENT_ENDPOINT` are whole URLs, and each overrides what the environment's name gives.
    ///
    /// # Errors
    ///
    /// When neither the name nor both URLs are set, or one is not fit ([`environment`](Self::environment),
    /// [`with_collect_url`](Self::with_collect_url)).
    pub fn from_env() -> Result<Self, EndpointError> {
        let read = |variable: &'static str| {
            env::read(variable).map_err(|_| EndpointError::new(variable, Problem::NotUnicode))
        };
        let environment = read(ENVIRONMENT)?;
        let collect = read(COLLECT_ENDPOINT)?.map(|url| collect_url(COLLECT_ENDPOINT, &url)).transpose()?;
        let consent = read(CONSENT_ENDPOINT)?.map(|url| consent_url(CONSENT_ENDPOINT, &url)).transpose()?;
        match (environment, collect, consent) {
            (_, Some(collect), Some(consent)) => Ok(Self { collect, consent }),
            (Some(name), collect, consent) => {
                let named =
                    Self::environment(&name).map_err(|error| EndpointError { what: ENVIRONMENT, ..error })?;
                Ok(Self {
                    collect: collect.unwrap_or(named.collect),
                    consent: consent.unwrap_or(named.consent),
                })
            }
            (None, None, _) => Err(EndpointError::new(COLLECT_ENDPOINT, Problem::NotSet)),
            (None, _, None) => Err(EndpointError::new(CONSENT_ENDPOINT, Problem::NotSet)),
        }
    }

    /// Sends events to this URL, path included. It may have a query.
    ///
    /// # Errors
    ///
    /// When it does not begin with `https://` or `http://` and a host; when it has a user name or password (credentials
    /// belong into [`Credentials`](crate::Credentials), where they are kept from logs), a fragment, port 0, whitespace,
    /// a control character or a backslash; and when its path is that of `set_consent`.
    pub fn with_collect_url(self, url: &str) -> Result<Self, EndpointError> {
        Ok(Self { collect: collect_url("the collect URL", url)?, ..self })
    }

    /// Sends consent changes to this URL, path included. It may have a query.
    ///
    /// # Errors
    ///
    /// As [`with_collect_url`](Self::with_collect_url), but when its path is that of `collect`.
    pub fn with_consent_url(self, url: &str) -> Result<Self, EndpointError> {
        Ok(Self { consent: consent_url("the consent URL", url)?, ..self })
    }

    /// Where events go.
    pub fn collect_url(&self) -> &Url {
        &self.collect
    }

    /// Where consent changes go.
    pub fn consent_url(&self) -> &Url {
        &self.consent
    }

    pub(crate) fn urls(&self) -> [&Url; 2] {
        [&self.collect, &self.consent]
    }

    pub(crate) fn is_any_loopback(&self) -> bool {
        is_loopback(&self.collect) || is_loopback(&self.consent)
    }

    /// Refuses what is not on this machine: test events belong nowhere else.
    pub(crate) fn require_loopback(&self) -> Result<(), EndpointError> {
        if self.urls().into_iter().all(is_loopback) {
            return Ok(());
        }
        Err(EndpointError::new("the URL of a client for tests", Problem::NotLoopback))
    }

    /// Refuses plain HTTP to another machine: it would show the credentials to everybody on the way.
    pub(crate) fn require_tls(&self) -> Result<(), EndpointError> {
        for (what, url) in [("the collect URL", &self.collect), ("the consent URL", &self.consent)] {
            if url.scheme() == "http" && !is_loopback(url) {
                return Err(EndpointError::new(what, Problem::PlainHttp));
            }
        }
        Ok(())
    }
}

/// Without the queries of the URLs, which may hold secrets.
impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoints")
            .field("collect", &without_query(&self.collect))
            .field("consent", &without_query(&self.consent))
            .finish()
    }
}

/// The whole URL of `collect`.
fn collect_url(what: &'static str, text: &str) -> Result<Url, EndpointError> {
    let url = endpoint(what, text)?;
    if ends_in(&url, &operations::SET_CONSENT) {
        Err(EndpointError::new(what, Problem::IsConsent))
    } else {
        Ok(url)
    }
}

/// The whole URL of `set_consent`.
fn consent_url(what: &'static str, text: &str) -> Result<Url, EndpointError> {
    let url = endpoint(what, text)?;
    if ends_in(&url, &operations::COLLECT) {
        Err(EndpointError::new(what, Problem::IsCollect))
    } else {
        Ok(url)
    }
}

fn endpoint(what: &'static str, text: &str) -> Result<Url, EndpointError> {
    let refused = |problem| Err(EndpointError::new(what, problem));
    if text.is_empty() {
        return refused(Problem::Empty);
    }
    // The parser would cut some of these out, and take a backslash for a slash.
    if text.contains(|sign: char| sign.is_whitespace() || sign.is_control()) {
        return refused(Problem::Whitespace);
    }
    if text.contains('\\') {
        return refused(Problem::Backslash);
    }
    let Ok(url) = Url::parse(text) else { return refused(Problem::NotAUrl) };
    // The parser takes `https:/v2/collect` and `https:///v2/collect` as well: the host is v2, then.
    let after_scheme = text.get(url.scheme().len()..).unwrap_or_default();
    if !matches!(url.scheme(), "http" | "https") {
        refused(Problem::Scheme)
    } else if after_scheme.strip_prefix("://").is_none_or(|rest| rest.starts_with('/')) {
        refused(Problem::NoHost)
    } else if !url.username().is_empty() || url.password().is_some() {
        refused(Problem::UserInfo)
    } else if url.fragment().is_some() {
        refused(Problem::Fragment)
    } else if url.port() == Some(0) {
        refused(Problem::PortZero)
    } else {
        Ok(url)
    }
}

/// The operation's path after that of the base.
fn joined(base: &Url, operation: &Operation) -> Url {
    let mut url = base.clone();
    url.set_path(base.path().trim_end_matches('/'));
    // Every http URL has a path that can be added to.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(operation.path.split('/').filter(|segment| !segment.is_empty()));
    }
    url
}

/// The parts of a path as a server reads them, however they are encoded.
fn segments(path: &str) -> Vec<String> {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    decoded.split('/').filter(|segment| !segment.is_empty()).map(str::to_ascii_lowercase).collect()
}

fn ends_in(url: &Url, operation: &Operation) -> bool {
    segments(url.path()).ends_with(&segments(operation.path))
}

/// Whether the URL ends in the operation's path, or in its first parts.
fn ends_in_a_beginning_of(url: &Url, operation: &Operation) -> bool {
    let (has, whole) = (segments(url.path()), segments(operation.path));
    (1..=whole.len()).any(|length| whole.get(..length).is_some_and(|beginning| has.ends_with(beginning)))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    address.map_or(host == "localhost", |address| address.is_loopback())
}

/// Why a URL or a name is not fit for an endpoint. Never repeats it: it may hold a secret.
///
/// ```
/// let error = copilot_api::Endpoints::base("https://api.acme.bycopilot.com/v2/collect").unwrap_err();
/// println!("{error}"); // says to pass the base alone
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointError {
    what: &'static str,
    problem: Problem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    NotSet,
    NotUnicode,
    NotALabel,
    Empty,
    Whitespace,
    Backslash,
    NotAUrl,
    Scheme,
    NoHost,
    UserInfo,
    Fragment,
    PortZero,
    Query,
    BeginsThePath,
    IsConsent,
    IsCollect,
    PlainHttp,
    NotLoopback,
}

impl EndpointError {
    fn new(what: &'static str, problem: Problem) -> Self {
        Self { what, problem }
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self.problem {
            Problem::NotSet => {
                return write!(
                    f,
                    "neither {ENVIRONMENT} (the name of your environment) nor {} (a whole URL) is set",
                    self.what
                );
            }
            Problem::NotUnicode => "is not Unicode",
            Problem::NotALabel => "must be letters, digits and inner hyphens, at most 63",
            Problem::Empty => "is empty",
            Problem::Whitespace => {
                "must not have whitespace or a control character; a newline from a file, perhaps"
            }
            Problem::Backslash => "must not have a backslash: separate by /",
            Problem::NotAUrl => "is not an absolute URL: begin it with https:// and a host",
            Problem::Scheme => "must begin with https://",
            Problem::NoHost => "must have a host after https://",
            Problem::UserInfo => "must not hold a user name or password: pass them as credentials",
            Problem::Fragment => "must not have a fragment (#)",
            Problem::PortZero => "must not have port 0, at which nobody can listen",
            Problem::Query => {
                "must not have a query (?): pass whole URLs with `with_collect_url` and `with_consent_url`"
            }
            Problem::BeginsThePath => {
                "ends in the path of an operation, or in its beginning, which is added to it: pass what stands before that, \
                 or whole URLs with `with_collect_url` and `with_consent_url`"
            }
            Problem::IsConsent => "is the URL of set_consent: events go to that of collect",
            Problem::IsCollect => "is the URL of collect: consent goes to that of set_consent",
            Problem::NotLoopback => "must be one of this machine: http://127.0.0.1 with a port",
            Problem::PlainHttp => {
                "must begin with https://, since it leaves this machine; `allow_plain_http` of the client's builder permits it"
            }
        };
        write!(f, "{} {problem}", self.what)
    }
}

impl std::error::Error for EndpointError {}
