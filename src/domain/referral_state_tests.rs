//! The whole machine against its written table.

use std::collections::BTreeSet;

use super::*;

fn state(status: ReferralStatus) -> State {
    State {
        status,
        held_status: (status == ReferralStatus::OnHold).then_some(ReferralStatus::Contacting),
        close_reason: (status == ReferralStatus::Closed).then_some(CloseReason::NoLongerInterested),
        is_test: false,
        is_merged: false,
    }
}

fn ask(to: ReferralStatus, reason: Option<TransitionReason>, blocker: Option<Blocker>) -> Request {
    Request { to, reason, blocker }
}

#[test]
fn the_table_of_moves_is_the_specified_one() {
    let table: Vec<String> = ReferralStatus::ALL
        .iter()
        .map(|from| {
            let to: Vec<&str> = allowed(&state(*from)).iter().map(|a| a.to.as_str()).collect();
            format!("{from} -> {}", to.join(" "))
        })
        .collect();
    assert_eq!(
        table,
        [
            "quarantined -> received closed",
            "received -> acknowledged contacting connected on_hold closed",
            "acknowledged -> contacting connected on_hold closed",
            "contacting -> connected on_hold closed",
            "connected -> handed_off on_hold closed",
            "handed_off -> connected on_hold closed",
            "on_hold -> contacting closed",
            "closed -> received",
        ]
    );
}

#[test]
fn the_reasons_of_transitions_are_the_close_and_reopen_reasons_and_no_other() {
    let union: BTreeSet<&str> =
        CloseReason::ALL.iter().map(|r| r.as_str()).chain(ReopenReason::ALL.iter().map(|r| r.as_str())).collect();
    let listed: BTreeSet<&str> = TransitionReason::ALL.iter().map(|r| r.as_str()).collect();
    assert_eq!(union, listed);
    for refused in
        ["ineligible", "screen_failure", "disqualified", "excluded", "enrolled", "randomised", "consented", "diabetes", "cancer"]
    {
        assert!(TransitionReason::from_code(refused).is_none(), "{refused}");
        assert!(CloseReason::from_code(refused).is_none(), "{refused}");
    }
}

#[test]
fn decide_agrees_with_allowed_on_every_request() {
    let reasons: Vec<Option<TransitionReason>> = TransitionReason::ALL.iter().copied().map(Some).chain([None]).collect();
    let blockers: Vec<Option<Blocker>> = Blocker::ALL.iter().copied().map(Some).chain([None]).collect();
    for from in ReferralStatus::ALL {
        for is_test in [false, true] {
            let from = State { is_test, ..state(*from) };
            let moves = allowed(&from);
            for to in ReferralStatus::ALL {
                for reason in &reasons {
                    for blocker in &blockers {
                        let expected = moves.iter().any(|a| {
                            a.to == *to
                                && a.blocker_required == blocker.is_some()
                                && reason.map_or(a.reasons.is_empty(), |r| a.reasons.contains(&r))
                        });
                        let decided = decide(&from, &ask(*to, *reason, *blocker));
                        assert_eq!(decided.is_ok(), expected, "{from:?} {to} {reason:?} {blocker:?}");
                        if let Ok(made) = decided {
                            assert_eq!(made.close_reason.is_some(), made.status == ReferralStatus::Closed);
                            assert_eq!(made.held_status.is_some(), made.status == ReferralStatus::OnHold);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_hold_returns_to_the_state_it_left() {
    let held =
        decide(&state(ReferralStatus::Connected), &ask(ReferralStatus::OnHold, None, Some(Blocker::AwaitingRecords))).unwrap();
    let back = State { held_status: held.held_status, ..state(held.status) };
    assert!(decide(&back, &ask(ReferralStatus::Connected, None, None)).is_ok());
    assert_eq!(decide(&back, &ask(ReferralStatus::Contacting, None, None)), Err(Refusal::IllegalMove));
}

#[test]
fn handoff_complete_closes_only_what_was_handed_off() {
    let complete = ask(ReferralStatus::Closed, Some(TransitionReason::HandoffComplete), None);
    for from in ReferralStatus::ALL {
        assert_eq!(decide(&state(*from), &complete).is_ok(), *from == ReferralStatus::HandedOff);
    }
}

#[test]
fn final_ends_are_never_reopened() {
    for reason in CloseReason::ALL {
        let closed = State { close_reason: Some(*reason), ..state(ReferralStatus::Closed) };
        let reopened = decide(&closed, &ask(ReferralStatus::Received, Some(TransitionReason::PersonReturned), None));
        let is_final = matches!(
            reason,
            CloseReason::Duplicate | CloseReason::EnteredInError | CloseReason::TestReferral | CloseReason::RetentionExpired
        );
        assert_eq!(reopened.is_err(), is_final, "{reason}");
        // The record that goes on stands for a merged one, whatever that one was closed for.
        assert!(allowed(&State { is_merged: true, ..closed }).is_empty(), "{reason}");
    }
}

#[test]
fn reasons_and_blockers_are_asked_for_where_they_belong() {
    let received = state(ReferralStatus::Received);
    assert_eq!(decide(&received, &ask(ReferralStatus::Closed, None, None)), Err(Refusal::ReasonMissing));
    assert_eq!(
        decide(&received, &ask(ReferralStatus::Closed, Some(TransitionReason::PersonReturned), None)),
        Err(Refusal::ReasonNotAllowed)
    );
    assert_eq!(decide(&received, &ask(ReferralStatus::OnHold, None, None)), Err(Refusal::BlockerMissing));
    assert_eq!(
        decide(&received, &ask(ReferralStatus::Contacting, None, Some(Blocker::RouteBroken))),
        Err(Refusal::BlockerNotAllowed)
    );
}

#[test]
fn a_completion_returns_a_hold_where_it_left_and_a_withdrawal_ends_what_may_end() {
    for status in ReferralStatus::ALL.iter().copied().filter(|status| *status != ReferralStatus::Closed) {
        let state = state(status);
        let resumed = resume(&state);
        assert_eq!(resumed.status, state.held_status.unwrap_or(status));
        assert_eq!((resumed.held_status, resumed.blocker), (None, None));
        // The same as a person may do by hand.
        let reason = Some(TransitionReason::PartnerWithdrew);
        assert_eq!(decide(&state, &ask(ReferralStatus::Closed, reason, None)), Ok(withdraw(&state)), "{status}");
        if status == ReferralStatus::OnHold {
            assert_eq!(decide(&state, &ask(resumed.status, None, None)), Ok(resumed));
        }
    }
    let ended = withdraw(&state(ReferralStatus::Closed));
    assert_eq!((ended.status, ended.close_reason), (ReferralStatus::Closed, Some(CloseReason::NoLongerInterested)));
}

#[test]
fn what_never_may_be_done_is_what_no_state_allows() {
    use super::super::vocabulary::Blocker;
    let mut states = Vec::new();
    for status in ReferralStatus::ALL.iter().copied() {
        for held_status in [None, Some(ReferralStatus::Received), Some(ReferralStatus::Contacting)] {
            for close_reason in [None, Some(CloseReason::WrongStudy)] {
                for is_test in [false, true] {
                    states.push(State { status, held_status, close_reason, is_test, is_merged: false });
                }
            }
        }
    }
    let reasons: Vec<Option<TransitionReason>> =
        std::iter::once(None).chain(TransitionReason::ALL.iter().copied().map(Some)).collect();
    for to in ReferralStatus::ALL.iter().copied() {
        for reason in reasons.iter().copied() {
            for blocker in [None, Some(Blocker::AwaitingRecords)] {
                let request = Request { to, reason, blocker };
                let somewhere = states.iter().any(|state| decide(state, &request).is_ok());
                if somewhere {
                    assert_eq!(never(&request), None, "{request:?}");
                } else if to != ReferralStatus::Quarantined && reason != Some(TransitionReason::RetentionExpired) {
                    assert!(never(&request).is_some(), "{request:?}");
                }
            }
        }
    }
}
