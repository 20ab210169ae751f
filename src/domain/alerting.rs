//! How alerts reach members: over which channels, when an attempt is repeated and when that is given up, and who counts as reachable.

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

text_enum! {
    /// How a member is told: by e-mail to its own address, or over the site's alert webhook.
    pub enum AlertChannel { Email = "email", Webhook = "webhook" }
}

text_enum! {
    /// Where a delivery stands. `pending`: it is tried, or will be. `delivered`: the receiver took it. `failed`: it is not tried any
    /// more. `cancelled`: the alert was confirmed, or its referral closed, before it was delivered.
    pub enum DeliveryStatus { Pending = "pending", Delivered = "delivered", Failed = "failed", Cancelled = "cancelled" }
}

text_enum! {
    /// Where an alert stands. `waiting`: no channel has it yet. `undeliverable`: its member has no channel, or none took it.
    /// `cancelled`: its referral closed before it was delivered.
    pub enum AlertStatus {
        Waiting = "waiting",
        Delivered = "delivered",
        Confirmed = "confirmed",
        Undeliverable = "undeliverable",
        Cancelled = "cancelled",
    }
}

text_enum! {
    /// What went wrong with the last attempt of a delivery.
    pub enum DeliveryError {
        /// The operator configured no SMTP server.
        EmailNotConfigured = "email_not_configured",
        /// No connection to the SMTP server, or one that broke off.
        SmtpConnectionFailed = "smtp_connection_failed",
        /// The SMTP server offers no TLS, or its certificate is not valid.
        SmtpTlsFailed = "smtp_tls_failed",
        /// The SMTP server does not take the user name and the password.
        SmtpAuthenticationFailed = "smtp_authentication_failed",
        /// The SMTP server refuses this recipient for good.
        SmtpRecipientRefused = "smtp_recipient_refused",
        /// The SMTP server refuses the sender or the message.
        SmtpRefused = "smtp_refused",
        /// The SMTP server asks to try later.
        SmtpDeferred = "smtp_deferred",
        /// The SMTP server takes too long.
        SmtpTimedOut = "smtp_timed_out",
        /// The site has no alert webhook.
        WebhookNotConfigured = "webhook_not_configured",
        /// The site's alert webhook is disabled.
        WebhookDisabled = "webhook_disabled",
        /// The secret was made under a master key that the server does not know any more: rotate it.
        WebhookSecretLost = "webhook_secret_lost",
        /// Its URL, or what its name stands for, may not be reached.
        WebhookAddressRefused = "webhook_address_refused",
        /// Its name is not known.
        WebhookNameUnknown = "webhook_name_unknown",
        /// No connection to the receiver, or one that broke off.
        WebhookConnectionFailed = "webhook_connection_failed",
        /// The receiver offers no TLS, or its certificate is not valid.
        WebhookTlsFailed = "webhook_tls_failed",
        /// The receiver takes too long.
        WebhookTimedOut = "webhook_timed_out",
        /// The receiver redirects, which is not followed.
        WebhookRedirected = "webhook_redirected",
        /// The receiver answered with another status than 2xx.
        WebhookRefused = "webhook_refused",
        /// The receiver answered 410: it wants nothing any more.
        WebhookGone = "webhook_gone",
    }
}

text_enum! {
    /// Why the alert webhook is disabled: its receiver answered 410.
    pub enum WebhookDisabledReason { EndpointGone = "endpoint_gone" }
}

text_enum! {
    /// Whether alerts reach a member. `no_channel`: no channel is chosen that the server and the site offer. `undeliverable`: every
    /// one of them fails.
    pub enum Reachability { Reachable = "reachable", NoChannel = "no_channel", Undeliverable = "undeliverable" }
}

impl DeliveryError {
    /// Whether another attempt would fare no better.
    #[must_use]
    pub const fn is_permanent(self) -> bool {
        matches!(self, Self::SmtpRecipientRefused | Self::WebhookGone)
    }
}

/// The waits between the first attempts, in seconds: CONTRACT's schedule for webhooks.
const WAITS: [i64; 7] = [5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600];
/// The wait between all later ones.
const LAST_WAIT: i64 = 10 * 3600;
/// How long an alert is tried.
pub const TRIED_FOR: Duration = Duration::days(7);
/// From how many attempts on a channel counts as failing: one slip is none.
const FAILING_FROM: i32 = 3;

/// When the next attempt is due after this many failed; `None`: never again. The wait is up to a tenth longer, by the alert's id, so
/// that what failed together is not repeated together.
#[must_use]
pub fn next_attempt(alert: Uuid, created_at: DateTime<Utc>, attempts: i32, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let failed = usize::try_from(attempts).unwrap_or(1).saturating_sub(1);
    let wait = Duration::milliseconds(WAITS.get(failed).copied().unwrap_or(LAST_WAIT) * 1000);
    let (_, low) = alert.as_u64_pair();
    let spread = i32::try_from(low.rotate_left(u32::try_from(failed % 64).unwrap_or(0)) % 101).unwrap_or(0);
    let next = now + wait + wait * spread / 1000;
    (next <= created_at + TRIED_FOR).then_some(next)
}

/// Whether a channel counts as failing after this attempt.
#[must_use]
pub const fn is_failing(status: DeliveryStatus, attempts: i32) -> bool {
    matches!(status, DeliveryStatus::Failed) || matches!(status, DeliveryStatus::Pending) && attempts >= FAILING_FROM
}

/// What is known of a member's channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelState {
    /// Which channel.
    pub channel: AlertChannel,
    /// Since when nothing gets through; `None`: the last thing did, or nothing was tried.
    pub failing_since: Option<DateTime<Utc>>,
}

/// Which channels there are at all: the operator's SMTP server, the site's alert webhook unless it is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offered {
    /// E-mail.
    pub email: bool,
    /// The alert webhook.
    pub webhook: bool,
}

/// Whether alerts reach a member, and since when not; `None` unless every channel fails.
pub type Reached = (Reachability, Option<DateTime<Utc>>);

/// Whether a member is reached over the channels that it chose, and since when it is not. An owner who is not `reachable` counts as
/// unreachable wherever one that can be alerted is required.
#[must_use]
pub fn reachability(chosen: &[AlertChannel], offered: Offered, states: &[ChannelState]) -> Reached {
    let usable = chosen.iter().filter(|channel| match channel {
        AlertChannel::Email => offered.email,
        AlertChannel::Webhook => offered.webhook,
    });
    let failing: Vec<Option<DateTime<Utc>>> = usable
        .map(|channel| states.iter().find(|state| state.channel == *channel).and_then(|state| state.failing_since))
        .collect();
    if failing.is_empty() {
        return (Reachability::NoChannel, None);
    }
    match failing.iter().copied().collect::<Option<Vec<_>>>() {
        // Since the last of them began to fail.
        Some(since) => (Reachability::Undeliverable, since.into_iter().max()),
        None => (Reachability::Reachable, None),
    }
}

/// Where an alert stands.
#[must_use]
pub fn status(confirmed: bool, taken_up: bool, deliveries: &[DeliveryStatus]) -> AlertStatus {
    let any = |status| deliveries.contains(&status);
    if confirmed {
        AlertStatus::Confirmed
    } else if any(DeliveryStatus::Delivered) {
        AlertStatus::Delivered
    } else if !taken_up || any(DeliveryStatus::Pending) {
        AlertStatus::Waiting
    } else if any(DeliveryStatus::Cancelled) {
        AlertStatus::Cancelled
    } else {
        AlertStatus::Undeliverable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn attempts_follow_the_schedule_with_at_most_a_tenth_more_and_end_after_seven_days() {
        let created = at("2026-06-01T09:00:00Z");
        for id in [0_u128, 1, 77, 100, u128::MAX, 0x0199_aa10_7c1e_7b52_9f0e_3d6a_5b1c_2f48] {
            let (mut now, mut waits) = (created, Vec::new());
            for attempts in 1.. {
                let Some(next) = next_attempt(Uuid::from_u128(id), created, attempts, now) else { break };
                waits.push((next - now).num_seconds());
                now = next;
            }
            for (index, wait) in waits.iter().enumerate() {
                let planned = WAITS.get(index).copied().unwrap_or(LAST_WAIT);
                assert!((planned..=planned + planned / 10).contains(wait), "{id}: wait {index} is {wait}");
            }
            assert!(now <= created + TRIED_FOR && now > created + TRIED_FOR - Duration::hours(12), "{id}: the last is at {now}");
        }
        let late = created + Duration::days(30);
        assert_eq!(next_attempt(Uuid::nil(), created, 1, late), None, "after an outage of a month one attempt was the last");
    }

    #[test]
    fn a_member_is_reachable_while_one_of_its_usable_channels_is_not_failing() {
        use AlertChannel::{Email, Webhook};
        let both = Offered { email: true, webhook: true };
        let failing = |channel, since: &str| ChannelState { channel, failing_since: Some(at(since)) };
        let fine = |channel| ChannelState { channel, failing_since: None };
        let (one, two) = ("2026-06-01T09:00:00Z", "2026-06-02T09:00:00Z");
        for (chosen, offered, states, expected) in [
            (vec![], both, vec![], (Reachability::NoChannel, None)),
            (vec![Email], Offered { email: false, ..both }, vec![], (Reachability::NoChannel, None)),
            (vec![Webhook], Offered { webhook: false, ..both }, vec![fine(Webhook)], (Reachability::NoChannel, None)),
            (vec![Email], both, vec![], (Reachability::Reachable, None)),
            (vec![Email], both, vec![failing(Webhook, one)], (Reachability::Reachable, None)),
            (vec![Email], both, vec![failing(Email, one)], (Reachability::Undeliverable, Some(at(one)))),
            (vec![Email, Webhook], both, vec![failing(Email, one), fine(Webhook)], (Reachability::Reachable, None)),
            (
                vec![Email, Webhook],
                both,
                vec![failing(Email, one), failing(Webhook, two)],
                (Reachability::Undeliverable, Some(at(two))),
            ),
            (
                vec![Email, Webhook],
                Offered { webhook: false, ..both },
                vec![failing(Email, one)],
                (Reachability::Undeliverable, Some(at(one))),
            ),
        ] {
            assert_eq!(reachability(&chosen, offered, &states), expected, "{chosen:?} {offered:?} {states:?}");
        }
    }

    #[test]
    fn an_alert_stands_where_its_deliveries_and_its_member_say() {
        use DeliveryStatus::{Cancelled, Delivered, Failed, Pending};
        for (confirmed, taken_up, deliveries, expected) in [
            (false, false, vec![], AlertStatus::Waiting),
            (false, true, vec![], AlertStatus::Undeliverable),
            (false, true, vec![Pending, Failed], AlertStatus::Waiting),
            (false, true, vec![Pending, Delivered], AlertStatus::Delivered),
            (false, true, vec![Failed, Failed], AlertStatus::Undeliverable),
            (false, true, vec![Failed, Cancelled], AlertStatus::Cancelled),
            (true, true, vec![Failed], AlertStatus::Confirmed),
        ] {
            assert_eq!(status(confirmed, taken_up, &deliveries), expected, "{confirmed} {taken_up} {deliveries:?}");
        }
        assert!(is_failing(Failed, 1) && is_failing(Pending, 3));
        assert!(!is_failing(Pending, 2) && !is_failing(Delivered, 9) && !is_failing(Cancelled, 9));
    }
}
