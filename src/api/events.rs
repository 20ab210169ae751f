//! The event feed of the site: what changed, in one stable order, for systems that follow along.

use std::time::{Duration, Instant};

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use super::cursor::FeedCursor;
use super::extract::{Query, contract};
use super::read::DEFAULT_LIMIT;
use super::reply;
use crate::auth::permission::{Permission as _, ReadEvents};
use crate::auth::{self, Caller, SiteScope};
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::{
    ApiKeyId, EventId, LanguageVersionId, MemberId, PartnerId, ReferralId, ReferralImportId, RouteId, StudyId,
};
use crate::domain::journal::EventType;
use crate::error::{AppError, ErrorCode};
use crate::state::AppState;
use crate::store;
use crate::store::journal::FeedRow;

/// How many events a page of one type looks through: a rare one would be sought in the whole log.
const REACH: i64 = 5_000;
/// What another server of the same database placed is found by looking this often.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Events that come this close together wake a reader once.
const GATHER: Duration = Duration::from_millis(40);
/// A caller that waits proves again after this time that it still may: a revocation works everywhere within five seconds.
const PROVE_EVERY: Duration = Duration::from_secs(4);

text_enum! {
    /// Where a reader without a cursor begins.
    pub enum FeedStart { Oldest = "oldest", Latest = "latest" }
}

/// Which events to read.
#[derive(Debug, Clone, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListEvents {
    /// Only events of this type. A cursor is good for the filter it was made with.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub r#type: Option<EventType>,
    /// Where to begin without a cursor: with the oldest event that is kept (if absent), or with what happens from now on.
    #[schema(nullable = false)]
    #[param(nullable = false, example = "latest")]
    pub start: Option<FeedStart>,
    /// How long to wait, in seconds, for an event when there is none; answers at once if absent.
    #[schema(nullable = false, minimum = 0, maximum = 10)]
    #[param(nullable = false, minimum = 0, maximum = 10, default = 0, example = 0)]
    pub wait_seconds: Option<u16>,
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before, with the same filter. It does not expire.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListEvents);

/// Something that changed: what, which, and in which version. Read the resource for the rest.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "position": 1042, "type": "referral.transitioned",
    "occurred_at": "2026-06-01T09:00:00Z", "version": 3, "referral_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f50",
    "route_id": null, "partner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f51",
    "study_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f52", "member_id": null, "api_key_id": null, "language_version_id": null,
    "referral_import_id": null
}))]
pub struct EventView {
    /// Id of the event, the same in every delivery.
    pub id: EventId,
    /// Its place in the site's feed: counted from 1 without gaps, and never changed.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub position: i64,
    /// What happened.
    pub r#type: EventType,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// The version of the resource that this change made.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    pub version: i32,
    /// The referral that changed.
    pub referral_id: Option<ReferralId>,
    /// The route that changed.
    pub route_id: Option<RouteId>,
    /// The partner that changed, or whose referral or route did.
    pub partner_id: Option<PartnerId>,
    /// The study that changed, or for which the referral or route is.
    pub study_id: Option<StudyId>,
    /// The member that changed.
    pub member_id: Option<MemberId>,
    /// The key that changed.
    pub api_key_id: Option<ApiKeyId>,
    /// The language version that changed, or was acknowledged.
    pub language_version_id: Option<LanguageVersionId>,
    /// The import that ended.
    pub referral_import_id: Option<ReferralImportId>,
}

impl From<FeedRow> for EventView {
    fn from(row: FeedRow) -> Self {
        let about = row.about();
        Self {
            id: row.id,
            position: row.position,
            r#type: row.event_type,
            occurred_at: row.occurred_at,
            version: row.version,
            referral_id: about.referral,
            route_id: about.route,
            partner_id: about.partner,
            study_id: about.study,
            member_id: about.member,
            api_key_id: about.api_key,
            language_version_id: about.language_version,
            referral_import_id: about.referral_import,
        }
    }
}

/// A page of the feed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "data": [{
        "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "position": 1042, "type": "referral.transitioned",
        "occurred_at": "2026-06-01T09:00:00Z", "version": 3, "referral_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f50",
        "route_id": null, "partner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f51",
        "study_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f52", "member_id": null, "api_key_id": null, "language_version_id": null,
        "referral_import_id": null
    }],
    "next_cursor": "AAAAAAAABBJfDwxFQ3xuOVt-Fi5PJKqR", "has_more": false
}))]
pub struct EventPage {
    /// The events, in the order of their positions.
    #[schema(max_items = 200)]
    pub data: Vec<EventView>,
    /// Keep it and send it as `cursor`: it goes on after this page, also when the page is empty. It does not expire.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: String,
    /// Whether there is more to read at once. A page of one `type` looks through 5,000 events: it may be short, or empty, and say so.
    pub has_more: bool,
}

/// Follow what happens at the site
///
/// One stream in one stable order: positions have no gaps, and a page never changes. The feed begins with the oldest month that the
/// operator keeps, at least twelve back; a cursor from before goes on there. Keep `next_cursor` and come back with it as
/// often as you like; with `wait_seconds` the answer waits for the first event (up to 32 readers of a site; one more is answered at
/// once). Every event may be seen again after a restart of your own: `id` tells. Test keys follow test referrals, live keys live
/// ones.
#[utoipa::path(
    operation_id = "list_events", tag = "events",
    params(ListEvents),
    responses((status = 200, description = "A page of the feed; empty when nothing happened.", body = EventPage)),
)]
#[get("/v1/events")]
pub async fn list_events(
    caller: Caller<ReadEvents>,
    query: Query<ListEvents>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let query = query.0;
    if query.cursor.is_some() && query.start.is_some() {
        let fault = Fault::new("/start", FaultCode::Inconsistent, "A cursor says where to begin. Leave `start` out.");
        return Err(AppError::new(ErrorCode::InvalidParameter).with_faults(vec![fault]));
    }
    let filter = query.r#type.map_or("", EventType::as_str);
    let binding = FeedCursor { scope: caller.scope, is_test: caller.actor.is_test(), filter };
    let mut after = query.cursor.as_deref().map(|cursor| binding.open(cursor)).transpose()?;
    if after.is_none() && query.start == Some(FeedStart::Latest) {
        after = Some(end_of(&app, caller.scope, binding.is_test).await?);
    }
    let mut after = after.unwrap_or(0);
    let ends = Instant::now() + Duration::from_secs(query.wait_seconds.unwrap_or(0).into());
    let mut proven = Instant::now();
    let waits = app.journal.wait(caller.scope.site());
    loop {
        let look = read(&app, caller.scope, binding.is_test, &query, after).await?;
        let left = ends.saturating_duration_since(Instant::now());
        after = look.reached;
        // Where so many wait already, this one comes back by itself; a server on its way out lets everybody go.
        if !look.rows.is_empty() || look.more || left.is_zero() || waits.is_none() || app.drain.has_begun() {
            let limit = usize::from(query.limit.unwrap_or(DEFAULT_LIMIT));
            return answer(&request, binding, look, limit);
        }
        app.journal.placed(caller.scope.site(), left.min(LOOK_EVERY)).await;
        // What comes in a burst is one look.
        tokio::time::sleep(GATHER.min(left)).await;
        if proven.elapsed() >= PROVE_EVERY {
            let known = auth::authenticate(&app, request.headers(), caller.request_id.clone()).await?;
            ReadEvents::ROW.check(&known.actor)?;
            proven = Instant::now();
        }
    }
}

/// Where the feed ends now.
async fn end_of(app: &AppState, scope: SiteScope, is_test: bool) -> Result<i64, AppError> {
    app.db
        .transact(scope, app.deadline().admitted(), move |conn| {
            let head = store::journal::head(conn, &scope)?;
            Ok(head.map_or(0, |head| head.end(is_test)))
        })
        .await
}

/// What one look into the feed found.
struct Look {
    /// One row more than asked for, if there are so many.
    rows: Vec<FeedRow>,
    /// How far it looked.
    reached: i64,
    /// Whether the feed goes on there.
    more: bool,
}

/// The page after a position.
async fn read(app: &AppState, scope: SiteScope, is_test: bool, query: &ListEvents, after: i64) -> Result<Look, AppError> {
    let (event_type, limit) = (query.r#type, i64::from(query.limit.unwrap_or(DEFAULT_LIMIT)));
    app.db
        .transact(scope, app.deadline().admitted(), move |conn| {
            // The end first: what is placed while this reads belongs to the next page.
            let head = store::journal::head(conn, &scope)?;
            let (floor, end) = head.map_or((0, 0), |head| (head.floor(is_test), head.end(is_test)));
            if after > end {
                // The feed only grows: this bookmark is of events that a restored backup does not have. Saying nothing would hide
                // those that get their positions anew.
                return Err(AppError::new(ErrorCode::InvalidCursor)
                    .with_detail("This cursor is beyond the end of the feed, which was restored to an earlier state. Read it again without `cursor`."));
            }
            // What was dropped is not looked for.
            let after = after.max(floor);
            let reached = end.min(after.saturating_add(if event_type.is_some() { REACH } else { limit }));
            let rows = store::journal::feed(conn, &scope, is_test, event_type, (after, reached), limit + 1)?;
            Ok(Look { rows, reached, more: reached < end })
        })
        .await
}

fn answer(
    request: &HttpRequest,
    binding: FeedCursor<'_>,
    Look { mut rows, reached, more }: Look,
    limit: usize,
) -> Result<HttpResponse, AppError> {
    let is_cut = rows.len() > limit;
    rows.truncate(limit);
    let reached = rows.last().filter(|_| is_cut).map_or(reached, |last| last.position);
    let next_cursor = binding.seal(reached);
    let has_more = is_cut || more;
    let page = EventPage { data: rows.into_iter().map(EventView::from).collect(), next_cursor: next_cursor.clone(), has_more };
    reply::list(request.path(), request.query_string(), has_more.then_some(next_cursor.as_str()), &page)
}
