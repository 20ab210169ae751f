//! The language of a study as whoever speaks of it needs it: the words that count, as JSON or as text to paste.

use std::fmt::Write as _;

use actix_web::http::header::{CONTENT_TYPE, ETAG, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use super::extract::{Query, contract};
use super::read::read;
use super::reply::{Reply, content_tag, text_is_asked_for};
use crate::auth::Caller;
use crate::auth::permission::ReadLanguage;
use crate::db::Conn;
use crate::domain::ids::{LanguageVersionId, PartnerId};
use crate::domain::language::{LanguageAudience, LanguageStanding};
use crate::domain::language_standing::{self, Approved, Standing};
use crate::domain::text::{CalendarDate, Code, LanguageText, Locale, PublicName, ShortDescription};
use crate::error::{AppError, ErrorCode};
use crate::ops::Context;
use crate::state::AppState;
use crate::store;

text_enum! {
    /// Which version of a study's language: the one that counts today, or the next one that is approved already.
    pub enum LanguageMoment { Current = "current", Scheduled = "scheduled" }
}

/// Which language to read.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GetCurrentLanguage {
    /// Code of the study.
    #[param(example = "heart-2026")]
    pub study: Code,
    /// In which locale; if absent the first of `locales`.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub locale: Option<Locale>,
    /// The version that counts today if absent; `scheduled`: the next one that is approved already, to be read and acknowledged ahead.
    #[schema(nullable = false)]
    #[param(nullable = false, example = "current")]
    pub moment: Option<LanguageMoment>,
}
contract!(GetCurrentLanguage);

/// Where the calling partner stands with the language of a study.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"standing": "in_grace", "until": "2026-06-14", "acknowledged_at": null}))]
pub struct OwnStanding {
    /// With `acknowledged` and `in_grace` you may refer.
    pub standing: LanguageStanding,
    /// The last day on which your acknowledgement of the version before counts; `null` unless in grace.
    #[schema(value_type = Option<CalendarDate>)]
    pub until: Option<NaiveDate>,
    /// When you acknowledged the version that this answer shows.
    pub acknowledged_at: Option<DateTime<Utc>>,
}

/// What may be said of a study, in approved words.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "version_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "study": "heart-2026", "locale": "en-US", "locales": ["en-US"],
    "audience": "general_public", "public_name": "Heart Rhythm Study",
    "short_description": "A study of two approaches to heart rhythm care. The study team explains who may take part.",
    "who_may_contact": "Adults who want to know more may contact the site themselves.",
    "what_site_reviews": "The study team talks with each person and decides together with them whether the study fits.",
    "what_not_to_promise": "Do not promise a place, a treatment, a result or a payment.",
    "where_to_go": "Give the person the code and the intake address.",
    "who_handles_questions": "The study team answers all questions about taking part.",
    "in_force_on": "2026-06-01", "expires_on": "2027-05-31", "own": null
}))]
pub struct CurrentLanguage {
    /// Id of the version, to acknowledge it by.
    pub version_id: LanguageVersionId,
    /// Code of the study.
    pub study: Code,
    /// The language that it is in.
    pub locale: Locale,
    /// Every locale in which the study has a version that counts today.
    #[schema(max_items = 200)]
    pub locales: Vec<Locale>,
    /// Who it is written for.
    pub audience: LanguageAudience,
    /// What the study is called.
    pub public_name: PublicName,
    /// What it is about.
    pub short_description: ShortDescription,
    /// Who may contact the site.
    pub who_may_contact: LanguageText,
    /// What the site will review.
    pub what_site_reviews: LanguageText,
    /// What not to promise.
    pub what_not_to_promise: LanguageText,
    /// Where interested people go.
    pub where_to_go: LanguageText,
    /// Who handles questions.
    pub who_handles_questions: LanguageText,
    /// The first day on which it counts.
    #[schema(value_type = Option<CalendarDate>)]
    pub in_force_on: Option<NaiveDate>,
    /// The last day of its approval.
    #[schema(value_type = Option<CalendarDate>)]
    pub expires_on: Option<NaiveDate>,
    /// Where you stand with it, for partners; `null` for the site.
    pub own: Option<OwnStanding>,
}

/// The seven parts as plain text (UTF-8), each under its heading.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, max_length = 20_000, pattern = "^[^\\x00]*$", example = "Study\nHeart Rhythm Study\n")]
#[allow(dead_code, reason = "documentation only: the answer is written by hand")]
pub struct PlainLanguage(String);

/// Read the approved language of a study
///
/// The words that count today, exactly; a partner reads those of the studies that it has a route for. With `Accept: text/plain` the
/// answer is text to paste, each part under its heading. Drafts and what has ended are not shown here.
#[utoipa::path(
    operation_id = "get_current_language", tag = "language",
    params(GetCurrentLanguage),
    responses(
        (status = 200, description = "The version that was asked for.",
            content((CurrentLanguage = "application/json"), (PlainLanguage = "text/plain"))),
        (status = 404, description = "There is no such study for you (`not_found`)."),
        (status = 409, description = "The study has no such version today (`no_approved_language`)."),
    ),
)]
#[get("/v1/language/current")]
pub async fn get_current_language(
    caller: Caller<ReadLanguage>,
    query: Query<GetCurrentLanguage>,
    request: HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let as_text = text_is_asked_for(request.headers(), "text/plain");
    let query = query.0;
    let (view, text) = read(&app, &caller, move |conn, context| find(conn, context, &query)).await?;
    if !as_text {
        let etag = content_tag(&view)?;
        return Ok(Reply::ok(&view, etag)?.into_response());
    }
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"));
    if let Ok(etag) = HeaderValue::from_str(&content_tag(&text)?) {
        response.insert_header((ETAG, etag));
    }
    Ok(response.body(text))
}

/// The version that is asked for, as JSON and as text.
fn find(conn: &mut Conn, context: &Context, query: &GetCurrentLanguage) -> Result<(CurrentLanguage, String), AppError> {
    let scope = &context.scope;
    let none = || AppError::new(ErrorCode::NoApprovedLanguage);
    let study = store::studies::find_by_code(conn, scope, &query.study)?.ok_or_else(AppError::not_found)?;
    let today = store::sites::current(conn, scope)?.day_of(context.now);
    // For the site nobody's acknowledgements are looked at.
    let partner = context.actor.partner().unwrap_or(PartnerId(uuid::Uuid::nil()));
    let rows = store::language_versions::of_partner(conn, scope, partner, study.id)?;
    let all: Vec<Approved> = rows.iter().filter_map(|(row, at)| row.approved(at.is_some())).collect();
    let locales = language_standing::locales(&all, today);
    let locale = query.locale.as_ref().or(locales.first()).or(all.first().map(|version| &version.locale)).ok_or_else(none)?;
    let asked = match query.moment.unwrap_or(LanguageMoment::Current) {
        LanguageMoment::Current => language_standing::current(&all, locale, today),
        LanguageMoment::Scheduled => language_standing::scheduled(&all, locale, today),
    };
    let id = asked.ok_or_else(none)?.id;
    let (row, acknowledged_at) = rows.into_iter().find(|(row, _)| row.id == id).ok_or_else(none)?;
    let standing = language_standing::standing(&all, today);
    let until = if let Standing::InGrace { until, .. } = standing { Some(until) } else { None };
    let own = context.actor.partner().map(|_| OwnStanding { standing: standing.word(), until, acknowledged_at });
    let text = row.parts().iter().fold(String::new(), |mut text, (part, words)| {
        let gap = if text.is_empty() { "" } else { "\n" };
        // Writing to memory does not fail.
        let _ = writeln!(text, "{gap}{}\n{words}", part.heading());
        text
    });
    let view = CurrentLanguage {
        version_id: row.id,
        study: study.code,
        locale: row.locale,
        locales,
        audience: row.audience,
        public_name: row.public_name,
        short_description: row.short_description,
        who_may_contact: row.who_may_contact,
        what_site_reviews: row.what_site_reviews,
        what_not_to_promise: row.what_not_to_promise,
        where_to_go: row.where_to_go,
        who_handles_questions: row.who_handles_questions,
        in_force_on: row.in_force_on,
        expires_on: row.expires_on,
        own,
    };
    Ok((view, text))
}
