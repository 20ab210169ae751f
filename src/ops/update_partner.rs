//! Changing what is registered of a partner.

use super::record::{Change, record};
use super::{Context, Expected, facts};
use crate::db::Conn;
use crate::domain::ids::PartnerId;
use crate::domain::journal::SubjectKind;
use crate::domain::text::{Jurisdiction, PublicName};
use crate::domain::vocabulary::{PartnerType, RemunerationBasis};
use crate::error::AppError;
use crate::store;
use crate::store::partners::{PartnerChanges, PartnerRow};

/// What to change; `None` leaves a field.
#[derive(Debug, Default)]
pub struct PartnerPatch {
    /// What people call it.
    pub name: Option<PublicName>,
    /// What kind of organisation it is.
    pub partner_type: Option<PartnerType>,
    /// Where it is established.
    pub jurisdiction: Option<Jurisdiction>,
    /// How it is remunerated.
    pub remuneration_basis: Option<RemunerationBasis>,
}

/// Changes a partner.
///
/// # Errors
/// 404 for an unknown partner, 412 when it has changed since it was read.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    id: PartnerId,
    expected: &Expected,
    patch: PartnerPatch,
) -> Result<PartnerRow, AppError> {
    let partner = store::partners::lock(conn, &context.scope, id)?.ok_or_else(AppError::not_found)?;
    expected.check(partner.version)?;
    let changes = PartnerChanges {
        name: patch.name,
        partner_type: patch.partner_type,
        jurisdiction: patch.jurisdiction,
        remuneration_basis: patch.remuneration_basis,
        status: None,
        suspension_reason: None,
        version: partner.version + 1,
        updated_at: context.now,
    };
    let changed = store::partners::update(conn, &context.scope, id, &changes)?;
    let (before, after) = (facts::of_partner(&partner), facts::of_partner(&changed));
    record(conn, context, [Change::new("update_partner", SubjectKind::Partner, id.0, before, after)])?;
    Ok(changed)
}
