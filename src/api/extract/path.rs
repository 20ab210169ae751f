//! Ids in paths. One that is not a UUID is an unknown one: 404, like every other.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use uuid::Uuid;

use crate::error::AppError;

/// The `{id}` of a path, as the typed id that it stands for.
#[derive(Debug, Clone, Copy)]
pub struct PathId<T>(pub T);

impl<T: From<Uuid>> FromRequest for PathId<T> {
    type Error = AppError;
    type Future = Ready<Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").filter(|text| text.len() == 36).and_then(|text| Uuid::parse_str(text).ok());
        ready(id.map(|id| Self(T::from(id))).ok_or_else(AppError::not_found))
    }
}
