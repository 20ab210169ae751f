//! Stopping without anybody noticing: where the socket is another's too, this process takes no new connection, answers what is under way
//! and says on each answer that the connection ends; only then it goes.

use std::time::Duration;

use actix_web::dev::ServerHandle;
use tokio::signal::unix::{SignalKind, signal};

use super::KEPT_OPEN;
use crate::state::AppState;

/// By then every connection has been answered with its end, or has been silent for as long as one may be.
const PATIENCE: Duration = KEPT_OPEN.saturating_add(Duration::from_millis(500));

/// Waits for SIGTERM or SIGINT and stops the server. A second signal waits for nobody.
///
/// # Errors
/// When signals cannot be waited for.
pub async fn stop_when_told(server: ServerHandle, state: &AppState, shares_socket: bool) -> std::io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let patient = tokio::select! {
        _ = terminate.recv() => true,
        _ = interrupt.recv() => false,
    };
    let gently = async {
        if shares_socket {
            server.pause().await;
        }
        state.drain.begin();
        // On a socket of its own there is nobody to come back to: whoever is idle is let go at once.
        if shares_socket && patient {
            state.drain.emptied(PATIENCE).await;
        }
        server.stop(true).await;
    };
    tokio::select! {
        () = gently => {}
        _ = terminate.recv() => server.stop(false).await,
        _ = interrupt.recv() => server.stop(false).await,
    }
    Ok(())
}
