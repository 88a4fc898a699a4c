//! The connections beneath the router: how many there may be, and how long each may take.

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body};
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
use tower::ServiceExt as _;

/// Connections at a time.
const CONNECTIONS: usize = 500;
/// From a connection's start, or from the last answer, to the end of the next request's head. Longer than clients keep idle connections,
/// 90 s with most: what they send while the other side closes has no answer. Whoever needs a place need not wait for this.
const HEAD_TIME: Duration = Duration::from_secs(100);
/// Bytes of a request's head, and its headers.
const HEAD_BYTES: usize = 16 << 10;
const HEADERS: usize = 64;
/// What hyper keeps of a connection's bytes.
const BUFFER: usize = 32 << 10;
/// How long an error of `accept`, which is most often a lack of file descriptors, is given to pass.
const REST: Duration = Duration::from_millis(10);
/// How many connections may wait to be accepted. A client that finds no room there tries again after a whole second.
const BACKLOG: u32 = 4096;

/// Listens at the address, which must be done within a runtime.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Elsewhere it would let two servers share a port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves the router until `stop` is ready. Running requests are then given that time; all connections are closed when this
/// returns, or is dropped.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()>,
    grace: Duration,
) {
    let mut stop = pin!(stop);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
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
            () = &mut stop => break,
        };
        while connections.try_join_next().is_some() {}
        if let Some((stream, place)) = accepted {
            let served = run(stream, router.clone(), graceful.watcher(), Arc::clone(&needed));
            connections.spawn(async move {
                served.await;
                drop(place);
            });
        }
    }
    drop(listener);
    // Who is idle has nothing to wait for.
    needed.notify_waiters();
    let _ = time::timeout(grace, graceful.shutdown()).await;
    connections.shutdown().await;
}

/// Serves a connection until either side closes it, or another client needs its place while it is idle.
async fn run(stream: TcpStream, router: Router, watcher: Watcher, needed: Arc<Notify>) {
    // Without it small answers can wait for the client's acknowledgement; a connection without it still works.
    let _ = stream.set_nodelay(true);
    let (set_busy, mut busy) = watch::channel(false);
    let service = service_fn(|request: Request<Incoming>| {
        set_busy.send_replace(true);
        let answer = router.clone().oneshot(request.map(Body::new));
        async {
            let answer = answer.await;
            set_busy.send_replace(false);
            answer
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        // A client that has closed its side for sending still wants its answer.
        .half_close(true)
        .header_read_timeout(HEAD_TIME)
        .max_headers(HEADERS)
        .max_header_size(HEAD_BYTES)
        .max_buf_size(BUFFER)
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
