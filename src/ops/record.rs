//! Recording a change: its audit entry and its events, in the transaction of the change. Every operation that changes
//! something ends here.

use uuid::Uuid;

use super::{Context, facts};
use crate::db::Conn;
use crate::domain::ids::{AuditId, EventId, MemberId, PartnerId, StudyId};
use crate::domain::journal::{EventType, Facts, SubjectKind};
use crate::domain::vocabulary::ReferralStatus;
use crate::error::AppError;
use crate::privacy::chain;
use crate::store::at_once::AtOnce;
use crate::store::journal::{self, NewAuditEntry, NewEvent};
use crate::store::referrals::ReferralRow;

/// What was done to one resource.
#[derive(Debug)]
pub struct Change {
    operation: &'static str,
    kind: SubjectKind,
    subject: Uuid,
    before: Facts,
    after: Facts,
    reason: Option<&'static str>,
    told: Vec<Told>,
    /// What is told when nothing else is: a new version that the feed did not hear of would be missed by every mirror.
    otherwise: Option<Told>,
}

/// An event of a change.
#[derive(Debug)]
struct Told {
    event_type: EventType,
    is_test: bool,
    version: i32,
    partner: Option<PartnerId>,
    study: Option<StudyId>,
    moved: Option<(Option<ReferralStatus>, ReferralStatus)>,
    owner: Option<MemberId>,
}

impl Change {
    /// A change by this operation (its id in the document) to this resource.
    #[must_use]
    pub fn new(operation: &'static str, kind: SubjectKind, subject: Uuid, before: Facts, after: Facts) -> Self {
        Self { operation, kind, subject, before, after, reason: None, told: Vec::new(), otherwise: None }
    }

    /// A resource that was made.
    #[must_use]
    pub fn made(operation: &'static str, kind: SubjectKind, subject: Uuid, after: Facts) -> Self {
        Self::new(operation, kind, subject, Facts::new(), after)
    }

    /// A referral that changed. The feed hears of every new version: of its state, its owner, its blocker, its issues and its source by what
    /// happened, since reports follow that, and of anything else (what its owner does next, the site's reference) as one more step. That it waits no more is a step on its way (`transitioned`), also
    /// under a pause of its study, and so is its partner's withdrawal, also of one that the site had closed before.
    #[must_use]
    pub fn of_referral(operation: &'static str, before: &ReferralRow, after: &ReferralRow) -> Self {
        let reopened = before.status == ReferralStatus::Closed && after.status != ReferralStatus::Closed;
        let covered = before.blocker == after.blocker && before.held_blocker.is_some() && after.held_blocker.is_none();
        let goes_on = (before.blocker.is_some() && after.blocker.is_none()) || covered;
        let withdrawn = before.times.partner_withdrawn_at.is_none() && after.times.partner_withdrawn_at.is_some();
        let marked = before.handoff_issues != after.handoff_issues;
        let credited = (before.partner_id, before.attribution) != (after.partner_id, after.attribution);
        let moved = before.status != after.status;
        let told = [
            (moved || goes_on || withdrawn || marked || credited, EventType::ReferralTransitioned),
            (reopened, EventType::ReferralReopened),
            (after.blocker.is_some() && before.blocker != after.blocker, EventType::ReferralBlocked),
            (before.owner_id != after.owner_id, EventType::ReferralReassigned),
        ];
        let (was, is) = (facts::of_referral(before), facts::of_referral(after));
        let change = Self::new(operation, SubjectKind::Referral, after.id.0, was, is);
        let mut change = told
            .into_iter()
            .filter(|(told, _)| *told)
            .fold(change, |change, (_, event_type)| change.tell_of_referral(event_type, after));
        if before.version != after.version {
            change.otherwise = Some(Told::of_referral(EventType::ReferralTransitioned, after));
        }
        for told in change.told.iter_mut().filter(|told| moved && told.event_type == EventType::ReferralTransitioned) {
            told.moved = Some((Some(before.status), after.status));
        }
        change
    }

    /// Why, as a word of a vocabulary.
    #[must_use]
    pub fn because(mut self, reason: impl Into<Option<&'static str>>) -> Self {
        self.reason = reason.into();
        self
    }

    /// Something that is not among the facts changed too: of it that alone is told.
    #[must_use]
    pub fn touching(mut self, field: &'static str, touched: bool) -> Self {
        if touched {
            self.after = self.after.tagged(field, "");
        }
        self
    }

    /// Tells the feed, with the version that the change made.
    #[must_use]
    pub fn tell(mut self, event_type: EventType, version: i32) -> Self {
        self.told.push(Told { event_type, is_test: false, version, partner: None, study: None, moved: None, owner: None });
        self
    }

    /// Tells the feed of a study's matter.
    #[must_use]
    pub fn tell_of_study(mut self, event_type: EventType, version: i32, study: StudyId) -> Self {
        self.told.push(Told { event_type, is_test: false, version, partner: None, study: Some(study), moved: None, owner: None });
        self
    }

    /// Tells the feed of a partner's matter.
    #[must_use]
    pub fn tell_of_partner(mut self, event_type: EventType, version: i32, partner: PartnerId, study: Option<StudyId>) -> Self {
        self.told.push(Told { event_type, is_test: false, version, partner: Some(partner), study, moved: None, owner: None });
        self
    }

    /// Tells the feed of a referral; test referrals have a stream of their own.
    #[must_use]
    pub fn tell_of_referral(mut self, event_type: EventType, referral: &ReferralRow) -> Self {
        self.told.push(Told::of_referral(event_type, referral));
        self
    }
}

impl Told {
    fn of_referral(event_type: EventType, referral: &ReferralRow) -> Self {
        Self {
            event_type,
            is_test: referral.is_test,
            version: referral.version,
            partner: referral.partner_id,
            study: Some(referral.study_id),
            moved: (event_type == EventType::ReferralReceived).then_some((None, referral.status)),
            owner: Some(referral.owner_id),
        }
    }
}

/// Records changes of one transaction.
///
/// # Errors
/// A database failure, or no randomness.
pub fn record(conn: &mut Conn, context: &Context, changes: impl IntoIterator<Item = Change>) -> Result<(), AppError> {
    record_beside(conn, changes.into_iter().map(|change| (context, change)), AtOnce::new())
}

/// Records changes of one transaction, each in the context of its request, in one statement with what else is inserted.
///
/// # Errors
/// As [`record`].
pub fn record_beside<'a>(
    conn: &mut Conn,
    changes: impl IntoIterator<Item = (&'a Context, Change)>,
    beside: AtOnce<'_>,
) -> Result<(), AppError> {
    let (mut entries, mut told) = (Vec::new(), Vec::new());
    for (context, change) in changes {
        let id = AuditId::at(context.now);
        let (before, after) = Facts::difference(&change.before, &change.after);
        let mut salt = [0_u8; 16];
        getrandom::fill(&mut salt).map_err(AppError::internal)?;
        let values_digest = chain::values_digest(&salt, before.as_deref(), after.as_deref()).to_vec();
        let site_id = context.scope.site();
        let events = if change.told.is_empty() { change.otherwise.into_iter().collect() } else { change.told };
        told.extend(events.into_iter().map(|event| NewEvent {
            site_id,
            id: EventId::at(context.now),
            audit_id: id,
            event_type: event.event_type,
            is_test: event.is_test,
            subject_id: change.subject,
            version: event.version,
            partner_id: event.partner,
            study_id: event.study,
            occurred_at: context.now,
            status_before: event.moved.and_then(|(from, _)| from),
            status_after: event.moved.map(|(_, to)| to),
            owner_id: event.owner,
        }));
        entries.push(NewAuditEntry {
            site_id,
            id,
            recorded_at: context.now,
            actor_kind: context.actor.kind(),
            actor_id: context.actor.id(),
            api_key_id: context.actor.key(),
            partner_id: context.actor.partner(),
            operation: change.operation,
            subject_kind: change.kind,
            subject_id: change.subject,
            reason: change.reason,
            // A caller's own id may say anything; the trail keeps those that can say nothing.
            request_id: context.request_id.clone().filter(|id| Uuid::try_parse(id).is_ok()),
            before,
            after,
            salt: salt.to_vec(),
            values_digest,
        });
    }
    Ok(journal::append(conn, entries, told, beside)?)
}
