//! Around every request: its id, its caller, the problem body of its failure, the headers of every answer, one log line.

use std::time::Instant;

use actix_cors::CorsError;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, VARY};
use actix_web::http::{ConnectionType, Method};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _};

use super::fallback::Paths;
use crate::auth::{self, Identified};
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::SiteId;
use crate::domain::proxies;
use crate::error::{AppError, ErrorCode};
use crate::privacy::codes;
use crate::privacy::guard::Registered;
use crate::state::AppState;
use crate::state::rate_limits::{Standing, TooMany};
use crate::state::requests::Answered;

/// How long the document and its page may be kept.
pub(super) const PUBLIC: &str = "public, max-age=300";

/// The id of a request, on its way to whoever records what it did.
#[derive(Debug, Clone)]
struct RequestId(String);

/// Where proxies say whom they speak for.
const X_FORWARDED_FOR: &str = "x-forwarded-for";

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Finds out who calls, before any extractor runs and so before a body is read.
pub(super) async fn authenticate(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if !request.path().starts_with("/v1/") {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    }
    let known = match request.app_data::<Data<AppState>>() {
        Some(app) => {
            let id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
            let known = auth::authenticate(app, request.headers(), id).await;
            limited(app, &request, known)
        }
        None => Err(AppError::new(ErrorCode::Internal)),
    };
    let checked = known
        .and_then(|known| refused_method(&request).map_or(Ok(known), Err))
        .and_then(|known| if takes_an_answer(&request) { Ok(known) } else { Err(AppError::new(ErrorCode::NotAcceptable)) })
        .and_then(|known| if takes_query(&request) { Ok(known) } else { Err(strange_query()) });
    match checked {
        Ok(known) => {
            request.extensions_mut().insert(known);
            next.call(request).await.map(ServiceResponse::map_into_boxed_body)
        }
        // `into_response` would drop the error that the envelope reads.
        Err(error) => Ok(request.error_response(error)),
    }
}

/// Refuses what is one request too many, of a caller that is known or of an address that presents what is none.
fn limited(app: &AppState, request: &ServiceRequest, known: Result<Identified, AppError>) -> Result<Identified, AppError> {
    let forwarded = request.headers().get_all(X_FORWARDED_FOR).filter_map(|value| value.to_str().ok());
    let address = request.peer_addr().map(|peer| proxies::counted_under(app.proxies.client(peer.ip(), forwarded)));
    let too_many = |refused: TooMany| {
        if let Some(standing) = refused.standing {
            request.extensions_mut().insert(standing);
        }
        let seconds = refused.wait.as_secs() + u64::from(refused.wait.subsec_nanos() > 0);
        AppError::new(ErrorCode::RateLimited).with_retry_after(seconds.max(1))
    };
    match known {
        Ok(known) => {
            let key = known.actor.key().map_or_else(|| known.actor.principal().0, |key| key.0);
            request.extensions_mut().insert(CallersSite(known.scope.site()));
            if let Some(standing) = app.rate_limits.admit(key, known.scope.site(), address).map_err(too_many)? {
                request.extensions_mut().insert(standing);
            }
            Ok(known)
        }
        Err(error) if error.code.status() == 401 => {
            app.rate_limits.admit_stranger(address).map_err(too_many)?;
            Err(error)
        }
        Err(error) => Err(error),
    }
}

/// Whose caller sent a request, for the count of requests by site.
#[derive(Clone, Copy)]
struct CallersSite(SiteId);

/// Why the path does not take the method: before anything else of the request is looked at.
fn refused_method(request: &ServiceRequest) -> Option<AppError> {
    let paths = request.app_data::<Data<Paths>>()?;
    paths.refusal(request.path(), request.match_pattern().as_deref(), request.method().as_str())
}

/// The operations that have query parameters, by path and method.
pub(super) struct WithQuery(pub(super) Vec<(String, String)>);

/// Whether the request has no query, or goes to an operation that has query parameters and checks them itself. A path or
/// method that is not in the document has its own answer.
fn takes_query(request: &ServiceRequest) -> bool {
    let (Some(pattern), Some(known)) = (request.match_pattern(), request.app_data::<Data<WithQuery>>()) else { return true };
    let method = request.method().as_str();
    request.query_string().is_empty() || known.0.iter().any(|(path, with)| *path == pattern && with == method)
}

fn strange_query() -> AppError {
    let fault = Fault::new("", FaultCode::UnknownField, "This operation has no query parameters. Leave them out.").at_index(0);
    AppError::new(ErrorCode::InvalidParameter).with_faults(vec![fault])
}

/// The operations that answer a text form too, by path and method, with its kind: `text/csv`, `text/plain`.
pub(super) struct WithText(pub(super) Vec<(String, String, String)>);

/// Whether an `Accept` header takes what the operation answers: JSON, and of some a text form.
fn takes_an_answer(request: &ServiceRequest) -> bool {
    let (pattern, method) = (request.match_pattern().unwrap_or_default(), request.method().as_str());
    let known = request.app_data::<Data<WithText>>();
    let text = known.into_iter().flat_map(|known| &known.0).filter(|(path, with, _)| *path == pattern && with == method);
    let json = ["*/*", "application/*", "application/json"];
    let text = text.flat_map(|(.., kind)| [if kind.starts_with("text/") { "text/*" } else { "image/*" }, kind.as_str()]);
    takes_one_of(request.headers(), &json.into_iter().chain(text).collect::<Vec<_>>())
}

fn takes_one_of(headers: &HeaderMap, kinds: &[&str]) -> bool {
    let mut named = false;
    for value in headers.get_all(ACCEPT) {
        named = true;
        let takes = value.to_str().unwrap_or_default().split(',').any(|range| {
            let kind = range.split(';').next().unwrap_or_default().trim();
            let refused =
                range.split(';').skip(1).any(|parameter| matches!(parameter.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
            // Media types know no case (RFC 9110, 8.3.1).
            !refused && kinds.iter().any(|takes| kind.eq_ignore_ascii_case(takes))
        });
        if takes {
            return true;
        }
    }
    !named
}

/// Answers `HEAD` as `GET` (RFC 9110, 9.3.2): before routing, since handlers are registered by method. The connection knows
/// what was asked, sends the same headers with the same length, and no body.
pub(super) async fn answer_head(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if request.method() == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    next.call(request).await.map(ServiceResponse::map_into_boxed_body)
}

/// Gives every request an id and every failure its body; writes one line per request, without path values or bodies.
pub(super) async fn envelope(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = request_id(request.headers());
    let method = known_method(request.method());
    let pattern = request.match_pattern().unwrap_or_else(|| "-".into());
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.call(request).await?.map_into_boxed_body();
    let mut problem = None;
    if let Some(error) = failure(&response) {
        log_failure(error.as_ref(), &id);
        problem = Some(error.as_ref().code.as_str());
        let mut answer = error.as_ref().answer(&id);
        // Without these a script may not read why.
        let cross_origin = |name: &HeaderName| *name == VARY || name.as_str().starts_with("access-control-");
        for (name, value) in response.headers().iter().filter(|(name, _)| cross_origin(name)) {
            answer.headers_mut().insert(name.clone(), value.clone());
        }
        response = response.into_response(answer);
    }
    let standing = response.request().extensions().get::<Standing>().copied();
    let site = response.request().extensions().get::<CallersSite>().map(|site| site.0);
    let status = response.status().as_u16();
    if response.request().app_data::<Data<AppState>>().is_some_and(|app| app.drain.has_begun()) {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID.clone(), id);
    }
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    if !headers.contains_key(CACHE_CONTROL) {
        let public = pattern.starts_with("/docs") && status < 400;
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(if public { PUBLIC } else { "no-store" }));
    }
    if let Some(standing) = standing {
        for (name, value) in [("ratelimit-policy", standing.policy()), ("ratelimit", standing.left())] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
    let took = started.elapsed();
    if let Some(app) = response.request().app_data::<Data<AppState>>() {
        app.requests.count(Answered { method, route: &pattern, status, problem, site, took });
    }
    let micros = took.as_micros();
    log::info!(target: "handoff::access", "{method} {pattern} {status} {micros}us request_id={id}");
    Ok(response)
}

/// The method for the log: any word may stand in a request line, and a strange one is the caller's text.
fn known_method(method: &Method) -> &'static str {
    ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"].into_iter().find(|known| method == *known).unwrap_or("-")
}

/// A failure as ours: by reference where a handler made it, by its status where the framework did.
enum Failure<'a> {
    Ours(&'a AppError),
    Made(AppError),
}

impl Failure<'_> {
    fn as_ref(&self) -> &AppError {
        match self {
            Self::Ours(error) => error,
            Self::Made(error) => error,
        }
    }
}

fn failure(response: &ServiceResponse<BoxBody>) -> Option<Failure<'_>> {
    if let Some(error) = response.response().error().and_then(|error| error.as_error::<AppError>()) {
        return Some(Failure::Ours(error));
    }
    if response.response().error().is_some_and(|error| error.as_error::<CorsError>().is_some()) {
        let detail =
            "A script of this origin may not send this. The operator lists the origins that may (`HANDOFF_CORS_ORIGINS`).";
        return Some(Failure::Made(AppError::new(ErrorCode::Forbidden).with_detail(detail)));
    }
    let status = response.status().as_u16();
    let is_problem = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
    if status < 400 || is_problem {
        return None;
    }
    let code = match status {
        404 => ErrorCode::NotFound,
        405 => ErrorCode::MethodNotAllowed,
        406 => ErrorCode::NotAcceptable,
        413 => ErrorCode::BodyTooLarge,
        415 => ErrorCode::UnsupportedMediaType,
        503 => ErrorCode::Overloaded,
        400..=499 => ErrorCode::MalformedJson,
        _ => ErrorCode::Internal,
    };
    Some(Failure::Made(AppError::new(code)))
}

/// The cause goes to the log with the id that the caller got; causes carry kinds and constraint names, never values.
fn log_failure(error: &AppError, id: &str) {
    if error.code.status() < 500 {
        return;
    }
    match error.cause() {
        Some(cause) => log::error!("{} request_id={id}: {cause}", error.code.as_str()),
        None => log::warn!("{} request_id={id}", error.code.as_str()),
    }
}

/// The caller's `X-Request-Id` when it is one of a restricted alphabet, otherwise a fresh one. A key in the wrong header is of that
/// alphabet, and must reach neither log nor answer.
fn request_id(headers: &HeaderMap) -> String {
    headers
        .get(&REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| {
            (1..=64).contains(&id.len())
                && !id.starts_with("hk_")
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
                // It comes back in the answer and stands in the log, where no message belongs.
                && codes::refuse(id, &Registered::NONE).is_none()
        })
        .map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned)
}
