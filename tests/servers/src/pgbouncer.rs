//! PgBouncer in front of a server: a pool of transactions, as small as can be.

use std::{
    fs,
    net::TcpStream,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use crate::{free_port, kept, on_path, postgres::Cluster, skip, unprivileged};

/// A pool with one connection to each database.
#[derive(Debug)]
pub struct Pool {
    keeper: Child,
    port: u16,
}

impl Pool {
    /// In front of that server; none, where PgBouncer is not installed.
    pub fn start(cluster: &Cluster) -> Option<Self> {
        let program = on_path("pgbouncer").or_else(|| skip("PgBouncer"))?;
        let port = free_port();
        let file = std::env::temp_dir().join(format!("copilot-pgbouncer-{}-{port}.ini", std::process::id()));
        let configuration = format!(
            "[databases]\n* = host=127.0.0.1 port={} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 1\nmax_client_conn = 200\n\
             server_check_delay = 0\n",
            cluster.port()
        );
        fs::write(&file, configuration).unwrap();
        let mut server = unprivileged(&program);
        server.arg("-q").arg(&file);
        let pool = Self { keeper: kept(&file, "TERM", &server), port };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "PgBouncer does not start");
            thread::sleep(Duration::from_millis(20));
        }
        Some(pool)
    }

    /// The URL of a database behind it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}
