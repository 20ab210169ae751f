//! What goes in and out of the API key endpoints.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::{IntoParams, ToSchema};
use validator::{Validate, ValidationError};

use crate::api::extract::{contract, present};
use crate::domain::ids::ApiKeyId;
use crate::domain::text::{Code, KeyName};
use crate::domain::vocabulary::{KeyMode, KeyStatus, RevocationReason, Scope};
use crate::ops::issue_key::{Holder, NewKey};
use crate::ops::rotate_key::Rotation;
use crate::store::api_keys::ApiKeyContext;

/// Hours that a rotated key goes on, where the caller names none.
const USUAL_OVERLAP: i32 = 24;

/// An API key to issue: for a partner (`partner`) or for a system of the site (`scopes`).
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "has_one_holder"))]
#[schema(example = json!({"name": "Lakeside portal", "partner": "lakeside-cardiology", "mode": "live"}))]
pub struct CreateApiKey {
    /// What admins call it. The active keys of one holder and mode have different names.
    pub name: KeyName,
    /// Code of the partner that the key is for; it then carries the scope `partner` and no other. Absent for a site key.
    pub partner: Option<Code>,
    /// What a site key may do, each scope once, and not `partner`. Absent for a partner's key.
    #[schema(min_items = 1, max_items = 8)]
    #[validate(custom(function = "fit_a_site_key"))]
    pub scopes: Option<Vec<Scope>>,
    /// `live` if absent. A test key acts on test referrals only.
    pub mode: Option<KeyMode>,
    /// When the key ends by itself, at most five years ahead; never if absent.
    pub expires_at: Option<DateTime<Utc>>,
}
contract!(CreateApiKey);

fn has_one_holder(key: &CreateApiKey) -> Result<(), ValidationError> {
    let (pointer, message) = match (&key.partner, &key.scopes) {
        (Some(_), None) | (None, Some(_)) => return Ok(()),
        (Some(_), Some(_)) => ("/scopes", "A partner's key carries `partner` and no other scope. Leave this field out."),
        (None, None) => ("/scopes", "Send `partner` for a partner's key, or `scopes` for a site key."),
    };
    let mut error = ValidationError::new("has_one_holder");
    error.add_param("pointer".into(), &pointer);
    Err(error.with_message(message.into()))
}

fn fit_a_site_key(scopes: &[Scope]) -> Result<(), ValidationError> {
    let distinct: std::collections::BTreeSet<_> = scopes.iter().collect();
    let message = if distinct.contains(&Scope::Partner) {
        "A site key cannot carry `partner`. For a partner's key send `partner` with its code, and no scopes."
    } else if distinct.len() < scopes.len() {
        "Name each scope once."
    } else {
        return Ok(());
    };
    Err(ValidationError::new("fit_a_site_key").with_message(message.into()))
}

impl From<CreateApiKey> for NewKey {
    fn from(body: CreateApiKey) -> Self {
        let holder = body.partner.map_or_else(|| Holder::Site(body.scopes.unwrap_or_default()), Holder::Partner);
        Self { name: body.name, holder, is_test: body.mode == Some(KeyMode::Test), expires_at: body.expires_at }
    }
}

/// How to rotate an API key.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"overlap_hours": 24}))]
pub struct RotateApiKey {
    /// Hours that the old key goes on beside the new one; 24 if absent, 0 ends it at once. It never outlives its own `expires_at`.
    #[schema(nullable = false, minimum = 0, maximum = 168)]
    pub overlap_hours: Option<i32>,
    /// When the new key ends by itself, at most five years ahead. If absent, it lives as long as the old one was given to live;
    /// `null`: it never ends.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub expires_at: Option<Option<DateTime<Utc>>>,
}
contract!(RotateApiKey);

impl From<RotateApiKey> for Rotation {
    fn from(body: RotateApiKey) -> Self {
        let hours = body.overlap_hours.unwrap_or(USUAL_OVERLAP);
        Self { overlap: chrono::Duration::hours(hours.into()), expires_at: body.expires_at }
    }
}

/// Why to revoke an API key.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "compromised"}))]
pub struct RevokeApiKey {
    /// Why; it stands in the audit trail.
    pub reason: Option<RevocationReason>,
}
contract!(RevokeApiKey);

/// An API key, without the key itself: that was shown once, and is not stored.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "name": "Lakeside portal", "partner": "lakeside-cardiology", "scopes": ["partner"],
    "mode": "live", "status": "active", "created_at": "2026-06-01T09:00:00Z", "expires_at": null, "revoked_at": null,
    "last_used_at": "2026-06-02T14:31:07Z", "rotated_to_id": null
}))]
pub struct ApiKeyView {
    /// Id of the key (not the key itself).
    pub id: ApiKeyId,
    /// What admins call it.
    pub name: KeyName,
    /// Code of the partner that it belongs to; `null` for a site key.
    pub partner: Option<Code>,
    /// What it may do.
    #[schema(min_items = 1, max_items = 8)]
    pub scopes: Vec<Scope>,
    /// Live or test.
    pub mode: KeyMode,
    /// Where it stands at this moment.
    pub status: KeyStatus,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends, or ended, by itself; `null`: never. A rotation brings it forward to the end of the overlap.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When somebody was last let in with it, about a minute behind; `null`: not yet. A use does not change the `ETag`.
    pub last_used_at: Option<DateTime<Utc>>,
    /// The key that took its place when it was rotated.
    pub rotated_to_id: Option<ApiKeyId>,
}

impl ApiKeyView {
    /// The key as it stands now.
    pub(super) fn new(found: ApiKeyContext, now: DateTime<Utc>) -> Self {
        let status = found.key.status(now);
        let key = found.key;
        Self {
            id: key.id,
            name: key.name,
            partner: found.partner_code,
            scopes: key.scopes.0,
            mode: if key.is_test { KeyMode::Test } else { KeyMode::Live },
            status,
            created_at: key.created_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            last_used_at: key.last_used_at,
            rotated_to_id: key.rotated_to_id,
        }
    }
}

/// A new API key with the key itself. This answer alone shows it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "name": "Lakeside portal", "partner": "lakeside-cardiology", "scopes": ["partner"],
    "mode": "live", "status": "active", "created_at": "2026-06-01T09:00:00Z", "expires_at": null, "revoked_at": null,
    "last_used_at": null, "rotated_to_id": null, "secret": null, "secret_already_shown": true
}))]
pub struct IssuedApiKeyView {
    /// Id of the key (not the key itself).
    pub id: ApiKeyId,
    /// What admins call it.
    pub name: KeyName,
    /// Code of the partner that it belongs to; `null` for a site key.
    pub partner: Option<Code>,
    /// What it may do.
    #[schema(min_items = 1, max_items = 8)]
    pub scopes: Vec<Scope>,
    /// Live or test.
    pub mode: KeyMode,
    /// Where it stands at this moment.
    pub status: KeyStatus,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself; `null`: never.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When somebody was last let in with it.
    pub last_used_at: Option<DateTime<Utc>>,
    /// The key that took its place when it was rotated.
    pub rotated_to_id: Option<ApiKeyId>,
    /// The key itself, for `Authorization: Bearer`. It is not stored: keep it where your other secrets are. `null` when a retry
    /// with the same `Idempotency-Key` is answered.
    #[serde(serialize_with = "exposed")]
    #[schema(value_type = Option<String>, min_length = 46, max_length = 46, pattern = "^hk_(live|test)_[0-9A-Za-z]{38}$")]
    pub secret: Option<SecretString>,
    /// Whether the key itself was shown in an earlier answer, and so is not in this one. If that answer was lost, revoke this key
    /// and issue another.
    pub secret_already_shown: bool,
}

impl IssuedApiKeyView {
    /// The key with its text, or, for a retry, without.
    pub(super) fn new(key: ApiKeyView, secret: Option<SecretString>) -> Self {
        Self {
            id: key.id,
            name: key.name,
            partner: key.partner,
            scopes: key.scopes,
            mode: key.mode,
            status: key.status,
            created_at: key.created_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            last_used_at: key.last_used_at,
            rotated_to_id: key.rotated_to_id,
            secret_already_shown: secret.is_none(),
            secret,
        }
    }
}

/// The one place that writes a key out.
fn exposed<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|secret| secret.expose_secret()).serialize(serializer)
}

/// A page of API keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKeyPage {
    /// The keys, in the order in which they were made.
    #[schema(max_items = 200)]
    pub data: Vec<ApiKeyView>,
    /// Send it as `cursor` for the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}

/// Which API keys to list.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListApiKeys {
    /// Only keys of the partner with this code.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub partner: Option<Code>,
    /// Only keys that stand here now.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub status: Option<KeyStatus>,
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before, with the same filters.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListApiKeys);
