//! Where the NATS servers are, and what else the outbox's URL says.

use std::{fmt, time::Duration};

use async_nats::ConnectOptions;

use crate::{
    outbox::{Fault, OutboxError},
    remote::tls,
};

/// What the outbox makes of a URL. It holds secrets, and shows them to nobody.
#[derive(Clone)]
pub(super) struct Address {
    /// The servers, with what is before their `@`.
    servers: Vec<String>,
    /// The file of credentials that `nsc` makes.
    creds: Option<String>,
    tls: bool,
    root: Option<String>,
    /// The hosts, for people.
    hosts: String,
    pub(super) wishes: Wishes,
}

/// What a URL can say beside where the servers are.
#[derive(Clone, Debug, Default)]
pub(super) struct Wishes {
    pub(super) stream: Option<String>,
    pub(super) replicas: Option<usize>,
    pub(super) max_items: Option<u64>,
    pub(super) max_bytes: Option<u64>,
    pub(super) lease: Option<Duration>,
    pub(super) deadline: Option<Duration>,
}

const OURS: &str = "stream, replicas, max_items, max_bytes, lease_ms, deadline_ms, creds, sslrootcert";

impl Address {
    /// Reads `nats://HOST:PORT,HOST:PORT?…`, or `tls://…`. No error repeats any of it.
    pub(super) fn read(url: &str) -> Result<Self, OutboxError> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (scheme, hosts) = base.split_once("://").unwrap_or(("", base));
        let is_tls = match scheme {
            "nats" => false,
            "tls" => true,
            _ => return Err(wrong("does not begin with nats:// or tls://")),
        };
        let (mut wishes, mut creds, mut root) = (Wishes::default(), None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "stream" => wishes.stream = Some(value.to_owned()),
                "replicas" => wishes.replicas = Some(number(name, value)? as usize),
                "max_items" => wishes.max_items = Some(number(name, value)?),
                "max_bytes" => wishes.max_bytes = Some(number(name, value)?),
                "lease_ms" => wishes.lease = Some(Duration::from_millis(number(name, value)?)),
                "deadline_ms" => wishes.deadline = Some(Duration::from_millis(number(name, value)?)),
                "creds" => creds = Some(value.to_owned()),
                "sslrootcert" => root = Some(value.to_owned()),
                // It may be a part of a password that was not encoded.
                _ => return Err(wrong(&format!("has a parameter that is none of {OURS}"))),
            }
        }
        let hosts: Vec<&str> =
            hosts.trim_end_matches('/').split(',').filter(|host| !host.is_empty()).collect();
        if hosts.is_empty() {
            return Err(wrong("names no server"));
        }
        // What is before an `@` may have a comma in it, which is to be encoded: what is behind it is no server, and is shown to nobody.
        let are_with = hosts.iter().filter(|host| host.contains('@')).count();
        let begins_with = hosts.first().is_some_and(|host| host.contains('@'));
        if are_with > 0 && !(begins_with && (are_with == 1 || are_with == hosts.len())) {
            return Err(wrong(
                "names servers with and without credentials, or has a comma in them that is not encoded",
            ));
        }
        let bare = |host: &&str| host.rsplit('@').next().unwrap_or(host).to_owned();
        Ok(Self {
            servers: hosts.iter().map(|host| format!("{scheme}://{host}")).collect(),
            hosts: hosts.iter().map(bare).collect::<Vec<_>>().join(","),
            creds,
            tls: is_tls || root.is_some(),
            root,
            wishes,
        })
    }

    /// The place of that stream, for people.
    pub(super) fn place(&self, stream: &str) -> String {
        format!("nats://{}/{stream}", self.hosts)
    }

    pub(super) fn servers(&self) -> &[String] {
        &self.servers
    }

    /// What a connection is made with.
    pub(super) async fn options(&self) -> Result<ConnectOptions, OutboxError> {
        let mut options = ConnectOptions::new().name("copilot-delivery");
        if let Some(file) = &self.creds {
            let read = options.credentials_file(file).await;
            options = read.map_err(|_| wrong("names a file of credentials that cannot be read"))?;
        }
        if self.tls {
            // Always ours: the library's own would take whichever provider it finds, and panic where it finds two.
            options = options.tls_client_config(tls::client_config(self.root.as_deref())?).require_tls(true);
        } else if let Ok(config) = tls::client_config(None) {
            // A server may ask for it.
            options = options.tls_client_config(config);
        }
        Ok(options)
    }
}

fn number(name: &str, value: &str) -> Result<u64, OutboxError> {
    value.parse().map_err(|_| wrong(&format!("has a {name} that is no whole number")))
}

pub(super) fn wrong(what: &str) -> OutboxError {
    OutboxError::new(Fault::Engine, format!("the URL of the outbox {what}"))
}

/// Without secrets.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("hosts", &self.hosts).field("tls", &self.tls).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Address;

    #[test]
    fn a_url_says_where_and_how_and_shows_no_secret() {
        let url = "nats://app:s3cret@one:4222,two:4222/?stream=ORDERS&replicas=3&lease_ms=1500&creds=/c";
        let address = Address::read(url).unwrap();
        assert_eq!(address.servers(), ["nats://app:s3cret@one:4222", "nats://two:4222"]);
        assert_eq!(address.place("ORDERS"), "nats://one:4222,two:4222/ORDERS");
        assert_eq!((address.wishes.stream.as_deref(), address.wishes.replicas), (Some("ORDERS"), Some(3)));
        assert!(!format!("{address:?}").contains("s3cret"));
        for wrong in [
            "nats://a:s3cret,x@h",
            "nats://s3cret,x@h",
            "nats://u:p@g,u:s3cret,x@h",
            "nats://",
            "http://s3cret",
            "nats://h?lease_ms=s3cret",
            "nats://h?s3cret=1",
        ] {
            let error = Address::read(wrong).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
        }
    }
}
