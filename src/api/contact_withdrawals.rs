//! Withdrawn permission to contact: said by the person, recorded by the site, never visible to a partner.

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
use crate::auth::permission::RecordWithdrawals;
use crate::domain::ids::{ContactWithdrawalId, ReferralId};
use crate::error::AppError;
use crate::ops;
use crate::ops::create_contact_withdrawal::{NewContactWithdrawal, Withdrawn};
use crate::privacy::keys::Purpose;
use crate::state::AppState;

/// A person who does not want to be contacted.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"match": {"email": "person@mail.example", "phone": "+1 202 555 0123"}}))]
pub struct CreateContactWithdrawal {
    /// By which the person is recognised: digested at once and dropped.
    #[serde(rename = "match")]
    #[validate(nested)]
    pub match_details: MatchDetails,
    /// When the person said so, if not now: in UTC, not in the future and not more than 366 days ago.
    pub received_at: Option<DateTime<Utc>>,
}
contract!(CreateContactWithdrawal);

/// A withdrawal that was recorded. It cannot be read again: nothing links it to a person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "received_at": "2026-06-01T09:00:00Z", "recorded_at": "2026-06-01T09:00:00Z",
    "closed_referrals": ["0199aa10-6a02-7c11-8d1b-5e2f7a9c0b36"]
}))]
pub struct ContactWithdrawalView {
    /// Id of the withdrawal, for the audit trail.
    pub id: ContactWithdrawalId,
    /// When the person said so.
    pub received_at: DateTime<Utc>,
    /// When it was entered.
    pub recorded_at: DateTime<Utc>,
    /// The referrals of the person that were open, and are now closed with `person_requested_no_contact`.
    #[schema(max_items = 10_000)]
    pub closed_referrals: Vec<ReferralId>,
}

impl From<Withdrawn> for ContactWithdrawalView {
    fn from(withdrawn: Withdrawn) -> Self {
        Self {
            id: withdrawn.id,
            received_at: withdrawn.received_at,
            recorded_at: withdrawn.recorded_at,
            closed_referrals: withdrawn.closed,
        }
    }
}

/// Record that a person does not want to be contacted
///
/// Every open referral of the person, quarantined ones included, is closed with `person_requested_no_contact`; later referrals
/// with one of these contact details are quarantined with `contact_withdrawn`, and a person decides. The details become keyed
/// digests at once and are dropped: never stored, logged or echoed. The digests are linked to no referral and stay.
///
/// A partner's answers are the same whether or not a person withdrew. Reopening a closed referral, or taking one out of
/// quarantine, does not give the permission back. Saying it again records nothing twice; it closes what has been opened since.
/// A test key's withdrawal is about test referrals alone.
#[utoipa::path(
    operation_id = "create_contact_withdrawal", tag = "withdrawals",
    params(OptionalIdempotencyKeyHeader),
    request_body(content = CreateContactWithdrawal, description = "By which contact details the person is recognised."),
    responses((status = 201, description = "Recorded.", body = ContactWithdrawalView)),
)]
#[post("/v1/contact-withdrawals")]
pub async fn create_contact_withdrawal(
    caller: Caller<RecordWithdrawals>,
    key: OptionalIdempotencyKey,
    body: Body<CreateContactWithdrawal>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let keyring = app.master.keyring(Purpose::ContactDigest, caller.scope.site());
    let MatchDetails { email, phone } = body.value.match_details;
    let new = NewContactWithdrawal { email, phone, received_at: body.value.received_at };
    write(&app, &caller, Write::accepting("create_contact_withdrawal", &key, &body.canonical), move |conn, context| {
        let withdrawn = ops::create_contact_withdrawal::run(conn, context, &keyring, &new)?;
        Reply::recorded(&ContactWithdrawalView::from(withdrawn))
    })
    .await
}
