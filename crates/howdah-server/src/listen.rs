//! Connections: accepted up to a bound, timed, and drained at the end.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::serve::Service;

/// The most header fields of a request.
const HEADERS: usize = 64;
/// The largest head of a request, in bytes.
const HEAD_BYTES: usize = 16 << 10;
/// How long open requests have after the signal to end.
const DRAIN: Duration = Duration::from_secs(25);
/// The wait after accepting has failed (no file descriptors left).
const BREATH: Duration = Duration::from_millis(50);

/// The answer to a connection beyond the bound.
const CROWDED: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n\
    content-length: 0\r\nconnection: close\r\n\r\n";
/// The answer to a client that began a head and did not end it.
const SLOW_HEAD: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\
    connection: close\r\n\r\n";

/// Serves until `shutdown`; then accepts nothing more and lets open requests end.
pub async fn listen(
    listener: TcpListener,
    service: Arc<Service>,
    connections: usize,
    header_timeout: Duration,
    shutdown: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(connections));
    let open = TaskTracker::new();
    let cut = CancellationToken::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            service.metrics.turned_away();
            open.spawn(say_and_close(stream, CROWDED));
            continue;
        };
        service.metrics.connections(connections - room.available_permits());
        let (room, service) = (Arc::clone(&room), Arc::clone(&service));
        let (shutdown, cut) = (shutdown.clone(), cut.clone());
        open.spawn(async move {
            let metrics = Arc::clone(&service.metrics);
            let served = serve(stream, peer, service, header_timeout, &shutdown);
            cut.run_until_cancelled(served).await;
            drop(permit);
            metrics.connections(connections - room.available_permits());
        });
    }
    service.draining.store(true, Ordering::Relaxed);
    drop(listener);
    open.close();
    if tokio::time::timeout(DRAIN, open.wait()).await.is_err() {
        tracing::warn!(open = open.len(), "connections did not end in time and are dropped");
        cut.cancel();
        open.wait().await;
    }
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    service: Arc<Service>,
    header_timeout: Duration,
    shutdown: &CancellationToken,
) {
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |request| Arc::clone(&service).call(peer, request));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(HEADERS)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), answer);
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = shutdown.cancelled() => None,
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        Pin::new(&mut connection).graceful_shutdown();
        (&mut connection).await
    };
    let Err(error) = ended else { return };
    tracing::debug!(%peer, %error, "a connection ended badly");
    let parts = connection.into_parts();
    // One that waits between two requests has begun none.
    if error.is_timeout() && !parts.read_buf.is_empty() {
        say_and_close(parts.io.into_inner(), SLOW_HEAD).await;
    }
}

async fn say_and_close(mut stream: TcpStream, words: &'static [u8]) {
    let said = async {
        stream.write_all(words).await?;
        stream.shutdown().await
    };
    let _: Result<io::Result<()>, _> = tokio::time::timeout(Duration::from_secs(1), said).await;
}
