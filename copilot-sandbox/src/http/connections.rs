//! The connections beneath the router: who may connect, how long each may take, and which is closed when there are
//! too many.

mod bodies;
mod connection;
mod socket;

#[cfg(test)]
pub(super) mod tests;

use std::{
    collections::HashMap,
    future::Future,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::{AbortHandle, Id, JoinError, JoinSet},
    time::{self, Instant, MissedTickBehavior},
};

pub(crate) use connection::Connection;

/// How long an error of `accept`, which is most often a lack of file descriptors, is given to pass.
const REST: Duration = Duration::from_millis(10);

/// A connection that was told to close keeps its socket until its task runs again. So many may be about to.
const CLOSING: usize = 50;

/// How many connections may wait to be accepted, as far as the operating system lets them. A client whose connection
/// finds no room there tries again after a whole second.
const BACKLOG: u32 = 4096;

/// What a client may use.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Connections at a time.
    pub(crate) connections: usize,
    /// From a connection's start, or from the first byte of a further request, to the end of the request's head.
    pub(crate) header_time: Duration,
    /// Bytes of a request's head, its first line included.
    pub(crate) header_bytes: usize,
    /// Headers of a request.
    pub(crate) headers: usize,
    /// Between two requests on a connection.
    pub(crate) idle_time: Duration,
    /// How long a client may take nothing of an answer.
    pub(crate) write_time: Duration,
    /// How long the server reads on, to no purpose but that the client can read its answer, before it closes a
    /// connection on which the client is still sending.
    pub(crate) linger_time: Duration,
    /// How many bytes it reads so.
    pub(crate) linger_bytes: usize,
    /// What running requests are given at shutdown.
    pub(crate) grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 500,
            header_time: Duration::from_secs(5),
            header_bytes: 16 << 10,
            headers: 64,
            idle_time: Duration::from_secs(60),
            write_time: Duration::from_secs(10),
            linger_time: Duration::from_secs(1),
            linger_bytes: 8 << 20,
            grace: Duration::from_secs(2),
        }
    }
}

/// Listens at the address, which must be done within a runtime.
///
/// # Errors
///
/// Those of the operating system: the address is in use, for example.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Elsewhere it would let two servers share a port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves the router until `shutdown` is ready. Running requests are then given [`Limits::grace`]; streams, and
/// connections without a request, are closed at once. All connections are closed when this returns, or is dropped.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let mut shutdown = pin!(shutdown);
    let mut open = Open::new(router, limits);
    let mut round = time::interval((open.limits.header_time / 4).max(REST));
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => open.add(stream).await,
                Err(error) => open.make_room_after(&error).await,
            },
            _ = round.tick() => open.close_overdue(),
            () = &mut shutdown => break,
        }
    }
    drop(listener);
    open.finish().await;
}

/// The connections that are open.
struct Open {
    router: Router,
    limits: Arc<Limits>,
    tasks: JoinSet<()>,
    connections: HashMap<Id, Task>,
    accepted: u64,
    answers: Arc<AtomicU64>,
}

/// The task of a connection.
struct Task {
    /// Its number, in the order in which connections were accepted.
    number: u64,
    connection: Connection,
    handle: AbortHandle,
}

impl Open {
    fn new(router: Router, limits: Limits) -> Self {
        Self {
            router,
            limits: Arc::new(limits),
            tasks: JoinSet::new(),
            connections: HashMap::new(),
            accepted: 0,
            answers: Arc::default(),
        }
    }

    async fn add(&mut self, stream: TcpStream) {
        self.forget_ended();
        if self.connections.len() >= self.limits.connections {
            self.close_most_useless();
        }
        if self.tasks.len() >= self.limits.connections + CLOSING {
            self.one_ends().await;
        }
        // Without it small answers can wait for the client's acknowledgement; a connection without it still works.
        let _ = stream.set_nodelay(true);
        let connection = Connection::new(Arc::clone(&self.answers));
        let task = connection::run(stream, connection.clone(), self.router.clone(), Arc::clone(&self.limits));
        let handle = self.tasks.spawn(task);
        self.accepted += 1;
        self.connections.insert(handle.id(), Task { number: self.accepted, connection, handle });
    }

    fn forget_ended(&mut self) {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.forget(ended);
        }
    }

    /// A task that ended, were it by a panic of a handler, has closed its connection.
    fn forget(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
        self.connections.remove(&id);
    }

    /// Closes the oldest of the connections that had no answer yet, or else the one whose last answer is oldest.
    fn close_most_useless(&mut self) {
        let rank = |task: &Task| (task.connection.last_answer(), task.number);
        let most_useless = self.connections.iter().min_by_key(|(_, task)| rank(task)).map(|(id, _)| *id);
        if let Some(task) = most_useless.and_then(|id| self.connections.remove(&id)) {
            task.handle.abort();
        }
    }

    /// Errors of `accept` are either of the connection, which is gone then, or a lack that a closed connection mends.
    async fn make_room_after(&mut self, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
        if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
            return;
        }
        self.forget_ended();
        self.close_most_useless();
        self.one_ends().await;
    }

    async fn one_ends(&mut self) {
        match time::timeout(REST, self.tasks.join_next_with_id()).await {
            Ok(Some(ended)) => self.forget(ended),
            Ok(None) => time::sleep(REST).await,
            Err(_) => {}
        }
    }

    fn close_overdue(&mut self) {
        self.forget_ended();
        let now = Instant::now();
        for task in self.connections.values() {
            if task.connection.is_overdue(now, &self.limits) {
                task.handle.abort();
            }
        }
    }

    async fn finish(&mut self) {
        self.forget_ended();
        for task in self.connections.values() {
            if task.connection.has_work() {
                task.connection.finish();
            } else {
                task.handle.abort();
            }
        }
        let all = async { while self.tasks.join_next().await.is_some() {} };
        let _ = time::timeout(self.limits.grace, all).await;
        self.tasks.shutdown().await;
    }
}
