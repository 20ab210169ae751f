//! The audit trail: who did what, when and why. Newest first as JSON; as CSV the whole of it.

use std::time::{Duration, Instant};

use actix_web::http::header::{ACCEPT, HeaderMap};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, get};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use super::csv;
use super::extract::{Query, contract};
use super::history::{ActorView, FieldChange};
use super::read::{Paging, page};
use crate::auth::permission::{Permission as _, ReadAudit};
use crate::auth::{self, Caller, SiteScope};
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::{ApiKeyId, AuditId};
use crate::domain::journal::SubjectKind;
use crate::error::{AppError, ErrorCode};
use crate::privacy::hex;
use crate::state::AppState;
use crate::store;
use crate::store::journal::{AuditFilter, SealedRow};

/// Entries of one chunk of a CSV export, and of one query of it.
const CHUNK: i64 = 1_000;
/// A long export proves again after this time that its reader still may: a revocation works everywhere within five seconds.
const PROVE_EVERY: Duration = Duration::from_secs(4);
/// How long an export waits for a reader that does not read.
const STALLED: Duration = Duration::from_secs(30);

/// Which entries of the audit trail to list.
#[derive(Debug, Clone, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListAuditEntries {
    /// Only what was done to this resource.
    #[schema(nullable = false, max_length = 36)]
    #[param(nullable = false, example = "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f50")]
    pub subject_id: Option<Uuid>,
    /// Only what was done to resources of this kind.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub subject_kind: Option<SubjectKind>,
    /// Only what this member, partner or system of the site did.
    #[schema(nullable = false, max_length = 36)]
    #[param(nullable = false, example = "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f51")]
    pub actor_id: Option<Uuid>,
    /// Only what this operation did, by its id in this document.
    #[schema(nullable = false, max_length = 80, pattern = "^[a-z][a-z_]{0,79}$")]
    #[param(nullable = false, max_length = 80, pattern = "^[a-z][a-z_]{0,79}$", example = "transition_referral")]
    pub operation: Option<String>,
    /// Only what was done at this time or later.
    #[schema(nullable = false)]
    #[param(nullable = false, example = "2026-06-01T00:00:00Z")]
    pub from: Option<DateTime<Utc>>,
    /// Only what was done before this time.
    #[schema(nullable = false)]
    #[param(nullable = false, example = "2026-07-01T00:00:00Z")]
    pub until: Option<DateTime<Utc>>,
    /// How many at most; 50 if absent. Not with CSV, which is whole.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before, with the same filters. Not with CSV, which is whole.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListAuditEntries);

impl From<&ListAuditEntries> for AuditFilter {
    fn from(query: &ListAuditEntries) -> Self {
        Self {
            subject: query.subject_id,
            subject_kind: query.subject_kind,
            actor: query.actor_id,
            operation: query.operation.clone(),
            from: query.from,
            until: query.until,
        }
    }
}

/// What a change was made to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"kind": "referral", "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f50"}))]
pub struct SubjectView {
    /// What kind of resource.
    pub kind: SubjectKind,
    /// Which.
    #[schema(max_length = 36)]
    pub id: Uuid,
}

/// One change: who, when, what, before and after, why.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "position": 2041, "recorded_at": "2026-06-01T09:00:00Z",
    "actor": {"kind": "staff", "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f51"}, "api_key_id": null,
    "operation": "transition_referral", "subject": {"kind": "referral", "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f50"},
    "reason": "wrong_study", "changes": [{"field": "status", "before": "received", "after": "closed"}],
    "request_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f52", "redacted": false,
    "hash": "5f0c3a0d9d1f4f6f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f"
}))]
pub struct AuditEntryView {
    /// Id of the entry.
    pub id: AuditId,
    /// Its place in the site's trail: counted from 1 without gaps.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub position: i64,
    /// When it was done.
    pub recorded_at: DateTime<Utc>,
    /// Who did it.
    pub actor: ActorView,
    /// The key that was used; `null` for staff, the operator and the server.
    pub api_key_id: Option<ApiKeyId>,
    /// The operation, by its id in this document, or that of the command line.
    #[schema(max_length = 80, pattern = "^[a-z][a-z_]{0,79}$")]
    pub operation: String,
    /// To what it was done.
    pub subject: SubjectView,
    /// Why, as a code; `null` where no reason is asked for.
    #[schema(max_length = 64, pattern = "^[a-z][a-z_]*$")]
    pub reason: Option<String>,
    /// What changed.
    #[schema(max_items = 100)]
    pub changes: Vec<FieldChange>,
    /// The request that did it (`X-Request-Id`), when its id is a UUID, as those of the server are; `null` otherwise, at the command
    /// line and in jobs.
    #[schema(max_length = 64, pattern = "^[A-Za-z0-9._-]{1,64}$")]
    pub request_id: Option<String>,
    /// Whether what changed was taken out later for cause. The entry itself stays, and its place in the chain.
    pub redacted: bool,
    /// The chain's hash at this place: SHA-256 over the hash before it and every field of the entry.
    #[schema(min_length = 64, max_length = 64, pattern = "^[0-9a-f]{64}$")]
    pub hash: String,
}

impl From<SealedRow> for AuditEntryView {
    fn from(row: SealedRow) -> Self {
        let entry = row.entry;
        Self {
            id: entry.id,
            position: row.position,
            recorded_at: entry.recorded_at,
            actor: ActorView { kind: entry.actor_kind, id: entry.actor_id },
            api_key_id: entry.api_key_id,
            operation: entry.operation,
            subject: SubjectView { kind: entry.subject_kind, id: entry.subject_id },
            reason: entry.reason,
            changes: FieldChange::all(entry.before.as_deref(), entry.after.as_deref()),
            request_id: entry.request_id,
            redacted: entry.salt.is_none(),
            hash: hex::encode(&row.hash),
        }
    }
}

/// A page of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEntryPage {
    /// The entries, newest first.
    #[schema(max_items = 200)]
    pub data: Vec<AuditEntryView>,
    /// Send it as `cursor` for the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}

/// Read who did what
///
/// Newest first; an entry stands here within a second of its change. With `Accept: text/csv` the answer is everything that the
/// filters take, streamed; `limit` and `cursor` do not go with it. Nobody changes or deletes an entry; the
/// trail begins with the oldest month that the operator keeps, at least twelve back. `handoff audit verify` checks the chain.
#[utoipa::path(
    operation_id = "list_audit_entries", tag = "audit",
    params(ListAuditEntries),
    responses((status = 200, description = "A page of the trail, or all of it as CSV.",
        content((AuditEntryPage = "application/json"), (csv::CsvText = "text/csv")))),
)]
#[get("/v1/audit")]
pub async fn list_audit_entries(
    caller: Caller<ReadAudit>,
    query: Query<ListAuditEntries>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let query = query.0;
    let filter = AuditFilter::from(&query);
    if request.headers().contains_key(ACCEPT) && csv::is_asked_for(request.headers()) {
        refuse_paging(&query)?;
        return export(app, &caller, request.headers().clone(), filter).await;
    }
    let filters = (query.subject_id, query.subject_kind, query.actor_id, &query.operation, query.from, query.until);
    let paging = Paging::new("list_audit_entries", query.cursor.as_deref(), query.limit, &filters)?;
    page(
        &app,
        &caller,
        &request,
        paging,
        move |conn, context, before, limit| {
            let before = before.and_then(|before: Uuid| i64::try_from(before.as_u128()).ok());
            Ok(store::journal::trail(conn, &context.scope, &filter, before, limit)?)
        },
        |row| Uuid::from_u128(row.position.unsigned_abs().into()),
        |rows, next_cursor, _| Ok(AuditEntryPage { data: rows.into_iter().map(AuditEntryView::from).collect(), next_cursor }),
    )
    .await
}

fn refuse_paging(query: &ListAuditEntries) -> Result<(), AppError> {
    let sent = [("/limit", query.limit.is_some()), ("/cursor", query.cursor.is_some())];
    let message = "CSV is everything that the filters take. Leave this out, and narrow it with `from` and `until`.";
    let faults: Vec<Fault> = sent
        .into_iter()
        .filter(|(_, sent)| *sent)
        .map(|(parameter, _)| Fault::new(parameter, FaultCode::Inconsistent, message))
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(AppError::new(ErrorCode::InvalidParameter).with_faults(faults)) }
}

const COLUMNS: [&str; 14] = [
    "position",
    "id",
    "recorded_at",
    "actor_kind",
    "actor_id",
    "api_key_id",
    "operation",
    "subject_kind",
    "subject_id",
    "reason",
    "changes",
    "request_id",
    "redacted",
    "hash",
];

/// Streams the trail. The first chunk is read before the answer begins, so that a failure then is still a problem answer.
async fn export(
    app: Data<AppState>,
    caller: &Caller<ReadAudit>,
    headers: HeaderMap,
    filter: AuditFilter,
) -> Result<HttpResponse, AppError> {
    let (scope, request_id) = (caller.scope, caller.request_id.clone());
    let mut proven = Instant::now();
    let mut rows = chunk(&app, scope, &filter, None).await?;
    let (response, sender) = csv::streamed("audit.csv");
    actix_web::rt::spawn(async move {
        let mut header = Some(csv::record(COLUMNS));
        loop {
            let last = rows.last().map(|row| row.position);
            let full = rows.len() >= usize::try_from(CHUNK).unwrap_or(usize::MAX);
            let lines = rows.into_iter().map(|row| line(&AuditEntryView::from(row)));
            let text: Result<Vec<Vec<u8>>, AppError> = header.take().into_iter().chain(lines).collect();
            let sent = sender.send_timeout(text.map(|lines| Bytes::from(lines.concat())), STALLED).await;
            // When nobody reads any more, the export is over.
            if sent.is_err() || !full {
                return;
            }
            if proven.elapsed() >= PROVE_EVERY {
                proven = Instant::now();
                let known = auth::authenticate(&app, &headers, request_id.clone()).await;
                if let Err(error) = known.and_then(|known| ReadAudit::ROW.check(&known.actor)) {
                    return drop(sender.send_timeout(Err(error), STALLED).await);
                }
            }
            match chunk(&app, scope, &filter, last).await {
                Ok(more) => rows = more,
                Err(error) => return drop(sender.send_timeout(Err(error), STALLED).await),
            }
        }
    });
    Ok(response)
}

async fn chunk(app: &AppState, scope: SiteScope, filter: &AuditFilter, before: Option<i64>) -> Result<Vec<SealedRow>, AppError> {
    let filter = filter.clone();
    let load = move |conn: &mut crate::db::Conn| Ok(store::journal::trail(conn, &scope, &filter, before, CHUNK)?);
    app.db.transact(scope, app.deadline().admitted(), load).await
}

fn line(entry: &AuditEntryView) -> Result<Vec<u8>, AppError> {
    let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let changes: Vec<String> = entry
        .changes
        .iter()
        .map(|change| {
            format!("{}: {} -> {}", change.field, change.before.as_deref().unwrap_or(""), change.after.as_deref().unwrap_or(""))
        })
        .collect();
    csv::record([
        entry.position.to_string().as_str(),
        &entry.id.to_string(),
        &entry.recorded_at.to_rfc3339_opts(SecondsFormat::Micros, true),
        entry.actor.kind.as_str(),
        &id(entry.actor.id),
        &id(entry.api_key_id.map(|key| key.0)),
        &entry.operation,
        entry.subject.kind.as_str(),
        &entry.subject.id.to_string(),
        entry.reason.as_deref().unwrap_or(""),
        &changes.join("; "),
        entry.request_id.as_deref().unwrap_or(""),
        if entry.redacted { "true" } else { "false" },
        &entry.hash,
    ])
}
