//! What the client says of TLS, by the feature that this package is tested with.

// Without TLS, most of it is not used.
#![allow(dead_code, unused_imports)]

use std::{env, fs, panic, path::Path, process::Command, time::Duration};

use copilot_api::{Client, ClientBuilder, Credentials, Endpoints, Error, RetryPolicy};
use copilot_tls_tests::{Authority, Server, Speaks};

/// Set for a child: what the test is to do as its own program.
const CHILD: &str = "COPILOT_TESTS_CHILD";

fn builder(url: &str) -> ClientBuilder {
    let credentials = Credentials::new("id", "secret").unwrap();
    let delay = Duration::from_millis(2);
    Client::builder(credentials, Endpoints::base(url).unwrap())
        .retry(RetryPolicy::default().delays(delay, delay))
}

/// What consent came to, in a line.
async fn outcome(client: Result<Client, Error>) -> String {
    let (when, error) = match client {
        Err(error) => ("not built".to_owned(), error),
        Ok(client) => match client.set_consent("user-7", true).await {
            Ok(()) => return "accepted".to_owned(),
            Err(error) => (format!("{} attempts", error.attempts()), error),
        },
    };
    let kind = match (error.is_configuration(), error.is_retryable()) {
        (true, false) => "configuration",
        (false, true) => "retryable",
        _ => "neither",
    };
    format!("{when}, {kind}: {error}")
}

/// Runs this test program again, for that test alone, where the system trusts what is in that file; gives what it
/// printed after `> `.
fn child(test: &str, what: &str, trusted: &Path) -> String {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env_clear();
    let output = command.env(CHILD, what).env("SSL_CERT_FILE", trusted).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.split_once("> ")).map(|(_, line)| line.to_owned());
    line.unwrap_or_else(|| panic!("{text} {}", String::from_utf8_lossy(&output.stderr)))
}

/// A file with these certificates.
fn file(name: &str, certificates: &str) -> std::path::PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, certificates).unwrap();
    path
}

#[cfg(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"))]
mod with_tls {
    use super::*;

    /// The program chooses the cryptography, where nobody else does.
    fn install_provider() {
        if cfg!(feature = "rustls-no-provider") {
            // Another test of this process may have been first.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_that_cannot_be_trusted_fails_once_and_one_that_breaks_off_is_tried_again() {
        install_provider();
        let authority = Authority::new();
        let root = reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([root]).build().unwrap();
        let untrusted = "1 attempts, configuration: set_consent: the server's certificate (or the proxy's) is not trusted: ";
        let table = [
            ("good", authority.certifies("127.0.0.1", false), "accepted", 1),
            ("unknown issuer", Authority::new().certifies("127.0.0.1", false), untrusted, 1),
            ("another host", authority.certifies("elsewhere.example", false), untrusted, 1),
            ("expired", authority.certifies("127.0.0.1", true), untrusted, 1),
            (
                "plain HTTP",
                Speaks::Plain,
                "1 attempts, configuration: set_consent: the endpoint begins with https://",
                1,
            ),
            ("hangs up", Speaks::Nothing, "5 attempts, retryable: set_consent: no connection", 5),
            ("an alert", Speaks::Alert, "5 attempts, retryable: set_consent: no connection", 5),
        ];
        for (name, speaks, expected, connections) in table {
            let server = Server::start(speaks).await;
            let said = outcome(builder(&server.url("https")).http_client(http.clone()).build()).await;
            assert!(said.starts_with(expected), "{name}: {said}");
            assert!(!expected.starts_with(untrusted) || said.contains("http_client"), "{name}: {said}");
            assert_eq!(server.connections(), connections, "{name}: {said}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_certificates_of_the_system_decide_unless_an_http_client_is_given() {
        if let Ok(url) = env::var(CHILD) {
            install_provider();
            return println!("> {}", outcome(builder(&url).build()).await);
        }
        let this = "with_tls::the_certificates_of_the_system_decide_unless_an_http_client_is_given";
        let authority = Authority::new();
        let server = Server::start(authority.certifies("127.0.0.1", false)).await;
        let url = server.url("https");
        let said = child(this, &url, &file("good.pem", authority.pem()));
        assert_eq!(said, "accepted");
        let said = child(this, &url, &file("other.pem", Authority::new().pem()));
        assert!(said.starts_with("1 attempts, configuration") && said.contains("not trusted"), "{said}");
        let said = child(this, &url, &file("empty.pem", ""));
        if cfg!(feature = "native-tls") {
            assert!(said.starts_with("1 attempts, configuration") && said.contains("not trusted"), "{said}");
        } else {
            let expected = "not built, configuration: the HTTP client cannot be set up: ";
            assert!(said.starts_with(expected) && said.contains("certificates"), "{said}");
        }
    }
}

/// A program of which another crate brings ring.
#[cfg(all(feature = "rustls-no-provider", not(feature = "rustls")))]
#[tokio::test(flavor = "multi_thread")]
async fn without_a_provider_the_program_chooses_and_is_told_how_when_it_did_not() {
    if let Ok(what) = env::var(CHILD) {
        let url = what.trim_start_matches("chosen ");
        if what == url {
            return println!("> {}", outcome(builder(url).build()).await);
        }
        rustls::crypto::ring::default_provider().install_default().unwrap();
        // What the other crate does.
        let _ = rustls::ClientConfig::builder();
        return println!("> {}", outcome(builder(url).build()).await);
    }
    let this = "without_a_provider_the_program_chooses_and_is_told_how_when_it_did_not";
    let authority = Authority::new();
    let server = Server::start(authority.certifies("127.0.0.1", false)).await;
    let plain = Server::start(Speaks::Plain).await;
    let trusted = file("chosen.pem", authority.pem());
    for url in [server.url("https"), plain.url("http")] {
        let said = child(this, &url, &trusted);
        let line = "rustls::crypto::ring::default_provider().install_default()";
        assert!(said.starts_with("not built, configuration: ") && said.contains(line), "{said}");
        assert_eq!(child(this, &format!("chosen {url}"), &trusted), "accepted");
    }
}

/// The same program with `copilot-delivery`, whose courier makes a client of its own on a thread of its own.
#[cfg(all(feature = "rustls-no-provider", not(feature = "rustls")))]
#[tokio::test(flavor = "multi_thread")]
async fn the_courier_goes_by_the_provider_that_the_program_chose() {
    if let Ok(url) = env::var(CHILD) {
        rustls::crypto::ring::default_provider().install_default().unwrap();
        let reporter = copilot_delivery::Reporter::builder(builder(&url).build().unwrap()).start().unwrap();
        let ticket = reporter.set_consent("user-7", true).await.unwrap();
        let left = reporter.shutdown(Duration::from_secs(2)).await.items.len();
        return println!("> {}, {left} left", ticket.await);
    }
    let this = "the_courier_goes_by_the_provider_that_the_program_chose";
    let authority = Authority::new();
    let server = Server::start(authority.certifies("127.0.0.1", false)).await;
    assert_eq!(child(this, &server.url("https"), &file("courier.pem", authority.pem())), "accepted, 0 left");
    let said = child(this, &server.url("https"), &file("courier-other.pem", Authority::new().pem()));
    assert_eq!(said, "undelivered, 1 left");
}

/// And so does the outbox on PostgreSQL, on its connections to a server that takes none without TLS.
#[cfg(all(unix, feature = "rustls-no-provider", not(feature = "rustls")))]
#[tokio::test(flavor = "multi_thread")]
async fn the_outbox_on_postgresql_goes_by_the_provider_that_the_program_chose() {
    use copilot_delivery::{PostgresOutbox, Reporter};
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt, chown};

    if let Ok(what) = env::var(CHILD) {
        let (chosen, urls) = what.split_once(' ').unwrap();
        let (url, database) = urls.split_once(' ').unwrap();
        if chosen == "chosen" {
            rustls::crypto::ring::default_provider().install_default().unwrap();
        }
        if let Err(error) = PostgresOutbox::migrate(database).await {
            return println!("> {error}");
        }
        let outbox = PostgresOutbox::open(database).await.unwrap();
        let reporter = Reporter::builder(builder(url).build().unwrap()).outbox(outbox).start().unwrap();
        let ticket = reporter.set_consent("user-7", true).await.unwrap();
        let outcome = tokio::time::timeout(Duration::from_secs(10), ticket).await.unwrap();
        let left = reporter.shutdown(Duration::from_secs(2)).await.stay;
        return println!("> {outcome}, {left} left");
    }
    let authority = Authority::new();
    let settings = "ssl = on\nssl_cert_file = 'FOLDER/server.crt'\nssl_key_file = 'FOLDER/server.key'";
    let prepared = copilot_servers::postgres::Cluster::prepared(settings, |folder| {
        let [certificate, key] = authority.certificate("127.0.0.1");
        let files = [
            ("server.crt", certificate),
            ("server.key", key),
            ("pg_hba.conf", "hostssl all all 127.0.0.1/32 trust\n".into()),
        ];
        for (name, text) in files {
            let (path, owner) = (folder.join(name), folder.metadata().unwrap());
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
            chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
    });
    let Some(cluster) = prepared else { return };
    let this = "the_outbox_on_postgresql_goes_by_the_provider_that_the_program_chose";
    let server = Server::start(authority.certifies("127.0.0.1", false)).await;
    let urls = |mode: &str| format!("{} {}?sslmode={mode}", server.url("https"), cluster.url("postgres"));
    let (trusted, other) =
        (file("postgres.pem", authority.pem()), file("postgres-other.pem", Authority::new().pem()));
    let said = |what: &str, mode: &str, trusted| child(this, &format!("{what} {}", urls(mode)), trusted);
    assert_eq!(said("chosen", "verify-full", &trusted), "accepted, 0 left");
    let refused = said("chosen", "verify-full", &other);
    assert!(refused.contains("invalid peer certificate"), "{refused}");
    let unchosen = said("nothing", "verify-full", &trusted);
    assert!(unchosen.contains("the program has no TLS provider"), "{unchosen}");
    // The URL can say whom to trust instead of whom the system trusts.
    let trusting = |root: &Path| format!("verify-full&sslrootcert={}", root.display());
    assert_eq!(said("chosen", &trusting(&trusted), &trusted), "accepted, 0 left");
    let refused = said("chosen", &trusting(&other), &trusted);
    assert!(refused.contains("invalid peer certificate"), "{refused}");
    // The server is spoken to by TLS, or not at all.
    let plain = said("chosen", "disable", &trusted);
    assert!(plain.contains("no encryption"), "{plain}");
}

/// And so does the outbox on NATS.
#[cfg(all(unix, feature = "rustls-no-provider", not(feature = "rustls")))]
#[tokio::test(flavor = "multi_thread")]
async fn the_outbox_on_nats_goes_by_the_provider_that_the_program_chose() {
    use copilot_delivery::{JetStreamOutbox, Outbox as _};

    if let Ok(what) = env::var(CHILD) {
        let (chosen, url) = what.split_once(' ').unwrap();
        if chosen == "chosen" {
            rustls::crypto::ring::default_provider().install_default().unwrap();
        }
        return match JetStreamOutbox::open(url).await {
            Ok(outbox) => println!("> {} pending", outbox.counts().await.unwrap().pending),
            Err(error) => println!("> {error}"),
        };
    }
    let authority = Authority::new();
    let [certificate, key] = authority.certificate("127.0.0.1");
    let (certificate, key) = (file("nats.crt", &certificate), file("nats.key", &key));
    let Some(nats) = copilot_servers::nats::Nats::with(&[
        "--tls",
        "--tlscert",
        certificate.to_str().unwrap(),
        "--tlskey",
        key.to_str().unwrap(),
    ]) else {
        return;
    };
    let this = "the_outbox_on_nats_goes_by_the_provider_that_the_program_chose";
    let (ours, other) = (file("nats.pem", authority.pem()), file("nats-other.pem", Authority::new().pem()));
    let said = |chosen: &str, root: &Path| {
        let url = format!("tls://127.0.0.1:{}?sslrootcert={}", nats.port(), root.display());
        child(this, &format!("{chosen} {url}"), &ours)
    };
    assert_eq!(said("chosen", &ours), "0 pending");
    assert!(!said("chosen", &other).contains("pending"));
    let unchosen = said("nothing", &ours);
    assert!(unchosen.contains("the program has no TLS provider"), "{unchosen}");
}

/// Why there is `rustls-no-provider`.
#[cfg(feature = "rustls")]
#[tokio::test(flavor = "multi_thread")]
async fn with_two_providers_the_client_works_and_rustls_itself_panics() {
    if let Ok(url) = env::var(CHILD) {
        let said = outcome(builder(&url).build()).await;
        let rustls = panic::catch_unwind(|| drop(rustls::ClientConfig::builder()));
        return println!("> {said}, {}", if rustls.is_err() { "panicked" } else { "did not panic" });
    }
    let this = "with_two_providers_the_client_works_and_rustls_itself_panics";
    let authority = Authority::new();
    let server = Server::start(authority.certifies("127.0.0.1", false)).await;
    let said = child(this, &server.url("https"), &file("two.pem", authority.pem()));
    assert_eq!(said, "accepted, panicked");
}

#[cfg(not(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls")))]
#[tokio::test(flavor = "multi_thread")]
async fn without_tls_an_https_endpoint_is_refused_and_plain_http_on_loopback_works() {
    let server = Server::start(Speaks::Plain).await;
    assert_eq!(outcome(builder(&server.url("http")).build()).await, "accepted");
    assert_eq!(server.connections(), 1);

    let said = outcome(builder(&server.url("https")).build()).await;
    assert!(said.starts_with("not built, configuration: ") && said.contains("feature `rustls`"), "{said}");
    // Of another's client it is not known in advance.
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let said = outcome(builder(&server.url("https")).http_client(http).build()).await;
    assert!(said.starts_with("1 attempts, configuration: ") && said.contains("feature `rustls`"), "{said}");
    assert_eq!(server.connections(), 1);
}
