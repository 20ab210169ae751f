//! The body: read only after the caller is known, let in only as far as the contract goes.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use actix_web::web::{BytesMut, Data};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use serde::de::DeserializeOwned;
use validator::Validate;

use crate::auth::Identified;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::text::Code;
use crate::domain::vocabulary::RefusalCode;
use crate::error::{AppError, ErrorCode};
use crate::privacy::guard::Registered;
use crate::privacy::json::{self, JsonError, Node};
use crate::privacy::shape::{Shape, ShapeError};
use crate::state::AppState;
use crate::store;

/// The largest body of every operation but imports.
pub const MAX_BYTES: usize = 32 * 1024;

/// A request body whose schema is its allowlist.
pub trait Contract: DeserializeOwned + Validate + utoipa::ToSchema + 'static {
    /// The compiled schema.
    ///
    /// # Errors
    /// When the schema is open; the contract test compiles every one.
    fn shape() -> Result<&'static Shape, &'static ShapeError>;
}

/// Makes a struct a [`Contract`].
macro_rules! contract {
    ($body:ty) => {
        impl $crate::api::extract::Contract for $body {
            fn shape() -> Result<&'static $crate::privacy::shape::Shape, &'static $crate::privacy::shape::ShapeError> {
                static SHAPE: std::sync::OnceLock<Result<$crate::privacy::shape::Shape, $crate::privacy::shape::ShapeError>> =
                    std::sync::OnceLock::new();
                SHAPE.get_or_init($crate::privacy::shape::Shape::of::<$body>).as_ref()
            }
        }
    };
}
pub(crate) use contract;

/// A body inside the contract.
#[derive(Debug)]
pub struct Body<T> {
    /// The typed body.
    pub value: T,
    /// The body as it was checked, in compact JSON: what an idempotency key is bound to.
    pub canonical: Vec<u8>,
}

impl<T: Contract> FromRequest for Body<T> {
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AppError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let bytes = read(&request, payload).await?;
            let mut admitted = admit::<T>(&bytes, &Registered::NONE);
            // What the site itself calls its studies and partners is no news about anybody; only a doubt asks for it.
            if admitted.as_ref().is_err_and(|error| error.code == ErrorCode::SensitiveContent) {
                admitted = admit::<T>(&bytes, &registered(&request).await?);
            }
            match admitted {
                Err(error) => match refusal_code(&error) {
                    Some(code) => Err(record_refusal(&request, error, code, stated(&bytes)).await),
                    None => Err(error),
                },
                admitted => admitted,
            }
        })
    }
}

/// The body of an operation that takes none: absent, or an empty object. Anything in it is outside the contract.
#[derive(Debug)]
pub struct NoBody;

#[derive(Debug, serde::Deserialize, utoipa::ToSchema, Validate)]
#[serde(deny_unknown_fields)]
struct Nothing {}
contract!(Nothing);

impl FromRequest for NoBody {
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AppError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let headers = request.headers();
        let announced =
            headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0") || headers.contains_key(TRANSFER_ENCODING);
        if !announced {
            return Box::pin(std::future::ready(Ok(Self)));
        }
        let body = Body::<Nothing>::from_request(request, payload);
        Box::pin(async move { body.await.map(|_| Self) })
    }
}

async fn read(request: &HttpRequest, mut payload: Payload) -> Result<BytesMut, AppError> {
    check_headers(request)?;
    let too_large = || AppError::new(ErrorCode::BodyTooLarge);
    let deadline = request.extensions().get::<Identified>().map(|caller| caller.deadline);
    let collect = async {
        let mut bytes = BytesMut::new();
        loop {
            let chunk = std::future::poll_fn(|cx| {
                let stream: Pin<&mut Payload> = Pin::new(&mut payload);
                futures_core::Stream::poll_next(stream, cx)
            })
            .await;
            match chunk {
                None => return Ok(bytes),
                Some(Err(_)) => return Err(AppError::new(ErrorCode::MalformedJson)),
                Some(Ok(chunk)) if bytes.len() + chunk.len() > MAX_BYTES => return Err(too_large()),
                Some(Ok(chunk)) => bytes.extend_from_slice(&chunk),
            }
        }
    };
    match deadline {
        // A body that trickles in holds no permit, but it does hold a connection.
        Some(deadline) => tokio::time::timeout(deadline.remaining(), collect)
            .await
            .unwrap_or_else(|_| Err(AppError::new(ErrorCode::DeadlineExceeded))),
        None => collect.await,
    }
}

fn check_headers(request: &HttpRequest) -> Result<(), AppError> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let unsupported = || AppError::new(ErrorCode::UnsupportedMediaType);
    let content_type = header(CONTENT_TYPE).ok_or_else(unsupported)?.to_ascii_lowercase();
    let (kind, parameters) = content_type.split_once(';').unwrap_or((&content_type, ""));
    let is_patch = request.method() == actix_web::http::Method::PATCH;
    let known = kind.trim() == "application/json" || (is_patch && kind.trim() == "application/merge-patch+json");
    let charset = parameters.trim().trim_start_matches("charset=").trim_matches('"');
    if !known || !(charset.is_empty() || charset == "utf-8") {
        return Err(unsupported());
    }
    if header(CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(unsupported().with_detail("Send the body without a content encoding."));
    }
    let announced = header(CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MAX_BYTES) {
        return Err(AppError::new(ErrorCode::BodyTooLarge));
    }
    Ok(())
}

/// Bytes to typed body: strict JSON, then the schema with all its faults, then the rules between fields.
fn admit<T: Contract>(bytes: &[u8], registered: &Registered) -> Result<Body<T>, AppError> {
    let node = json::parse(bytes).map_err(|error| match error {
        JsonError::TooDeep => AppError::new(ErrorCode::JsonTooDeep),
        JsonError::NotAnObject => AppError::new(ErrorCode::NotAnObject),
        _ => AppError::new(ErrorCode::MalformedJson),
    })?;
    let json = checked::<T>(&node, registered)?;
    let canonical = json.to_string().into_bytes();
    Ok(Body { value: typed(json)?, canonical })
}

/// A tree inside the schema of `T`, for [`typed`].
///
/// # Errors
/// 422 with every fault.
pub(in crate::api) fn checked<T: Contract>(node: &Node<'_>, registered: &Registered) -> Result<serde_json::Value, AppError> {
    let shape = T::shape().map_err(|error| AppError::internal(error.to_string()))?;
    let faults = shape.check(node, registered);
    if faults.is_empty() { Ok(node.to_json()) } else { Err(AppError::invalid(faults)) }
}

/// The typed body of what [`checked`] let in.
///
/// # Errors
/// 422 for a rule between fields.
pub(in crate::api) fn typed<T: Contract>(json: serde_json::Value) -> Result<T, AppError> {
    // The schema has let it through, so a failure here is a gap between the schema and the type: ours, not the caller's.
    // serde's message quotes values, so only the path is kept.
    let value: T = serde_path_to_error::deserialize(json)
        .map_err(|error| AppError::internal(format!("schema and type of a body differ at {}", error.path())))?;
    value.validate().map_err(|errors| AppError::invalid(rule_faults(&errors)))?;
    Ok(value)
}

/// The faults of `validator`'s rules: a rule names its field in `code`'s params (`pointer`) and its sentence in `message`.
fn rule_faults(errors: &validator::ValidationErrors) -> Vec<Fault> {
    let mut faults = Vec::new();
    collect_rule_faults(errors, "", &mut faults);
    faults.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    faults
}

fn collect_rule_faults(errors: &validator::ValidationErrors, parent: &str, faults: &mut Vec<Fault>) {
    use validator::ValidationErrorsKind;
    for (field, kind) in errors.errors() {
        let here = if field == "__all__" { parent.to_owned() } else { format!("{parent}/{field}") };
        match kind {
            ValidationErrorsKind::Field(errors) => faults.extend(errors.iter().map(|error| {
                let named = error.params.get("pointer").and_then(|pointer| pointer.as_str());
                let message = error.message.clone().unwrap_or("This breaks a rule of the contract.".into());
                Fault::new(named.unwrap_or(&here), FaultCode::Inconsistent, message)
            })),
            ValidationErrorsKind::Struct(inner) => collect_rule_faults(inner, &here, faults),
            ValidationErrorsKind::List(items) => {
                for (index, inner) in items {
                    collect_rule_faults(inner, &format!("{here}/{index}"), faults);
                }
            }
        }
    }
}

/// The names that the caller's site has registered, as far as the caller may see them; none where they cannot be read now, which refuses more and not less.
///
/// # Errors
/// 503 where there is no place to wait for them: what is sent again then is not refused for good today.
pub(in crate::api) async fn registered(request: &HttpRequest) -> Result<Registered, AppError> {
    let known = request.extensions().get::<Identified>().map(|caller| (caller.scope, caller.deadline));
    let (Some((scope, deadline)), Some(app)) = (known, request.app_data::<Data<AppState>>()) else { return Ok(Registered::NONE) };
    let names = app.db.transact(scope, deadline, move |conn| Ok(store::registered_names::known_to(conn, &scope)?)).await;
    let_in(request, &names);
    match names {
        Ok(names) => Ok(Registered::new(names.iter().map(String::as_str))),
        Err(error) if error.code == ErrorCode::Overloaded => Err(error),
        Err(_) => Ok(Registered::NONE),
    }
}

/// Notes that the request was let in to the database: it is not turned away at a later step.
fn let_in<T>(request: &HttpRequest, done: &Result<T, AppError>) {
    if let (Ok(_), Some(known)) = (done, request.extensions_mut().get_mut::<Identified>()) {
        known.deadline = known.deadline.admitted();
    }
}

/// The refusals that are counted.
pub(in crate::api) const fn refusal_code(error: &AppError) -> Option<RefusalCode> {
    match error.code {
        ErrorCode::SensitiveField => Some(RefusalCode::SensitiveField),
        ErrorCode::SensitiveContent => Some(RefusalCode::SensitiveContent),
        ErrorCode::UnknownField => Some(RefusalCode::UnknownField),
        _ => None,
    }
}

/// The codes of partner and study that a refused body names, as far as it does so in their form.
fn stated(bytes: &[u8]) -> (Option<Code>, Option<Code>) {
    let Ok(Node::Object(members)) = json::parse(bytes) else { return (None, None) };
    let code = |name: &str| {
        let found = members.iter().find(|(member, _)| member == name);
        match found {
            Some((_, Node::String(text))) => Code::parse(text.as_ref()).ok(),
            _ => None,
        }
    };
    (code("partner"), code("study"))
}

/// Counts the refusal (partner, route, day, code: no content) and points to the site's intake path. The answer is the refusal
/// whatever happens to the count, unless there is no place to wait for it: 503.
pub(in crate::api) async fn record_refusal(
    request: &HttpRequest,
    error: AppError,
    code: RefusalCode,
    (partner, study): (Option<Code>, Option<Code>),
) -> AppError {
    let known = request.extensions().get::<Identified>().map(|caller| (caller.scope, caller.deadline));
    let (Some((scope, deadline)), Some(app)) = (known, request.app_data::<Data<AppState>>()) else { return error };
    let now = app.clock.now();
    let counted = app
        .db
        .transact(scope, deadline, move |conn| {
            let site = store::sites::current(conn, &scope)?;
            let origin = store::refusals::origin(conn, &scope, partner.as_ref(), study.as_ref())?;
            store::refusals::count(conn, &scope, origin, code, site.day_of(now), now)?;
            Ok(site.intake_url)
        })
        .await;
    match counted {
        Ok(intake_url) => error.with_intake_url(Some(intake_url.as_str().to_owned())),
        // Sent again it is refused again, and counted.
        Err(failure) if failure.code == ErrorCode::Overloaded => failure,
        Err(failure) => {
            log::warn!("a refusal was not counted: {}", failure.code.as_str());
            error
        }
    }
}
