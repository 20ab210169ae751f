//! Whether a live referral may be taken on a route now (PRODUCT.md §2, rule 2).

use super::vocabulary::{Channel, PartnerStatus, RouteStatus, StudyStatus};

/// Why a route does not take a referral now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The route is not launched.
    RouteNotLaunched,
    /// The study is not open.
    StudyNotOpen,
    /// The partner is not active.
    PartnerNotActive,
    /// The route does not list the channel.
    ChannelNotListed,
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
}

/// Every obstacle to a referral over this channel, in the order in which a site would clear them.
#[must_use]
pub fn obstacles(gate: &Gate<'_>, channel: Channel) -> Vec<Obstacle> {
    [
        (gate.route != RouteStatus::Launched, Obstacle::RouteNotLaunched),
        (gate.study != StudyStatus::Open, Obstacle::StudyNotOpen),
        (gate.partner != PartnerStatus::Active, Obstacle::PartnerNotActive),
        (!gate.channels.contains(&channel), Obstacle::ChannelNotListed),
    ]
    .into_iter()
    .filter_map(|(stands, obstacle)| stands.then_some(obstacle))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_fully_open_gate_has_no_obstacle() {
        let mut open = 0;
        for route in RouteStatus::ALL {
            for study in StudyStatus::ALL {
                for partner in PartnerStatus::ALL {
                    for channels in [&[Channel::SecureForm][..], &[Channel::PhoneHandoff][..]] {
                        let gate = Gate { route: *route, study: *study, partner: *partner, channels };
                        if obstacles(&gate, Channel::SecureForm).is_empty() {
                            open += 1;
                            assert_eq!(
                                (*route, *study, *partner),
                                (RouteStatus::Launched, StudyStatus::Open, PartnerStatus::Active)
                            );
                        }
                    }
                }
            }
        }
        assert_eq!(open, 1);
    }
}
