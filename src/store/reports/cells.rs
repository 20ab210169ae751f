//! Sums by day, week and month of all that reports are filtered and grouped by.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::result::Error::{DeserializationError, SerializationError};
use diesel::sql_types::{Array, Bool, Bytea, Date, Text, Uuid};

use super::{nobody, somebody};
use crate::auth::SiteScope;
use crate::domain::ids::{MemberId, PartnerId, StudyId};
use crate::domain::reports::standing::Traits;
use crate::domain::reports::{Basis, Tally};
use crate::domain::vocabulary::Channel;
use crate::schema::{report_cells, report_channel_cells, report_late_cells, report_owner_cells, report_source_cells};

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

/// The sums that begin from the first to the last of these days. They are read off the table that tells no more apart than is asked for:
/// how much that is depends on the site's studies and partners, and not on who works there or how long it has existed.
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
    /// What every table is asked.
    macro_rules! of {
        ($table:ident $(, $column:ident = $value:expr)*) => {{
            let mut query = $table::table
                .filter($table::site_id.eq(scope.site()).and($table::basis.eq(basis)).and($table::starts_on.between(from, until)))
                .select(($table::starts_on, $table::study_id, $table::partner_id, $table::figures))
                .into_boxed();
            $(query = query.filter($table::$column.eq($value));)*
            if let Some(study) = filter.study {
                query = query.filter($table::study_id.eq(study));
            }
            if let Some(partner) = filter.partner {
                query = query.filter($table::partner_id.eq(partner));
            }
            query
        }};
    }
    match (filter.channel, filter.owner, filter.is_late) {
        (None, None, None) => of!(report_source_cells).load(conn),
        (None, Some(owner), None) => of!(report_owner_cells, owner_id = owner).load(conn),
        (Some(channel), None, None) => of!(report_channel_cells, channel = channel).load(conn),
        (None, None, Some(is_late)) => of!(report_late_cells, is_late = is_late).load(conn),
        (channel, owner, is_late) => {
            let mut query = of!(report_cells);
            if let Some(channel) = channel {
                query = query.filter(report_cells::channel.eq(channel));
            }
            if let Some(owner) = owner {
                query = query.filter(report_cells::owner_id.eq(owner));
            }
            if let Some(is_late) = is_late {
                query = query.filter(report_cells::is_late.eq(is_late));
            }
            query.load(conn)
        }
    }
}

/// A table of sums: its name, what its sums are told apart by beside basis, day, study and partner, and the traits under which those go
/// that it does not tell apart.
struct Kind {
    table: &'static str,
    key: &'static [&'static str],
    traits: fn(Traits) -> Traits,
}

/// What stands for a trait that is not told apart.
const ANY: Traits = Traits {
    study: StudyId(uuid::Uuid::nil()),
    partner: None,
    channel: Channel::SelfReferral,
    owner: MemberId(uuid::Uuid::nil()),
    is_late: false,
};

/// Every table of sums: for reports of everything, for those of one owner, channel or way of logging, and for those of several of these.
const KINDS: [Kind; 5] = [
    Kind { table: "report_source_cells", key: &[], traits: |of| Traits { study: of.study, partner: of.partner, ..ANY } },
    Kind {
        table: "report_owner_cells",
        key: &["owner_id"],
        traits: |of| Traits { study: of.study, partner: of.partner, owner: of.owner, ..ANY },
    },
    Kind {
        table: "report_channel_cells",
        key: &["channel"],
        traits: |of| Traits { study: of.study, partner: of.partner, channel: of.channel, ..ANY },
    },
    Kind {
        table: "report_late_cells",
        key: &["is_late"],
        traits: |of| Traits { study: of.study, partner: of.partner, is_late: of.is_late, ..ANY },
    },
    Kind { table: "report_cells", key: &["channel", "owner_id", "is_late"], traits: |of| of },
];

impl Kind {
    /// The key's columns as they are bound, the same for every table.
    const BOUND: &'static str = "basis, starts_on, study_id, partner_id, channel, owner_id, is_late";

    /// The key's columns of this one.
    fn columns(&self) -> String {
        ["basis", "starts_on", "study_id", "partner_id"].iter().chain(self.key).copied().collect::<Vec<_>>().join(", ")
    }

    fn matches(&self) -> String {
        let common = "c.site_id = $1 AND c.basis = k.basis AND c.starts_on = k.starts_on AND c.study_id = k.study_id AND c.partner_id = k.partner_id";
        let each = self.key.iter().map(|column| format!(" AND c.{column} = k.{column}"));
        std::iter::once(common.to_owned()).chain(each).collect()
    }

    /// The keys that are bound, each with this column of its sum, which is looked for one by one: `OFFSET 0` keeps the planner from reading all
    /// the sums of a site instead, which it would as long as nobody has told it how many there are.
    fn each(&self, column: &str) -> String {
        let (table, bound, matches) = (self.table, Self::BOUND, self.matches());
        format!(
            "unnest($2, $3, $4, $5, $6, $7, $8) AS k ({bound})
             CROSS JOIN LATERAL (SELECT c.{column} FROM {table} c WHERE {matches} OFFSET 0) c"
        )
    }

    fn find(&self) -> String {
        format!("SELECT k.*, c.figures FROM {}", self.each("figures"))
    }

    fn write(&self) -> String {
        let (table, key) = (self.table, self.columns());
        format!(
            "INSERT INTO {table} (site_id, {key}, figures)
             SELECT $1, {key}, figures FROM unnest($2, $3, $4, $5, $6, $7, $8, $9) AS k ({}, figures)
             ON CONFLICT (site_id, {key}) DO UPDATE SET figures = excluded.figures",
            Self::BOUND
        )
    }

    fn drop(&self) -> String {
        let table = self.table;
        format!("DELETE FROM {table} WHERE site_id = $1 AND ctid = ANY (ARRAY(SELECT c.ctid FROM {}))", self.each("ctid"))
    }

    /// Removes up to `limit` of the site's.
    fn clear(&self, conn: &mut PgConnection, scope: &SiteScope, limit: i64) -> QueryResult<usize> {
        let Self { table, .. } = self;
        let some = format!("SELECT ctid FROM {table} WHERE site_id = $1 LIMIT $2");
        diesel::sql_query(format!("DELETE FROM {table} WHERE site_id = $1 AND ctid = ANY (ARRAY({some}))"))
            .bind::<Uuid, _>(scope.site())
            .bind::<diesel::sql_types::BigInt, _>(limit)
            .execute(conn)
    }
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
pub fn change(conn: &mut PgConnection, scope: &SiteScope, changes: &BTreeMap<CellKey, Tally>) -> QueryResult<()> {
    for kind in &KINDS {
        let mut of_kind: BTreeMap<CellKey, Tally> = BTreeMap::new();
        for ((basis, starts_on, traits), tally) in changes {
            of_kind.entry((*basis, *starts_on, (kind.traits)(*traits))).or_default().merge(tally, 1);
        }
        add(conn, scope, kind, of_kind)?;
    }
    Ok(())
}

fn add(conn: &mut PgConnection, scope: &SiteScope, kind: &Kind, changes: BTreeMap<CellKey, Tally>) -> QueryResult<()> {
    let mut changes: Vec<(CellKey, Tally)> = changes.into_iter().filter(|(_, tally)| !tally.is_empty()).collect();
    for changes in changes.chunks_mut(BATCH) {
        let columns = Columns::of(changes.iter().map(|(key, _)| key));
        let kept: Vec<Kept> = keyed!(kind.find(), scope, columns).load(conn)?;
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
                tally.merge(&Tally::unpack(&figures).map_err(|error| DeserializationError(error.into()))?, 1);
            }
            if tally.is_empty() {
                dropped.push(*key);
            } else {
                written.push(*key);
                packed.push(tally.pack().map_err(|error| SerializationError(error.into()))?);
            }
        }
        if !written.is_empty() {
            keyed!(kind.write(), scope, Columns::of(&written)).bind::<Array<Bytea>, _>(packed).execute(conn)?;
        }
        if !dropped.is_empty() {
            keyed!(kind.drop(), scope, Columns::of(&dropped)).execute(conn)?;
        }
    }
    Ok(())
}

/// Removes up to `limit` of the site's, of each kind; answers how many.
///
/// # Errors
/// A database failure.
pub fn clear(conn: &mut PgConnection, scope: &SiteScope, limit: i64) -> QueryResult<usize> {
    KINDS.iter().map(|kind| kind.clear(conn, scope, limit)).sum()
}
