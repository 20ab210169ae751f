//! Test runs: each step by what decides it, and what a run comes to.

use std::collections::BTreeSet;

use super::super::ids::MemberId;
use super::super::working_time::WorkingTime;
use super::*;

fn utc(hours: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::hours(hours)
}

fn member(number: u128) -> MemberId {
    MemberId(uuid::Uuid::from_u128(number))
}

fn all_passed() -> Vec<Step> {
    TestStep::ALL.iter().map(|step| Step::passed(*step, utc(1))).collect()
}

#[test]
fn a_run_passes_with_its_last_step_and_fails_with_its_first_failure() {
    assert_eq!(status(&[], utc(9), utc(1)), TestRunStatus::Open);
    assert_eq!(status(&[], utc(9), utc(9)), TestRunStatus::Expired);
    assert_eq!(status(&all_passed(), utc(9), utc(99)), TestRunStatus::Passed, "what passed in time stays passed");
    for missing in TestStep::ALL {
        let mut steps = all_passed();
        steps.retain(|step| step.step != *missing);
        assert_eq!(status(&steps, utc(9), utc(1)), TestRunStatus::Open, "{missing}");
        steps.push(Step::waiting(*missing));
        assert_eq!(status(&steps, utc(9), utc(1)), TestRunStatus::Open, "{missing}");
        steps.pop();
        steps.push(Step::failed(*missing, StepFailure::AlertUndelivered, utc(2)));
        assert_eq!(status(&steps, utc(9), utc(1)), TestRunStatus::Failed, "{missing}");
        assert_eq!(status(&steps, utc(9), utc(10)), TestRunStatus::Failed, "a failure says more than that the time is over");
    }
}

#[test]
fn the_source_tag_has_to_come_and_to_be_the_routes() {
    assert_eq!(attribution(Some(true), None, utc(1)).result, StepResult::Passed);
    assert_eq!(attribution(Some(false), None, utc(1)).failure, Some(StepFailure::WrongSourceTag));
    assert_eq!(attribution(None, None, utc(1)).failure, Some(StepFailure::MissingSourceTag));
    for sent in [Some(true), Some(false), None] {
        assert_eq!(attribution(sent, Some(TestPersona::TagMissing), utc(1)).failure, Some(StepFailure::MissingSourceTag));
    }
}

#[test]
fn the_backup_is_reached_when_the_escalation_would_give_it_the_referral_and_alerts_reach_it() {
    let [owner, backup, lead] = [1, 2, 3].map(member);
    let pace = Pace { hours: 8, working_time: WorkingTime::new(chrono_tz::UTC, &[], &[]) };
    let people = |able: &[MemberId], away: &[MemberId]| People {
        site_lead: lead,
        able: able.iter().copied().collect::<BTreeSet<_>>(),
        away: away.iter().copied().collect::<BTreeSet<_>>(),
    };
    let everybody = [owner, backup, lead];
    let result = |people: &People, reachable, persona| {
        let begun = Stall { owner, backup_owner: Some(backup), taken: None, escalate_at: Some(utc(24)) };
        backup_reached(&begun, people, &pace, reachable, persona, utc(1)).result
    };
    assert_eq!(result(&people(&everybody, &[]), true, None), StepResult::Passed);
    assert_eq!(result(&people(&everybody, &[owner]), true, None), StepResult::Passed, "the owner is passed over");
    assert_eq!(result(&people(&everybody, &[backup]), true, None), StepResult::Failed);
    assert_eq!(result(&people(&[owner, lead], &[]), true, None), StepResult::Failed, "the backup has left");
    assert_eq!(result(&people(&everybody, &[]), false, None), StepResult::Failed, "no alert reaches the backup");
    assert_eq!(result(&people(&everybody, &[]), true, Some(TestPersona::OwnerAway)), StepResult::Failed);
}
