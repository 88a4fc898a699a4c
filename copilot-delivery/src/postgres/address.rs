//! Where the database is, and what else the outbox's URL says.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use percent_encoding::percent_decode_str;
use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};

use super::tls::Tls;
use crate::outbox::{Fault, OutboxError};

/// What items of a lane wait for before they are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// Until every transaction that writes, and began before them, has ended, in whichever database of the cluster: what was reported
    /// after another event of its lane had committed is never sent before that.
    #[default]
    Strict,
    /// For nobody: what has committed is sent. An event may overtake one whose transaction began before and commits after it.
    AsCommitted,
}

/// What the outbox makes of a URL. It holds the password, and shows it to nobody.
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) tls: Tls,
    /// The host and the name of the database, for people.
    pub(super) place: String,
}

/// What a URL can say beside where the database is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wishes {
    pub(super) max_items: Option<u64>,
    pub(super) max_bytes: Option<u64>,
    pub(super) lease: Option<Duration>,
    pub(super) deadline: Option<Duration>,
    pub(super) order: Option<Order>,
}

impl Wishes {
    /// These, and of what they do not say what the others say.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            max_items: self.max_items.or(other.max_items),
            max_bytes: self.max_bytes.or(other.max_bytes),
            lease: self.lease.or(other.lease),
            deadline: self.deadline.or(other.deadline),
            order: self.order.or(other.order),
        }
    }
}

/// What the driver reads of a URL's query. What is not listed is refused: a misspelt wish must not pass for granted.
const DRIVERS: [&str; 10] = [
    "user",
    "password",
    "dbname",
    "host",
    "hostaddr",
    "port",
    "application_name",
    "target_session_attrs",
    "load_balance_hosts",
    "channel_binding",
];

const OURS: &str = "max_items, max_bytes, lease_ms, deadline_ms, order, sslmode, sslrootcert";

/// After which silence the system asks whether the server is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// How long one of several hosts may take to take a connection.
const CONNECT: Duration = Duration::from_secs(3);

impl Address {
    /// Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?…`. No error repeats any of it.
    pub(super) fn read(url: &str) -> Result<(Self, Wishes), OutboxError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(wrong("does not begin with postgres://"));
        }
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut wishes, mut drivers) = (Wishes::default(), String::from(base));
        let (mut ssl_mode, mut root) = (None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "max_items" => wishes.max_items = Some(number(name, value)?),
                "max_bytes" => wishes.max_bytes = Some(number(name, value)?),
                "lease_ms" => wishes.lease = Some(Duration::from_millis(number(name, value)?)),
                "deadline_ms" => wishes.deadline = Some(Duration::from_millis(number(name, value)?)),
                "order" => {
                    wishes.order = Some(match value {
                        "strict" => Order::Strict,
                        "as_committed" => Order::AsCommitted,
                        _ => return Err(wrong("says an order that is neither strict nor as_committed")),
                    });
                }
                "sslmode" => ssl_mode = Some(value),
                "sslrootcert" => root = Some(decoded(value)?),
                name if DRIVERS.contains(&name) => {
                    drivers.push(if drivers.contains('?') { '&' } else { '?' });
                    drivers.push_str(pair);
                }
                // It may be a part of a password that was not encoded.
                _ => return Err(wrong(&format!("has a parameter that is none of {OURS}, {DRIVERS:?}"))),
            }
        }
        let mut config = Config::from_str(&drivers).map_err(|_| {
            wrong("cannot be read; in a password, characters such as @ : / ? are percent-encoded")
        })?;
        let tls = match ssl_mode {
            Some("disable") => false,
            // Without a look at the certificate it would be no protection.
            Some("require" | "verify-full") => true,
            None => !config.get_hosts().iter().all(is_here),
            Some(_) => return Err(wrong("says an sslmode that is neither disable nor verify-full")),
        };
        config.ssl_mode(if tls { SslMode::Require } else { SslMode::Disable });
        config.keepalives_idle(KEEPALIVE).connect_timeout(CONNECT);
        if config.get_application_name().is_none() {
            config.application_name("copilot-delivery");
        }
        let place = place(&config);
        let tls = Tls::new(tls, root.as_deref())?;
        Ok((Self { config, tls, place }, wishes))
    }
}

/// The host and the database; of several hosts, all.
fn place(config: &Config) -> String {
    let hosts = config.get_hosts().iter().enumerate().map(|(nth, host)| {
        let ports = config.get_ports();
        let port = ports.get(nth).or(ports.first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(name) => format!("{name}:{port}"),
            #[cfg(unix)]
            Host::Unix(path) => format!("{}:{port}", path.display()),
        }
    });
    let hosts: Vec<_> = hosts.collect();
    let database = config.get_dbname().or(config.get_user()).unwrap_or("postgres");
    format!("postgres://{}/{database}", hosts.join(","))
}

/// Whether nobody is between this process and the host.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

fn number(name: &str, value: &str) -> Result<u64, OutboxError> {
    value.parse().map_err(|_| wrong(&format!("has a {name} that is no whole number")))
}

/// A value of the query, as it was before it was encoded.
fn decoded(value: &str) -> Result<Cow<'_, str>, OutboxError> {
    percent_decode_str(value).decode_utf8().map_err(|_| wrong("has a parameter that is no UTF-8"))
}

fn wrong(what: &str) -> OutboxError {
    OutboxError::new(Fault::Engine, format!("the URL of the outbox {what}"))
}

/// Without the password, and without the user.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("place", &self.place).field("tls", &self.tls).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use tokio_postgres::config::SslMode;

    use super::{Address, Order};

    #[test]
    fn ours_is_taken_out_and_the_rest_is_the_drivers() {
        let url = "postgresql://app:s%40cret@127.0.0.1:6432/shop?max_items=7&order=as_committed&lease_ms=1500\
                   &application_name=web&deadline_ms=250&max_bytes=9&target_session_attrs=read-write";
        let (address, wishes) = Address::read(url).unwrap();
        assert_eq!(
            (wishes.max_items, wishes.max_bytes, wishes.order),
            (Some(7), Some(9), Some(Order::AsCommitted))
        );
        assert_eq!(wishes.lease, Some(Duration::from_millis(1500)));
        assert_eq!(wishes.deadline, Some(Duration::from_millis(250)));
        assert_eq!(address.config.get_password(), Some(b"s@cret".as_slice()));
        assert_eq!(address.config.get_application_name(), Some("web"));
        assert_eq!(address.place, "postgres://127.0.0.1:6432/shop");
        let shown = format!("{address:?}");
        assert!(!shown.contains("cret") && !shown.contains("app"), "{shown}");
    }

    #[test]
    fn what_is_wrong_is_said_without_a_secret() {
        for url in [
            "postgres://app:se?cret@db/shop",
            "postgres://app:se/cret@db/shop?ordr=strict",
            "postgres://app:secret@db/shop?max_items=secret",
            "postgres://app:secret@db/shop?order=secret",
            "postgres://app:secret@db/shop?sslmode=prefer",
            "postgres://app:secret@db/shop?sslrootcert=/no/secret.pem",
            "postgres://app:secret@db:secret/shop",
            "mysql://app:secret@db/shop",
        ] {
            let error = Address::read(url).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("cret"), "{shown}");
        }
    }

    #[test]
    fn only_this_machine_is_spoken_to_without_tls_unless_the_url_says_so() {
        let mode = |url| Address::read(url).map(|(address, _)| address.config.get_ssl_mode());
        for here in
            ["postgres://localhost/shop", "postgres://[::1]/shop", "postgres://%2Frun%2Fpostgresql/shop"]
        {
            assert_eq!(mode(here).unwrap(), SslMode::Disable, "{here}");
        }
        assert_eq!(mode("postgres://db.example/shop?sslmode=disable").unwrap(), SslMode::Disable);
        // Without a provider of cryptography it says so.
        if let Ok(mode) = mode("postgres://db.example,localhost/shop") {
            assert_eq!(mode, SslMode::Require);
        }
    }
}
