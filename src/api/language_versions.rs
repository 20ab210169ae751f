//! Approved language as it is written, reviewed, approved and ended: the site's side of it.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, patch, post};

use super::extract::{Body, IfMatch, IfMatchHeader, NoBody, OptionalIdempotencyKey, OptionalIdempotencyKeyHeader, PathId, Query};
use super::idempotency::{Write, write};
use super::read::{Paging, page, read};
use super::reply::{Reply, content_tag, version_tag};
use crate::auth::Caller;
use crate::auth::permission::{ApproveLanguage, DraftLanguage, ReadLanguageVersions};
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::LanguageVersionId;
use crate::error::{AppError, ErrorCode};
use crate::ops::Context;
use crate::ops::{self, move_language_version::Step};
use crate::state::AppState;
use crate::store;
use crate::store::language_versions::{Filter, VersionContext};

mod body;
mod diff;

pub use body::{
    CreateLanguageVersion, LanguageVersionPage, LanguageVersionView, ListLanguageVersions, RetireLanguageVersion,
    ReturnLanguageVersion, UpdateLanguageVersion,
};
pub use diff::{DiffLanguageVersions, LanguageDiff, PartDiff};

fn reply(found: VersionContext) -> Result<Reply, AppError> {
    let etag = version_tag(found.version.version);
    Reply::ok(&LanguageVersionView::from(found), etag)
}

/// Write a language version
///
/// A draft of what may be said of a study, in seven parts. Approval reference and dates may follow; a reviewer needs them.
#[utoipa::path(
    operation_id = "create_language_version", tag = "language",
    params(OptionalIdempotencyKeyHeader),
    request_body(content = CreateLanguageVersion, description = "The draft."),
    responses((status = 201, description = "Kept, as a draft.", body = LanguageVersionView)),
)]
#[post("/v1/language-versions")]
pub async fn create_language_version(
    caller: Caller<DraftLanguage>,
    key: OptionalIdempotencyKey,
    body: Body<CreateLanguageVersion>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let new = body.value.into();
    write(&app, &caller, Write::accepting("create_language_version", &key, &body.canonical), move |conn, context| {
        let made = ops::create_language_version::run(conn, context, new)?;
        let (etag, location) = (version_tag(made.version.version), format!("/v1/language-versions/{}", made.version.id));
        Reply::created(&LanguageVersionView::from(made), etag, location)
    })
    .await
}

/// List language versions
///
/// Drafts and what has ended among them, in the order in which they were begun.
#[utoipa::path(
    operation_id = "list_language_versions", tag = "language",
    params(ListLanguageVersions),
    responses((status = 200, description = "A page of versions.", body = LanguageVersionPage)),
)]
#[get("/v1/language-versions")]
pub async fn list_language_versions(
    caller: Caller<ReadLanguageVersions>,
    query: Query<ListLanguageVersions>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let query = query.0;
    let filters = (&query.study, query.status, &query.locale);
    let paging = Paging::new("list_language_versions", query.cursor.as_deref(), query.limit, &filters)?;
    let filter = Filter { study: query.study.clone(), status: query.status, locale: query.locale.clone() };
    page(
        &app,
        &caller,
        &request,
        paging,
        move |conn, context, after, limit| {
            Ok(store::language_versions::page(conn, &context.scope, &filter, after.map(LanguageVersionId), limit)?)
        },
        |found: &VersionContext| found.version.id.0,
        |found, next_cursor, _| {
            Ok(LanguageVersionPage { data: found.into_iter().map(LanguageVersionView::from).collect(), next_cursor })
        },
    )
    .await
}

/// Read a language version
#[utoipa::path(
    operation_id = "get_language_version", tag = "language",
    params(("id" = LanguageVersionId, Path, description = "Id of the version.")),
    responses((status = 200, description = "The version as it is now.", body = LanguageVersionView)),
)]
#[get("/v1/language-versions/{id}")]
pub async fn get_language_version(
    caller: Caller<ReadLanguageVersions>,
    id: PathId<LanguageVersionId>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let found = read(&app, &caller, move |conn, context| find(conn, context, id.0)).await?;
    Ok(reply(found)?.into_response())
}

fn find(conn: &mut crate::db::Conn, context: &Context, id: LanguageVersionId) -> Result<VersionContext, AppError> {
    store::language_versions::find(conn, &context.scope, id)?.ok_or_else(AppError::not_found)
}

/// Compare two language versions
///
/// Part by part: what `against` says, what this one says, and whether they differ. Both are of one study.
#[utoipa::path(
    operation_id = "diff_language_versions", tag = "language",
    params(("id" = LanguageVersionId, Path, description = "Id of the version."), DiffLanguageVersions),
    responses((status = 200, description = "The seven parts of both.", body = LanguageDiff)),
)]
#[get("/v1/language-versions/{id}/diff")]
pub async fn diff_language_versions(
    caller: Caller<ReadLanguageVersions>,
    id: PathId<LanguageVersionId>,
    query: Query<DiffLanguageVersions>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let against = query.0.against;
    let reply = read(&app, &caller, move |conn, context| {
        let (after, before) = (find(conn, context, id.0)?, find(conn, context, against)?);
        if after.version.study_id != before.version.study_id {
            let fault = Fault::new("/against", FaultCode::Inconsistent, "Name a version of the same study.");
            return Err(AppError::new(ErrorCode::InvalidParameter).with_faults(vec![fault]));
        }
        let diff = LanguageDiff::new(&before.version, &after.version);
        Reply::ok(&diff, content_tag(&diff)?)
    })
    .await?;
    Ok(reply.into_response())
}

/// Change a draft of a language version
///
/// Whoever changes it is its last editor, and approves it no more. What is in review goes back to draft first; what is approved never
/// changes.
#[utoipa::path(
    operation_id = "update_language_version", tag = "language",
    params(("id" = LanguageVersionId, Path, description = "Id of the version."), IfMatchHeader),
    request_body(content = UpdateLanguageVersion, description = "What to change; `application/merge-patch+json` is taken too."),
    responses(
        (status = 200, description = "The draft as it is now.", body = LanguageVersionView),
        (status = 409, description = "It is no draft (`version_not_draft`)."),
    ),
)]
#[patch("/v1/language-versions/{id}")]
pub async fn update_language_version(
    caller: Caller<DraftLanguage>,
    id: PathId<LanguageVersionId>,
    if_match: IfMatch,
    body: Body<UpdateLanguageVersion>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let patch = body.value.into();
    write(&app, &caller, Write::unkeyed("update_language_version", &body.canonical), move |conn, context| {
        reply(ops::update_language_version::run(conn, context, id.0, &if_match.0, patch)?)
    })
    .await
}

/// Submit a draft of a language version
///
/// It goes before a reviewer, with its approval reference and its dates.
#[utoipa::path(
    operation_id = "submit_language_version", tag = "language",
    params(("id" = LanguageVersionId, Path, description = "Id of the version."), IfMatchHeader, OptionalIdempotencyKeyHeader),
    responses(
        (status = 200, description = "The version, in review.", body = LanguageVersionView),
        (status = 409, description = "Something is missing (`language_incomplete`), the status does not allow this move (`illegal_transition`, with `allowed_actions`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/language-versions/{id}/submit")]
pub async fn submit_language_version(
    caller: Caller<DraftLanguage>,
    id: PathId<LanguageVersionId>,
    if_match: IfMatch,
    key: OptionalIdempotencyKey,
    _: NoBody,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let operation = format!("submit_language_version:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, b""), move |conn, context| {
        reply(ops::move_language_version::run(conn, context, id.0, &if_match.0, Step::Submit)?)
    })
    .await
}

/// Send a language version back to draft
///
/// With the reason, for its authors.
#[utoipa::path(
    operation_id = "return_language_version", tag = "language",
    params(("id" = LanguageVersionId, Path, description = "Id of the version."), IfMatchHeader, OptionalIdempotencyKeyHeader),
    request_body(content = ReturnLanguageVersion, description = "Why."),
    responses(
        (status = 200, description = "The version, a draft again.", body = LanguageVersionView),
        (status = 409, description = "The status does not allow this move (`illegal_transition`, with `allowed_actions`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/language-versions/{id}/return")]
pub async fn return_language_version(
    caller: Caller<DraftLanguage>,
    id: PathId<LanguageVersionId>,
    if_match: IfMatch,
    key: OptionalIdempotencyKey,
    body: Body<ReturnLanguageVersion>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let step = Step::Return(body.value.reason);
    let operation = format!("return_language_version:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, &body.canonical), move |conn, context| {
        reply(ops::move_language_version::run(conn, context, id.0, &if_match.0, step)?)
    })
    .await
}

/// Approve a language version
///
/// By an admin who neither wrote it nor changed it last. It counts from its effective date on, or at once where that is past; the
/// version of this study and locale before it is superseded on that day. For its `grace_days` the partners' acknowledgements of that
/// one still count.
#[utoipa::path(
    operation_id = "approve_language_version", tag = "language",
    params(("id" = LanguageVersionId, Path, description = "Id of the version."), IfMatchHeader, OptionalIdempotencyKeyHeader),
    responses(
        (status = 200, description = "The version, approved.", body = LanguageVersionView),
        (status = 409, description = "Its approval is over (`approval_expired`), another version begins on that day or is in force and began later (`language_overlaps`), the status does not allow this move (`illegal_transition`, with `allowed_actions`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/language-versions/{id}/approve")]
pub async fn approve_language_version(
    caller: Caller<ApproveLanguage>,
    id: PathId<LanguageVersionId>,
    if_match: IfMatch,
    key: OptionalIdempotencyKey,
    _: NoBody,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let operation = format!("approve_language_version:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, b""), move |conn, context| {
        reply(ops::move_language_version::run(conn, context, id.0, &if_match.0, Step::Approve)?)
    })
    .await
}

/// Retire a language version
///
/// It ends for good, whatever it was. One that counted counts no more from now on, and neither do acknowledgements of it; the one
/// before it does not come back.
#[utoipa::path(
    operation_id = "retire_language_version", tag = "language",
    params(("id" = LanguageVersionId, Path, description = "Id of the version."), IfMatchHeader, OptionalIdempotencyKeyHeader),
    request_body(content = RetireLanguageVersion, description = "Why."),
    responses(
        (status = 200, description = "The version, retired.", body = LanguageVersionView),
        (status = 409, description = "The status does not allow this move (`illegal_transition`, with `allowed_actions`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/language-versions/{id}/retire")]
pub async fn retire_language_version(
    caller: Caller<ApproveLanguage>,
    id: PathId<LanguageVersionId>,
    if_match: IfMatch,
    key: OptionalIdempotencyKey,
    body: Body<RetireLanguageVersion>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let step = Step::Retire(body.value.reason.into());
    let operation = format!("retire_language_version:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, &body.canonical), move |conn, context| {
        reply(ops::move_language_version::run(conn, context, id.0, &if_match.0, step)?)
    })
    .await
}
