//! The router put together, and the loop that serves it.

use std::{future::Future, io, net::SocketAddr, pin::pin, time::Duration};

use axum::{
    Extension, Router,
    extract::{ConnectInfo, DefaultBodyLimit},
    http::{Method, Uri},
    middleware,
    response::{IntoResponse as _, Response},
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{alias, cors, log, patience::Patience, problem::Problem, routes, state::AppState};

/// Bytes of a request's line and headers together at most; beyond it `431`.
const LARGEST_HEAD: usize = 64 * 1024;

/// Every route of the contract over this state.
///
/// Serve it with the peer's address ([`Router::into_make_service_with_connect_info`]), as [`serve`] does: without it
/// nobody counts as being on this machine.
pub fn router(state: AppState) -> Router {
    routes::all()
        .into_iter()
        .fold(Router::new(), |router, route| route.mount(router, &state))
        .fallback(alias::fallback)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(state.limits().body))
        .layer(CatchPanicLayer::custom(|_| Problem::fault().into_response()))
        .layer(middleware::from_fn_with_state(state.clone(), cors::layer))
        .layer(middleware::from_fn_with_state(state.clone(), log::layer))
        .with_state(state)
}

/// Serves until `shutdown` is done, then lets requests finish and tells streams to come back later.
///
/// # Errors
/// What would end the listener; nothing does yet, since accepting is tried again.
pub async fn serve(
    listener: TcpListener,
    state: AppState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = router(state.clone());
    let connections = TaskTracker::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, peer) = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = &mut shutdown => break,
        };
        connections.spawn(welcome(stream, peer, router.clone(), state.clone()));
    }
    drop(listener);
    state.closing().cancel();
    connections.close();
    let mut streams = state.streams();
    let ended = async {
        connections.wait().await;
        // A WebSocket has left its connection; its end is the end of the stream.
        streams.wait_for(|open| *open == 0).await.is_ok()
    };
    if timeout(state.limits().farewell, ended).await.is_err() {
        tracing::debug!(streams = *state.streams().borrow(), "stopped without waiting for the last clients");
    }
    Ok(())
}

/// One connection. Whether by TLS, and with which certificate, is what the configuration says as it begins.
async fn welcome(stream: TcpStream, peer: SocketAddr, router: Router, state: AppState) {
    let stream = Patience::new(stream, state.limits().silence);
    let Some(tls) = state.access().tls.clone() else {
        return talk(stream, peer, router, state).await;
    };
    match timeout(state.limits().head_time, TlsAcceptor::from(tls).accept(stream)).await {
        Ok(Ok(stream)) => talk(stream, peer, router, state).await,
        Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS was agreed on"),
        Err(_) => tracing::debug!(%peer, "TLS took too long"),
    }
}

/// Requests and answers, until the client leaves or, once the server stops, its request is answered.
async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    router: Router,
    state: AppState,
) {
    let service = TowerToHyperService::new(router.layer(Extension(ConnectInfo(peer))));
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(state.limits().head_time)
            .max_buf_size(LARGEST_HEAD)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = state.closing().cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, error = &error as &dyn std::error::Error, "connection ended early");
    }
}

/// The next connection. What fails on one connection, or for want of file descriptors, fails no other.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // A frame of a few hundred bytes must not wait for an acknowledgement of the one before.
                stream.set_nodelay(true).ok();
                return (stream, peer);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted; trying again in a second");
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

async fn no_such_method(method: Method, uri: Uri) -> Response {
    Problem::no_such_method(&method, uri.path()).into_response()
}
