//! How many bodies were refused for what they held, for reports.

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date, Nullable, Uuid};

use super::Filter;
use crate::auth::SiteScope;
use crate::domain::ids::{PartnerId, StudyId};

/// Refused bodies, by month, study and partner as far as they said so in registered codes.
#[derive(Debug, Clone, QueryableByName)]
pub struct Refused {
    /// For which study.
    #[diesel(sql_type = Nullable<Uuid>)]
    pub study_id: Option<StudyId>,
    /// From which partner.
    #[diesel(sql_type = Nullable<Uuid>)]
    pub partner_id: Option<PartnerId>,
    /// In the month that begins on this day.
    #[diesel(sql_type = Date)]
    pub month: NaiveDate,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub count: i64,
}

const REFUSED: &str =
    "SELECT h.study_id, r.partner_id, date_trunc('month', r.day)::date AS month, sum(r.refused)::bigint AS count
  FROM refusals r LEFT JOIN handoff_routes h ON h.site_id = r.site_id AND h.id = r.route_id
 WHERE r.site_id = $1 AND r.day BETWEEN $2 AND $3 AND r.code IN ('sensitive_field', 'sensitive_content')
   AND ($4 IS NULL OR h.study_id = $4) AND ($5 IS NULL OR r.partner_id = $5)
 GROUP BY 1, 2, 3";

/// Bodies that were refused on these days because a name or a value in them looked personal or medical.
///
/// # Errors
/// A database failure.
pub fn refused(
    conn: &mut PgConnection,
    scope: &SiteScope,
    (from, until): (NaiveDate, NaiveDate),
    filter: &Filter,
) -> QueryResult<Vec<Refused>> {
    diesel::sql_query(REFUSED)
        .bind::<Uuid, _>(scope.site())
        .bind::<Date, _>(from)
        .bind::<Date, _>(until)
        .bind::<Nullable<Uuid>, _>(filter.study)
        .bind::<Nullable<Uuid>, _>(filter.partner)
        .load(conn)
}
