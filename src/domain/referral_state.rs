//! The referral's state machine (PRODUCT.md, "referral status"). Pure: it decides, `ops` writes.

use chrono::{DateTime, Utc};

use super::vocabulary::{Blocker, CloseReason, ReferralStatus, ReopenReason};

text_enum! {
    /// Why a referral moves: a close reason when it closes, a reopen reason when it opens again.
    pub enum TransitionReason {
        HandoffComplete = "handoff_complete",
        UnreachableAfterAttempts = "unreachable_after_attempts",
        NoLongerInterested = "no_longer_interested",
        PersonRequestedNoContact = "person_requested_no_contact",
        WrongStudy = "wrong_study",
        WrongSite = "wrong_site",
        StudyNotAccepting = "study_not_accepting",
        SiteCapacity = "site_capacity",
        Duplicate = "duplicate",
        IncompleteHandoff = "incomplete_handoff",
        ChannelNotApproved = "channel_not_approved",
        TransferredSite = "transferred_site",
        PartnerWithdrew = "partner_withdrew",
        StudyTeamClosed = "study_team_closed",
        RetentionExpired = "retention_expired",
        EnteredInError = "entered_in_error",
        TestReferral = "test_referral",
        ClosedByMistake = "closed_by_mistake",
        PersonReturned = "person_returned",
        HandoffResumed = "handoff_resumed",
    }
}

/// Where a referral stands, as far as its moves depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// The status now.
    pub status: ReferralStatus,
    /// The open state an `on_hold` referral returns to.
    pub held_status: Option<ReferralStatus>,
    /// Why it ended, when it is closed.
    pub close_reason: Option<CloseReason>,
    /// Marked test for ever.
    pub is_test: bool,
    /// Whether another record goes on for the same person: then this one is closed for good.
    pub is_merged: bool,
}

/// What its partner's view of a referral depends on (`privacy::suppression::partner_view`).
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// The site's own status.
    pub status: ReferralStatus,
    /// Why it waits, if it does.
    pub blocker: Option<Blocker>,
    /// What a pause of the study covers: the pause is the site's matter, and ends nobody's turn.
    pub held_blocker: Option<Blocker>,
    /// Why it ended, if it did.
    pub close_reason: Option<CloseReason>,
    /// When it was entered.
    pub recorded_at: DateTime<Utc>,
    /// When it ended, if it did.
    pub closed_at: Option<DateTime<Utc>>,
    /// Whether the partner withdrew it.
    pub withdrawn: bool,
}

/// What the caller asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// The state to move to.
    pub to: ReferralStatus,
    /// Close or reopen reason.
    pub reason: Option<TransitionReason>,
    /// Why it waits, for `on_hold`.
    pub blocker: Option<Blocker>,
}

/// A decided move: what the row holds afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// The new status.
    pub status: ReferralStatus,
    /// The state an `on_hold` referral will return to.
    pub held_status: Option<ReferralStatus>,
    /// Why it waits.
    pub blocker: Option<Blocker>,
    /// Why it ended.
    pub close_reason: Option<CloseReason>,
    /// Why it was opened again, when this move opens it.
    pub reopen_reason: Option<ReopenReason>,
}

/// Why a move is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such move from this state.
    IllegalMove,
    /// Closing and reopening need a reason.
    ReasonMissing,
    /// The reason does not belong to this move.
    ReasonNotAllowed,
    /// Holding needs a blocker.
    BlockerMissing,
    /// Only holding takes a blocker.
    BlockerNotAllowed,
}

/// One thing that may be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedMove {
    /// The state it leads to.
    pub to: ReferralStatus,
    /// The reasons it takes, one of which is required; empty when it takes none.
    pub reasons: Vec<TransitionReason>,
    /// Whether it requires a blocker.
    pub blocker_required: bool,
}

/// The moves between states, reasons apart.
fn may_move(state: &State, to: ReferralStatus) -> bool {
    use ReferralStatus::{Acknowledged, Closed, Connected, Contacting, HandedOff, OnHold, Quarantined, Received};
    match (state.status, to) {
        (Quarantined, Received | Closed)
        | (Received, Acknowledged | Contacting | Connected | OnHold | Closed)
        | (Acknowledged, Contacting | Connected | OnHold | Closed)
        | (Contacting, Connected | OnHold | Closed)
        | (Connected, HandedOff | OnHold | Closed)
        | (HandedOff, Connected | OnHold | Closed)
        | (OnHold, Closed) => true,
        (OnHold, to) => state.held_status == Some(to),
        (Closed, Received) if state.is_merged => false,
        (Closed, Received) => !matches!(
            state.close_reason,
            None | Some(
                CloseReason::Duplicate | CloseReason::EnteredInError | CloseReason::TestReferral | CloseReason::RetentionExpired
            )
        ),
        _ => false,
    }
}

/// Whether this reason may close this referral by hand.
fn may_close(state: &State, reason: CloseReason) -> bool {
    match reason {
        CloseReason::HandoffComplete => state.status == ReferralStatus::HandedOff,
        CloseReason::TestReferral => state.is_test,
        // Set by the retention job alone: a person who closes by hand has another reason.
        CloseReason::RetentionExpired => false,
        _ => true,
    }
}

fn reasons_for(state: &State, to: ReferralStatus) -> Vec<TransitionReason> {
    let takes = |reason: &TransitionReason| match to {
        ReferralStatus::Closed => CloseReason::from_code(reason.as_str()).is_some_and(|close| may_close(state, close)),
        ReferralStatus::Received if state.status == ReferralStatus::Closed => ReopenReason::from_code(reason.as_str()).is_some(),
        _ => false,
    };
    TransitionReason::ALL.iter().copied().filter(takes).collect()
}

/// Everything that may be done from this state, in the order of the vocabulary.
#[must_use]
pub fn allowed(state: &State) -> Vec<AllowedMove> {
    ReferralStatus::ALL
        .iter()
        .copied()
        .filter(|to| may_move(state, *to))
        .map(|to| AllowedMove { to, reasons: reasons_for(state, to), blocker_required: to == ReferralStatus::OnHold })
        .collect()
}

/// Decides a requested move.
///
/// # Errors
/// The first rule it breaks.
pub fn decide(state: &State, request: &Request) -> Result<Move, Refusal> {
    if !may_move(state, request.to) {
        return Err(Refusal::IllegalMove);
    }
    match (request.to == ReferralStatus::OnHold, request.blocker) {
        (true, None) => return Err(Refusal::BlockerMissing),
        (false, Some(_)) => return Err(Refusal::BlockerNotAllowed),
        _ => {}
    }
    let reasons = reasons_for(state, request.to);
    match request.reason {
        None if !reasons.is_empty() => return Err(Refusal::ReasonMissing),
        Some(reason) if !reasons.contains(&reason) => return Err(Refusal::ReasonNotAllowed),
        _ => {}
    }
    let word = request.reason.map(TransitionReason::as_str);
    let closing = request.to == ReferralStatus::Closed;
    Ok(Move {
        status: request.to,
        held_status: (request.to == ReferralStatus::OnHold).then_some(state.status),
        blocker: request.blocker,
        close_reason: word.filter(|_| closing).and_then(CloseReason::from_code),
        reopen_reason: word.filter(|_| !closing).and_then(ReopenReason::from_code),
    })
}

/// Why no referral at all could take this move, whatever its state: a request for many is refused whole for it.
#[must_use]
pub fn never(request: &Request) -> Option<Refusal> {
    let word = request.reason.map(TransitionReason::as_str);
    match (request.to, word) {
        (ReferralStatus::OnHold, _) if request.blocker.is_none() => Some(Refusal::BlockerMissing),
        (to, _) if to != ReferralStatus::OnHold && request.blocker.is_some() => Some(Refusal::BlockerNotAllowed),
        (ReferralStatus::Closed, None) => Some(Refusal::ReasonMissing),
        (ReferralStatus::Closed, Some(word)) => CloseReason::from_code(word).is_none().then_some(Refusal::ReasonNotAllowed),
        (ReferralStatus::Received, Some(word)) => ReopenReason::from_code(word).is_none().then_some(Refusal::ReasonNotAllowed),
        (_, Some(_)) => Some(Refusal::ReasonNotAllowed),
        (_, None) => None,
    }
}

/// What an open referral becomes when what it waited for is there: a hold returns to the state it left, any other state stays.
#[must_use]
pub fn resume(state: &State) -> Move {
    let status = state.held_status.unwrap_or(state.status);
    Move { status, held_status: None, blocker: None, close_reason: None, reopen_reason: None }
}

/// What a referral becomes when its partner withdraws it: closed. One that the site closed before keeps the site's reason.
#[must_use]
pub fn withdraw(state: &State) -> Move {
    let close_reason = state.close_reason.or(Some(CloseReason::PartnerWithdrew));
    Move { status: ReferralStatus::Closed, held_status: None, blocker: None, close_reason, reopen_reason: None }
}

#[cfg(test)]
#[path = "referral_state_tests.rs"]
mod tests;
