//! The connections beneath the router: how many there may be, and how long each may take.

#[cfg(test)]
mod tests;

use std::{future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, response::Response};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{Notify, Semaphore, watch},
    task::JoinSet,
    time,
};
use tower::ServiceExt;

/// How long an error of `accept`, which is most often a lack of file descriptors, is given to pass.
const REST: Duration = Duration::from_millis(10);
/// How many connections may wait to be accepted, as far as the operating system lets them. A client whose connection
/// finds no room there tries again after a whole second.
const BACKLOG: u32 = 4096;
/// What hyper keeps of a connection's bytes: it must hold a head, and bounds what a body is read in.
const BUFFER: usize = 32 << 10;

/// What a client may use.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Connections at a time.
    pub(crate) connections: usize,
    /// From a connection's start, or from the last answer, to the end of the next request's head.
    pub(crate) header_time: Duration,
    /// Bytes of a request's head, its first line included.
    pub(crate) header_bytes: usize,
    /// Headers of a request.
    pub(crate) headers: usize,
    /// What running requests are given at shutdown.
    pub(crate) grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 500,
            header_time: Duration::from_secs(10),
            header_bytes: 16 << 10,
            headers: 64,
            grace: Duration::from_secs(2),
        }
    }
}

/// An extension of a response that is not to be sent: its connection is closed instead.
#[derive(Clone)]
pub(super) struct Close;

/// Listens at the address, which must be done within a runtime.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Elsewhere it would let two servers share a port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves the router until `shutdown` is ready. Running requests are then given [`Limits::grace`]; all connections are
/// closed when this returns, or is dropped.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let mut shutdown = pin!(shutdown);
    let places = Arc::new(Semaphore::new(limits.connections));
    // Told when somebody else needs the place of the connection that has been idle for longest.
    let needed = Arc::new(Notify::new());
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let stream = listener.accept().await.map(|(stream, _)| stream);
            if stream.is_err() || places.available_permits() == 0 {
                needed.notify_one();
            }
            match stream {
                Ok(stream) => Arc::clone(&places).acquire_owned().await.ok().map(|place| (stream, place)),
                Err(_) => {
                    time::sleep(REST).await;
                    None
                }
            }
        };
        let accepted = tokio::select! {
            accepted = next => accepted,
            () = &mut shutdown => break,
        };
        while connections.try_join_next().is_some() {}
        if let Some((stream, place)) = accepted {
            let served = run(stream, router.clone(), limits.clone(), graceful.watcher(), Arc::clone(&needed));
            connections.spawn(async move {
                served.await;
                drop(place);
            });
        }
    }
    drop(listener);
    // Who is idle has nothing to wait for.
    needed.notify_waiters();
    let _ = time::timeout(limits.grace, graceful.shutdown()).await;
    connections.shutdown().await;
}

/// Serves a connection until either side closes it, or another client needs its place while it is idle.
async fn run(stream: TcpStream, router: Router, limits: Limits, watcher: Watcher, needed: Arc<Notify>) {
    // Without it small answers can wait for the client's acknowledgement; a connection without it still works.
    let _ = stream.set_nodelay(true);
    let (set_busy, mut busy) = watch::channel(false);
    let service = service_fn(|request: Request<Incoming>| {
        set_busy.send_replace(true);
        let answer = router.clone().oneshot(request.map(Body::new));
        async {
            let answer: Response = answer.await.unwrap_or_else(|never| match never {});
            set_busy.send_replace(false);
            // hyper closes the connection without an answer when the service fails.
            if answer.extensions().get::<Close>().is_some() { Err("a fault") } else { Ok(answer) }
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        // A client that has closed its side for sending still wants its answer.
        .half_close(true)
        .header_read_timeout(limits.header_time)
        .max_headers(limits.headers)
        .max_header_size(limits.header_bytes)
        .max_buf_size(BUFFER.max(limits.header_bytes))
        .serve_connection(TokioIo::new(stream), service);
    let mut served = pin!(watcher.watch(served));
    loop {
        let is_busy = *busy.borrow_and_update();
        tokio::select! {
            biased;
            // An error is the client's, which was told by hyper if that was possible, or is gone.
            _ = &mut served => return,
            // Each request puts the connection at the end of the line of those that are idle.
            _ = busy.changed() => {}
            () = needed.notified(), if !is_busy => return,
        }
    }
}
