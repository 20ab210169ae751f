//! Imports: files of referrals that the site brings in, how far each is, and what became of every row.

use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse, get, post};

use super::extract::{IfMatch, IfMatchHeader, NoBody, OptionalIdempotencyKey, OptionalIdempotencyKeyHeader, PathId, Query};
use super::idempotency::{Write, write};
use super::read::{Paging, page, read};
use super::reply::{Reply, version_tag};
use crate::auth::Caller;
use crate::auth::permission::ImportReferrals;
use crate::domain::ids::ReferralImportId;
use crate::error::AppError;
use crate::ops;
use crate::state::AppState;
use crate::store;
use crate::store::referral_imports::{Filter, ImportRow, ResultRow};

mod body;
mod lines;
#[cfg(test)]
mod properties;
mod reader;
mod row;
mod table;
mod upload;

pub use body::{
    CreateReferralImport, CsvFile, ImportColumnView, ImportFaultView, ImportReferral, ImportRowPage, ImportRowView,
    ListImportRows, ListReferralImports, ReferralImportPage, ReferralImportView,
};

fn reply(import: ImportRow) -> Result<Reply, AppError> {
    let etag = version_tag(import.version);
    Reply::ok(&ReferralImportView::from(import), etag)
}

/// Import referrals
///
/// A file, CSV or NDJSON, one referral a row (`ImportReferral`), up to 512 MiB unless the operator says otherwise. The file is read while
/// it comes in; once it is answered, its rows are done in the background, whatever becomes of the server: poll `get_referral_import`, and
/// read `list_import_rows`. Each row decides for itself, by the rules of `create_referral`, and is recorded as yours. A row that was
/// imported before is `unchanged`, so that a file may be sent again, whole or corrected. A column or field outside the contract refuses the whole
/// file, located by its place in the header, unless `drop_columns` leaves it out; of what is left out nothing is read. A site has at
/// most twenty imports that have not ended.
#[utoipa::path(
    operation_id = "create_referral_import", tag = "imports",
    params(CreateReferralImport, OptionalIdempotencyKeyHeader),
    request_body(
        content((CsvFile = "text/csv"), (ImportReferral = "application/x-ndjson")),
        description = "The file. Of NDJSON each line is an `ImportReferral`.",
    ),
    responses(
        (status = 201, description = "It has come in, and its rows wait to be done. Whoever sends a long file is asked for anew every few seconds: a token has to last as long.", body = ReferralImportView),
        (status = 409, description = "Twenty imports have not ended, or this one was cancelled while it came in (`state_conflict`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/referral-imports")]
pub async fn create_referral_import(
    mut caller: Caller<ImportReferrals>,
    key: OptionalIdempotencyKey,
    query: Query<CreateReferralImport>,
    request: HttpRequest,
    payload: web::Payload,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let announced = upload::announced(&request, app.import_bytes)?;
    let (dry_run, dropped) = (query.0.dry_run.unwrap_or(false), query.0.drop_columns);
    let dropped: Vec<String> = dropped.map(|names| names.each().collect()).unwrap_or_default();
    let charset = announced.charset.map_or("", |charset| charset.name());
    let asked = format!("{dry_run}:{}:{charset}:{}", announced.format, dropped.join(","));
    let received = upload::receive(&app, &caller, &request, payload, announced, (dry_run, dropped)).await?;
    // A file takes its time; its end is a request of its own.
    caller.deadline = app.deadline().admitted();
    let fingerprint = [asked.as_bytes(), &received.digest].concat();
    let (import, reading) = (received.import, received.reading);
    let id = import.id().ok_or_else(|| AppError::internal("an upload without its import"))?;
    let answer = write(&app, &caller, Write::accepting("create_referral_import", &key, &fingerprint), move |conn, context| {
        let import = ops::receive_referral_import::finish(conn, context, id, reading)?;
        let (etag, location) = (version_tag(import.version), format!("/v1/referral-imports/{}", import.id));
        Reply::created(&ReferralImportView::from(import), etag, location)
    })
    .await;
    match &answer {
        Ok(answer) if !answer.headers().contains_key("idempotency-replayed") => import.taken(),
        // A retry got the first answer: what it brought is one file too many.
        _ => import.forget().await,
    }
    answer
}

/// List imports
///
/// The newest first.
#[utoipa::path(
    operation_id = "list_referral_imports", tag = "imports",
    params(ListReferralImports),
    responses((status = 200, description = "A page of imports.", body = ReferralImportPage)),
)]
#[get("/v1/referral-imports")]
pub async fn list_referral_imports(
    caller: Caller<ImportReferrals>,
    query: Query<ListReferralImports>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let query = query.0;
    let filter = Filter { status: query.status };
    let paging = Paging::new("list_referral_imports", query.cursor.as_deref(), query.limit, &filter)?;
    page(
        &app,
        &caller,
        &request,
        paging,
        move |conn, context, before, limit| {
            Ok(store::referral_imports::page(conn, &context.scope, &filter, before.map(ReferralImportId), limit)?)
        },
        |row: &ImportRow| row.id.0,
        |rows, next_cursor, _| {
            Ok(ReferralImportPage { data: rows.into_iter().map(ReferralImportView::from).collect(), next_cursor })
        },
    )
    .await
}

/// Read an import
///
/// How far it is, how fast, and when it will have ended. Its `ETag` counts the steps of its life, not its rows.
#[utoipa::path(
    operation_id = "get_referral_import", tag = "imports",
    params(("id" = ReferralImportId, Path, description = "Id of the import.")),
    responses((status = 200, description = "The import as it is now.", body = ReferralImportView)),
)]
#[get("/v1/referral-imports/{id}")]
pub async fn get_referral_import(
    caller: Caller<ImportReferrals>,
    id: PathId<ReferralImportId>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let find = move |conn: &mut crate::db::Conn, context: &ops::Context| {
        store::referral_imports::find(conn, &context.scope, id.0)?.ok_or_else(AppError::not_found)
    };
    Ok(reply(read(&app, &caller, find).await?)?.into_response())
}

/// List the rows of an import
///
/// What became of each row that is done, in the order of the file; of those that were refused every reason, and never what stood in them.
/// Rows are listed until 90 days after the import ended.
#[utoipa::path(
    operation_id = "list_import_rows", tag = "imports",
    params(("id" = ReferralImportId, Path, description = "Id of the import."), ListImportRows),
    responses((status = 200, description = "A page of rows.", body = ImportRowPage)),
)]
#[get("/v1/referral-imports/{id}/rows")]
pub async fn list_import_rows(
    caller: Caller<ImportReferrals>,
    id: PathId<ReferralImportId>,
    query: Query<ListImportRows>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let (import, query) = (id.0, query.0);
    let outcome = query.outcome;
    let paging = Paging::new("list_import_rows", query.cursor.as_deref(), query.limit, &(import, outcome))?;
    page(
        &app,
        &caller,
        &request,
        paging,
        move |conn, context, after: Option<i64>, limit| {
            store::referral_imports::find(conn, &context.scope, import)?.ok_or_else(AppError::not_found)?;
            let after = after.and_then(|after| i32::try_from(after).ok());
            Ok(store::referral_imports::results(conn, &context.scope, import, outcome, after, limit)?)
        },
        |row: &ResultRow| i64::from(row.row_number),
        |rows, next_cursor, _| Ok(ImportRowPage { data: rows.into_iter().map(ImportRowView::from).collect(), next_cursor }),
    )
    .await
}

/// Cancel an import
///
/// Rows that are not done are forgotten; referrals that were made stay, and `list_import_rows` says which.
#[utoipa::path(
    operation_id = "cancel_referral_import", tag = "imports",
    params(("id" = ReferralImportId, Path, description = "Id of the import."), IfMatchHeader, OptionalIdempotencyKeyHeader),
    responses(
        (status = 200, description = "Cancelled.", body = ReferralImportView),
        (status = 409, description = "It has ended (`illegal_transition`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/referral-imports/{id}/cancel")]
pub async fn cancel_referral_import(
    caller: Caller<ImportReferrals>,
    id: PathId<ReferralImportId>,
    if_match: IfMatch,
    key: OptionalIdempotencyKey,
    _: NoBody,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let operation = format!("cancel_referral_import:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, b""), move |conn, context| {
        reply(ops::cancel_referral_import::run(conn, context, id.0, &if_match.0)?)
    })
    .await
}
