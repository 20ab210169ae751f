//! The language check over HTTP: the one place that takes free text of a partner. It is read in memory and kept nowhere.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};

use super::extract::Body;
use super::read::read;
use super::reply::Reply;
use crate::auth::Caller;
use crate::auth::permission::CheckLanguage as MayCheck;
use crate::domain::language_check::check;
use crate::error::AppError;
use crate::ops;
use crate::state::AppState;

mod body;

pub use body::{CheckLanguage, CheckedDraft, LanguageCheckView, LanguageFinding, TextSpan};

/// Check a draft against approved and forbidden language
///
/// Send the text of a flyer, an e-mail, a web page or a script before it goes out: the answer lists what must change and what a person
/// should look at, each with its rule, its place, what to write instead, and where the rule comes from.
///
/// This is the only operation that takes free text from a partner. The draft is read in memory and is never stored, logged or
/// answered: findings hold places and no words of it. Nothing changes, so there is no `Idempotency-Key` (one that is sent is not read, and
/// no fingerprint of the draft is kept), no audit entry and no event; a retry is a new check.
///
/// The rules read English. They find what is usually forbidden and cannot see everything, so no findings is no approval: that remains
/// with the ethics board (IRB or REC). What is compared with your study are its public name, its protocol code and registry id,
/// the intake addresses, and the contacts that its description and the instruction of its routes name. A sentence of those texts may be repeated word for word.
#[utoipa::path(
    operation_id = "check_language", tag = "language",
    request_body(content = CheckLanguage, description = "The draft, and the study that it is for."),
    responses((status = 200, description = "What was found; an empty list when nothing was.", body = LanguageCheckView)),
)]
#[post("/v1/language/check")]
pub async fn check_language(
    caller: Caller<MayCheck>,
    body: Body<CheckLanguage>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let CheckLanguage { study, text, kind } = body.value;
    body::bounded(&text)?;
    let view = read(&app, &caller, move |conn, context| {
        let (study, approved) = ops::check_language::run(conn, context, &study)?;
        // Here and not after: behind the pool's door, drafts cannot queue without bound.
        let findings = check(text.as_str(), kind, &approved);
        Ok(LanguageCheckView::new(study, kind, findings))
    })
    .await?;
    Ok(Reply::plain(&view)?.into_response())
}
