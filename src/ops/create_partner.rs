//! Registering a partner.

use super::record::{Change, record};
use super::{Context, facts, taken};
use crate::db::Conn;
use crate::domain::ids::PartnerId;
use crate::domain::journal::SubjectKind;
use crate::domain::text::{Code, Jurisdiction, PublicName};
use crate::domain::vocabulary::{PartnerStatus, PartnerType, RemunerationBasis};
use crate::error::{AppError, on_constraint};
use crate::store;
use crate::store::partners::PartnerRow;

/// A partner to be registered.
#[derive(Debug)]
pub struct NewPartner {
    /// Site-unique code.
    pub code: Code,
    /// What people call it.
    pub name: PublicName,
    /// What kind of organisation it is.
    pub partner_type: PartnerType,
    /// Where it is established.
    pub jurisdiction: Jurisdiction,
    /// How it is remunerated.
    pub remuneration_basis: RemunerationBasis,
}

/// Registers a partner as a draft.
///
/// # Errors
/// 409 when the code is taken.
pub fn run(conn: &mut Conn, context: &Context, new: NewPartner) -> Result<PartnerRow, AppError> {
    let partner = PartnerRow {
        site_id: context.scope.site(),
        id: PartnerId::at(context.now),
        code: new.code,
        name: new.name,
        partner_type: new.partner_type,
        jurisdiction: new.jurisdiction,
        remuneration_basis: new.remuneration_basis,
        status: PartnerStatus::Draft,
        version: 1,
        created_at: context.now,
        updated_at: context.now,
        suspension_reason: None,
    };
    store::partners::insert(conn, &partner)
        .map_err(on_constraint([("partners_code_unique", || taken("/code", "Another partner of the site has this code."))]))?;
    record(conn, context, [Change::made("create_partner", SubjectKind::Partner, partner.id.0, facts::of_partner(&partner))])?;
    Ok(partner)
}
