//! The router put together, and the loop that serves it.

use std::{future::Future, io, net::SocketAddr};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{Method, StatusCode, Uri},
    middleware,
    response::{IntoResponse as _, Response},
    serve::ListenerExt as _,
};
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{cors, log, problem::Problem, routes, state::AppState};

/// Every route of the contract over this state.
///
/// Serve it with the peer's address ([`Router::into_make_service_with_connect_info`]), as [`serve`] does: without it
/// nobody counts as being on this machine.
pub fn router(state: AppState) -> Router {
    routes::all()
        .into_iter()
        .fold(Router::new(), |router, route| route.mount(router, &state))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(state.limits().body))
        .layer(CatchPanicLayer::custom(|_| {
            Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "A fault of Hookswitch",
                "the request failed inside; the log says more",
            )
            .into_response()
        }))
        .layer(middleware::from_fn_with_state(state.clone(), cors::layer))
        .layer(middleware::from_fn_with_state(state.clone(), log::layer))
        .with_state(state)
}

/// Serves until `shutdown` is done, then lets requests finish and tells streams to come back later.
///
/// # Errors
/// What the listener ends with.
pub async fn serve(
    listener: TcpListener,
    state: AppState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let closing = state.closing().clone();
    // A frame of a few hundred bytes must not wait for an acknowledgement of the one before.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
    });
    let service = router(state).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(async move {
            shutdown.await;
            closing.cancel();
        })
        .await
}

async fn no_such_path(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "unknown", "No such thing", format!("nothing is at {}", uri.path()))
}

async fn no_such_method(method: Method, uri: Uri) -> Response {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method",
        "Not that way",
        format!("{} does not take {method}", uri.path()),
    )
    .into_response()
}
