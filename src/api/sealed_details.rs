//! Sealed details of a referral: read one by one, for a stated purpose, and purged. No list, event or export has a field for them.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete, post};

use super::extract::{Body, IfMatch, IfMatchHeader, NoBody, PathId};
use super::idempotency::{Write, write};
use super::reply::Reply;
use crate::auth::Caller;
use crate::auth::permission::{PurgeDetails, ReadDetails};
use crate::domain::ids::ReferralId;
use crate::error::AppError;
use crate::ops;
use crate::privacy::keys::Purpose;
use crate::state::AppState;

mod body;

pub use body::{DetailsView, ReadSealedDetails, SealedDetailsView};

/// Read the sealed details of a referral
///
/// What the partner sent about the person under an approved process. Say what you read them for: each read is an entry of the audit
/// trail, with who, when, the purpose and which fields. The answer is kept nowhere, also not under an idempotency key: a retry is
/// another read. They are purged after `sealed_details_retention_days` of the site, and at once when the person wants no contact.
#[utoipa::path(
    operation_id = "read_sealed_details", tag = "referrals",
    params(("id" = ReferralId, Path, description = "Id of the referral.")),
    request_body(content = ReadSealedDetails, description = "What you read them for."),
    responses(
        (status = 200, description = "The details. Do not store them where the approval does not reach.", body = SealedDetailsView),
        (status = 404, description = "There is no such referral, or nothing is kept of it (`not_found`)."),
    ),
)]
#[post("/v1/referrals/{id}/details-reads")]
pub async fn read_sealed_details(
    caller: Caller<ReadDetails>,
    id: PathId<ReferralId>,
    body: Body<ReadSealedDetails>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let purpose = body.value.purpose;
    let keyring = app.master.keyring(Purpose::SealedDetails, caller.scope.site());
    write(&app, &caller, Write::unkeyed("read_sealed_details", &body.canonical), move |conn, context| {
        let read = ops::read_details::run(conn, context, &keyring, id.0, purpose)?;
        Reply::plain(&SealedDetailsView::from(read))
    })
    .await
}

/// Purge the sealed details of a referral
///
/// They are gone for good, before the site's `sealed_details_retention_days` are over. The referral stays as it is: send its `ETag`.
#[utoipa::path(
    operation_id = "delete_sealed_details", tag = "referrals",
    params(("id" = ReferralId, Path, description = "Id of the referral."), IfMatchHeader),
    responses(
        (status = 204, description = "Purged."),
        (status = 404, description = "There is no such referral, or nothing is kept of it (`not_found`)."),
    ),
)]
#[delete("/v1/referrals/{id}/details")]
pub async fn delete_sealed_details(
    caller: Caller<PurgeDetails>,
    id: PathId<ReferralId>,
    if_match: IfMatch,
    _: NoBody,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    write(&app, &caller, Write::unkeyed("delete_sealed_details", b""), move |conn, context| {
        ops::purge_details::run(conn, context, id.0, &if_match.0)?;
        Ok(Reply::gone())
    })
    .await
}
