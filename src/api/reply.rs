//! The shape of every successful answer: status, `Location`, `ETag`, one JSON body.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, LINK, LOCATION};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::auth::Actor;
use crate::error::AppError;
use crate::privacy::hex;

/// An answer that can be kept under an idempotency key and given again.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Where the created resource is.
    pub location: Option<String>,
    /// The version of the resource in the body.
    pub etag: Option<String>,
    /// The JSON body.
    pub body: String,
    /// The JSON body that is kept in its place and given again: for one that shows a secret once. `None`: the body itself.
    pub kept_body: Option<String>,
}

// A body may show a secret, which no log line shall.
impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).field("location", &self.location).finish_non_exhaustive()
    }
}

/// Whether the caller asks for a text form of an answer rather than JSON: it names that kind, or any text, and not JSON before it.
#[must_use]
pub fn text_is_asked_for(headers: &HeaderMap, text: &str) -> bool {
    headers
        .get_all(ACCEPT)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|range| range.split(';').next().unwrap_or_default().trim())
        .find(|kind| [text, "text/*", "application/json"].iter().any(|known| kind.eq_ignore_ascii_case(known)))
        .is_some_and(|kind| !kind.eq_ignore_ascii_case("application/json"))
}

/// The entity tag of a resource by its version.
#[must_use]
pub fn version_tag(version: i32) -> String {
    format!("\"{version}\"")
}

/// The entity tag of a representation by its content: a partner's view changes its tag only when the partner can see a change.
///
/// # Errors
/// When the view cannot be written as JSON, which is a fault of ours.
pub fn content_tag<T: Serialize>(view: &T) -> Result<String, AppError> {
    let json = serde_json::to_vec(view).map_err(AppError::internal)?;
    let digest = Sha256::digest(&json);
    let (tag, _) = digest.split_at(12);
    Ok(format!("\"{}\"", hex::encode(tag)))
}

/// The entity tag of a resource for this caller: its version for the site, its own representation for a partner.
///
/// # Errors
/// When the view cannot be written as JSON, which is a fault of ours.
pub fn tag_for<T: Serialize>(actor: &Actor, version: i32, view: &T) -> Result<String, AppError> {
    if actor.partner().is_some() { content_tag(view) } else { Ok(version_tag(version)) }
}

impl Reply {
    /// 200 with a resource and its tag.
    ///
    /// # Errors
    /// When the view cannot be written as JSON, which is a fault of ours.
    pub fn ok<T: Serialize>(view: &T, etag: String) -> Result<Self, AppError> {
        let body = serde_json::to_string(view).map_err(AppError::internal)?;
        Ok(Self { status: 200, location: None, etag: Some(etag), body, kept_body: None })
    }

    /// 201 with the created resource, its place and its tag.
    ///
    /// # Errors
    /// When the view cannot be written as JSON, which is a fault of ours.
    pub fn created<T: Serialize>(view: &T, etag: String, location: String) -> Result<Self, AppError> {
        Ok(Self { status: 201, location: Some(location), ..Self::ok(view, etag)? })
    }

    /// The same answer, of which another body is kept than is sent.
    ///
    /// # Errors
    /// When the view cannot be written as JSON, which is a fault of ours.
    pub fn keeping<T: Serialize>(self, view: &T) -> Result<Self, AppError> {
        Ok(Self { kept_body: Some(serde_json::to_string(view).map_err(AppError::internal)?), ..self })
    }

    /// 200 with something that has no version: a list, a derived view.
    ///
    /// # Errors
    /// When the view cannot be written as JSON, which is a fault of ours.
    pub fn plain<T: Serialize>(view: &T) -> Result<Self, AppError> {
        Ok(Self { etag: None, ..Self::ok(view, String::new())? })
    }

    /// 201 with what was recorded and cannot be read again: it has no place and no version.
    ///
    /// # Errors
    /// When the view cannot be written as JSON, which is a fault of ours.
    pub fn recorded<T: Serialize>(view: &T) -> Result<Self, AppError> {
        Ok(Self { status: 201, ..Self::plain(view)? })
    }

    /// 204: what was here is here no more.
    #[must_use]
    pub const fn gone() -> Self {
        Self { status: 204, location: None, etag: None, body: String::new(), kept_body: None }
    }

    /// The HTTP answer.
    #[must_use]
    pub fn into_response(self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut builder = HttpResponse::build(status);
        if status == StatusCode::NO_CONTENT {
            return builder.finish();
        }
        builder.insert_header((CONTENT_TYPE, "application/json"));
        let headers: [(HeaderName, Option<String>); 2] = [(LOCATION, self.location), (ETAG, self.etag)];
        for (name, value) in headers {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                builder.insert_header((name, value));
            }
        }
        builder.body(self.body)
    }
}

/// A list answer: the page, and `Link: rel="next"` when there is more.
///
/// # Errors
/// When the page cannot be written as JSON, which is a fault of ours.
pub fn list<T: Serialize>(path: &str, query: &str, next_cursor: Option<&str>, page: &T) -> Result<HttpResponse, AppError> {
    let mut response = Reply::plain(page)?.into_response();
    if let Some(cursor) = next_cursor {
        let others = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "cursor");
        let query =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(others).append_pair("cursor", cursor).finish();
        if let Ok(link) = HeaderValue::from_str(&format!("<{path}?{query}>; rel=\"next\"")) {
            response.headers_mut().insert(LINK, link);
        }
    }
    Ok(response)
}
