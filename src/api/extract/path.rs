//! Ids in paths. One that is not a UUID is an unknown one: 404, like every other.

use std::future::{Ready, ready};
use std::str::FromStr;

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
        let found = request.match_info().get("id").and_then(id);
        ready(found.map(|id| Self(T::from(id))).ok_or_else(AppError::not_found))
    }
}

/// The two ids of a path, in its order, as the typed ids that they stand for.
#[derive(Debug, Clone, Copy)]
pub struct PathIds<A, B>(pub A, pub B);

impl<A: From<Uuid>, B: From<Uuid>> FromRequest for PathIds<A, B> {
    type Error = AppError;
    type Future = Ready<Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut ids = request.match_info().iter().map(|(_, text)| id(text));
        let both = (ids.next().flatten(), ids.next().flatten());
        ready(match both {
            (Some(first), Some(second)) => Ok(Self(A::from(first), B::from(second))),
            _ => Err(AppError::not_found()),
        })
    }
}

/// The `{id}` of a path, and the word of a vocabulary that the path ends with. A word that is none names nothing: 404, as for an id.
#[derive(Debug, Clone, Copy)]
pub struct PathIdAndWord<T, W>(pub T, pub W);

impl<T: From<Uuid>, W: FromStr> FromRequest for PathIdAndWord<T, W> {
    type Error = AppError;
    type Future = Ready<Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let found = request.match_info().get("id").and_then(id);
        let word = request.match_info().iter().last().and_then(|(_, word)| word.parse().ok());
        ready(found.zip(word).map(|(id, word)| Self(T::from(id), word)).ok_or_else(AppError::not_found))
    }
}

fn id(text: &str) -> Option<Uuid> {
    Some(text).filter(|text| text.len() == 36).and_then(|text| Uuid::parse_str(text).ok())
}
