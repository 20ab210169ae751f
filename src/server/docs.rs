//! The documentation page at `/docs/`: Swagger UI, whole in the binary. It loads nothing from anywhere else, and the browser
//! is told to hold it to that.
//!
//! The page is ours (`assets/docs`); Swagger UI's own files are unchanged (`assets/swagger-ui`, where `refresh` renews them).

use actix_web::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use actix_web::middleware::Compress;
use actix_web::{HttpRequest, HttpResponse, guard, web};

use crate::error::AppError;

/// Where the files are; the rest of the path is a file's name.
const PATH: &str = "/docs/{asset:.*}";

/// Own scripts and styles only, own requests only (`connect-src`: the document, and what is tried out). Pictures may be inside
/// the style sheet. Nobody may frame the page: a caller's key is typed into it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";
const PNG: &str = "image/png";

macro_rules! asset {
    ($directory:literal, $name:literal, $kind:expr) => {
        ($name, $kind, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/", $directory, "/", $name)))
    };
}

/// Name, media type, content.
type Asset = (&'static str, &'static str, &'static [u8]);

static ASSETS: &[Asset] = &[
    asset!("docs", "index.html", HTML),
    asset!("docs", "start.js", SCRIPT),
    asset!("docs", "page.css", STYLE),
    asset!("swagger-ui", "swagger-ui-bundle.js", SCRIPT),
    // The script's first line names it.
    asset!("swagger-ui", "swagger-ui-bundle.js.LICENSE.txt", PLAIN),
    asset!("swagger-ui", "swagger-ui.css", STYLE),
    asset!("swagger-ui", "favicon-16x16.png", PNG),
    asset!("swagger-ui", "favicon-32x32.png", PNG),
];

/// Adds the page. Other methods than `GET` go to the fallback, which knows what to allow.
pub(super) fn configure(config: &mut web::ServiceConfig) {
    let to_page = || async { HttpResponse::PermanentRedirect().insert_header(("location", "/docs/")).finish() };
    config
        .route("/docs", web::get().to(to_page))
        .service(web::resource(PATH).guard(guard::Get()).wrap(Compress::default()).to(serve));
}

async fn serve(request: HttpRequest) -> Result<HttpResponse, AppError> {
    let name = match request.match_info().get("asset") {
        None | Some("") => "index.html",
        Some(name) => name,
    };
    let (_, kind, content) = ASSETS.iter().find(|(known, _, _)| *known == name).ok_or_else(AppError::not_found)?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, *kind))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .body(*content))
}
