//! What open referrals do when their study, partner or route pauses, goes on or ends: one table, [`effect`], and what each of its
//! words makes of a referral. Pure: `ops` locks, asks and writes.
//!
//! A study that does not take people stops the work on them; a partner or a route that pauses stops only what would come in. An end
//! closes nobody: people are told, and end each referral with a reason. A quarantined one waits for a person's decision in any case.

use super::next_action;
use super::vocabulary::{Blocker, NextAction, PartnerStatus, ReferralStatus, StudyStatus};

text_enum! {
    /// A change of a study, a partner or a route.
    pub enum Change {
        StudyPaused = "study_paused",
        StudyOpened = "study_opened",
        StudyClosed = "study_closed",
        PartnerPaused = "partner_paused",
        PartnerResumed = "partner_resumed",
        PartnerSuspended = "partner_suspended",
        PartnerEnded = "partner_ended",
        RoutePaused = "route_paused",
        RouteResumed = "route_resumed",
        RouteRetired = "route_retired",
    }
}

impl Change {
    /// What a study's move to this state is.
    #[must_use]
    pub const fn of_study(to: StudyStatus) -> Self {
        match to {
            StudyStatus::Open => Self::StudyOpened,
            StudyStatus::Paused => Self::StudyPaused,
            StudyStatus::Closed => Self::StudyClosed,
        }
    }

    /// What a partner's move to this state is; `None` before it has sent anything.
    #[must_use]
    pub const fn of_partner(to: PartnerStatus) -> Option<Self> {
        match to {
            PartnerStatus::Draft | PartnerStatus::LanguagePending | PartnerStatus::TestPending => None,
            PartnerStatus::Active => Some(Self::PartnerResumed),
            PartnerStatus::Paused => Some(Self::PartnerPaused),
            PartnerStatus::Suspended => Some(Self::PartnerSuspended),
            PartnerStatus::Ended => Some(Self::PartnerEnded),
        }
    }
}

text_enum! {
    /// How an open referral stands, as far as these changes tell one from another.
    pub enum Standing {
        /// Received to handed off, and nothing stands in the way.
        InFlight = "in_flight",
        /// Received to handed off, with a blocker of its own.
        Blocked = "blocked",
        /// Recorded late while the study was paused (or marked so by hand): received to handed off, and it waits for the opening.
        AwaitsOpening = "awaits_opening",
        /// On hold because the study is paused.
        HeldByPause = "held_by_pause",
        /// On hold for another reason.
        Held = "held",
        /// Until a person decides.
        Quarantined = "quarantined",
    }
}

text_enum! {
    /// What happens to a referral.
    pub enum Effect {
        /// Nothing: it goes on with its owner.
        GoesOn = "goes_on",
        /// On hold until the study opens; the state that it leaves and its own blocker are kept under the hold.
        Held = "held",
        /// Back to the state and the blocker that were kept; its next action follows from them, due anew.
        Released = "released",
        /// Back to the state and the blocker that were kept, for its owner to end it.
        ReleasedToClose = "released_to_close",
        /// Where it is, for its owner to end it.
        ToClose = "to_close",
        /// It waits for the partner no longer.
        WaitEnds = "wait_ends",
    }
}

/// Where a referral stands and what stands in its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stand {
    /// The status.
    pub status: ReferralStatus,
    /// The state that a hold returns to.
    pub held_status: Option<ReferralStatus>,
    /// Why it waits.
    pub blocker: Option<Blocker>,
    /// The blocker that a pause of the study covers.
    pub held_blocker: Option<Blocker>,
}

/// What becomes of the next action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is as it was, and due when it was.
    Stays,
    /// It follows from where the referral stands now, and is due anew.
    Follows,
    /// The owner ends the referral; due by the terms of a follow-up.
    ConfirmClose,
}

/// What a referral becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Where it stands now.
    pub stand: Stand,
    /// What becomes of its next action.
    pub next: Next,
}

/// Whether a referral in this state is worked on.
#[must_use]
pub const fn in_flight(status: ReferralStatus) -> bool {
    use ReferralStatus::{Acknowledged, Connected, Contacting, HandedOff, Received};
    matches!(status, Received | Acknowledged | Contacting | Connected | HandedOff)
}

impl Stand {
    /// How it stands; `None` once it is closed.
    #[must_use]
    pub const fn standing(&self) -> Option<Standing> {
        match (self.status, self.blocker) {
            (ReferralStatus::Closed, _) => None,
            (ReferralStatus::Quarantined, _) => Some(Standing::Quarantined),
            (ReferralStatus::OnHold, Some(Blocker::StudyPaused)) => Some(Standing::HeldByPause),
            (ReferralStatus::OnHold, _) => Some(Standing::Held),
            (_, None) => Some(Standing::InFlight),
            (_, Some(Blocker::StudyPaused)) => Some(Standing::AwaitsOpening),
            (_, Some(_)) => Some(Standing::Blocked),
        }
    }

    /// Whether it goes on when its study opens, and not before.
    #[must_use]
    pub const fn awaits_opening(&self) -> bool {
        matches!(self.standing(), Some(Standing::HeldByPause | Standing::AwaitsOpening))
    }

    /// What it waits for: a pause of the study covers what stood in the way before, and does not end it.
    #[must_use]
    pub fn waits_for(&self) -> Option<Blocker> {
        self.held_blocker.or(self.blocker)
    }

    /// Whether it is the partner's turn.
    #[must_use]
    pub fn waits_for_partner(&self) -> bool {
        self.waits_for() == Some(Blocker::AwaitingPartnerCompletion)
    }

    /// Held until the study opens. That the study is paused is no blocker of its own to come back to.
    #[must_use]
    fn held(&self) -> Self {
        Self {
            status: ReferralStatus::OnHold,
            held_status: Some(self.held_status.unwrap_or(self.status)),
            blocker: Some(Blocker::StudyPaused),
            held_blocker: self.waits_for().filter(|blocker| *blocker != Blocker::StudyPaused),
        }
    }

    /// Where it returns to: what was kept under the hold.
    #[must_use]
    fn back(&self) -> Self {
        let status = self.held_status.unwrap_or(self.status);
        Self { status, held_status: None, blocker: self.held_blocker, held_blocker: None }
    }
}

/// The table. `waits_for_partner` counts when a partner ends, and never else.
#[must_use]
pub const fn effect(change: Change, standing: Standing, waits_for_partner: bool) -> Effect {
    use Standing::{AwaitsOpening, Blocked, Held, HeldByPause, InFlight, Quarantined};
    match (change, standing) {
        // Nobody works on people for a study that does not take any. Who waits for something else goes on waiting: the pause ends
        // no wait, and the end of a wait does not end the pause (`arrive`).
        (Change::StudyPaused, InFlight | Blocked | AwaitsOpening) => Effect::Held,
        (Change::StudyOpened, HeldByPause | AwaitsOpening) => Effect::Released,
        // No state says by itself why each of these ends: people do, one by one and with a reason.
        (Change::StudyClosed, HeldByPause | AwaitsOpening) => Effect::ReleasedToClose,
        (Change::StudyClosed, InFlight | Blocked | Held) => Effect::ToClose,
        // A partner that has gone completes nothing. What it sent before is the site's to work on.
        (Change::PartnerEnded, _) if waits_for_partner => Effect::WaitEnds,
        // What paused stops what would come in, and no more: those who are here have an owner.
        (Change::PartnerPaused | Change::PartnerResumed | Change::PartnerSuspended | Change::PartnerEnded, _)
        | (Change::RoutePaused | Change::RouteResumed | Change::RouteRetired, _)
        | (Change::StudyPaused, HeldByPause | Held)
        | (Change::StudyOpened, InFlight | Blocked | Held)
        | (Change::StudyPaused | Change::StudyOpened | Change::StudyClosed, Quarantined) => Effect::GoesOn,
    }
}

/// What the change makes of a referral whose study is in this state after it; `None`: nothing.
#[must_use]
pub fn outcome(change: Change, stand: &Stand, study: StudyStatus) -> Option<Outcome> {
    let of = |stand, next| Some(Outcome { stand, next });
    match effect(change, stand.standing()?, stand.waits_for_partner()) {
        Effect::GoesOn => None,
        Effect::Held => of(stand.held(), Next::Follows),
        Effect::Released => of(stand.back(), Next::Follows),
        Effect::ReleasedToClose => of(stand.back(), Next::ConfirmClose),
        Effect::ToClose => of(*stand, Next::ConfirmClose),
        Effect::WaitEnds => match stand.standing()? {
            Standing::Quarantined => of(Stand { blocker: None, ..*stand }, Next::Stays),
            Standing::HeldByPause => of(Stand { held_blocker: None, ..*stand }, Next::Stays),
            _ if study == StudyStatus::Paused => of(Stand { blocker: None, ..*stand }.held(), Next::Follows),
            _ => of(stand.back(), Next::ConfirmClose),
        },
    }
}

/// Where a referral comes that is on its way to `to`: nobody gets into flight while the study is paused, and in a closed study there
/// is nothing left but to end.
#[must_use]
pub fn arrive(study: StudyStatus, to: Stand) -> Outcome {
    match study {
        StudyStatus::Paused if in_flight(to.status) => Outcome { stand: to.held(), next: Next::Follows },
        StudyStatus::Closed if in_flight(to.status) => Outcome { stand: to, next: Next::ConfirmClose },
        _ => Outcome { stand: to, next: Next::Follows },
    }
}

/// The blocker and the next action of a new referral: one that is recorded late starts as any other does, and waits with it.
#[must_use]
pub const fn start(study: StudyStatus, status: ReferralStatus) -> (Option<Blocker>, Option<NextAction>) {
    match study {
        StudyStatus::Paused if in_flight(status) => {
            let blocker = Some(Blocker::StudyPaused);
            (blocker, next_action::follow(ReferralStatus::OnHold, blocker))
        }
        StudyStatus::Closed if in_flight(status) => (None, Some(NextAction::ConfirmClose)),
        _ => (None, next_action::follow(status, None)),
    }
}

#[cfg(test)]
#[path = "standstill_tests.rs"]
mod tests;
