//! What partners acknowledged of the language of their studies.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, post};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use super::extract::{Body, OptionalIdempotencyKey, OptionalIdempotencyKeyHeader, Query, contract};
use super::idempotency::{Write, write};
use super::read::{Paging, page};
use super::reply::Reply;
use crate::auth::Caller;
use crate::auth::permission::{AcknowledgeLanguage, ReadAcknowledgements};
use crate::domain::ids::{AcknowledgementId, LanguageVersionId};
use crate::domain::text::{Code, Locale};
use crate::error::AppError;
use crate::ops;
use crate::state::AppState;
use crate::store;
use crate::store::acknowledgements::{AcknowledgementContext, Filter};

/// Which version you acknowledge.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"version_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48"}))]
pub struct CreateAcknowledgement {
    /// `version_id` of the language that you read: the version that counts, or the scheduled one.
    pub version_id: LanguageVersionId,
}
contract!(CreateAcknowledgement);

/// A partner's acceptance of one language version. It is never changed; whether it still counts follows from the version.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f52", "partner": "lakeside-cardiology", "study": "heart-2026", "locale": "en-US",
    "version_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "acknowledged_at": "2026-06-01T09:00:00Z"
}))]
pub struct AcknowledgementView {
    /// Id of the acknowledgement. With which key it was made stands in the audit trail.
    pub id: AcknowledgementId,
    /// Code of the partner.
    pub partner: Code,
    /// Code of the study.
    pub study: Code,
    /// The language of the version.
    pub locale: Locale,
    /// Id of the version.
    pub version_id: LanguageVersionId,
    /// When.
    pub acknowledged_at: DateTime<Utc>,
}

impl From<AcknowledgementContext> for AcknowledgementView {
    fn from(context: AcknowledgementContext) -> Self {
        let acknowledgement = context.acknowledgement;
        Self {
            id: acknowledgement.id,
            partner: context.partner_code,
            study: context.study_code,
            locale: context.locale,
            version_id: acknowledgement.version_id,
            acknowledged_at: acknowledgement.acknowledged_at,
        }
    }
}

/// A page of acknowledgements.
#[derive(Debug, Serialize, ToSchema)]
pub struct AcknowledgementPage {
    /// The acknowledgements, in the order in which they were made.
    #[schema(max_items = 200)]
    pub data: Vec<AcknowledgementView>,
    /// Send it as `cursor` for the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}

/// Which acknowledgements to list.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListAcknowledgements {
    /// Only those of this partner, by code.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub partner: Option<Code>,
    /// Only those for this study, by code.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub study: Option<Code>,
    /// Only those of this version.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub version_id: Option<LanguageVersionId>,
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before, with the same filters.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListAcknowledgements);

/// Acknowledge approved language
///
/// By the partner, with a live key: from now on it speaks of the study in these words. A version that was acknowledged before is
/// answered as it was then (200). When another version takes its place, the acknowledgement counts for the `grace_days` of that one.
#[utoipa::path(
    operation_id = "create_acknowledgement", tag = "language",
    params(OptionalIdempotencyKeyHeader),
    request_body(content = CreateAcknowledgement, description = "Which version."),
    responses(
        (status = 201, description = "Recorded.", body = AcknowledgementView),
        (status = 200, description = "It was recorded before.", body = AcknowledgementView),
        (status = 409, description = "This version counts no more (`version_not_current`, with `current_version_id`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/language/acknowledgements")]
pub async fn create_acknowledgement(
    caller: Caller<AcknowledgeLanguage>,
    key: OptionalIdempotencyKey,
    body: Body<CreateAcknowledgement>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let version = body.value.version_id;
    write(&app, &caller, Write::accepting("create_acknowledgement", &key, &body.canonical), move |conn, context| {
        let (acknowledgement, is_new) = ops::create_acknowledgement::run(conn, context, version)?;
        let view = AcknowledgementView::from(acknowledgement);
        if is_new { Reply::recorded(&view) } else { Reply::plain(&view) }
    })
    .await
}

/// List acknowledgements
///
/// A partner sees its own.
#[utoipa::path(
    operation_id = "list_acknowledgements", tag = "language",
    params(ListAcknowledgements),
    responses((status = 200, description = "A page of acknowledgements.", body = AcknowledgementPage)),
)]
#[get("/v1/language/acknowledgements")]
pub async fn list_acknowledgements(
    caller: Caller<ReadAcknowledgements>,
    query: Query<ListAcknowledgements>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let query = query.0;
    let filters = (&query.partner, &query.study, query.version_id);
    let paging = Paging::new("list_acknowledgements", query.cursor.as_deref(), query.limit, &filters)?;
    let filter = Filter { partner: query.partner.clone(), study: query.study.clone(), version: query.version_id };
    page(
        &app,
        &caller,
        &request,
        paging,
        move |conn, context, after, limit| {
            Ok(store::acknowledgements::page(conn, &context.scope, &filter, after.map(AcknowledgementId), limit)?)
        },
        |found: &AcknowledgementContext| found.acknowledgement.id.0,
        |found, next_cursor, _| {
            Ok(AcknowledgementPage { data: found.into_iter().map(AcknowledgementView::from).collect(), next_cursor })
        },
    )
    .await
}
