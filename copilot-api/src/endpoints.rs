//! Where the two operations live.

use std::{env, fmt};

use copilot_gen::{SERVER, operations, raw::without_query};
use reqwest::Url;

/// The environment variable that names the Copilot.cx environment.
pub const ENVIRONMENT: &str = "COPILOT_ENVIRONMENT";
/// The environment variable that holds the whole URL of `collect`.
pub const COLLECT_ENDPOINT: &str = "COPILOT_CLIENT_COLLECT_ENDPOINT";
/// The environment variable that holds the whole URL of `set_consent`.
pub const CONSENT_ENDPOINT: &str = "COPILOT_CLIENT_CONSENT_ENDPOINT";

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

    /// The contract's paths on a server of your choice, for example a sandbox on loopback.
    ///
    /// # Errors
    ///
    /// When the URL is not one, or is not fit for an endpoint ([`with_collect_url`](Self::with_collect_url)).
    pub fn base(url: &str) -> Result<Self, EndpointError> {
        let what = "the base URL";
        let checked = endpoint(what, url)?;
        let base = checked.as_str().trim_end_matches('/');
        let at = |path: &str| endpoint(what, &format!("{base}{path}"));
        Ok(Self { collect: at(operations::COLLECT.path)?, consent: at(operations::SET_CONSENT.path)? })
    }

    /// From the environment: `COPILOT_ENVIRONMENT` names the environment; `COPILOT_CLIENT_COLLECT_ENDPOINT` and
    /// `COPILOT_CLIENT_CONSENT_ENDPOINT` are whole URLs, and each goes before what the environment's name gives.
    ///
    /// # Errors
    ///
    /// When neither the name nor both URLs are set, or one is not fit.
    pub fn from_env() -> Result<Self, EndpointError> {
        let read = |variable: &'static str| match env::var(variable) {
            Ok(value) => Ok(Some(value)),
            Err(env::VarError::NotPresent) => Ok(None),
            Err(env::VarError::NotUnicode(_)) => Err(EndpointError::new(variable, Problem::NotUnicode)),
        };
        let environment = read(ENVIRONMENT)?;
        let collect = read(COLLECT_ENDPOINT)?.map(|url| endpoint(COLLECT_ENDPOINT, &url)).transpose()?;
        let consent = read(CONSENT_ENDPOINT)?.map(|url| endpoint(CONSENT_ENDPOINT, &url)).transpose()?;
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

    /// Sends events to this URL, path included.
    ///
    /// # Errors
    ///
    /// When it is not an absolute `http` or `https` URL, or has a user name or password (credentials belong into
    /// [`Credentials`](crate::Credentials), where they are kept from logs) or a fragment.
    pub fn with_collect_url(self, url: &str) -> Result<Self, EndpointError> {
        Ok(Self { collect: endpoint("the collect URL", url)?, ..self })
    }

    /// Sends consent changes to this URL, path included.
    ///
    /// # Errors
    ///
    /// As [`with_collect_url`](Self::with_collect_url).
    pub fn with_consent_url(self, url: &str) -> Result<Self, EndpointError> {
        Ok(Self { consent: endpoint("the consent URL", url)?, ..self })
    }

    /// Where events go.
    pub fn collect_url(&self) -> &Url {
        &self.collect
    }

    /// Where consent changes go.
    pub fn consent_url(&self) -> &Url {
        &self.consent
    }

    pub(crate) fn is_any_loopback(&self) -> bool {
        is_loopback(&self.collect) || is_loopback(&self.consent)
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

fn endpoint(what: &'static str, text: &str) -> Result<Url, EndpointError> {
    let url = Url::parse(text).map_err(|_| EndpointError::new(what, Problem::NotAUrl))?;
    let problem = if !matches!(url.scheme(), "http" | "https") {
        Problem::Scheme
    } else if !url.username().is_empty() || url.password().is_some() {
        Problem::UserInfo
    } else if url.fragment().is_some() {
        Problem::Fragment
    } else {
        return Ok(url);
    };
    Err(EndpointError::new(what, problem))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    address.map_or(host == "localhost", |address| address.is_loopback())
}

/// Why a URL or a name is not fit for an endpoint. Never repeats it: it may hold a secret.
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
    NotAUrl,
    Scheme,
    UserInfo,
    Fragment,
    PlainHttp,
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
            Problem::NotAUrl => "is not an absolute URL: begin it with https://",
            Problem::Scheme => "must begin with https://",
            Problem::UserInfo => "must not hold a user name or password: pass them as credentials",
            Problem::Fragment => "must not have a fragment (#)",
            Problem::PlainHttp => {
                "must begin with https://, since it leaves this machine; `allow_plain_http` of the client's builder permits it"
            }
        };
        write!(f, "{} {problem}", self.what)
    }
}

impl std::error::Error for EndpointError {}
