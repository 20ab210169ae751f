//! The lifecycles of configuration: studies, partners and routes (PRODUCT.md §1). Which moves a person may make.

use super::vocabulary::{PartnerStatus, RouteStatus, StudyStatus};

/// The states a study may move to from here.
#[must_use]
pub const fn study_moves(from: StudyStatus) -> &'static [StudyStatus] {
    match from {
        StudyStatus::Open => &[StudyStatus::Paused, StudyStatus::Closed],
        StudyStatus::Paused => &[StudyStatus::Open, StudyStatus::Closed],
        StudyStatus::Closed => &[],
    }
}

/// The states a person may move a partner to from here; `suspended` is set by a guard alone, and lifted by a person.
#[must_use]
pub const fn partner_moves(from: PartnerStatus) -> &'static [PartnerStatus] {
    match from {
        PartnerStatus::Draft => &[PartnerStatus::LanguagePending, PartnerStatus::Ended],
        PartnerStatus::LanguagePending => &[PartnerStatus::TestPending, PartnerStatus::Ended],
        PartnerStatus::TestPending => &[PartnerStatus::Active, PartnerStatus::Ended],
        PartnerStatus::Active => &[PartnerStatus::Paused, PartnerStatus::Ended],
        PartnerStatus::Paused | PartnerStatus::Suspended => &[PartnerStatus::Active, PartnerStatus::Ended],
        PartnerStatus::Ended => &[],
    }
}

/// What a person may do with a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteMove {
    /// Let it take live referrals.
    Launch,
    /// Stop it for a while.
    Pause,
    /// Let a paused one go on.
    Resume,
    /// End it.
    Retire,
}

impl RouteMove {
    /// Every move, in the order of a route's life.
    pub const ALL: &'static [Self] = &[Self::Launch, Self::Pause, Self::Resume, Self::Retire];

    /// Its word, as it stands in the path.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Retire => "retire",
        }
    }

    /// Where it leads from this state, if it may be made.
    #[must_use]
    pub const fn from(self, status: RouteStatus) -> Option<RouteStatus> {
        match (self, status) {
            (Self::Launch, RouteStatus::Draft | RouteStatus::Testing | RouteStatus::RetestRequired)
            | (Self::Resume, RouteStatus::Paused) => Some(RouteStatus::Launched),
            (Self::Pause, RouteStatus::Launched) => Some(RouteStatus::Paused),
            (Self::Retire, RouteStatus::Retired) => None,
            (Self::Retire, _) => Some(RouteStatus::Retired),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_final_and_only_a_guard_suspends() {
        assert!(study_moves(StudyStatus::Closed).is_empty());
        assert!(partner_moves(PartnerStatus::Ended).is_empty());
        assert!(RouteMove::ALL.iter().all(|step| step.from(RouteStatus::Retired).is_none()));
        for from in PartnerStatus::ALL {
            assert!(!partner_moves(*from).contains(&PartnerStatus::Suspended));
        }
    }

    #[test]
    fn a_route_is_launched_from_before_launch_only_and_resumed_from_pause_only() {
        let launch: Vec<_> = RouteStatus::ALL.iter().filter(|s| RouteMove::Launch.from(**s).is_some()).collect();
        assert_eq!(launch, [&RouteStatus::Draft, &RouteStatus::Testing, &RouteStatus::RetestRequired]);
        let resume: Vec<_> = RouteStatus::ALL.iter().filter(|s| RouteMove::Resume.from(**s).is_some()).collect();
        assert_eq!(resume, [&RouteStatus::Paused]);
    }
}
