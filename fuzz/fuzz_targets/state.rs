//! The state machine: what is decided is among what was said to be allowed.
#![no_main]

use handoff::domain::referral_state::{Request, State, TransitionReason, allowed, decide};
use handoff::domain::vocabulary::{Blocker, CloseReason, ReferralStatus};
use libfuzzer_sys::fuzz_target;

fn one<T: Copy>(of: &[T], byte: u8) -> Option<T> {
    of.get(usize::from(byte)).copied()
}

fuzz_target!(|bytes: [u8; 7]| {
    let [status, held, closed, flags, to, reason, blocker] = bytes;
    let (Some(status), Some(to)) = (one(ReferralStatus::ALL, status), one(ReferralStatus::ALL, to)) else { return };
    let state = State {
        status,
        held_status: one(ReferralStatus::ALL, held),
        close_reason: one(CloseReason::ALL, closed),
        is_test: flags & 1 > 0,
        is_merged: flags & 2 > 0,
    };
    let request = Request { to, reason: one(TransitionReason::ALL, reason), blocker: one(Blocker::ALL, blocker) };
    let moves = allowed(&state);
    match decide(&state, &request) {
        Ok(decided) => {
            let is_it = |allowed: &&handoff::domain::referral_state::AllowedMove| allowed.to == decided.status;
            let allowed = moves.iter().find(is_it).expect("it was said to be allowed");
            assert_eq!(request.reason.is_some(), !allowed.reasons.is_empty());
            assert_eq!(request.blocker.is_some(), allowed.blocker_required);
        }
        Err(_) => assert!(!moves.iter().any(|allowed| {
            allowed.to == to
                && allowed.blocker_required == request.blocker.is_some()
                && request.reason.map_or(allowed.reasons.is_empty(), |reason| allowed.reasons.contains(&reason))
        })),
    }
});
