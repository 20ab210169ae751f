//! Whether a live referral may be taken on a route now (PRODUCT.md §2, rule 2). Whoever asks before sending (preflight) and whoever
//! sends are answered by the same function.

use super::vocabulary::{Channel, PartnerStatus, RouteStatus, StudyStatus};

/// Why a route does not take a referral now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The route is not launched yet, or is retired.
    RouteNotLaunched,
    /// The route is paused.
    RoutePaused,
    /// The route was changed since its test.
    RetestNeeded,
    /// The study is not open.
    StudyNotOpen,
    /// The partner is not active.
    PartnerNotActive,
    /// The route does not list the channel.
    ChannelNotListed,
    /// The language that the partner acknowledged is not the current approved one.
    LanguageLapsed,
    /// The route has taken as many this month as it takes.
    NoCapacity,
}

/// The state of everything a referral passes through.
#[derive(Debug, Clone, Copy)]
pub struct Gate<'a> {
    /// The route's status.
    pub route: RouteStatus,
    /// The study's status.
    pub study: StudyStatus,
    /// The partner's status.
    pub partner: PartnerStatus,
    /// The channels the route lists.
    pub channels: &'a [Channel],
    /// Whether the partner acknowledged language that counts: the current approved version, or the one before within its grace period.
    pub language_stands: bool,
    /// Whether the route has room for one more this month.
    pub has_room: bool,
}

/// Every obstacle to a referral over this channel, in the order in which a site would clear them.
#[must_use]
pub fn obstacles(gate: &Gate<'_>, channel: Channel) -> Vec<Obstacle> {
    let route = match gate.route {
        RouteStatus::Launched => None,
        RouteStatus::Paused => Some(Obstacle::RoutePaused),
        RouteStatus::RetestRequired => Some(Obstacle::RetestNeeded),
        RouteStatus::Draft | RouteStatus::Testing | RouteStatus::Retired => Some(Obstacle::RouteNotLaunched),
    };
    let is_suspended = gate.partner == PartnerStatus::Suspended;
    let others = [
        (gate.study != StudyStatus::Open, Obstacle::StudyNotOpen),
        // A partner that is suspended for its language is told of the language.
        (gate.partner != PartnerStatus::Active && !is_suspended, Obstacle::PartnerNotActive),
        (!gate.channels.contains(&channel), Obstacle::ChannelNotListed),
        (!gate.language_stands || is_suspended, Obstacle::LanguageLapsed),
        (!gate.has_room, Obstacle::NoCapacity),
    ];
    route.into_iter().chain(others.into_iter().filter_map(|(stands, obstacle)| stands.then_some(obstacle))).collect()
}

text_enum! {
    /// Whether a route takes a referral now, and if not, what stands against it first.
    pub enum PreflightState {
        Accepting = "accepting",
        Paused = "paused",
        NoCapacity = "no_capacity",
        RetestNeeded = "retest_needed",
        LanguageLapsed = "language_lapsed",
        RouteNotLaunched = "route_not_launched",
        StudyNotOpen = "study_not_open",
        PartnerNotActive = "partner_not_active",
        ChannelNotListed = "channel_not_listed",
    }
}

impl PreflightState {
    /// What is told of a route with this first obstacle.
    #[must_use]
    pub const fn of(obstacle: Option<Obstacle>) -> Self {
        match obstacle {
            None => Self::Accepting,
            Some(Obstacle::RouteNotLaunched) => Self::RouteNotLaunched,
            Some(Obstacle::RoutePaused) => Self::Paused,
            Some(Obstacle::RetestNeeded) => Self::RetestNeeded,
            Some(Obstacle::StudyNotOpen) => Self::StudyNotOpen,
            Some(Obstacle::PartnerNotActive) => Self::PartnerNotActive,
            Some(Obstacle::ChannelNotListed) => Self::ChannelNotListed,
            Some(Obstacle::LanguageLapsed) => Self::LanguageLapsed,
            Some(Obstacle::NoCapacity) => Self::NoCapacity,
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn what_to_do(self) -> &'static str {
        match self {
            Self::Accepting => "Send the referral.",
            Self::Paused => "The site has paused this route. Send nobody until it is resumed; ask the site when that will be.",
            Self::NoCapacity => {
                "The route has taken as many referrals this month as the site can handle. Send again from `again_at` on."
            }
            Self::RetestNeeded => "The route has changed and must be tested again. Send nobody until the site has launched it.",
            Self::LanguageLapsed => "Acknowledge the study's current approved language, or ask the site for it; then send.",
            Self::RouteNotLaunched => "The route is not launched, or has ended. Send nobody; ask the site.",
            Self::StudyNotOpen => "The study takes no referrals now. Send nobody; ask the site when it opens.",
            Self::PartnerNotActive => "The partner is not active at this site. Send nobody; ask the site.",
            Self::ChannelNotListed => "This route does not list the channel. Use one of the route's channels.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every gate there is, with a channel that it lists or does not.
    fn gates() -> Vec<Gate<'static>> {
        let mut gates = Vec::new();
        for route in RouteStatus::ALL {
            for study in StudyStatus::ALL {
                for partner in PartnerStatus::ALL {
                    for channels in [&[Channel::SecureForm][..], &[Channel::PhoneHandoff][..]] {
                        for language_stands in [true, false] {
                            for has_room in [true, false] {
                                gates.push(Gate {
                                    route: *route,
                                    study: *study,
                                    partner: *partner,
                                    channels,
                                    language_stands,
                                    has_room,
                                });
                            }
                        }
                    }
                }
            }
        }
        gates
    }

    #[test]
    fn only_the_fully_open_gate_has_no_obstacle() {
        let open: Vec<_> = gates().into_iter().filter(|gate| obstacles(gate, Channel::SecureForm).is_empty()).collect();
        assert_eq!(open.len(), 1);
        assert_eq!(
            (open[0].route, open[0].study, open[0].partner, open[0].language_stands, open[0].has_room),
            (RouteStatus::Launched, StudyStatus::Open, PartnerStatus::Active, true, true)
        );
    }

    #[test]
    fn what_is_told_before_agrees_with_what_is_decided_for_every_gate() {
        let mut told = std::collections::BTreeSet::new();
        for gate in gates() {
            let found = obstacles(&gate, Channel::SecureForm);
            let state = PreflightState::of(found.first().copied());
            assert_eq!(state == PreflightState::Accepting, found.is_empty(), "{gate:?}");
            // One obstacle alone is always the one that is told.
            if let [only] = found[..] {
                told.insert(state);
                assert_eq!(state, PreflightState::of(Some(only)));
            }
            // What is cleared never makes a new obstacle.
            let cleared = Gate { has_room: true, language_stands: true, ..gate };
            assert!(obstacles(&cleared, Channel::SecureForm).iter().all(|left| found.contains(left)), "{gate:?}");
        }
        assert_eq!(told.len(), PreflightState::ALL.len() - 1, "each state but `accepting` is told of some gate: {told:?}");
    }

    #[test]
    fn every_state_says_what_to_do_in_sentences() {
        assert!(PreflightState::ALL.iter().all(|state| state.what_to_do().ends_with('.')));
    }
}
