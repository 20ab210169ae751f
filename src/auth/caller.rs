//! The extractor that puts a permission into a handler's signature.

use std::future::{Ready, ready};
use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};

use super::permission::Permission;
use super::{Actor, SiteScope};
use crate::db::Deadline;
use crate::error::{AppError, ErrorCode};

/// What the authentication middleware found out about a request.
#[derive(Debug, Clone)]
pub struct Identified {
    /// Who calls.
    pub actor: Actor,
    /// Which rows the caller's transactions may touch.
    pub scope: SiteScope,
    /// When the caller must have an answer: one deadline for the request, authentication included.
    pub deadline: Deadline,
    /// The id of the request, for the audit trail.
    pub request_id: String,
}

/// A caller that carries permission `P`.
///
/// The authentication middleware has found out who calls before any extractor runs; this one only reads its answer and the
/// table, at once. So, standing first in a signature, it refuses before a body is read.
#[derive(Debug)]
pub struct Caller<P: Permission> {
    /// Who calls.
    pub actor: Actor,
    /// Which rows the caller's transactions may touch.
    pub scope: SiteScope,
    /// When the caller must have an answer.
    pub deadline: Deadline,
    /// The id of the request, for the audit trail.
    pub request_id: String,
    permission: PhantomData<P>,
}

impl<P: Permission> FromRequest for Caller<P> {
    type Error = AppError;
    type Future = Ready<Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match request.extensions().get::<Identified>() {
            None => Err(AppError::new(ErrorCode::Unauthenticated)),
            Some(Identified { actor, scope, deadline, request_id }) => P::ROW.check(actor).map(|()| Self {
                actor: actor.clone(),
                scope: *scope,
                deadline: *deadline,
                request_id: request_id.clone(),
                permission: PhantomData,
            }),
        })
    }
}
