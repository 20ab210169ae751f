//! What no operation takes: 405 with `Allow` on a path that the document has, 404 elsewhere.

use std::collections::HashMap;

use actix_web::dev::ResourceDef;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::error::{AppError, ErrorCode};

/// The document's paths with their methods: method macros alone would answer 404 for a wrong method.
pub(super) struct Paths {
    rows: Vec<(ResourceDef, String)>,
    /// Methods and `Allow` by path, parameters as the document names them.
    by_path: HashMap<String, (Vec<String>, String)>,
}

impl Paths {
    pub(super) fn new(methods: &[(String, Vec<String>)]) -> Self {
        let public = ["/openapi.json", "/docs", "/docs/{asset:.*}"].map(|path| (path.to_owned(), vec!["GET".to_owned()]));
        let rows = methods.iter().chain(&public).map(|(path, methods)| (ResourceDef::new(path.as_str()), allow(methods)));
        let by_path = methods.iter().map(|(path, methods)| (path.clone(), (methods.clone(), allow(methods))));
        Self { rows: rows.collect(), by_path: by_path.collect() }
    }

    /// Why this path, which the server matched with this pattern, does not take this method; `None` where it does, or where the
    /// document does not have it. A path without parameters goes before a pattern that it matches as well.
    pub(super) fn refusal(&self, path: &str, pattern: Option<&str>, method: &str) -> Option<AppError> {
        let (methods, allow) = self.by_path.get(path).or_else(|| self.by_path.get(pattern?))?;
        let is_taken = methods.iter().any(|taken| taken == method);
        (!is_taken).then(|| AppError::new(ErrorCode::MethodNotAllowed).with_allow(allow.clone()))
    }
}

/// The methods as `Allow` lists them: where `GET` is, `HEAD` is (see `envelope::answer_head`).
fn allow(methods: &[String]) -> String {
    let head = methods.iter().any(|method| method == "GET").then_some("HEAD");
    let mut all: Vec<&str> = methods.iter().map(String::as_str).chain(head).collect();
    all.sort_unstable();
    all.join(", ")
}

pub(super) async fn answer(request: HttpRequest, paths: Data<Paths>) -> Result<HttpResponse, AppError> {
    match paths.rows.iter().find(|(path, _)| path.is_match(request.path())) {
        Some((_, methods)) => Err(AppError::new(ErrorCode::MethodNotAllowed).with_allow(methods.clone())),
        None => Err(AppError::not_found()),
    }
}
