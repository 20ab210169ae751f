//! How often bodies were refused for what they held: counts by partner, route, day and code, for whoever coaches a partner. Nothing of
//! what was refused is kept anywhere.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use super::extract::{Query, contract};
use super::read::{Paging, page};
use crate::auth::Caller;
use crate::auth::permission::ReadRefusals;
use crate::domain::ids::{RefusalId, RouteId};
use crate::domain::text::{CalendarDate, Code};
use crate::domain::vocabulary::RefusalCode;
use crate::error::AppError;
use crate::state::AppState;
use crate::store;
use crate::store::refusals::{Filter, RefusalRow};

/// A count of refusals.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "day": "2026-06-01", "partner": "lakeside-cardiology", "study": "heart-2026", "route_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48",
    "code": "sensitive_content", "refused": 3,
    "what_to_do": "Tell the partner to send codes alone: what a person tells about their health, they tell the study team at the intake."
}))]
pub struct RefusalView {
    /// The day, on the site's calendar.
    #[schema(value_type = CalendarDate)]
    pub day: NaiveDate,
    /// Code of the partner whose bodies they were; `null`: the site's own.
    pub partner: Option<Code>,
    /// Code of the study that the bodies named; `null` where they named none that the partner has a route for.
    pub study: Option<Code>,
    /// Id of that route.
    pub route_id: Option<RouteId>,
    /// Why they were refused.
    pub code: RefusalCode,
    /// How many.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    pub refused: i32,
    /// How to coach whoever sent them, for a person.
    #[schema(max_length = 300)]
    pub what_to_do: &'static str,
}

impl From<RefusalRow> for RefusalView {
    fn from(row: RefusalRow) -> Self {
        Self {
            day: row.day,
            partner: row.partner_code,
            study: row.study_code,
            route_id: row.route_id,
            code: row.code,
            refused: row.refused,
            what_to_do: row.code.what_to_do(),
        }
    }
}

/// A page of counts.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusalPage {
    /// The counts, the newest first.
    #[schema(max_items = 200)]
    pub data: Vec<RefusalView>,
    /// Send it as `cursor` for the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}

/// Which counts to list.
#[derive(Debug, Clone, Deserialize, Serialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListRefusals {
    /// Code of the partner.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub partner: Option<Code>,
    /// Code of the study.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub study: Option<Code>,
    /// Why they were refused.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub code: Option<RefusalCode>,
    /// From this day on.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub from: Option<CalendarDate>,
    /// Up to this day, included.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub until: Option<CalendarDate>,
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before, with the same filters.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListRefusals);

/// List refusals
///
/// How often bodies were refused for a field that the contract does not have, or for a name or a value that looks personal or medical: by
/// partner, route, day and code, the newest first. Counts alone: nothing of what was refused was kept.
#[utoipa::path(
    operation_id = "list_refusals", tag = "feedback",
    params(ListRefusals),
    responses((status = 200, description = "A page of counts.", body = RefusalPage)),
)]
#[get("/v1/refusals")]
pub async fn list_refusals(
    caller: Caller<ReadRefusals>,
    query: Query<ListRefusals>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let query = query.0;
    let filter = Filter {
        partner: query.partner,
        study: query.study,
        code: query.code,
        from: query.from.as_ref().and_then(|day| day.as_str().parse().ok()),
        until: query.until.as_ref().and_then(|day| day.as_str().parse().ok()),
    };
    let told = (&filter.partner, &filter.study, filter.code, filter.from, filter.until);
    let paging = Paging::new("list_refusals", query.cursor.as_deref(), query.limit, &told)?;
    page(
        &app,
        &caller,
        &request,
        paging,
        move |conn, context, before, limit| {
            Ok(store::refusals::page(conn, &context.scope, &filter, before.map(RefusalId), limit)?)
        },
        |row: &RefusalRow| row.id.0,
        |rows, next_cursor, _| Ok(RefusalPage { data: rows.into_iter().map(RefusalView::from).collect(), next_cursor }),
    )
    .await
}
