//! A batch of an import: each row is decided as `create_referral` would decide it, and what is made is written with one statement for all.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::db::Conn;
use crate::domain::admission::Obstacle;
use crate::domain::calendar;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::{MemberId, PartnerId, ReferralId};
use crate::domain::imports::{ImportField, ImportOutcome, RowDigest, RowFault, RowRefusal};
use crate::domain::language_standing::Standing;
use crate::domain::text::{Code, Reference};
use crate::domain::vocabulary::QuarantineReason;
use crate::error::{AppError, ErrorCode};
use crate::ops::create_referral::{self, NewReferral};
use crate::ops::new_referral::{self, Aim, Arrival};
use crate::ops::receive_referral_import::OPERATION;
use crate::ops::{Context, admit, contact_details, no_route, seal_details};
use crate::privacy::digests::DetailDigests;
use crate::store;
use crate::store::referral_imports::{KnownRow, ResultRow, Staged, StagedReferral};
use crate::store::routes::RouteContext;
use crate::store::sites::SiteRow;

/// A way into the site: a route that is held, and what decides about whoever comes over it.
struct Way {
    route: RouteContext,
    owner: MemberId,
    language: Standing,
    /// In which month, and how many the route has taken in it; `None`: it takes any number.
    counted: Option<(NaiveDate, i32)>,
    /// How many of this batch it takes.
    taken: i32,
}

/// What the rows of a batch depend on, looked up once for all of them.
pub(super) struct Batch {
    site: SiteRow,
    ways: BTreeMap<(Code, Code), Result<Way, Fault>>,
    /// Rows that were imported before, or earlier in this batch: what they say, and their referral once it is known.
    known: BTreeMap<RowDigest, (RowDigest, Option<ReferralId>)>,
    withdrawn: BTreeSet<[u8; 32]>,
    references: BTreeSet<(PartnerId, Reference)>,
}

/// What came of a batch.
pub(super) struct Done {
    /// What became of each row, in the order of the file.
    pub results: Vec<ResultRow>,
    /// Who owns what was made.
    pub owners: BTreeSet<MemberId>,
}

/// What becomes of a row.
enum Decision {
    Taken,
    Unchanged(Option<ReferralId>),
    Refused(Vec<RowFault>),
}

impl Batch {
    pub(super) fn load(conn: &mut Conn, context: &Context, rows: &[(i32, Staged)]) -> Result<Self, AppError> {
        let scope = &context.scope;
        let site = store::sites::current(conn, scope)?;
        let staged = || rows.iter().filter_map(|(_, row)| if let Staged::Referral(row) = row { Some(row) } else { None });
        let mut ways = BTreeMap::new();
        for row in staged() {
            if let Entry::Vacant(place) = ways.entry((row.partner.clone(), row.study.clone())) {
                place.insert(Way::find(conn, context, &site, row)?);
            }
        }
        let keys: Vec<RowDigest> = staged().map(|row| row.row_key).collect();
        let digest = |bytes: Vec<u8>| RowDigest::try_from(bytes).map_err(|_| AppError::internal("a digest of another length"));
        let known = store::referral_imports::known_keys(conn, scope, &keys)?
            .into_iter()
            .map(|KnownRow { row_key, content, referral_id }| Ok((digest(row_key)?, (digest(content)?, Some(referral_id)))))
            .collect::<Result<_, AppError>>()?;
        let details: Vec<DetailDigests> = staged().flat_map(|row| row.details()).collect();
        let partner = |row: &StagedReferral| match ways.get(&(row.partner.clone(), row.study.clone())) {
            Some(Ok(way)) => Some(way.route.route.partner_id),
            _ => None,
        };
        let sought: Vec<_> = staged().filter_map(|row| partner(row).zip(row.partner_reference.as_ref())).collect();
        let references = store::referrals::used_references(conn, scope, &sought)?;
        let withdrawn = contact_details::withdrawn_among(conn, context, &details)?;
        Ok(Self { site, ways, known, withdrawn, references })
    }

    /// Decides every row in the order of the file, and unless it is a dry run makes what is taken.
    pub(super) fn run(
        mut self,
        conn: &mut Conn,
        context: &Context,
        rows: &[(i32, Staged)],
        dry_run: bool,
    ) -> Result<Done, AppError> {
        let decisions: Vec<(Decision, Vec<DetailDigests>)> = rows
            .iter()
            .map(|(_, row)| match row {
                Staged::Refused(faults) => (Decision::Refused(RowFault::from_text(faults)), Vec::new()),
                Staged::Referral(row) => {
                    let details = row.details();
                    (self.decide(context, row), details)
                }
            })
            .collect();
        let mut taken = Vec::new();
        for ((_, row), (decision, details)) in rows.iter().zip(&decisions) {
            if let (Staged::Referral(row), Decision::Taken) = (row, decision) {
                taken.push((row.as_ref(), self.arrival(row, details)?));
            }
        }
        let made = if dry_run { vec![None; taken.len()] } else { self.make(conn, context, taken)? };
        let mut made = made.into_iter();
        let (mut results, mut owners) = (Vec::with_capacity(rows.len()), BTreeSet::new());
        for ((number, row), (decision, _)) in rows.iter().zip(&decisions) {
            let (outcome, referral_id, faults) = match (decision, row) {
                (Decision::Taken, Staged::Referral(row)) => match made.next().flatten() {
                    None if !dry_run => (ImportOutcome::Refused, None, Some(reference_used())),
                    id => {
                        owners.extend(id.and_then(|_| self.owner(row)));
                        self.known.insert(row.row_key, (row.content, id));
                        (ImportOutcome::Created, id, None)
                    }
                },
                (Decision::Unchanged(Some(id)), _) => (ImportOutcome::Unchanged, Some(*id), None),
                // The row that it repeats stands before it in this batch.
                (Decision::Unchanged(None), Staged::Referral(row)) => match self.known.get(&row.row_key) {
                    Some((_, Some(id))) => (ImportOutcome::Unchanged, Some(*id), None),
                    _ if dry_run => (ImportOutcome::Unchanged, None, None),
                    _ => (ImportOutcome::Refused, None, Some(reference_used())),
                },
                (Decision::Refused(faults), _) => (ImportOutcome::Refused, None, Some(faults.clone())),
                (_, Staged::Refused(_)) => return Err(AppError::internal("a refused row was decided otherwise")),
            };
            let faults = faults.map(|faults| RowFault::to_text(&faults));
            results.push(ResultRow { row_number: *number, outcome, referral_id, faults });
        }
        Ok(Done { results, owners })
    }

    fn decide(&mut self, context: &Context, row: &StagedReferral) -> Decision {
        if let Some((content, referral)) = self.known.get(&row.row_key) {
            return match *content == row.content {
                true => Decision::Unchanged(*referral),
                false => Decision::Refused(vec![RowFault::in_column(Some(ImportField::RowKey), RowRefusal::RowKeyUsed.as_str())]),
            };
        }
        let new = new_referral_of(row);
        let way = self.ways.get_mut(&(row.partner.clone(), row.study.clone()));
        let mut faults = match &way {
            Some(Ok(way)) => create_referral::check(context, &new, Ok(&way.route)),
            Some(Err(fault)) => create_referral::check(context, &new, Err(fault.clone())),
            None => return Decision::Refused(vec![RowFault::of_row(RowRefusal::RouteNotLaunched)]),
        };
        // A file brings no details, which a path of that kind needs.
        faults
            .extend(seal_details::check(&new, None).into_iter().map(|fault| Fault { pointer: "/contact_path".into(), ..fault }));
        let (Some(Ok(way)), true) = (way, faults.is_empty()) else {
            return Decision::Refused(faults.iter().map(in_column).collect());
        };
        if let Some(obstacle) = admit::in_the_way(context, &way.route, way.language, row.channel, row.late_reason) {
            return Decision::Refused(vec![refusal(obstacle)]);
        }
        let reference = row.partner_reference.clone().map(|reference| (way.route.route.partner_id, reference));
        if reference.as_ref().is_some_and(|reference| self.references.contains(reference)) {
            return Decision::Refused(reference_used());
        }
        if way.is_full() && !admit::is_late(context, row.late_reason) {
            return Decision::Refused(vec![refusal(Obstacle::NoCapacity)]);
        }
        way.taken += 1;
        self.references.extend(reference);
        self.known.insert(row.row_key, (row.content, None));
        Decision::Taken
    }

    fn owner(&self, row: &StagedReferral) -> Option<MemberId> {
        let way = self.ways.get(&(row.partner.clone(), row.study.clone()))?;
        way.as_ref().ok().map(|way| way.owner)
    }

    fn arrival<'a>(&self, row: &StagedReferral, digests: &'a [DetailDigests]) -> Result<Arrival<'a>, AppError> {
        let Some(Ok(way)) = self.ways.get(&(row.partner.clone(), row.study.clone())) else {
            return Err(AppError::internal("a row was taken without its route"));
        };
        let withdrawn = digests.iter().any(|detail| self.withdrawn.contains(&detail.current.digest));
        Ok(Arrival {
            operation: OPERATION,
            study: Aim::of_route(&way.route),
            route: Some(way.route.clone()),
            owner: way.owner,
            channel: row.channel,
            source_tag: row.source_tag.clone(),
            contact_basis: row.contact_basis,
            contact_path: row.contact_path,
            partner_reference: row.partner_reference.clone(),
            external_ref: row.external_ref.clone(),
            late_reason: row.late_reason,
            language: way.language.version(),
            received_at: row.received_at,
            quarantine: withdrawn.then_some(QuarantineReason::ContactWithdrawn),
            digests,
            details: None,
            is_test: false,
        })
    }

    /// Makes the referrals of these rows; answers the id of each, or `None` where somebody used its reference at this very moment.
    fn make(
        &self,
        conn: &mut Conn,
        context: &Context,
        taken: Vec<(&StagedReferral, Arrival<'_>)>,
    ) -> Result<Vec<Option<ReferralId>>, AppError> {
        if taken.is_empty() {
            return Ok(Vec::new());
        }
        let counting =
            || self.ways.iter().filter_map(|(codes, way)| Some((codes, way.as_ref().ok().filter(|way| way.taken > 0)?)));
        // Locked first and asked again: what was read before may have been filled up since, and then the batch is done anew.
        for (_, way) in counting() {
            if let Some((month, counted)) = way.counted
                && store::route_counts::lock(conn, &way.route.route, month)? != counted
            {
                return Err(AppError::new(ErrorCode::Overloaded));
            }
        }
        let (rows, arrivals): (Vec<&StagedReferral>, Vec<Arrival<'_>>) = taken.into_iter().unzip();
        let ids = new_referral::keep_all(conn, context, &self.site, &arrivals)?;
        for ((partner, study), way) in counting() {
            if let Some((month, _)) = way.counted {
                let over_it = |(row, id): &(&&StagedReferral, &Option<ReferralId>)| {
                    id.is_some() && row.partner == *partner && row.study == *study
                };
                let kept = rows.iter().zip(&ids).filter(over_it).count();
                store::route_counts::add(conn, &way.route.route, month, i32::try_from(kept).map_err(AppError::internal)?)?;
            }
        }
        let keys: Vec<_> = rows.iter().zip(&ids).filter_map(|(row, id)| Some((row.row_key, row.content, (*id)?))).collect();
        store::referral_imports::insert_keys(conn, &context.scope, &keys)?;
        Ok(ids)
    }
}

impl Way {
    fn find(conn: &mut Conn, context: &Context, site: &SiteRow, row: &StagedReferral) -> Result<Result<Self, Fault>, AppError> {
        let Some(route) = store::routes::find_by_codes_and_hold(conn, &context.scope, Some(&row.partner), &row.study)? else {
            return Ok(Err(no_route::fault(conn, context, Some(&row.partner))?));
        };
        let counted = match route.route.monthly_capacity {
            None => None,
            Some(_) => {
                let month = calendar::month_of(context.now, site.zone());
                Some((month, store::route_counts::counted(conn, &context.scope, &route.route, month)?))
            }
        };
        let (owner, language) = (new_referral::owner(conn, context, &route)?, admit::language(conn, context, site, &route)?);
        Ok(Ok(Self { route, owner, language, counted, taken: 0 }))
    }

    fn is_full(&self) -> bool {
        let capacity = self.route.route.monthly_capacity.unwrap_or(i32::MAX);
        self.counted.is_some_and(|(_, counted)| counted.saturating_add(self.taken) >= capacity)
    }
}

/// A row as `create_referral` would get it. Its contact details are digests already.
fn new_referral_of(row: &StagedReferral) -> NewReferral {
    NewReferral {
        partner: Some(row.partner.clone()),
        study: row.study.clone(),
        channel: row.channel,
        contact_basis: row.contact_basis,
        contact_path: row.contact_path,
        partner_reference: row.partner_reference.clone(),
        external_ref: row.external_ref.clone(),
        late_reason: row.late_reason,
        received_at: row.received_at,
        source_tag: row.source_tag.clone(),
        email: None,
        phone: None,
        details: None,
        quarantine: None,
    }
}

fn in_column(fault: &Fault) -> RowFault {
    RowFault::in_column(ImportField::at(&fault.pointer), fault.code.as_str())
}

fn reference_used() -> Vec<RowFault> {
    vec![RowFault::in_column(Some(ImportField::PartnerReference), RowRefusal::PartnerReferenceUsed.as_str())]
}

const fn of_row(obstacle: Obstacle) -> Option<RowRefusal> {
    Some(match obstacle {
        Obstacle::RouteNotLaunched | Obstacle::RoutePaused | Obstacle::RetestNeeded => RowRefusal::RouteNotLaunched,
        Obstacle::StudyNotOpen => RowRefusal::StudyNotOpen,
        Obstacle::PartnerNotActive => RowRefusal::PartnerNotActive,
        Obstacle::LanguageLapsed => RowRefusal::LanguageLapsed,
        Obstacle::NoCapacity => RowRefusal::RouteAtCapacity,
        Obstacle::ChannelNotListed => return None,
    })
}

fn refusal(obstacle: Obstacle) -> RowFault {
    let in_channel = || RowFault::in_column(Some(ImportField::Channel), FaultCode::Inconsistent.as_str());
    of_row(obstacle).map_or_else(in_channel, RowFault::of_row)
}
