//! Reading the sealed details of a referral: for a stated purpose, and written down each time.

use chrono::{DateTime, Utc};

use super::record::{Change, record};
use super::{Context, seal_details};
use crate::db::Conn;
use crate::domain::ids::ReferralId;
use crate::domain::journal::{Facts, SubjectKind};
use crate::domain::sealed_details::{Details, DetailsPurpose};
use crate::error::AppError;
use crate::privacy::keys::Keyring;
use crate::store;

/// Details that were read.
#[derive(Debug)]
pub struct Read {
    /// Of which referral.
    pub referral: ReferralId,
    /// What for.
    pub purpose: DetailsPurpose,
    /// When.
    pub read_at: DateTime<Utc>,
    /// The details.
    pub details: Details,
}

/// Opens them. Who read which fields, when and what for stands in the audit trail before anything is answered.
///
/// # Errors
/// 404 for an unknown or foreign referral and for one that has none, 500 when they do not open.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    keyring: &Keyring,
    id: ReferralId,
    purpose: DetailsPurpose,
) -> Result<Read, AppError> {
    let scope = &context.scope;
    store::referrals::find(conn, scope, context.actor.is_test(), id)?.ok_or_else(AppError::not_found)?;
    let sealed = store::sealed_details::find(conn, scope, id)?.ok_or_else(AppError::not_found)?;
    let details = seal_details::open(keyring, &sealed)?;
    let read = Facts::new().codes("read_fields", sealed.fields.0.iter().map(|field| field.as_str()));
    let change = Change::made("read_sealed_details", SubjectKind::Referral, id.0, read).because(purpose.as_str());
    record(conn, context, [change])?;
    Ok(Read { referral: id, purpose, read_at: context.now, details })
}
