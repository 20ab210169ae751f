//! The HTTP server: assembly, the middleware around every request, the fallback, the listening socket.

pub mod admin;
mod docs;
mod envelope;
mod fallback;
mod metrics;

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use utoipa_actix_web::AppExt as _;

use crate::openapi;
use crate::privacy::guard;
use crate::routes;
use crate::state::AppState;

/// The document as it is served, made once.
#[derive(Clone)]
struct Served {
    text: web::Bytes,
}

/// Binds the listening socket.
///
/// # Errors
/// One sentence for the operator, for a port in use or an address that is not ours.
pub fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    bind_for("HANDOFF_LISTEN", address)
}

/// Binds a socket that this setting names.
///
/// # Errors
/// As [`bind`].
pub fn bind_for(setting: &str, address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!("{address} is in use: stop what listens there, or set {setting} to another address")
        }
        std::io::ErrorKind::PermissionDenied => {
            format!("no permission to listen on {address}: set {setting} to a port above 1023")
        }
        _ => format!("cannot listen on {address}: {}", error.kind()),
    })
}

/// Serves on a bound socket until a signal asks it to stop; then it answers what is under way.
///
/// # Errors
/// When the document cannot be made, or the socket cannot be used.
pub fn serve(listener: TcpListener, state: Data<AppState>, workers: usize) -> std::io::Result<Server> {
    // Before the first request, which would wait for it otherwise.
    guard::prepare();
    let text = openapi::document().map_err(std::io::Error::other)?;
    let known = serde_json::from_str(&text).map_err(std::io::Error::other)?;
    let fallback = Data::new(fallback::Paths::new(&openapi::methods_by_path(&known)));
    let with_query = Data::new(envelope::WithQuery(openapi::operations_with_query(&known)));
    let with_text = Data::new(envelope::WithText(openapi::operations_with_text(&known)));
    let served = Served { text: web::Bytes::from(text) };
    let server = HttpServer::new(move || {
        let (app, _) = App::new()
            .app_data(state.clone())
            .app_data(fallback.clone())
            .app_data(with_query.clone())
            .app_data(with_text.clone())
            .app_data(Data::new(served.clone()))
            // The last one wrapped is the first one run.
            .wrap(from_fn(envelope::authenticate))
            .wrap(from_fn(envelope::answer_head))
            .wrap(from_fn(envelope::envelope))
            .into_utoipa_app()
            .configure(routes::configure)
            .split_for_parts();
        app.route("/openapi.json", web::get().to(serve_document))
            .configure(docs::configure)
            .default_service(web::to(fallback::answer))
    })
    .workers(workers)
    // The last chunk of a stream would wait for the reader's acknowledgement of the one before.
    .tcp_nodelay(true)
    .client_request_timeout(Duration::from_secs(10))
    .shutdown_timeout(15)
    .listen(listener)?
    .run();
    Ok(server)
}

async fn serve_document(served: Data<Served>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CACHE_CONTROL, envelope::PUBLIC))
        .body(served.text.clone())
}
