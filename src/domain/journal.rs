//! What is told of a change: the audit entry's facts and the events of the feed. Pure: `ops` records, `store` keeps.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::ids::{ApiKeyId, LanguageVersionId, MemberId, PartnerId, ReferralId, ReferralImportId, RouteId, StudyId};

text_enum! {
    /// What an event of the feed tells of.
    pub enum EventType {
        ReferralReceived = "referral.received",
        ReferralTransitioned = "referral.transitioned",
        ReferralReassigned = "referral.reassigned",
        ReferralBlocked = "referral.blocked",
        ReferralEscalated = "referral.escalated",
        ReferralMerged = "referral.merged",
        ReferralReopened = "referral.reopened",
        ReferralErased = "referral.erased",
        RouteTested = "route.tested",
        RouteLaunched = "route.launched",
        RouteVoided = "route.voided",
        RoutePaused = "route.paused",
        RouteResumed = "route.resumed",
        LanguageApproved = "language.approved",
        LanguageSuperseded = "language.superseded",
        LanguageRetired = "language.retired",
        LanguageAcknowledged = "language.acknowledged",
        PartnerStatusChanged = "partner.status_changed",
        StudyStatusChanged = "study.status_changed",
        MemberDeactivated = "member.deactivated",
        ImportCompleted = "import.completed",
        KeyRotated = "key.rotated",
        KeyRevoked = "key.revoked",
    }
}

text_enum! {
    /// What kind of caller made a change: a member of the site, a key of the site's systems, a partner's key, the operator at the
    /// command line, or the server by itself.
    pub enum ActorKind { Staff = "staff", SiteKey = "site_key", PartnerKey = "partner_key", Operator = "operator", System = "system" }
}

text_enum! {
    /// What kind of resource a change is about.
    pub enum SubjectKind {
        Site = "site",
        Member = "member",
        ApiKey = "api_key",
        Study = "study",
        Partner = "partner",
        Route = "route",
        Referral = "referral",
        ContactWithdrawal = "contact_withdrawal",
        AwayWindow = "away_window",
        DuplicateReview = "duplicate_review",
        Alert = "alert",
        LanguageVersion = "language_version",
        ApprovedProcess = "approved_process",
        TestRun = "test_run",
        WebhookEndpoint = "webhook_endpoint",
        ReferralImport = "referral_import",
        AuditEntry = "audit_entry",
        Erasure = "erasure",
    }
}

/// The smallest id of this day (UTC) and all days after: ids begin with the millisecond in which they were made.
#[must_use]
pub fn first_id(day: NaiveDate) -> Uuid {
    let milliseconds = day.and_time(NaiveTime::MIN).and_utc().timestamp_millis();
    Uuid::from_u128(u128::from(milliseconds.unsigned_abs()) << 80)
}

/// When an id was made; `None`: it is no UUIDv7, which begins with that.
#[must_use]
pub fn time_of(id: Uuid) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

text_enum! {
    /// A stream that the sequencer gives positions in.
    pub enum Stream { Audit = "audit", Event = "event" }
}

/// What an event is about, resource by resource: the one that changed, and those that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// The referral that changed.
    pub referral: Option<ReferralId>,
    /// The route that changed.
    pub route: Option<RouteId>,
    /// The partner that changed, or whose referral or route did.
    pub partner: Option<PartnerId>,
    /// The study that changed, or for which the referral or route is.
    pub study: Option<StudyId>,
    /// The member that changed.
    pub member: Option<MemberId>,
    /// The key that changed.
    pub api_key: Option<ApiKeyId>,
    /// The language version that changed, or was acknowledged.
    pub language_version: Option<LanguageVersionId>,
    /// The import that ended.
    pub referral_import: Option<ReferralImportId>,
}

impl About {
    /// What an event of this type is about, by its subject and by what that belongs to.
    #[must_use]
    pub fn of(event_type: EventType, subject: Uuid, partner: Option<PartnerId>, study: Option<StudyId>) -> Self {
        let kind = event_type.as_str().split('.').next().unwrap_or_default();
        let subject = |of: &str| (kind == of).then_some(subject);
        Self {
            referral: subject("referral").map(ReferralId),
            route: subject("route").map(RouteId),
            partner: partner.or(subject("partner").map(PartnerId)),
            study: study.or(subject("study").map(StudyId)),
            member: subject("member").map(MemberId),
            api_key: subject("key").map(ApiKeyId),
            language_version: subject("language").map(LanguageVersionId),
            referral_import: subject("import").map(ReferralImportId),
        }
    }
}

/// One fact about a resource, as far as the audit trail may hold it.
#[derive(Clone, PartialEq, Eq)]
enum Fact {
    /// A code, an id, a time, a number or a list of codes: kept as it is.
    Plain(Value),
    /// Personal, secret or free text: only that it changed.
    Tagged(String),
}

/// The facts of a resource at one moment, by field. An absent field is empty.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Facts(BTreeMap<&'static str, Fact>);

// Tagged facts hold what must not be printed.
impl std::fmt::Debug for Facts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// The word that stands for a tagged field's change.
const CHANGED: &str = "changed";

impl Facts {
    /// No facts yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn plain(mut self, field: &'static str, value: Option<Value>) -> Self {
        if let Some(value) = value {
            self.0.insert(field, Fact::Plain(value));
        }
        self
    }

    /// A word of a vocabulary, or a code of a restricted alphabet.
    #[must_use]
    pub fn code(self, field: &'static str, code: impl Into<Option<&'static str>>) -> Self {
        self.plain(field, code.into().map(Value::from))
    }

    /// A code that a person chose (`heart-2026`): letters, digits and hyphens.
    #[must_use]
    pub fn slug(self, field: &'static str, code: &str) -> Self {
        self.plain(field, Some(Value::from(code)))
    }

    /// A list of codes that a person chose from a restricted alphabet, such as dates.
    #[must_use]
    pub fn slugs<'a>(self, field: &'static str, codes: impl IntoIterator<Item = &'a str>) -> Self {
        self.plain(field, Some(codes.into_iter().collect()))
    }

    /// A list of words of a vocabulary.
    #[must_use]
    pub fn codes(self, field: &'static str, codes: impl IntoIterator<Item = &'static str>) -> Self {
        self.plain(field, Some(codes.into_iter().collect()))
    }

    /// An id.
    #[must_use]
    pub fn id(self, field: &'static str, id: impl Into<Option<Uuid>>) -> Self {
        self.plain(field, id.into().map(|id| Value::from(id.to_string())))
    }

    /// A list of ids.
    #[must_use]
    pub fn ids(self, field: &'static str, ids: impl IntoIterator<Item = Uuid>) -> Self {
        self.plain(field, Some(ids.into_iter().map(|id| id.to_string()).collect()))
    }

    /// A time.
    #[must_use]
    pub fn time(self, field: &'static str, at: impl Into<Option<DateTime<Utc>>>) -> Self {
        self.plain(field, at.into().map(|at| Value::from(at.to_rfc3339_opts(SecondsFormat::Micros, true))))
    }

    /// A number.
    #[must_use]
    pub fn number(self, field: &'static str, number: impl Into<Option<i32>>) -> Self {
        self.plain(field, number.into().map(Value::from))
    }

    /// Yes or no.
    #[must_use]
    pub fn flag(self, field: &'static str, flag: bool) -> Self {
        self.plain(field, Some(Value::from(flag)))
    }

    /// Something personal, secret or written by a person. It is compared and never kept.
    #[must_use]
    pub fn tagged<'a>(mut self, field: &'static str, text: impl Into<Option<&'a str>>) -> Self {
        if let Some(text) = text.into() {
            self.0.insert(field, Fact::Tagged(text.to_owned()));
        }
        self
    }

    /// What is told of a change from `before` to `after`: JSON objects with the fields that differ, and nothing else.
    #[must_use]
    pub fn difference(before: &Self, after: &Self) -> (Option<String>, Option<String>) {
        let (mut old, mut new) = (Map::new(), Map::new());
        for field in before.0.keys().chain(after.0.keys()) {
            let (was, is) = (before.0.get(field), after.0.get(field));
            if was == is {
                continue;
            }
            match was {
                Some(Fact::Plain(value)) => drop(old.insert((*field).to_owned(), value.clone())),
                Some(Fact::Tagged(_)) => drop(new.insert((*field).to_owned(), CHANGED.into())),
                None => {}
            }
            match is {
                Some(Fact::Plain(value)) => drop(new.insert((*field).to_owned(), value.clone())),
                Some(Fact::Tagged(_)) => drop(new.insert((*field).to_owned(), CHANGED.into())),
                // An emptied plain field says so; without it `before` alone would tell.
                None if matches!(was, Some(Fact::Plain(_))) => drop(new.insert((*field).to_owned(), Value::Null)),
                None => {}
            }
        }
        let text = |map: Map<String, Value>| (!map.is_empty()).then(|| Value::Object(map).to_string());
        (text(old), text(new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told_and_tagged_fields_tell_no_value() {
        let before = Facts::new().code("status", "received").code("blocker", "route_broken").tagged("email", "old canary");
        let after = Facts::new().code("status", "closed").code("reason", "wrong_study").tagged("email", "new canary");
        let (old, new) = Facts::difference(&before, &after);
        assert_eq!(old.unwrap(), r#"{"blocker":"route_broken","status":"received"}"#);
        assert_eq!(new.unwrap(), r#"{"blocker":null,"email":"changed","reason":"wrong_study","status":"closed"}"#);
        assert!(!format!("{before:?}").contains("canary"));
    }

    #[test]
    fn a_new_resource_has_no_before_and_no_change_tells_nothing() {
        let facts = Facts::new().slug("code", "heart-2026").flag("active", true).tagged("name", "canary").number("hours", None);
        let (old, new) = Facts::difference(&Facts::new(), &facts);
        assert_eq!((old, new.unwrap().as_str()), (None, r#"{"active":true,"code":"heart-2026","name":"changed"}"#));
        assert_eq!(Facts::difference(&facts, &facts), (None, None));
    }
}
