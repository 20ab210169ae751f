//! Every way through an escalation.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use proptest::prelude::*;

use super::{MemberId, Pace, People, Stall, Step, decide, starts};
use crate::domain::vocabulary::{AlertKind, Blocker, Escalation, ReferralStatus};
use crate::domain::working_time::WorkingTime;

const OWNER: MemberId = MemberId(uuid::Uuid::from_u128(1));
const BACKUP: MemberId = MemberId(uuid::Uuid::from_u128(2));
const LEAD: MemberId = MemberId(uuid::Uuid::from_u128(3));

fn at(hours: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::hours(hours)
}

fn pace() -> Pace {
    Pace { hours: 8, working_time: WorkingTime::new(chrono_tz::UTC, &[], &[]) }
}

fn people(able: &[MemberId], away: &[MemberId]) -> People {
    People { site_lead: LEAD, able: able.iter().copied().collect(), away: away.iter().copied().collect() }
}

fn stall(taken: Option<Escalation>) -> Stall {
    Stall { owner: OWNER, backup_owner: Some(BACKUP), taken, escalate_at: Some(at(0)) }
}

/// Every step from the first to the last, each taken when it is due.
fn all_steps(mut stall: Stall, people: &People) -> Vec<Step> {
    let mut steps = Vec::new();
    while let Some(step) = stall.escalate_at.and_then(|due| decide(due, &stall, people, &pace())) {
        steps.push(step);
        assert!(steps.len() <= 3, "it goes on: {steps:?}");
        stall = Stall { owner: step.owner, taken: Some(step.escalation), escalate_at: step.escalate_at, ..stall };
    }
    steps
}

/// The steps in short: how far, to whom, and with which alert.
fn told(stall: Stall, people: &People) -> Vec<(Escalation, MemberId, AlertKind)> {
    all_steps(stall, people).into_iter().map(|step| (step.escalation, step.owner, step.alert)).collect()
}

#[test]
fn the_owner_is_reminded_then_the_backup_owner_has_it_then_the_site_lead() {
    use AlertKind::{ActionDue, Escalated};
    use Escalation::{BackupOwner, Reminder, SiteLead};
    let everybody = people(&[OWNER, BACKUP, LEAD], &[]);
    assert_eq!(
        told(stall(None), &everybody),
        [(Reminder, OWNER, ActionDue), (BackupOwner, BACKUP, Escalated), (SiteLead, LEAD, Escalated)]
    );
    let times: Vec<_> = all_steps(stall(None), &everybody).iter().map(|step| step.escalate_at).collect();
    assert_eq!(times, [Some(at(8)), Some(at(16)), None]);
    assert_eq!(decide(at(-1), &stall(None), &everybody, &pace()), None, "not yet");
    assert_eq!(decide(at(1), &Stall { escalate_at: None, ..stall(None) }, &everybody, &pace()), None, "never");
}

#[test]
fn a_step_that_would_reach_nobody_is_passed_over() {
    use AlertKind::{ActionDue, Escalated};
    use Escalation::{BackupOwner, Reminder, SiteLead};
    let all = [OWNER, BACKUP, LEAD];
    let to_lead = (SiteLead, LEAD, Escalated);
    let to_backup = (BackupOwner, BACKUP, Escalated);
    let reminded = (Reminder, OWNER, ActionDue);
    for (able, away, expected) in [
        (&all[..], &[OWNER][..], vec![to_backup, to_lead]),
        (&all[1..], &[], vec![to_backup, to_lead]),
        (&all, &[BACKUP], vec![reminded, to_lead]),
        (&[OWNER, LEAD], &[], vec![reminded, to_lead]),
        (&all, &[OWNER, BACKUP], vec![to_lead]),
        (&all, &all, vec![to_lead]),
    ] {
        assert_eq!(told(stall(None), &people(able, away)), expected, "able {able:?}, away {away:?}");
    }
    let own_backup = Stall { backup_owner: Some(OWNER), ..stall(None) };
    assert_eq!(told(own_backup, &people(&all, &[])), [reminded, to_lead]);
    // The lead's own: it is told once more, and nobody is left to tell.
    let of_lead = Stall { owner: LEAD, ..stall(None) };
    let last = (SiteLead, LEAD, ActionDue);
    assert_eq!(told(of_lead, &people(&all, &[BACKUP])), [(Reminder, LEAD, ActionDue), last]);
    assert_eq!(told(of_lead, &people(&all, &[BACKUP, LEAD])), [last]);
    assert_eq!(told(of_lead, &people(&all, &[])), [(Reminder, LEAD, ActionDue), to_backup, to_lead]);
}

#[test]
fn what_waits_for_nobody_never_starts() {
    let due = Some(at(1));
    assert_eq!(starts(ReferralStatus::Closed, None, false, None), None);
    assert_eq!(starts(ReferralStatus::Received, None, true, due), None, "a test reaches nobody");
    assert_eq!(starts(ReferralStatus::OnHold, Some(Blocker::StudyPaused), false, due), None);
    assert_eq!(starts(ReferralStatus::OnHold, Some(Blocker::AwaitingRecords), false, due), due, "a blocker has an owner too");
    // A launch test is judged by the same rules, as if its step were due a moment after its action.
    let evaluated =
        decide(at(1) + Duration::seconds(1), &Stall { escalate_at: due, ..stall(None) }, &people(&[OWNER], &[]), &pace());
    assert_eq!(evaluated.map(|step| step.escalation), Some(Escalation::Reminder));
}

fn some_of_them() -> impl Strategy<Value = BTreeSet<MemberId>> {
    prop::collection::btree_set(prop::sample::select(vec![OWNER, BACKUP, LEAD]), 0..=3)
}

proptest! {
    /// Whoever is there, away or gone, also when that changes between the steps: somebody owns it, no step comes twice, the site
    /// lead is the last, and there are three at the most.
    #[test]
    fn an_escalation_ends_with_the_lead_and_takes_no_step_twice(
        owner in prop::sample::select(vec![OWNER, BACKUP, LEAD]),
        backup in prop::sample::select(vec![OWNER, BACKUP, LEAD]),
        days in prop::collection::vec((some_of_them(), some_of_them()), 4),
    ) {
        let mut stall = Stall { owner, backup_owner: Some(backup), taken: None, escalate_at: Some(at(0)) };
        let mut taken = BTreeSet::new();
        for (able, away) in days {
            let people = People { site_lead: LEAD, able, away };
            let Some(due) = stall.escalate_at else { break };
            prop_assert_eq!(decide(due - Duration::seconds(1), &stall, &people, &pace()), None);
            let step = decide(due, &stall, &people, &pace()).expect("a step that is due");
            prop_assert!(taken.insert(step.escalation), "{:?} twice", step.escalation);
            prop_assert!(step.owner == LEAD || people.can_act(step.owner), "it reaches nobody");
            prop_assert_eq!(step.alert == AlertKind::ActionDue, step.owner == stall.owner);
            prop_assert!(step.escalate_at.is_none_or(|next| next > due));
            prop_assert_eq!(step.escalate_at.is_none(), step.escalation == Escalation::SiteLead);
            prop_assert!(step.escalation != Escalation::SiteLead || step.owner == LEAD);
            stall = Stall { owner: step.owner, taken: Some(step.escalation), escalate_at: step.escalate_at, ..stall };
        }
        prop_assert_eq!((stall.taken, stall.escalate_at), (Some(Escalation::SiteLead), None));
    }
}
