//! The HTTP server: assembly, the middleware around every request, the fallback, the listening socket.

pub mod admin;
mod cors;
mod docs;
mod envelope;
mod fallback;
mod listen;
mod metrics;
pub mod rollover;

pub use listen::{bind, bind_for, inherited};

use std::net::TcpListener;
use std::sync::LazyLock;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};

use crate::openapi;
use crate::privacy::guard;
use crate::routes;
use crate::state::AppState;

/// The document as it is served, and what answers by it. It takes a tenth of a second to make, and is the same for every server of a process.
struct Known {
    text: web::Bytes,
    paths: Data<fallback::Paths>,
    with_query: Data<envelope::WithQuery>,
    with_text: Data<envelope::WithText>,
}

static KNOWN: LazyLock<Result<Known, serde_json::Error>> = LazyLock::new(|| {
    let text = openapi::document()?;
    let document = serde_json::from_str(&text)?;
    Ok(Known {
        text: web::Bytes::from(text),
        paths: Data::new(fallback::Paths::new(&openapi::methods_by_path(&document))),
        with_query: Data::new(envelope::WithQuery(openapi::operations_with_query(&document))),
        with_text: Data::new(envelope::WithText(openapi::operations_with_text(&document))),
    })
});

/// Makes ready what is made on first use, so that no request waits for it; beside it a start can go on with the database.
pub fn prepare() {
    guard::prepare();
    LazyLock::force(&KNOWN);
}

/// How long a connection that nobody sends anything over stays open.
const KEPT_OPEN: Duration = Duration::from_secs(5);

/// Serves on a bound socket until it is told to stop; then it answers what is under way. Signals are the caller's matter.
///
/// # Errors
/// When the document cannot be made, or the socket cannot be used.
pub fn serve(listener: TcpListener, state: Data<AppState>, workers: usize) -> std::io::Result<Server> {
    prepare();
    let known = KNOWN.as_ref().map_err(|error| std::io::Error::other(error.to_string()))?;
    let opened = state.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .app_data(known.paths.clone())
            .app_data(known.with_query.clone())
            .app_data(known.with_text.clone())
            // The last one wrapped is the first one run.
            .wrap(from_fn(envelope::authenticate))
            .wrap(from_fn(envelope::answer_head))
            .wrap(cors::layer(&state.origins))
            .wrap(from_fn(envelope::envelope))
            .configure(routes::configure)
            .route("/openapi.json", web::get().to(|| serve_document(known)))
            .configure(docs::configure)
            .default_service(web::to(fallback::answer))
    })
    .workers(workers)
    .disable_signals()
    .keep_alive(KEPT_OPEN)
    .on_connect(move |_, connection| {
        connection.insert(opened.drain.opened());
    })
    // The last chunk of a stream would wait for the reader's acknowledgement of the one before.
    .tcp_nodelay(true)
    .client_request_timeout(Duration::from_secs(10))
    .shutdown_timeout(15)
    .listen(listener)?
    .run();
    Ok(server)
}

async fn serve_document(known: &Known) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CACHE_CONTROL, envelope::PUBLIC))
        .body(known.text.clone())
}
