//! What an alert says, as an e-mail and as the body of a webhook: a kind, ids and links, and never what the referral holds.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use crate::domain::ids::{AlertId, EventId, MemberId, ReferralId};
use crate::domain::journal::{About, EventType};
use crate::domain::vocabulary::AlertKind;

/// An alert to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertMessage {
    /// Its id, the same in every attempt.
    pub id: AlertId,
    /// What it tells of.
    pub kind: AlertKind,
    /// Who is told.
    pub member: MemberId,
    /// Which referral; `None` for a test alert.
    pub referral: Option<ReferralId>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

impl AlertMessage {
    /// The subject of its e-mail.
    #[must_use]
    pub const fn subject(&self) -> &'static str {
        match self.kind {
            AlertKind::ReferralReceived => "Handoff: a referral came in",
            AlertKind::ReferralsImported => "Handoff: an import brings you referrals",
            AlertKind::ReferralAssigned => "Handoff: a referral was given to you",
            AlertKind::ActionDue => "Handoff: an action is due",
            AlertKind::Escalated => "Handoff: a referral was escalated to you",
            AlertKind::Test => "Handoff: test alert",
            AlertKind::TestRun => "Handoff: a test referral came in",
            AlertKind::WebhookDisabled => "Handoff: a webhook endpoint was disabled",
        }
    }

    /// The text of its e-mail; `public_url` is where the API is reached.
    #[must_use]
    pub fn text(&self, public_url: Option<&str>) -> String {
        let what = match self.kind {
            AlertKind::ReferralReceived => "A referral came in. You own its next action.",
            AlertKind::ReferralsImported => {
                "An import brings referrals that you own the next action of. You are told once of all of them: read them in the queue."
            }
            AlertKind::ReferralAssigned => "A referral was given to you. You own its next action.",
            AlertKind::ActionDue => "The next action on one of your referrals is due.",
            AlertKind::Escalated => "The next action on a referral was not taken in time. You own it now.",
            AlertKind::Test => "This is a test: alerts reach you here.",
            AlertKind::WebhookDisabled => {
                "A webhook endpoint of the site was disabled: it wants nothing any more, or nothing got through for days. Read why, and enable it again."
            }
            AlertKind::TestRun => {
                "A test referral came over a route that you own. Confirm this alert: the route is launched when you have it."
            }
        };
        let link = |path: String| public_url.map_or(path.clone(), |base| format!("{base}{path}"));
        let mut lines = vec![what.to_owned(), String::new()];
        if let Some(referral) = self.referral {
            lines.push(format!("Referral: {}", link(format!("/v1/referrals/{referral}"))));
        }
        lines.push(format!("Alert:    {}", link(format!("/v1/alerts/{}", self.id))));
        lines.push(format!("Confirm:  POST {}", link(format!("/v1/alerts/{}/confirm", self.id))));
        lines.extend([String::new(), "This message holds ids only. Everything else stays in Handoff.".to_owned(), String::new()]);
        lines.join("\r\n")
    }

    /// The body of its webhook message.
    #[must_use]
    pub fn json(&self) -> String {
        json!({
            "type": "alert",
            "alert_id": self.id,
            "kind": self.kind,
            "member_id": self.member,
            "referral_id": self.referral,
            "created_at": self.created_at.to_rfc3339_opts(SecondsFormat::Micros, true),
        })
        .to_string()
    }
}

/// An event to be posted to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventMessage {
    /// Its id, the same in every attempt and in the feed.
    pub id: EventId,
    /// Its place in the live feed.
    pub position: i64,
    /// What happened.
    pub event_type: EventType,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// The version of the resource that the change made.
    pub version: i32,
    /// Which resources.
    pub about: About,
}

impl EventMessage {
    /// The body of its message: the event as the feed shows it.
    #[must_use]
    pub fn json(&self) -> String {
        json!({
            "id": self.id,
            "position": self.position,
            "type": self.event_type,
            "occurred_at": self.occurred_at,
            "version": self.version,
            "referral_id": self.about.referral,
            "route_id": self.about.route,
            "partner_id": self.about.partner,
            "study_id": self.about.study,
            "member_id": self.about.member,
            "api_key_id": self.about.api_key,
            "language_version_id": self.about.language_version,
            "referral_import_id": self.about.referral_import,
        })
        .to_string()
    }
}

/// The body of a test message.
#[must_use]
pub fn test_message(now: DateTime<Utc>) -> String {
    json!({"type": "webhook.test", "occurred_at": now}).to_string()
}
