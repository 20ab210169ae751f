//! Closing months for partners and sponsors: what they are shown of a period is counted once, put into bands and kept. A period of too few
//! referrals is not released; the next month is added to it, so that small partners and studies get longer periods by themselves, and
//! no two periods of one reader overlap.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::Context;
use super::report_sums::{Of, ReportSums};
use super::roll_reports;
use crate::db::Conn;
use crate::domain::calendar;
use crate::domain::ids::{PartnerId, StudyId};
use crate::domain::reports::standing::Counted;
use crate::domain::reports::{Basis, Figure, Key, Period, Sums, shared};
use crate::error::AppError;
use crate::privacy::suppression::{Gate, Known, Shown, partner_view};
use crate::store;
use crate::store::reports::{self, Audience, Filter, Refused, ReleaseRow};

/// What a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released {
    /// Months closed.
    pub months: usize,
    /// Whether another may be closed.
    pub more: bool,
}

/// The study as a whole, where a row is about no single partner.
const WHOLE: PartnerId = PartnerId(uuid::Uuid::nil());

/// Closes the next month of the context's site, if its time has come.
///
/// # Errors
/// A database failure, or 503 while the sums are being made anew: the next pass does it.
pub fn pass(conn: &mut Conn, context: &Context) -> Result<Released, AppError> {
    let scope = &context.scope;
    let idle = Released { months: 0, more: false };
    // The rollup waits for this transaction, so that the sums stay as they are read.
    let Some(mut head) = reports::lock_head(conn, scope)? else { return Ok(idle) };
    let site = store::sites::current(conn, scope)?;
    if !roll_reports::is_current(&head, &site) {
        return Ok(idle);
    }
    let Some(first) = reports::first_month(conn, scope)? else { return Ok(idle) };
    let month = head.closed_month.map_or(first, calendar::next_month);
    if !partner_view::is_closable(month, site.day_of(context.now)) {
        return Ok(idle);
    }
    let sums = ReportSums::open(conn, context)?;
    let routes = reports::sources(conn, scope)?;
    let last = last(conn, context)?;
    let refused = refused(conn, context, (first, month))?;
    let closing = Closing { gate: Gate::new(site.suppression_threshold), first, month, sums, last, refused };
    let mut rows = closing.for_partners(conn, context, &routes)?;
    rows.extend(closing.for_sponsors(conn, context, &routes)?);
    reports::insert_releases(conn, &rows)?;
    head.closed_month = Some(month);
    reports::write_head(conn, scope, &head)?;
    Ok(Released { months: 1, more: true })
}

/// By study and partner: each figure's count, and what the partner knows of it.
type Told = BTreeMap<(StudyId, PartnerId), BTreeMap<Key, (i64, Known)>>;

/// The last day that was released to each reader.
type Last = BTreeMap<(Audience, StudyId, PartnerId), NaiveDate>;

fn last(conn: &mut Conn, context: &Context) -> Result<Last, AppError> {
    let rows = reports::last_releases(conn, &context.scope, None)?;
    Ok(rows.into_iter().map(|(audience, study, partner, day)| ((audience, study, partner), day)).collect())
}

struct Closing {
    gate: Gate,
    /// The first month in which the site recorded anything.
    first: NaiveDate,
    month: NaiveDate,
    sums: ReportSums,
    last: Last,
    refused: Vec<Refused>,
}

impl Closing {
    /// The period that a reader is shown next: from after its last one, or from the site's first month.
    fn period(&self, audience: Audience, study: StudyId, partner: PartnerId) -> Period {
        let next = self.last.get(&(audience, study, partner)).and_then(|day| day.succ_opt());
        let until = calendar::next_month(self.month).pred_opt().unwrap_or(self.month);
        Period { from: next.unwrap_or(self.first), until }
    }

    fn row(
        &self,
        context: &Context,
        audience: Audience,
        of: (StudyId, PartnerId),
        period: Period,
        shown: &Shown,
    ) -> Result<ReleaseRow, AppError> {
        Ok(ReleaseRow {
            site_id: context.scope.site(),
            audience,
            study_id: of.0,
            partner_id: of.1,
            ends_on: period.until,
            starts_on: period.from,
            released_at: context.now,
            shown: serde_json::to_string(shown).map_err(AppError::internal)?,
        })
    }

    /// How many bodies for this study were refused of this partner in a period of whole months.
    fn refused(&self, study: StudyId, partner: PartnerId, period: Period) -> i64 {
        let own = self.refused.iter().filter(|refused| (refused.study_id, refused.partner_id) == (Some(study), Some(partner)));
        own.filter(|refused| period.holds(refused.month)).map(|refused| refused.count).sum()
    }

    /// What each partner is shown of each of its routes.
    fn for_partners(
        &self,
        conn: &mut Conn,
        context: &Context,
        routes: &[(StudyId, PartnerId)],
    ) -> Result<Vec<ReleaseRow>, AppError> {
        let periods: BTreeMap<(StudyId, PartnerId), Period> = routes
            .iter()
            .map(|(study, partner)| ((*study, *partner), self.period(Audience::Partner, *study, *partner)))
            .collect();
        // Whose period holds enough is read off the sums; only those are looked at one by one.
        let period_of = |of: Of| periods.get(&(of.study, of.partner?)).copied();
        let volumes = self.by_month(conn, context, Basis::RecordedMonth, period_of, |of| (of.study, of.partner))?;
        let volume = |study, partner| volumes.get(&(study, Some(partner))).map_or(0, |sums| sums.of(Figure::Volume));
        let due: BTreeMap<_, Period> = periods
            .iter()
            .filter(|((study, partner), _)| self.gate.is_enough(volume(*study, *partner)))
            .map(|(of, period)| (*of, *period))
            .collect();
        let mut told = self.standings(conn, context, &due)?;
        let mut rows = Vec::with_capacity(due.len());
        for ((study, partner), period) in due {
            // What was withdrawn is in the sums and not in these.
            let figures = told.remove(&(study, partner)).unwrap_or_default();
            if !figures.get(&Key::Of(Figure::Volume)).is_some_and(|(volume, _)| self.gate.is_enough(*volume)) {
                continue;
            }
            let mut shown = Shown::default();
            for (key, (count, known)) in figures {
                shown.add(&word(key), self.gate.band_beside(count, known));
            }
            shown.add(REFUSED, self.gate.band(self.refused(study, partner, period)));
            rows.push(self.row(context, Audience::Partner, (study, partner), period, &shown)?);
        }
        Ok(rows)
    }

    /// The figures of each partner's referrals, with what it knows of them, for the periods that are due. What a partner withdrew it
    /// knows: nobody worked it, and so it would only make the rest look larger than it is.
    fn standings(
        &self,
        conn: &mut Conn,
        context: &Context,
        due: &BTreeMap<(StudyId, PartnerId), Period>,
    ) -> Result<Told, AppError> {
        let zone = self.sums.zone();
        let mut by_start: BTreeMap<NaiveDate, BTreeSet<PartnerId>> = BTreeMap::new();
        for ((_, partner), period) in due {
            by_start.entry(period.from).or_default().insert(*partner);
        }
        let end = calendar::start_of(calendar::next_month(self.month), zone);
        let mut told = Told::new();
        for (from, partners) in by_start {
            let partners: Vec<PartnerId> = partners.into_iter().collect();
            let span = (calendar::start_of(from, zone), end);
            reports::each_standing_of(conn, &context.scope, &partners, span, |standing| {
                let counted = Counted::new(&standing, 0, zone);
                let Some(of) = counted.traits.partner.map(|partner| (counted.traits.study, partner)) else { return };
                let is_due = due.get(&of).is_some_and(|period| period.from == from && period.holds(counted.recorded_on));
                if !is_due || standing.facts.withdrawn {
                    return;
                }
                let (class, code) = partner_view::classify(&standing.facts, zone, context.now);
                let figures = told.entry(of).or_default();
                for key in told_to_partners() {
                    let (count, known) = figures.entry(key).or_default();
                    *count += counted.tally.of(key);
                    let certain = i64::from(shared::is_known(key, class, code));
                    known.certain += certain;
                    known.possible += 1 - certain;
                }
            })?;
        }
        Ok(told)
    }

    /// What sponsors are shown of each study: source by source what came of it, and the study's movement.
    fn for_sponsors(
        &self,
        conn: &mut Conn,
        context: &Context,
        routes: &[(StudyId, PartnerId)],
    ) -> Result<Vec<ReleaseRow>, AppError> {
        let mut studies: BTreeMap<StudyId, Vec<PartnerId>> = BTreeMap::new();
        for (study, partner) in routes {
            studies.entry(*study).or_default().push(*partner);
        }
        let periods: BTreeMap<StudyId, Period> =
            studies.keys().map(|study| (*study, self.period(Audience::Sponsor, *study, WHOLE))).collect();
        let period_of = |of: Of| periods.get(&of.study).copied();
        let by_source = self.by_month(conn, context, Basis::RecordedMonth, period_of, |of| (of.study, of.partner))?;
        let happened = self.by_month(conn, context, Basis::HappenedMonth, period_of, |of| of.study)?;
        let mut by_study: BTreeMap<StudyId, Sums> = BTreeMap::new();
        for ((study, _), sums) in &by_source {
            by_study.entry(*study).or_default().add(sums);
        }
        let (blockers, next_actions) = (reports::blockers(conn, &context.scope)?, reports::next_actions(conn, &context.scope)?);
        let (mut rows, empty) = (Vec::new(), Sums::default());
        for (study, partners) in studies {
            let Some(all) = by_study.get(&study).filter(|all| self.gate.is_enough(all.of(Figure::Volume))) else { continue };
            let (Some(period), happened) = (periods.get(&study).copied(), happened.get(&study).unwrap_or(&empty)) else {
                continue;
            };
            let mut shown = Shown::default();
            shown.add(Figure::Completed.as_str(), self.gate.band(all.of(Figure::Completed)));
            for figure in [Figure::FellThrough, Figure::Reopened] {
                shown.add(figure.as_str(), self.gate.band(happened.of(figure)));
            }
            let of_study = |parts: &[(StudyId, &'static str, i64)]| {
                parts.iter().filter(|(of, ..)| *of == study).map(|(_, code, count)| (*code, *count)).collect::<Vec<_>>()
            };
            shown.lead(BLOCKER, self.gate, of_study(&blockers));
            shown.lead(NEXT_ACTION, self.gate, of_study(&next_actions));
            rows.push(self.row(context, Audience::Sponsor, (study, WHOLE), period, &shown)?);
            for partner in partners {
                let sums = by_source.get(&(study, Some(partner))).unwrap_or(&empty);
                let mut shown = Shown::default();
                for figure in TOLD_TO_SPONSORS {
                    shown.add(figure.as_str(), self.gate.band(sums.of(*figure)));
                }
                shown.add(REFUSED, self.gate.band(self.refused(study, partner, period)));
                rows.push(self.row(context, Audience::Sponsor, (study, partner), period, &shown)?);
            }
        }
        Ok(rows)
    }

    /// Adds up the months of whatever period each sum belongs to, by what `key` makes of it.
    fn by_month<K: Ord>(
        &self,
        conn: &mut Conn,
        context: &Context,
        basis: Basis,
        period_of: impl Fn(Of) -> Option<Period>,
        key: impl Fn(Of) -> K,
    ) -> Result<BTreeMap<K, Sums>, AppError> {
        let mut found = BTreeMap::new();
        let within = |of: Of| period_of(of).filter(|period| period.holds(of.starts_on)).map(|_| key(of));
        self.sums.add(conn, context, (basis, (self.first, self.month)), &Filter::default(), &mut found, within)?;
        Ok(found.into_iter().filter_map(|(key, sums)| key.map(|key| (key, sums))).collect())
    }
}

/// The figure of refused bodies, as it is kept.
pub const REFUSED: &str = "refused_for_sensitive_content";
/// What most open referrals wait for, as it is kept.
pub const BLOCKER: &str = "blocker";
/// What is next for most open referrals, as it is kept.
pub const NEXT_ACTION: &str = "next_action";

/// What sponsors are told of each source. One of these holds the next, or they are of different things: no two are parts of a whole.
pub const TOLD_TO_SPONSORS: &[Figure] =
    &[Figure::Volume, Figure::Incomplete, Figure::WrongStudy, Figure::Connected, Figure::HandedOff];

/// What partners are told of their referrals.
fn told_to_partners() -> impl Iterator<Item = Key> {
    let figures = [Figure::Volume, Figure::Incomplete, Figure::WrongStudy].map(Key::Of);
    figures.into_iter().chain(shared::TOLD_ISSUES.iter().copied().map(Key::Issue))
}

/// A figure's word, as it is kept.
fn word(key: Key) -> String {
    match key {
        Key::Of(figure) => figure.to_string(),
        Key::Issue(issue) => issue.to_string(),
        _ => String::new(),
    }
}

/// Bodies that were refused since the site's first month.
fn refused(conn: &mut Conn, context: &Context, (first, month): (NaiveDate, NaiveDate)) -> Result<Vec<Refused>, AppError> {
    Ok(reports::refused(conn, &context.scope, (first, calendar::next_month(month)), &Filter::default())?)
}
