//! Scripts of other origins (CORS): off, unless the operator lists their origins.
//!
//! No cookie is ever read, so that no request carries credentials which its sender did not put into it.

use actix_cors::Cors;
use actix_web::http::Method;
use actix_web::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, IF_MATCH};
use actix_web::middleware::Condition;

use crate::domain::origins::Origins;

/// What a script may send beside what every script may.
const SENT: [&str; 2] = ["idempotency-key", "x-request-id"];

/// What a script may read of an answer beside what every script may.
const READ: [&str; 11] = [
    "allow",
    "etag",
    "idempotency-replayed",
    "link",
    "location",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "www-authenticate",
    "x-data-lag-seconds",
    "x-request-id",
];

/// How long a browser may remember what it was told, in seconds.
const REMEMBERED: usize = 3600;

pub(super) fn layer(origins: &Origins) -> Condition<Cors> {
    let cors = Cors::default()
        .allowed_methods([Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::PUT, Method::DELETE])
        .allowed_headers([ACCEPT, AUTHORIZATION, CONTENT_TYPE, IF_MATCH])
        .allowed_headers(SENT)
        .expose_headers(READ)
        .max_age(REMEMBERED);
    Condition::new(!origins.is_empty(), origins.iter().fold(cors, Cors::allowed_origin))
}
