//! Closing months for partners and sponsors: what they are shown of a period is counted once, put into bands and kept. A period of too few
//! referrals is not released; the next month is added to it, so that small partners and studies get longer periods by themselves, and
//! no two periods of one reader overlap.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::Context;
use super::report_sums::{HAPPENED, RECORDED, ReportSums};
use super::roll_reports;
use crate::db::Conn;
use crate::domain::calendar;
use crate::domain::ids::{PartnerId, StudyId};
use crate::domain::reports::standing::Counted;
use crate::domain::reports::{Basis, Figure, Key, Period, Sums, shared};
use crate::domain::vocabulary::{Blocker, NextAction};
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
        let Some(from) = periods.values().map(|period| period.from).min() else { return Ok(Vec::new()) };
        // Whose period holds enough is read off the sums; only those are looked at one by one.
        let mut volumes: BTreeMap<(StudyId, PartnerId), i64> = BTreeMap::new();
        let mut by_month = BTreeMap::new();
        let months = (from, self.month);
        self.sums.add(conn, context, (Basis::RecordedMonth, months), &Filter::default(), &mut by_month, |of| of)?;
        for (of, sums) in &by_month {
            let Some(partner) = of.partner else { continue };
            if periods.get(&(of.study, partner)).is_some_and(|period| period.holds(of.starts_on)) {
                *volumes.entry((of.study, partner)).or_default() += sums.of(Figure::Volume);
            }
        }
        let due: BTreeMap<_, Period> =
            periods.into_iter().filter(|(of, _)| volumes.get(of).is_some_and(|volume| self.gate.is_enough(*volume))).collect();
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
            for standing in reports::standings_of(conn, &context.scope, &partners, span)? {
                let counted = Counted::new(&standing, 0, zone);
                let Some(of) = counted.traits.partner.map(|partner| (counted.traits.study, partner)) else { continue };
                let is_due = due.get(&of).is_some_and(|period| period.from == from && period.holds(counted.recorded_on));
                if !is_due || standing.facts.withdrawn {
                    continue;
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
            }
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
        let mut rows = Vec::new();
        for (study, partners) in studies {
            let period = self.period(Audience::Sponsor, study, WHOLE);
            let filter = Filter { study: Some(study), ..Filter::default() };
            let by_partner = self.sums.over(conn, context, RECORDED, period, &filter, |of| of.partner)?;
            let mut all = Sums::default();
            by_partner.values().for_each(|sums| all.add(sums));
            if !self.gate.is_enough(all.of(Figure::Volume)) {
                continue;
            }
            let happened = self.sums.over(conn, context, HAPPENED, period, &filter, |_| ())?.remove(&()).unwrap_or_default();
            let mut shown = Shown::default();
            shown.add(Figure::Completed.as_str(), self.gate.band(all.of(Figure::Completed)));
            for figure in [Figure::FellThrough, Figure::Reopened] {
                shown.add(figure.as_str(), self.gate.band(happened.of(figure)));
            }
            self.lead(conn, context, &filter, &mut shown)?;
            rows.push(self.row(context, Audience::Sponsor, (study, WHOLE), period, &shown)?);
            let empty = Sums::default();
            for partner in partners {
                let sums = by_partner.get(&Some(partner)).unwrap_or(&empty);
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

    /// What most of the study's open referrals wait for, and what is next for most of them, at this moment.
    fn lead(&self, conn: &mut Conn, context: &Context, filter: &Filter, shown: &mut Shown) -> Result<(), AppError> {
        let mut blockers: BTreeMap<Blocker, i64> = BTreeMap::new();
        for tally in reports::blocked(conn, &context.scope, filter, context.now)? {
            *blockers.entry(tally.blocker).or_default() += tally.open;
        }
        let mut actions: BTreeMap<NextAction, i64> = BTreeMap::new();
        for tally in reports::due(conn, &context.scope, filter, context.now)? {
            *actions.entry(tally.next_action).or_default() += tally.open;
        }
        shown.lead(BLOCKER, self.gate, blockers.into_iter().map(|(blocker, count)| (blocker.as_str(), count)));
        shown.lead(NEXT_ACTION, self.gate, actions.into_iter().map(|(action, count)| (action.as_str(), count)));
        Ok(())
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
