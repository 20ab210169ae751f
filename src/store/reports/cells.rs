//! Sums by day, week and month of all that reports are filtered and grouped by.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Bytea, Date, Text, Uuid};

use super::{nobody, somebody};
use crate::auth::SiteScope;
use crate::domain::ids::{MemberId, PartnerId, StudyId};
use crate::domain::reports::standing::Traits;
use crate::domain::reports::{Basis, Tally};
use crate::domain::vocabulary::Channel;
use crate::error::AppError;
use crate::schema::report_cells;

/// Keys of one statement.
const BATCH: usize = 5_000;

/// Which sum: over what, beginning when, of which.
pub type CellKey = (Basis, NaiveDate, Traits);

/// Which referrals a report takes.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Filter {
    /// For this study.
    pub study: Option<StudyId>,
    /// From this partner.
    pub partner: Option<PartnerId>,
    /// Over this channel.
    pub channel: Option<Channel>,
    /// Of this owner.
    pub owner: Option<MemberId>,
    /// Those recorded after the fact alone, or without them.
    pub is_late: Option<bool>,
}

impl Filter {
    /// Whether it takes a referral of these traits.
    #[must_use]
    pub fn takes(&self, traits: &Traits) -> bool {
        self.study.is_none_or(|study| traits.study == study)
            && self.partner.is_none_or(|partner| traits.partner == Some(partner))
            && self.channel.is_none_or(|channel| traits.channel == channel)
            && self.owner.is_none_or(|owner| traits.owner == owner)
            && self.is_late.is_none_or(|is_late| traits.is_late == is_late)
    }
}

/// A sum that is kept.
#[derive(Debug, Clone, Queryable)]
pub struct Cell {
    /// When it begins.
    pub starts_on: NaiveDate,
    /// For which study.
    pub study_id: StudyId,
    /// From which partner; the nil id: from nobody that is known.
    pub partner_id: PartnerId,
    /// Packed.
    pub figures: Vec<u8>,
}

impl Cell {
    /// From which partner.
    #[must_use]
    pub fn partner(&self) -> Option<PartnerId> {
        somebody(self.partner_id)
    }
}

/// The sums that begin from the first to the last of these days.
///
/// # Errors
/// A database failure.
pub fn sums(
    conn: &mut PgConnection,
    scope: &SiteScope,
    basis: Basis,
    (from, until): (NaiveDate, NaiveDate),
    filter: &Filter,
) -> QueryResult<Vec<Cell>> {
    use report_cells as cells;
    let mut query = cells::table
        .filter(cells::site_id.eq(scope.site()).and(cells::basis.eq(basis)).and(cells::starts_on.between(from, until)))
        .select((cells::starts_on, cells::study_id, cells::partner_id, cells::figures))
        .into_boxed();
    if let Some(study) = filter.study {
        query = query.filter(cells::study_id.eq(study));
    }
    if let Some(partner) = filter.partner {
        query = query.filter(cells::partner_id.eq(partner));
    }
    if let Some(channel) = filter.channel {
        query = query.filter(cells::channel.eq(channel));
    }
    if let Some(owner) = filter.owner {
        query = query.filter(cells::owner_id.eq(owner));
    }
    if let Some(is_late) = filter.is_late {
        query = query.filter(cells::is_late.eq(is_late));
    }
    query.load(conn)
}

/// The keys of many sums as columns.
#[derive(Default)]
struct Columns {
    basis: Vec<Basis>,
    starts_on: Vec<NaiveDate>,
    study: Vec<StudyId>,
    partner: Vec<PartnerId>,
    channel: Vec<Channel>,
    owner: Vec<MemberId>,
    is_late: Vec<bool>,
}

impl Columns {
    fn of<'a>(keys: impl IntoIterator<Item = &'a CellKey>) -> Self {
        let mut columns = Self::default();
        for (basis, starts_on, traits) in keys {
            columns.basis.push(*basis);
            columns.starts_on.push(*starts_on);
            columns.study.push(traits.study);
            columns.partner.push(traits.partner.unwrap_or(nobody()));
            columns.channel.push(traits.channel);
            columns.owner.push(traits.owner);
            columns.is_late.push(traits.is_late);
        }
        columns
    }
}

#[derive(QueryableByName)]
struct Kept {
    #[diesel(sql_type = Text)]
    basis: Basis,
    #[diesel(sql_type = Date)]
    starts_on: NaiveDate,
    #[diesel(sql_type = Uuid)]
    study_id: StudyId,
    #[diesel(sql_type = Uuid)]
    partner_id: PartnerId,
    #[diesel(sql_type = Text)]
    channel: Channel,
    #[diesel(sql_type = Uuid)]
    owner_id: MemberId,
    #[diesel(sql_type = Bool)]
    is_late: bool,
    #[diesel(sql_type = Bytea)]
    figures: Vec<u8>,
}

const FIND: &str = "SELECT c.basis, c.starts_on, c.study_id, c.partner_id, c.channel, c.owner_id, c.is_late, c.figures
  FROM unnest($2, $3, $4, $5, $6, $7, $8) AS k (basis, starts_on, study_id, partner_id, channel, owner_id, is_late)
  JOIN report_cells c ON c.site_id = $1 AND c.basis = k.basis AND c.starts_on = k.starts_on AND c.study_id = k.study_id
   AND c.partner_id = k.partner_id AND c.channel = k.channel AND c.owner_id = k.owner_id AND c.is_late = k.is_late";

const WRITE: &str = "INSERT INTO report_cells AS c (site_id, basis, starts_on, study_id, partner_id, channel, owner_id, is_late, figures)
SELECT $1, k.* FROM unnest($2, $3, $4, $5, $6, $7, $8, $9) AS k (basis, starts_on, study_id, partner_id, channel, owner_id, is_late, figures)
ON CONFLICT (site_id, basis, starts_on, study_id, partner_id, channel, owner_id, is_late) DO UPDATE SET figures = excluded.figures";

const DROP: &str = "DELETE FROM report_cells c
 USING unnest($2, $3, $4, $5, $6, $7, $8) AS k (basis, starts_on, study_id, partner_id, channel, owner_id, is_late)
 WHERE c.site_id = $1 AND c.basis = k.basis AND c.starts_on = k.starts_on AND c.study_id = k.study_id
   AND c.partner_id = k.partner_id AND c.channel = k.channel AND c.owner_id = k.owner_id AND c.is_late = k.is_late";

/// Binds the site and the key columns.
macro_rules! keyed {
    ($sql:expr, $scope:expr, $columns:expr) => {
        diesel::sql_query($sql)
            .bind::<Uuid, _>($scope.site())
            .bind::<Array<Text>, _>($columns.basis)
            .bind::<Array<Date>, _>($columns.starts_on)
            .bind::<Array<Uuid>, _>($columns.study)
            .bind::<Array<Uuid>, _>($columns.partner)
            .bind::<Array<Text>, _>($columns.channel)
            .bind::<Array<Uuid>, _>($columns.owner)
            .bind::<Array<Bool>, _>($columns.is_late)
    };
}

/// Adds to many sums, which nobody else changes meanwhile: the caller holds the site's head. A sum that comes to nothing is dropped.
///
/// # Errors
/// A database failure, or a sum that would be negative.
pub fn change(conn: &mut PgConnection, scope: &SiteScope, changes: BTreeMap<CellKey, Tally>) -> Result<(), AppError> {
    let mut changes: Vec<(CellKey, Tally)> = changes.into_iter().filter(|(_, tally)| !tally.is_empty()).collect();
    for changes in changes.chunks_mut(BATCH) {
        let columns = Columns::of(changes.iter().map(|(key, _)| key));
        let kept: Vec<Kept> = keyed!(FIND, scope, columns).load(conn)?;
        let mut kept: BTreeMap<CellKey, Vec<u8>> = kept
            .into_iter()
            .map(|kept| {
                let Kept { study_id: study, channel, owner_id: owner, is_late, .. } = kept;
                let traits = Traits { study, partner: somebody(kept.partner_id), channel, owner, is_late };
                ((kept.basis, kept.starts_on, traits), kept.figures)
            })
            .collect();
        let (mut written, mut packed, mut dropped) = (Vec::new(), Vec::new(), Vec::new());
        for (key, tally) in changes.iter_mut() {
            if let Some(figures) = kept.remove(key) {
                tally.merge(&Tally::unpack(&figures).map_err(AppError::internal)?, 1);
            }
            if tally.is_empty() {
                dropped.push(*key);
            } else {
                written.push(*key);
                packed.push(tally.pack().map_err(AppError::internal)?);
            }
        }
        if !written.is_empty() {
            keyed!(WRITE, scope, Columns::of(&written)).bind::<Array<Bytea>, _>(packed).execute(conn)?;
        }
        if !dropped.is_empty() {
            keyed!(DROP, scope, Columns::of(&dropped)).execute(conn)?;
        }
    }
    Ok(())
}

/// Removes up to `limit` of the site's; answers how many.
///
/// # Errors
/// A database failure.
pub fn clear(conn: &mut PgConnection, scope: &SiteScope, limit: i64) -> QueryResult<usize> {
    diesel::sql_query(
        "DELETE FROM report_cells WHERE site_id = $1 AND ctid = ANY (ARRAY(SELECT ctid FROM report_cells WHERE site_id = $1 LIMIT $2))",
    )
    .bind::<Uuid, _>(scope.site())
    .bind::<diesel::sql_types::BigInt, _>(limit)
    .execute(conn)
}
