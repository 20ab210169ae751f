//! What no operation takes: 405 with `Allow` on a path that the document has, 404 elsewhere.

use actix_web::dev::ResourceDef;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::error::{AppError, ErrorCode};

/// The document's paths with their methods: method macros alone would answer 404 for a wrong method.
pub(super) struct Paths(Vec<(ResourceDef, String)>);

impl Paths {
    pub(super) fn new(methods: &[(String, Vec<String>)]) -> Self {
        let public = [("/openapi.json".to_owned(), vec!["GET".to_owned()]), ("/docs".to_owned(), vec!["GET".to_owned()])];
        let rows = methods.iter().chain(&public).map(|(path, methods)| (ResourceDef::new(path.as_str()), methods.join(", ")));
        Self(rows.collect())
    }
}

pub(super) async fn answer(request: HttpRequest, paths: Data<Paths>) -> Result<HttpResponse, AppError> {
    match paths.0.iter().find(|(path, _)| path.is_match(request.path())) {
        Some((_, methods)) => Err(AppError::new(ErrorCode::MethodNotAllowed).with_allow(methods.clone())),
        None => Err(AppError::not_found()),
    }
}
