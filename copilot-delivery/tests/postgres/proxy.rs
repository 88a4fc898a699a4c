//! What stands between an outbox and its database, and fails.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// What becomes of what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Forward,
    /// Nothing comes through, and nobody is told.
    Stall,
    /// The connection is cut when the client sends this, before the server gets it.
    CutBefore(&'static str),
    /// The connection is cut when the client has sent this and the server answers it.
    CutAfter(&'static str),
    /// Once the client has sent this, no answer comes through.
    StallAfter(&'static str),
}

/// Forwards to a port of this machine.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    mode: Arc<watch::Sender<Mode>>,
}

impl Proxy {
    pub(crate) async fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mode = Arc::new(watch::Sender::new(Mode::Forward));
        let modes = mode.clone();
        tokio::spawn(async move {
            loop {
                let Ok((client, _)) = listener.accept().await else { return };
                tokio::spawn(forward(client, to, modes.clone()));
            }
        });
        Self { port, mode }
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Whether it has cut a connection: it forwards again then.
    pub(crate) fn has_cut(&self) -> bool {
        *self.mode.borrow() == Mode::Forward
    }
}

async fn forward(mut client: TcpStream, to: u16, mode: Arc<watch::Sender<Mode>>) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", to)).await else { return };
    let mut modes = mode.subscribe();
    let (mut from_client, mut from_server) = (vec![0; 65536], vec![0; 65536]);
    let mut asked = false;
    loop {
        let now = *modes.borrow_and_update();
        if now == Mode::Stall {
            let _ = modes.changed().await;
            continue;
        }
        tokio::select! {
            changed = modes.changed() => if changed.is_err() { return },
            read = client.read(&mut from_client) => {
                let Ok(read @ 1..) = read else { return };
                let sent = &from_client[..read];
                let has = |words: &str| sent.windows(words.len()).any(|window| window == words.as_bytes());
                match now {
                    Mode::CutBefore(words) if has(words) => {
                        mode.send_replace(Mode::Forward);
                        return;
                    }
                    Mode::CutAfter(words) | Mode::StallAfter(words) if has(words) => asked = true,
                    _ => (),
                }
                if server.write_all(sent).await.is_err() { return }
            }
            read = server.read(&mut from_server) => {
                let Ok(read @ 1..) = read else { return };
                match now {
                    Mode::CutAfter(_) if asked => {
                        mode.send_replace(Mode::Forward);
                        return;
                    }
                    Mode::StallAfter(_) if asked => std::future::pending().await,
                    _ => (),
                }
                if client.write_all(&from_server[..read]).await.is_err() { return }
            }
        }
    }
}
