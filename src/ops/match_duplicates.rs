//! Finding who may be the same person, after the commit: a request leaves a row in the queue whatever is known, and this takes it.
//!
//! A referral is compared with everything that is committed once it is locked. Of two that came at the same moment the one that was
//! committed later finds the other, whichever server looks; that both may find it makes one review.

use std::collections::{BTreeMap, BTreeSet};

use super::pair_referrals::{Pair, People, changed, held, in_order, opened};
use super::record::{Change, record};
use super::{Context, referral_route};
use crate::db::Conn;
use crate::domain::CodeList;
use crate::domain::ids::{AlertId, ReferralId, StudyId};
use crate::domain::vocabulary::{AlertKind, DuplicatePolicy, MatchGround, ReferralStatus, ReviewStatus};
use crate::error::AppError;
use crate::store;
use crate::store::alerts::NewAlert;
use crate::store::duplicates::ReviewRow;
use crate::store::duplicates::matching::{self, Candidate};
use crate::store::referrals::ReferralRow;
use crate::store::routes::RouteRow;

const OPERATION: &str = "match_duplicates";
/// Referrals of one transaction: their rows are locked while it lasts.
const BATCH: i64 = 50;

/// What a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matched {
    /// How many referrals were matched.
    pub matched: usize,
    /// Whether more wait.
    pub more: bool,
}

/// Records in order, and what they share.
type Pairs = BTreeMap<Pair, BTreeSet<MatchGround>>;

/// Matches the referrals of a site that wait longest. Each pair becomes a review once, the newer record of it waits for that where
/// nothing else stands in the way, and the owner of a referral that is new is told of it.
///
/// # Errors
/// A database failure; a lock timeout among them when somebody works on one of the referrals right now.
pub fn run(conn: &mut Conn, context: &Context) -> Result<Matched, AppError> {
    let (scope, now) = (&context.scope, context.now);
    let waiting = matching::waiting(conn, scope, BATCH)?;
    if waiting.is_empty() {
        return Ok(Matched { matched: 0, more: false });
    }
    let more = i64::try_from(waiting.len()).is_ok_and(|count| count == BATCH);
    let mut ids: Vec<ReferralId> = waiting.clone();
    ids.extend(matching::candidates(conn, scope, &waiting)?.iter().flat_map(|found| [found.one, found.other]));
    let people = People::lock(conn, context, &ids)?;
    // From here on nobody changes, merges or completes any of them: what is found now stays so.
    let waiting = matching::still_waiting(conn, scope, &waiting)?;
    let ids: Vec<ReferralId> = waiting.iter().map(|(id, _)| *id).collect();
    let found = matching::candidates(conn, scope, &ids)?;
    let routes = routes(conn, context, &people)?;
    let (pairs, counts) = pairs(&people, &routes, &ids, &found);

    let (mut reviews, mut changes) = review(conn, context, &people, pairs)?;
    let kept = store::duplicates::insert(conn, &reviews)?;
    reviews.retain(|review| kept.contains(&review.id));
    changes.extend(reviews.iter().map(|review| changed(OPERATION, None, review)));
    let site = store::sites::current(conn, scope)?;
    let newer: BTreeSet<ReferralId> = reviews.iter().map(|review| review.second_referral_id).collect();
    let mut written = Vec::new();
    for before in newer.into_iter().filter_map(|id| people.row(id)) {
        let route = routes.get(&before.study_id).and_then(|routes| route_of(routes, before));
        if let Some(after) = held(before, &referral_route::due_terms(route, &site), now) {
            changes.push(Change::of_referral(OPERATION, before, &after));
            written.push(after);
        }
    }
    store::referrals::write_all(conn, &written)?;
    matching::matched(conn, scope, &counts, now)?;
    let is_new = |id| waiting.contains(&(id, true));
    let told: Vec<&ReferralRow> = counts.iter().filter(|(id, _)| is_new(*id)).filter_map(|(id, _)| people.row(*id)).collect();
    store::alerts::insert(conn, &received(context, &told))?;
    record(conn, context, changes)?;
    Ok(Matched { matched: counts.len(), more })
}

/// The routes of every study that the records are for.
fn routes(conn: &mut Conn, context: &Context, people: &People) -> Result<BTreeMap<StudyId, Vec<RouteRow>>, AppError> {
    let studies: BTreeSet<StudyId> = people.0.iter().map(|row| row.study_id).collect();
    let mut routes = BTreeMap::new();
    for study in studies {
        routes.insert(study, store::routes::of_study(conn, &context.scope, study)?);
    }
    Ok(routes)
}

fn route_of<'a>(routes: &'a [RouteRow], referral: &ReferralRow) -> Option<&'a RouteRow> {
    routes.iter().find(|route| Some(route.id) == referral.route_id)
}

/// The pairs that the policies want reviewed (where nobody referred there is no policy, and every pair is), and the number of candidates of each referral. One whose candidate came between the
/// two readings, and so is not locked, stays in the queue.
fn pairs(
    people: &People,
    routes: &BTreeMap<StudyId, Vec<RouteRow>>,
    ids: &[ReferralId],
    found: &[Candidate],
) -> (Pairs, Vec<(ReferralId, i32)>) {
    let (mut pairs, mut counts) = (Pairs::new(), Vec::new());
    for id in ids {
        let of_this: Vec<&Candidate> = found.iter().filter(|candidate| candidate.matched == *id).collect();
        let both: Vec<_> = of_this
            .iter()
            .filter_map(|candidate| Some((people.standing(candidate.one)?, people.standing(candidate.other)?)))
            .collect();
        if both.len() < of_this.len() {
            continue;
        }
        let mut count = 0;
        for (candidate, (one, other)) in of_this.iter().zip(both) {
            let (older, newer) = in_order(one, other);
            let policy =
                routes.get(&newer.study_id).and_then(|routes| route_of(routes, newer)).map(|route| route.duplicate_policy);
            // A test asks whether a copy is found at all, and both copies are of one partner.
            let is_exempt = policy == Some(DuplicatePolicy::ReviewCrossPartner) && older.partner_id == newer.partner_id;
            if is_exempt && !newer.is_test {
                continue;
            }
            count += 1;
            pairs.entry((older.id, newer.id)).or_default().extend(&candidate.grounds);
        }
        counts.push((*id, count));
    }
    (pairs, counts)
}

/// The reviews to be opened. A pair that has one, whatever was decided, gets no other; one that is open learns what else they share.
fn review(conn: &mut Conn, context: &Context, people: &People, pairs: Pairs) -> Result<(Vec<ReviewRow>, Vec<Change>), AppError> {
    let known = if pairs.is_empty() { Vec::new() } else { people.reviews(conn, context)? };
    let (mut new, mut more, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    for ((older, newer), grounds) in pairs {
        let of_pair: Vec<&ReviewRow> =
            known.iter().filter(|(pair, _)| *pair == (older, newer)).map(|(_, review)| review).collect();
        if of_pair.is_empty() {
            let (Some(older), Some(newer)) = (people.row(older), people.row(newer)) else { continue };
            new.push(opened(context, older, newer, grounds));
            continue;
        }
        for before in of_pair.into_iter().filter(|review| review.status == ReviewStatus::Open) {
            let all: BTreeSet<MatchGround> = before.grounds.0.iter().chain(&grounds).copied().collect();
            if all.len() > before.grounds.0.len() {
                let grounds = CodeList(all.into_iter().collect());
                let after = ReviewRow { grounds, version: before.version + 1, ..before.clone() };
                changes.push(changed(OPERATION, Some(before), &after));
                more.push(after);
            }
        }
    }
    store::duplicates::write_all(conn, &context.scope, &more)?;
    Ok((new, changes))
}

/// What the owners of new referrals are told. Test referrals reach nobody.
fn received(context: &Context, new: &[&ReferralRow]) -> Vec<NewAlert> {
    new.iter()
        .filter(|referral| !referral.is_test && referral.status != ReferralStatus::Closed)
        .map(|referral| NewAlert {
            site_id: referral.site_id,
            id: AlertId::at(context.now),
            member_id: referral.owner_id,
            kind: AlertKind::ReferralReceived,
            referral_id: Some(referral.id),
            created_at: context.now,
        })
        .collect()
}
