//! What a launch proof binds: the configuration of a route, and its hash (PRODUCT.md §1, launch proof).
//!
//! Bound is everything that a test referral passes through. Not bound are the route's status and its monthly capacity: a route that is
//! paused or full for a while is the same route afterwards. Due hours are the route's own: where it has none, the site's apply, and
//! those are no edit of the route. The intake URL is the one that people are sent to, be it the route's or the site's.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::ids::{MemberId, PartnerId, StudyId};
use super::text::{ApprovalReference, ConfigurationHash, Instruction, SourceTag, WebUrl};
use super::vocabulary::{Channel, DuplicatePolicy};

/// The form of the serialisation; a new one gives every route another hash.
const FORM: &[u8] = b"handoff/route-configuration/v1";

/// A channel of a route, with what the partner tells or does there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteChannel {
    /// How people may come.
    pub channel: Channel,
    /// What the partner tells the person to do.
    pub instruction: Instruction,
}

impl RouteChannel {
    /// Each of these channels with the same instruction.
    #[must_use]
    pub fn each(channels: &[Channel], instruction: &Instruction) -> Vec<Self> {
        channels.iter().map(|channel| Self { channel: *channel, instruction: instruction.clone() }).collect()
    }
}

/// The configuration of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// Who refers.
    pub partner_id: PartnerId,
    /// To what.
    pub study_id: StudyId,
    /// How people may come; their order means nothing.
    pub channels: Vec<RouteChannel>,
    /// How the source is recognised.
    pub source_tag: SourceTag,
    /// Where people are sent.
    pub intake_url: WebUrl,
    /// Responsible for the next action.
    pub owner_id: MemberId,
    /// Takes it when the owner stalls.
    pub backup_owner_id: MemberId,
    /// Which possible duplicates are reviewed.
    pub duplicate_policy: DuplicatePolicy,
    /// Approval for grounds of contact that need one.
    pub approval_reference: Option<ApprovalReference>,
    /// Hours until the first action is due.
    pub acknowledge_due_hours: Option<i32>,
    /// Hours until a contact attempt is due.
    pub contact_due_hours: Option<i32>,
    /// Hours until everything after is due.
    pub follow_up_due_hours: Option<i32>,
}

impl Configuration {
    /// SHA-256 over the configuration, in hexadecimal: two configurations have the same hash when nothing bound differs.
    #[must_use]
    pub fn hash(&self) -> ConfigurationHash {
        let mut channels: Vec<&RouteChannel> = self.channels.iter().collect();
        channels.sort_by_key(|one| one.channel);
        let mut parts = Parts(Sha256::new());
        parts.add(FORM);
        parts.id(self.partner_id.0);
        parts.id(self.study_id.0);
        parts.add(&(channels.len() as u64).to_be_bytes());
        for RouteChannel { channel, instruction } in channels {
            parts.add(channel.as_str().as_bytes());
            parts.add(instruction.as_str().as_bytes());
        }
        parts.add(self.source_tag.as_str().as_bytes());
        parts.add(self.intake_url.as_str().as_bytes());
        parts.id(self.owner_id.0);
        parts.id(self.backup_owner_id.0);
        parts.add(self.duplicate_policy.as_str().as_bytes());
        parts.optional(self.approval_reference.as_ref().map(|reference| reference.as_str().as_bytes()));
        for hours in [self.acknowledge_due_hours, self.contact_due_hours, self.follow_up_due_hours] {
            parts.optional(hours.map(i32::to_be_bytes).as_ref().map(<[u8; 4]>::as_slice));
        }
        ConfigurationHash::of(&parts.0.finalize().into())
    }
}

/// Every part is preceded by its length, and an absent one is not an empty one: no two configurations have the same bytes.
struct Parts(Sha256);

impl Parts {
    fn add(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
    }

    fn id(&mut self, id: Uuid) {
        self.add(id.as_bytes());
    }

    fn optional(&mut self, part: Option<&[u8]>) {
        self.0.update([u8::from(part.is_some())]);
        if let Some(part) = part {
            self.add(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text<T: std::str::FromStr<Err = crate::domain::OutOfBounds>>(text: &str) -> T {
        text.parse().unwrap()
    }

    fn channels() -> impl Strategy<Value = Vec<RouteChannel>> {
        proptest::sample::subsequence(Channel::ALL, 1..=Channel::ALL.len()).prop_flat_map(|chosen| {
            proptest::collection::vec("[a-z]{1,3}", chosen.len()).prop_map(move |instructions| {
                let pairs = chosen.iter().zip(instructions);
                pairs.map(|(channel, said)| RouteChannel { channel: *channel, instruction: text(&said) }).collect()
            })
        })
    }

    fn hours() -> impl Strategy<Value = Option<i32>> {
        proptest::option::of(1..=4)
    }

    prop_compose! {
        /// Few values for each field, so that two configurations agree in most and differ in some.
        fn configuration()(
            ids in proptest::array::uniform4(0_u128..3),
            channels in channels(),
            source_tag in "[ab]{1,2}",
            path in "[ab]{1,2}",
            is_cross in any::<bool>(),
            approval in proptest::option::of("[ab]{1,2}"),
            hours in (hours(), hours(), hours()),
        ) -> Configuration {
            let [partner, study, owner, backup] = ids.map(Uuid::from_u128);
            Configuration {
                partner_id: PartnerId(partner),
                study_id: StudyId(study),
                channels,
                source_tag: text(&source_tag),
                intake_url: text(&format!("https://x.example/{path}")),
                owner_id: MemberId(owner),
                backup_owner_id: MemberId(backup),
                duplicate_policy: if is_cross { DuplicatePolicy::ReviewCrossPartner } else { DuplicatePolicy::ReviewAll },
                approval_reference: approval.map(|reference| text(&reference)),
                acknowledge_due_hours: hours.0,
                contact_due_hours: hours.1,
                follow_up_due_hours: hours.2,
            }
        }
    }

    /// One field of the one taken from the other.
    const FIELDS: [fn(&mut Configuration, &Configuration); 12] = [
        |to, from| to.partner_id = from.partner_id,
        |to, from| to.study_id = from.study_id,
        |to, from| to.channels.clone_from(&from.channels),
        |to, from| to.source_tag = from.source_tag.clone(),
        |to, from| to.intake_url = from.intake_url.clone(),
        |to, from| to.owner_id = from.owner_id,
        |to, from| to.backup_owner_id = from.backup_owner_id,
        |to, from| to.duplicate_policy = from.duplicate_policy,
        |to, from| to.approval_reference.clone_from(&from.approval_reference),
        |to, from| to.acknowledge_due_hours = from.acknowledge_due_hours,
        |to, from| to.contact_due_hours = from.contact_due_hours,
        |to, from| to.follow_up_due_hours = from.follow_up_due_hours,
    ];

    proptest! {
        #[test]
        fn any_field_that_changes_changes_the_hash_and_nothing_else_does(one in configuration(), other in configuration()) {
            for take in FIELDS {
                let mut changed = one.clone();
                take(&mut changed, &other);
                prop_assert_eq!(changed == one, changed.hash() == one.hash());
            }
            let mut all = one.clone();
            FIELDS.iter().for_each(|take| take(&mut all, &other));
            prop_assert_eq!(all, other, "every field is among those that are tried");
        }

        #[test]
        fn the_order_of_channels_means_nothing(one in configuration(), turn in 0_usize..4) {
            let mut turned = one.clone();
            let places = turn % turned.channels.len();
            turned.channels.rotate_left(places);
            prop_assert_eq!(turned.hash(), one.hash());
        }
    }

    #[test]
    fn the_form_stays_as_it_is_once_proofs_are_bound_to_it() {
        let id = Uuid::from_u128;
        let known = Configuration {
            partner_id: PartnerId(id(1)),
            study_id: StudyId(id(2)),
            channels: RouteChannel::each(&[Channel::SecureForm, Channel::SelfReferral], &text("Give the code.")),
            source_tag: text("lakeside.heart"),
            intake_url: text("https://intake.riverside.example/start"),
            owner_id: MemberId(id(3)),
            backup_owner_id: MemberId(id(4)),
            duplicate_policy: DuplicatePolicy::ReviewAll,
            approval_reference: None,
            acknowledge_due_hours: None,
            contact_due_hours: Some(48),
            follow_up_due_hours: None,
        };
        assert_eq!(known.hash().as_str(), "9d60413d49651f5d294b489ca4e4fae538847ae4fee3d2e1fa96e8e4f61023a4");
        // What moves from one field to the next is another configuration.
        let moved = Configuration { contact_due_hours: None, follow_up_due_hours: Some(48), ..known.clone() };
        assert_ne!(moved.hash(), known.hash());
    }
}
