//! The outbox on PostgreSQL by TLS, with the certificates that its URL names.
#![cfg(all(unix, feature = "rustls-no-provider", not(feature = "rustls")))]

#[path = "../../../copilot-delivery/tests/support/postgres.rs"]
mod postgres;

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::Path,
};

use copilot_delivery::{Outbox as _, PostgresOutbox};
use copilot_tls_tests::Authority;
use postgres::{Cluster, connect};

/// A server with a certificate for that name.
fn server(authority: &Authority, name: &str) -> Option<Cluster> {
    let settings = "ssl = on\nssl_cert_file = 'FOLDER/server.crt'\nssl_key_file = 'FOLDER/server.key'";
    Cluster::prepared(settings, |folder| {
        let owner = folder.metadata().unwrap();
        for (file, pem) in ["server.crt", "server.key"].into_iter().zip(authority.certificate(name)) {
            let file = folder.join(file);
            fs::write(&file, pem).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            chown(&file, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
    })
}

/// A file with these certificates.
fn file(name: &str, certificates: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, certificates).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_server_whose_certificate_counts_is_spoken_to() {
    let authority = Authority::new();
    let Some(good) = server(&authority, "127.0.0.1") else { return };
    let other = server(&authority, "elsewhere.example").unwrap();
    let ours = file("postgres.pem", authority.pem());
    let url = |server: &Cluster, root: &str| {
        server.url("postgres").replace("postgres@", "postgres:secret@")
            + "?sslmode=verify-full&sslrootcert="
            + root
    };

    rustls::crypto::ring::default_provider().install_default().unwrap();
    PostgresOutbox::migrate(&url(&good, &ours)).await.unwrap();
    let outbox = PostgresOutbox::open(&url(&good, &ours)).await.unwrap();
    assert_eq!(outbox.counts().await.unwrap().pending, 0);
    let sessions = "SELECT bool_and(ssl), count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                    WHERE application_name = 'copilot-delivery'";
    let sessions = connect(&good.url("postgres")).await.query_typed(sessions, &[]).await.unwrap();
    assert_eq!((sessions[0].get(0), sessions[0].get::<_, i64>(1) > 0), (Some(true), true));

    let theirs = file("postgres-other.pem", Authority::new().pem());
    let of_the_system = url(&good, "").replace("&sslrootcert=", "");
    for untrusted in [url(&good, &theirs), url(&other, &ours), of_the_system] {
        let error = PostgresOutbox::open(&untrusted).await.unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(said.contains("certificate") && !said.contains("secret"), "{said}");
    }
}
