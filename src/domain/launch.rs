//! What a route has to have before it takes live referrals (PRODUCT.md §2, rule 3): every check with its state, and whether all hold.
//! Pure: `ops` gathers the facts; `launch-check` shows what this says, and `launch` obeys it.

use super::vocabulary::{PartnerStatus, RouteStatus, StudyStatus};

text_enum! {
    /// What a launch needs.
    pub enum LaunchCheck {
        /// The study is open.
        StudyOpen = "study_open",
        /// The partner is `test_pending` or `active`.
        PartnerReady = "partner_ready",
        /// The study has approved language that is current today.
        LanguageApproved = "language_approved",
        /// The partner has acknowledged exactly that version.
        LanguageAcknowledged = "language_acknowledged",
        /// The owner is an active admin or coordinator.
        OwnerActive = "owner_active",
        /// Alerts reach the owner.
        OwnerReachable = "owner_reachable",
        /// The backup owner is another active admin or coordinator.
        BackupOwnerActive = "backup_owner_active",
        /// Alerts reach the backup owner.
        BackupOwnerReachable = "backup_owner_reachable",
        /// The route has a source tag.
        SourceTag = "source_tag",
        /// A test referral went the whole way over exactly this configuration.
        TestPassed = "test_passed",
    }
}

/// What is known of a route when it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    /// The study's status.
    pub study: StudyStatus,
    /// The partner's status.
    pub partner: PartnerStatus,
    /// Whether approved language is current.
    pub language_approved: bool,
    /// Whether the partner has acknowledged that version.
    pub language_acknowledged: bool,
    /// Whether the owner may own work.
    pub owner_active: bool,
    /// Whether alerts reach the owner.
    pub owner_reachable: bool,
    /// Whether the backup owner may own work, and is not the owner.
    pub backup_active: bool,
    /// Whether alerts reach the backup owner.
    pub backup_reachable: bool,
    /// Whether there is a source tag.
    pub source_tag: bool,
    /// Whether a run without a persona passed for the configuration as it is.
    pub test_passed: bool,
}

/// A check with its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// Which.
    pub check: LaunchCheck,
    /// Whether it holds.
    pub passed: bool,
}

impl LaunchCheck {
    const fn holds(self, ready: &Readiness) -> bool {
        match self {
            Self::StudyOpen => matches!(ready.study, StudyStatus::Open),
            Self::PartnerReady => matches!(ready.partner, PartnerStatus::TestPending | PartnerStatus::Active),
            Self::LanguageApproved => ready.language_approved,
            Self::LanguageAcknowledged => ready.language_approved && ready.language_acknowledged,
            Self::OwnerActive => ready.owner_active,
            Self::OwnerReachable => ready.owner_active && ready.owner_reachable,
            Self::BackupOwnerActive => ready.backup_active,
            Self::BackupOwnerReachable => ready.backup_active && ready.backup_reachable,
            Self::SourceTag => ready.source_tag,
            Self::TestPassed => ready.test_passed,
        }
    }

    /// What to do when it does not hold, as a sentence for a person.
    #[must_use]
    pub const fn what_to_do(self) -> &'static str {
        match self {
            Self::StudyOpen => "Open the study first.",
            Self::PartnerReady => "Move the partner on: it is ready for its test when it has acknowledged the language.",
            Self::LanguageApproved => "Have a language version of the study approved that is in effect today.",
            Self::LanguageAcknowledged => "Ask the partner to acknowledge the current language version with its key.",
            Self::OwnerActive => "Give the route an owner who is an active admin or coordinator.",
            Self::OwnerReachable => "Give the owner a channel for alerts that works, and try it with a test alert.",
            Self::BackupOwnerActive => "Give the route another active admin or coordinator as backup owner.",
            Self::BackupOwnerReachable => "Give the backup owner a channel for alerts that works, and try it with a test alert.",
            Self::SourceTag => "Give the route a source tag.",
            Self::TestPassed => "Open a test run and complete it: no passed test belongs to the configuration as it is now.",
        }
    }
}

/// Every check with its state, in the order in which a site would clear them.
#[must_use]
pub fn check(ready: &Readiness) -> Vec<Checked> {
    LaunchCheck::ALL.iter().map(|check| Checked { check: *check, passed: check.holds(ready) }).collect()
}

/// What an edit that changes the configuration makes of a route's status: what was proven is proven no more, and what was live stops
/// at once. `None`: it stays as it is.
#[must_use]
pub const fn voided(status: RouteStatus) -> Option<RouteStatus> {
    match status {
        RouteStatus::Launched | RouteStatus::Paused => Some(RouteStatus::RetestRequired),
        RouteStatus::Draft | RouteStatus::Testing | RouteStatus::RetestRequired | RouteStatus::Retired => None,
    }
}

/// What opening a test run makes of a route's status. A launched route keeps its traffic while it is tested again: nothing of what was
/// proven has changed.
#[must_use]
pub const fn tested(status: RouteStatus) -> Option<RouteStatus> {
    match status {
        RouteStatus::Draft => Some(RouteStatus::Testing),
        RouteStatus::Testing
        | RouteStatus::Launched
        | RouteStatus::Paused
        | RouteStatus::RetestRequired
        | RouteStatus::Retired => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: Readiness = Readiness {
        study: StudyStatus::Open,
        partner: PartnerStatus::TestPending,
        language_approved: true,
        language_acknowledged: true,
        owner_active: true,
        owner_reachable: true,
        backup_active: true,
        backup_reachable: true,
        source_tag: true,
        test_passed: true,
    };

    fn missing(ready: &Readiness) -> Vec<LaunchCheck> {
        check(ready).into_iter().filter(|checked| !checked.passed).map(|checked| checked.check).collect()
    }

    #[test]
    fn a_route_is_ready_when_every_check_holds_and_each_fact_alone_keeps_it_back() {
        assert_eq!(missing(&READY), []);
        assert_eq!(missing(&Readiness { partner: PartnerStatus::Active, ..READY }), []);
        for (ready, expected) in [
            (Readiness { study: StudyStatus::Paused, ..READY }, vec![LaunchCheck::StudyOpen]),
            (Readiness { partner: PartnerStatus::LanguagePending, ..READY }, vec![LaunchCheck::PartnerReady]),
            (
                Readiness { language_approved: false, ..READY },
                vec![LaunchCheck::LanguageApproved, LaunchCheck::LanguageAcknowledged],
            ),
            (Readiness { language_acknowledged: false, ..READY }, vec![LaunchCheck::LanguageAcknowledged]),
            (Readiness { owner_active: false, ..READY }, vec![LaunchCheck::OwnerActive, LaunchCheck::OwnerReachable]),
            (Readiness { owner_reachable: false, ..READY }, vec![LaunchCheck::OwnerReachable]),
            (
                Readiness { backup_active: false, ..READY },
                vec![LaunchCheck::BackupOwnerActive, LaunchCheck::BackupOwnerReachable],
            ),
            (Readiness { backup_reachable: false, ..READY }, vec![LaunchCheck::BackupOwnerReachable]),
            (Readiness { source_tag: false, ..READY }, vec![LaunchCheck::SourceTag]),
            (Readiness { test_passed: false, ..READY }, vec![LaunchCheck::TestPassed]),
        ] {
            assert_eq!(missing(&ready), expected);
        }
    }

    #[test]
    fn a_partner_that_is_anywhere_else_in_its_life_is_not_ready() {
        for partner in PartnerStatus::ALL {
            let ready = matches!(partner, PartnerStatus::TestPending | PartnerStatus::Active);
            assert_eq!(missing(&Readiness { partner: *partner, ..READY }).is_empty(), ready, "{partner}");
        }
    }

    #[test]
    fn an_edit_stops_what_is_live_and_a_test_stops_nothing() {
        for status in RouteStatus::ALL {
            let live = matches!(status, RouteStatus::Launched | RouteStatus::Paused);
            assert_eq!(voided(*status), live.then_some(RouteStatus::RetestRequired));
            assert!(!live || tested(*status).is_none());
        }
        assert_eq!(tested(RouteStatus::Draft), Some(RouteStatus::Testing));
    }
}
