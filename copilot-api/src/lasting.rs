//! Failures to connect that no later attempt mends, since a setting is at fault.

use std::{error::Error as StdError, fmt, io, iter};

/// What an https endpoint without TLS is told.
pub(crate) const NO_TLS: &str = "an endpoint begins with https://, and the program was built without TLS: turn on the \
                                 feature `rustls` or `native-tls` of copilot-api, or give the client's builder an \
                                 HTTP client that has TLS (`http_client`)";

/// Such a failure.
#[derive(Debug)]
pub(crate) struct LastingFailure {
    setting: Setting,
    /// The words of the cause that told it.
    cause: String,
    source: reqwest::Error,
}

/// What is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting {
    /// An https endpoint, and no TLS.
    NoTls,
    /// A certificate that the client does not trust.
    Certificate,
    /// An https endpoint that does not speak TLS.
    PlainServer,
    /// A host that no certificate can be for.
    ServerName,
    /// A proxy that the client cannot talk to.
    ProxyScheme,
    /// A proxy that asks for credentials, or for others.
    ProxyCredentials,
}

impl LastingFailure {
    /// Takes the error if it is one. Its URL must be gone.
    pub(crate) fn try_from(error: reqwest::Error) -> Result<Self, reqwest::Error> {
        let told = |by: fn(&(dyn StdError + 'static)) -> Option<Setting>| {
            causes(&error).find_map(|cause| Some((by(cause)?, cause.to_string())))
        };
        let at_fault = if error.is_connect() { told(by_type).or_else(|| told(by_words)) } else { None };
        match at_fault {
            Some((setting, cause)) => Ok(Self { setting, cause, source: error }),
            None => Err(error),
        }
    }
}

/// Of causes whose type can be named here.
fn by_type(cause: &(dyn StdError + 'static)) -> Option<Setting> {
    #[cfg(feature = "rustls-no-provider")]
    match cause.downcast_ref()? {
        rustls::Error::InvalidCertificate(_) => return Some(Setting::Certificate),
        rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => {
            return Some(Setting::PlainServer);
        }
        _ => {}
    }
    let _ = cause;
    None
}

fn by_words(cause: &(dyn StdError + 'static)) -> Option<Setting> {
    let words = cause.to_string();
    let known = [
        // hyper-util, without TLS.
        ("invalid URL, scheme is not http", Setting::NoTls),
        // OpenSSL; rustls, where another crate brought it.
        ("certificate verify failed", Setting::Certificate),
        ("invalid peer certificate", Setting::Certificate),
        // OpenSSL.
        (":wrong version number:", Setting::PlainServer),
        // rustls, and reqwest where there is a proxy.
        ("invalid dns name", Setting::ServerName),
        ("Invalid Server Name", Setting::ServerName),
        // hyper-rustls.
        ("unsupported scheme socks", Setting::ProxyScheme),
        // hyper-util, of a 407.
        ("tunnel error: proxy authorization required", Setting::ProxyCredentials),
    ];
    known.into_iter().find_map(|(telling, setting)| words.contains(telling).then_some(setting))
}

/// What led to an error, the nearest first.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    iter::successors(error.source(), |&cause| {
        // An `io::Error` leaves out the error that it wraps, and gives the source of that.
        match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => cause.source(),
        }
    })
}

/// What an error came from in the end.
pub(crate) fn root_cause(error: &reqwest::Error) -> &(dyn StdError + 'static) {
    causes(error).last().unwrap_or(error)
}

impl fmt::Display for LastingFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = &self.cause;
        match self.setting {
            Setting::NoTls => f.write_str(NO_TLS),
            Setting::Certificate => write!(
                f,
                "the server's certificate (or the proxy's) is not trusted: {cause}; trusted are the certificates of \
                 the system, or those of an HTTP client of your own (`http_client` of the client's builder)"
            ),
            Setting::PlainServer => write!(
                f,
                "the endpoint begins with https://, and the server (or the proxy) does not speak TLS: {cause}; the \
                 port may be that of plain HTTP"
            ),
            Setting::ServerName => {
                write!(f, "the endpoint's host is no name that a certificate can be for: {cause}")
            }
            Setting::ProxyScheme => write!(
                f,
                "the proxy cannot be used: {cause}; let HTTPS_PROXY or ALL_PROXY begin with http:// or https://, or \
                 turn on the feature `socks` of reqwest"
            ),
            Setting::ProxyCredentials => f.write_str(
                "the proxy asks for credentials, or refuses them (407): write them into HTTPS_PROXY or ALL_PROXY, as \
                 http://user:password@host:port",
            ),
        }
    }
}

impl StdError for LastingFailure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.source)
    }
}
