//! The table cell by cell, and what each effect makes of each stand.

use super::*;

const IN_FLIGHT: [ReferralStatus; 5] = [
    ReferralStatus::Received,
    ReferralStatus::Acknowledged,
    ReferralStatus::Contacting,
    ReferralStatus::Connected,
    ReferralStatus::HandedOff,
];

/// Every stand that a row may have (the constraints of the table allow no other).
fn every_stand() -> Vec<Stand> {
    let blockers = || Blocker::ALL.iter().copied();
    let mut stands = Vec::new();
    for blocker in blockers().map(Some).chain([None]) {
        let bare = Stand { status: ReferralStatus::Quarantined, held_status: None, blocker, held_blocker: None };
        stands.push(bare);
        stands.extend(IN_FLIGHT.map(|status| Stand { status, ..bare }));
        if blocker.is_some() {
            let held = |status| Stand { status: ReferralStatus::OnHold, held_status: Some(status), ..bare };
            stands.extend(IN_FLIGHT.map(held));
        }
        let under = blocker.filter(|blocker| *blocker != Blocker::StudyPaused);
        if let Some(under) = under {
            stands.extend(IN_FLIGHT.map(|status| Stand {
                status: ReferralStatus::OnHold,
                held_status: Some(status),
                blocker: Some(Blocker::StudyPaused),
                held_blocker: Some(under),
            }));
        }
    }
    stands
}

fn table(waits_for_partner: bool) -> Vec<String> {
    let line = |change: &Change| {
        let cells = Standing::ALL.iter().map(|standing| effect(*change, *standing, waits_for_partner).as_str());
        format!("{change}: {}", cells.collect::<Vec<_>>().join(" "))
    };
    Change::ALL.iter().map(line).collect()
}

#[test]
fn every_cell_of_the_table_is_the_decided_one() {
    let standings: Vec<&str> = Standing::ALL.iter().map(|standing| standing.as_str()).collect();
    assert_eq!(standings, ["in_flight", "blocked", "awaits_opening", "held_by_pause", "held", "quarantined"]);
    let nothing = "goes_on goes_on goes_on goes_on goes_on goes_on";
    let expected = |ended: &str| {
        let mut lines = vec![
            "study_paused: held held held goes_on goes_on goes_on".to_owned(),
            "study_opened: goes_on goes_on released released goes_on goes_on".to_owned(),
            "study_closed: to_close to_close released_to_close released_to_close to_close goes_on".to_owned(),
        ];
        for change in ["partner_paused", "partner_resumed", "partner_suspended"] {
            lines.push(format!("{change}: {nothing}"));
        }
        lines.push(format!("partner_ended: {ended}"));
        for change in ["route_paused", "route_resumed", "route_retired"] {
            lines.push(format!("{change}: {nothing}"));
        }
        lines
    };
    assert_eq!(table(false), expected(nothing));
    assert_eq!(table(true), expected(&["wait_ends"; 6].join(" ")));
}

#[test]
fn a_pause_and_an_opening_leave_everything_as_it_was() {
    for stand in every_stand() {
        let paused = outcome(Change::StudyPaused, &stand, StudyStatus::Paused).map_or(stand, |outcome| outcome.stand);
        assert!(!in_flight(paused.status), "{stand:?}");
        assert_eq!(paused.waits_for_partner(), stand.waits_for_partner(), "{stand:?}: the pause ends no wait");
        let opened = outcome(Change::StudyOpened, &paused, StudyStatus::Open).map_or(paused, |outcome| outcome.stand);
        // The pause itself is no blocker to come back to, also where a person had set it.
        let lifted = |stand: Stand| if stand.awaits_opening() { stand.back() } else { stand };
        assert_eq!(opened, lifted(stand), "{stand:?}");
        assert!(!opened.awaits_opening());
    }
}

#[test]
fn an_end_closes_nobody_and_asks_the_owner_to() {
    for stand in every_stand() {
        let Some(closed) = outcome(Change::StudyClosed, &stand, StudyStatus::Closed) else {
            assert_eq!(stand.status, ReferralStatus::Quarantined);
            continue;
        };
        assert_eq!(closed.next, Next::ConfirmClose);
        assert_ne!(closed.stand.status, ReferralStatus::Closed);
        assert!(!closed.stand.awaits_opening(), "{stand:?}: nobody waits for a study that opens no more");
        assert_eq!(closed.stand.waits_for_partner(), stand.waits_for_partner(), "the partner's view stays");
    }
}

#[test]
fn nobody_waits_for_a_partner_that_ended_and_nobody_flies_in_a_paused_study() {
    for stand in every_stand() {
        for study in StudyStatus::ALL {
            let ended = outcome(Change::PartnerEnded, &stand, *study);
            assert_eq!(ended.is_some(), stand.waits_for_partner(), "{stand:?}");
            let Some(ended) = ended else { continue };
            assert!(!ended.stand.waits_for_partner(), "{stand:?}");
            if *study == StudyStatus::Paused {
                assert!(!in_flight(ended.stand.status), "{stand:?}");
            } else if stand.held_blocker.is_none() && stand.status != ReferralStatus::Quarantined {
                assert_eq!(ended.stand.status, stand.held_status.unwrap_or(stand.status), "{stand:?}");
                assert_eq!((ended.stand.blocker, ended.next), (None, Next::ConfirmClose), "{stand:?}");
            } else {
                assert_eq!((ended.stand.status, ended.next), (stand.status, Next::Stays), "{stand:?}");
            }
        }
    }
}

#[test]
fn nobody_arrives_in_flight_in_a_paused_study_and_the_opening_brings_it_where_it_was_going() {
    for stand in every_stand() {
        let paused = arrive(StudyStatus::Paused, stand);
        assert!(!in_flight(paused.stand.status), "{stand:?}");
        if in_flight(stand.status) && stand.blocker.is_none() {
            let opened = outcome(Change::StudyOpened, &paused.stand, StudyStatus::Open).unwrap();
            assert_eq!(opened, arrive(StudyStatus::Open, stand));
            assert_eq!(arrive(StudyStatus::Closed, stand), Outcome { stand, next: Next::ConfirmClose });
        }
    }
    for status in ReferralStatus::ALL {
        let (blocker, _) = start(StudyStatus::Paused, *status);
        assert_eq!(blocker.is_some(), in_flight(*status));
        for study in StudyStatus::ALL {
            assert_eq!(start(*study, *status).1.is_some(), *status != ReferralStatus::Closed, "open means somebody's turn");
        }
    }
}

#[test]
fn what_the_table_makes_can_be_kept() {
    let known = every_stand();
    for stand in &known {
        for change in Change::ALL {
            for study in StudyStatus::ALL {
                if let Some(outcome) = outcome(*change, stand, *study) {
                    assert!(known.contains(&outcome.stand), "{change} makes {:?} of {stand:?}", outcome.stand);
                }
            }
        }
    }
}

#[test]
fn moves_of_studies_and_partners_are_changes_of_the_table() {
    assert_eq!(StudyStatus::ALL.iter().map(|to| Change::of_study(*to).as_str()).collect::<Vec<_>>().len(), 3);
    let of: Vec<_> = PartnerStatus::ALL.iter().map(|to| Change::of_partner(*to).map(Change::as_str)).collect();
    assert_eq!(of.iter().flatten().count(), 4, "{of:?}");
    assert_eq!(Change::of_partner(PartnerStatus::Ended), Some(Change::PartnerEnded));
}
