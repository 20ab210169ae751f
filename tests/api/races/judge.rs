//! The judge of a race: from what was answered, what the trail holds and what is there at the end, it finds updates that were lost,
//! states that no move leads to, and open referrals that were nobody's. It knows the rules from `domain` alone.

use std::collections::{BTreeMap, BTreeSet};

use handoff::domain::referral_state::{self, Request, State, TransitionReason};
use handoff::domain::standstill::{self, Change, Stand};
use handoff::domain::vocabulary::{Blocker, CloseReason, PlanReason, ReferralStatus, StudyStatus};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::support::App;
use crate::tenancy::texts;

/// An audit entry as the trail holds it.
#[derive(Debug, Clone, Deserialize)]
pub struct Entry {
    pub operation: String,
    pub subject_kind: String,
    pub subject_id: String,
    pub reason: Option<String>,
    pub request_id: Option<String>,
    pub before: Option<Map<String, Value>>,
    pub after: Option<Map<String, Value>>,
}

/// What became of a request for one referral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done, and this is its version now; a partner is not told the version.
    Done(Option<i32>),
    Refused,
    /// 503: try again.
    Busy,
}

/// A request for one referral, with the version that it was based on.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub request: String,
    pub referral: String,
    pub read: Option<i32>,
    pub outcome: Outcome,
}

/// What was found, in sentences.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Findings {
    pub lost_updates: Vec<String>,
    pub illegal_states: Vec<String>,
    pub ownerless: Vec<String>,
    /// Refused, and yet written.
    pub refused_written: Vec<String>,
}

impl Findings {
    /// Lost updates, illegal states, ownerless referrals, refused and written.
    pub fn counts(&self) -> [usize; 4] {
        [&self.lost_updates, &self.illegal_states, &self.ownerless, &self.refused_written].map(Vec::len)
    }
}

/// Everything the judge looks at.
#[derive(Debug, Clone)]
pub struct Case {
    /// The trail, in order of writing: whoever writes of a referral or member holds it.
    pub history: Vec<Entry>,
    /// The referrals as they are at the end.
    pub rows: Vec<Map<String, Value>>,
    pub attempts: Vec<Attempt>,
}

impl Case {
    /// What the database holds of a site, with these attempts.
    pub fn read(app: &App, attempts: Vec<Attempt>) -> Self {
        let (mut conn, site) = (app.db.superuser(), app.site.id);
        let entries = format!(
            "SELECT (to_jsonb(e) || jsonb_build_object('before', e.before::jsonb, 'after', e.after::jsonb))::text AS text
               FROM audit_entries e JOIN journal_queue q ON q.site_id = e.site_id AND q.id = e.id
              WHERE e.site_id = '{site}' AND e.subject_kind IN ('referral', 'member') ORDER BY q.number"
        );
        let rows = format!("SELECT to_jsonb(r)::text AS text FROM referrals r WHERE site_id = '{site}'");
        Self {
            history: texts(&mut conn, &entries).iter().map(|text| serde_json::from_str(text).unwrap()).collect(),
            rows: texts(&mut conn, &rows).iter().map(|text| serde_json::from_str(text).unwrap()).collect(),
            attempts,
        }
    }
}

/// What is known of a referral or member at one point of the history, and by which requests it came there, the first being version 1.
#[derive(Default)]
struct Known {
    facts: Map<String, Value>,
    requests: Vec<Option<String>>,
}

impl Known {
    fn word(&self, field: &str) -> Option<&str> {
        self.facts.get(field).and_then(Value::as_str)
    }

    fn state(&self) -> Option<State> {
        Some(State {
            status: self.word("status").and_then(ReferralStatus::from_code)?,
            held_status: self.word("held_status").and_then(ReferralStatus::from_code),
            close_reason: self.word("close_reason").and_then(CloseReason::from_code),
            is_test: self.facts.get("is_test") == Some(&Value::Bool(true)),
            is_merged: self.word("merged_into_id").is_some(),
        })
    }

    fn blocker(&self, field: &str) -> Option<Blocker> {
        self.word(field).and_then(Blocker::from_code)
    }

    fn stand(&self) -> Option<Stand> {
        let State { status, held_status, .. } = self.state()?;
        Some(Stand { status, held_status, blocker: self.blocker("blocker"), held_blocker: self.blocker("held_blocker") })
    }

    /// Takes an entry in, which must be based on what is known; answers its label and where the subject stood before it.
    fn fold(&mut self, entry: &Entry, found: &mut Findings) -> (String, (Option<State>, Option<Stand>)) {
        let label = format!("{} of {} (version {})", entry.operation, entry.subject_id, self.requests.len() + 1);
        for (field, was) in entry.before.iter().flatten() {
            if self.facts.get(field).unwrap_or(&Value::Null) != was {
                found.lost_updates.push(format!("{label}: it was based on another {field}"));
            }
        }
        let before = (self.state(), self.stand());
        self.facts.extend(entry.after.clone().into_iter().flatten());
        self.requests.push(entry.request_id.clone());
        (label, before)
    }

    fn is_open(&self) -> bool {
        self.word("status") != Some("closed")
    }
}

/// Judges a case.
pub fn judge(case: &Case) -> Findings {
    let mut found = Findings::default();
    let (mut referrals, mut members): (BTreeMap<&str, Known>, BTreeMap<&str, Known>) = Default::default();
    for entry in &case.history {
        let of = if entry.subject_kind == "member" { &mut members } else { &mut referrals };
        let (label, before) = of.entry(&entry.subject_id).or_default().fold(entry, &mut found);
        let active = |id: Option<&str>| {
            id.and_then(|id| members.get(id))
                .is_some_and(|one| one.facts.get("active") == Some(&Value::Bool(true)) && one.word("role") != Some("viewer"))
        };
        if entry.subject_kind == "member" {
            let left = referrals.iter().filter(|(_, known)| known.is_open() && !active(known.word("owner_id")));
            found.ownerless.extend(left.map(|(id, _)| format!("{label}: {id} stays behind")));
            continue;
        }
        let known = &referrals[entry.subject_id.as_str()];
        if !is_legal(entry, before, known) {
            found.illegal_states.push(format!("{label}: {before:?} to {:?} by {:?}", known.stand(), entry.reason));
        }
        if known.is_open() && (known.word("next_action").is_none() || known.word("next_action_due_at").is_none()) {
            found.illegal_states.push(format!("{label}: nothing is next"));
        }
        if known.is_open() && !active(known.word("owner_id")) {
            found.ownerless.push(format!("{label}: its owner is none"));
        }
    }
    compare_rows(case, &referrals, &members, &mut found);
    compare_answers(case, &referrals, &mut found);
    found
}

/// Whether the rules lead from one state to the next.
fn is_legal(entry: &Entry, (was, stood): (Option<State>, Option<Stand>), known: &Known) -> bool {
    let (Some(is), Some(stands)) = (known.state(), known.stand()) else { return false };
    let held = is.status == ReferralStatus::OnHold;
    if held != is.held_status.is_some() || (held && stands.blocker.is_none()) {
        return false;
    }
    if (is.status == ReferralStatus::Closed) != is.close_reason.is_some() {
        return false;
    }
    let (Some(was), Some(stood)) = (was, stood) else {
        return entry.operation == "create_referral"
            && matches!(is.status, ReferralStatus::Received | ReferralStatus::Quarantined);
    };
    let stays = (was.status, was.held_status, was.close_reason) == (is.status, is.held_status, is.close_reason);
    let reason = entry.reason.as_deref();
    match entry.operation.as_str() {
        "update_referral" => stays,
        "deactivate_member" => stays && stood == stands,
        "create_bulk_action" if reason.is_some_and(|word| PlanReason::from_code(word).is_some()) => stays && stood == stands,
        "create_bulk_action" | "transition_referral" => {
            let reason = reason.and_then(TransitionReason::from_code);
            let moves = |to, blocker| referral_state::decide(&was, &Request { to, reason, blocker }).ok();
            let direct = moves(is.status, stands.blocker.filter(|_| held))
                .is_some_and(|decided| decided.held_status == is.held_status && decided.close_reason == is.close_reason);
            // While the study is paused, what would get into flight is held on its way.
            let on_its_way = held && stands.blocker == Some(Blocker::StudyPaused);
            direct || on_its_way && is.held_status.is_some_and(|to| standstill::in_flight(to) && moves(to, None).is_some())
        }
        "transition_study" => [(Change::StudyPaused, StudyStatus::Paused), (Change::StudyOpened, StudyStatus::Open)]
            .into_iter()
            .filter_map(|(change, study)| standstill::outcome(change, &stood, study))
            .any(|outcome| outcome.stand == stands),
        "withdraw_referral" => {
            is.status == ReferralStatus::Closed && referral_state::withdraw(&was).close_reason == is.close_reason
        }
        _ => false,
    }
}

/// The history leads to what is there: the same state, and as many versions as there are entries.
fn compare_rows(case: &Case, referrals: &BTreeMap<&str, Known>, members: &BTreeMap<&str, Known>, found: &mut Findings) {
    for row in &case.rows {
        let id = row["id"].as_str().unwrap_or_default();
        let Some(known) = referrals.get(id) else {
            found.lost_updates.push(format!("{id}: nothing is told of it"));
            continue;
        };
        if row["version"].as_u64() != u64::try_from(known.requests.len()).ok() {
            found.lost_updates.push(format!("{id}: version {} after {} entries", row["version"], known.requests.len()));
        }
        for field in ["status", "held_status", "blocker", "held_blocker", "close_reason", "owner_id", "next_action"] {
            if known.facts.get(field).unwrap_or(&Value::Null) != &row[field] {
                found.lost_updates.push(format!("{id}: the history leads to another {field}"));
            }
        }
        let owner = row["owner_id"].as_str().and_then(|owner| members.get(owner));
        let able = owner.is_some_and(|owner| owner.facts.get("active") == Some(&Value::Bool(true)));
        if row["status"] != "closed" && !able {
            found.ownerless.push(format!("{id}: at the end"));
        }
    }
}

/// What was answered is what happened: of the writes on one version one was accepted, it stands in the history as that version, and
/// nothing that was refused does.
fn compare_answers(case: &Case, referrals: &BTreeMap<&str, Known>, found: &mut Findings) {
    let mut accepted = BTreeSet::new();
    for attempt in &case.attempts {
        let Attempt { request, referral, read, outcome } = attempt;
        let written = referrals.get(referral.as_str()).map_or(&[][..], |known| &known.requests);
        let places: Vec<usize> =
            (1..).zip(written).filter(|(_, by)| by.as_ref() == Some(request)).map(|(place, _)| place).collect();
        match outcome {
            Outcome::Refused if !places.is_empty() => found.refused_written.push(format!("{request} on {referral}")),
            // A request that says what is there already is done and writes nothing.
            Outcome::Done(made) if made.is_some() && made == read && places.is_empty() => {}
            Outcome::Done(made) => {
                let next = read.map(|read| read + 1);
                let told = made.or(next).and_then(|made| usize::try_from(made).ok());
                let once = match told {
                    Some(told) => places == [told] && *made == next,
                    None => places.len() == 1,
                };
                if !once {
                    found
                        .lost_updates
                        .push(format!("{request} on {referral}: {read:?} to {made:?}, and in the history at {places:?}"));
                }
                if read.is_some() && !accepted.insert((referral, read)) {
                    found.lost_updates.push(format!("{referral}: two writes on version {read:?} were accepted"));
                }
            }
            Outcome::Refused | Outcome::Busy => {}
        }
    }
}
