//! Who takes a referral, so that it is never nobody: its owner, else the backup owner, else the site lead. Pure: `ops` looks up
//! who is able and who is away, and writes.

use super::ids::MemberId;

text_enum! {
    /// What must be true of no open live referral. `ownerless`: its owner is deactivated, a viewer, or not there. `unplanned`: it has no
    /// next action or no due time, so that no queue shows it. `merged`: it goes on as another record and is open itself, so that two
    /// queues show it.
    pub enum InvariantKind { Ownerless = "ownerless", Unplanned = "unplanned", Merged = "merged" }
}

/// Somebody who could take a referral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub member: MemberId,
    /// Whether it may own work: active, and no viewer.
    pub able: bool,
    /// Whether it is away now.
    pub away: bool,
}

/// The first candidate who is able and there, or else the site lead: last in every escalation, also when away.
#[must_use]
pub fn choose(candidates: &[Candidate], lead: MemberId) -> MemberId {
    candidates.iter().find(|candidate| candidate.able && !candidate.away).map_or(lead, |candidate| candidate.member)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_who_is_able_and_there_takes_it_and_else_the_site_lead() {
        let [owner, backup, lead] = [1, 2, 3].map(|number| MemberId(uuid::Uuid::from_u128(number)));
        let of = |member, able, away| Candidate { member, able, away };
        for able in [true, false] {
            for away in [true, false] {
                for (backup_able, backup_away) in [(true, true), (true, false), (false, true), (false, false)] {
                    let candidates = [of(owner, able, away), of(backup, backup_able, backup_away)];
                    let expected = match (able && !away, backup_able && !backup_away) {
                        (true, _) => owner,
                        (false, true) => backup,
                        (false, false) => lead,
                    };
                    assert_eq!(choose(&candidates, lead), expected, "{candidates:?}");
                }
            }
        }
        assert_eq!(choose(&[], lead), lead);
        // A lead who is among the candidates and away is still the last.
        assert_eq!(choose(&[of(lead, true, true), of(backup, false, false)], lead), lead);
    }
}
