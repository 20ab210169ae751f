//! Erasing a person, on their request: the site alone, and for good.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::extract::{Body, OptionalIdempotencyKey, OptionalIdempotencyKeyHeader, contract};
use super::idempotency::{Write, write};
use super::referrals::MatchDetails;
use super::reply::Reply;
use crate::auth::Caller;
use crate::auth::permission::ErasePersons;
use crate::domain::ids::{ErasureId, ReferralId};
use crate::error::AppError;
use crate::ops;
use crate::ops::create_erasure::{Erased, NewErasure};
use crate::privacy::keys::Purpose;
use crate::state::AppState;

/// A person to be erased.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"match": {"email": "person@mail.example", "phone": "+1 202 555 0123"}}))]
pub struct CreateErasure {
    /// By which the person is recognised: digested at once and dropped. Give all that the person names: a record that is known by the
    /// phone number alone is not found by the e-mail address.
    #[serde(rename = "match")]
    #[validate(nested)]
    pub match_details: MatchDetails,
}
contract!(CreateErasure);

/// An erasure that was done. It cannot be read again: nothing links it to a person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "erased_at": "2026-06-01T09:00:00Z",
    "erased_referrals": ["0199aa10-6a02-7c11-8d1b-5e2f7a9c0b36"]
}))]
pub struct ErasureView {
    /// Id of the erasure, for the audit trail.
    pub id: ErasureId,
    /// When it was done.
    pub erased_at: DateTime<Utc>,
    /// The referrals of the person, test referrals and merged ones included: what the site's other systems hold of them is theirs to erase.
    /// Empty: nobody here has these details.
    #[schema(max_items = 10_000)]
    pub erased_referrals: Vec<ReferralId>,
}

impl From<Erased> for ErasureView {
    fn from(erased: Erased) -> Self {
        Self { id: erased.id, erased_at: erased.erased_at, erased_referrals: erased.referrals }
    }
}

/// Erase a person
///
/// For good: the contact digests and the sealed details of every referral of the person go, also of what was merged with it, whatever its
/// state. What is open is closed with `person_requested_no_contact`; test referrals stay as they are, without their digests. The referrals
/// themselves are codes, ids and times that lead to nobody, and stay, so that every count stays what it was. Only keyed digests that are
/// linked to nothing survive: later referrals with one of these contact details are quarantined with `contact_withdrawn`, and a person
/// decides.
///
/// Each referral is told to the feed as `referral.erased`, so that a CRM erases its own record. The erasure is done again by itself after a
/// restore of an older backup, within a minute, where `HANDOFF_ERASURES` (or the embedded server's data directory) was kept.
///
/// A partner's answers are the same whether or not a person was erased. Saying it again erases what has come in since.
#[utoipa::path(
    operation_id = "create_erasure", tag = "withdrawals",
    params(OptionalIdempotencyKeyHeader),
    request_body(content = CreateErasure, description = "By which contact details the person is recognised."),
    responses((status = 201, description = "Erased.", body = ErasureView)),
)]
#[post("/v1/erasures")]
pub async fn create_erasure(
    caller: Caller<ErasePersons>,
    key: OptionalIdempotencyKey,
    body: Body<CreateErasure>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let keyring = app.master.keyring(Purpose::ContactDigest, caller.scope.site());
    let MatchDetails { email, phone } = body.value.match_details;
    let new = NewErasure { email, phone };
    write(&app, &caller, Write::accepting("create_erasure", &key, &body.canonical), move |conn, context| {
        let erased = ops::create_erasure::run(conn, context, &keyring, &new)?;
        Reply::recorded(&ErasureView::from(erased))
    })
    .await
}
