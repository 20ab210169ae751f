//! Registering a study.

use super::record::{Change, record};
use super::{Context, facts, taken};
use crate::db::Conn;
use crate::domain::ids::StudyId;
use crate::domain::journal::SubjectKind;
use crate::domain::text::{Code, ProtocolCode, PublicName, RegistryId, ShortDescription};
use crate::domain::vocabulary::StudyStatus;
use crate::error::{AppError, on_constraint};
use crate::store;
use crate::store::studies::StudyRow;

/// A study to be registered.
#[derive(Debug)]
pub struct NewStudy {
    /// Site-unique code.
    pub code: Code,
    /// Name for the public.
    pub public_name: PublicName,
    /// Description for the public.
    pub short_description: ShortDescription,
    /// The sponsor's code.
    pub protocol_code: ProtocolCode,
    /// Id in a public registry.
    pub registry_id: Option<RegistryId>,
}

/// Registers a study; it is open from the start, and takes nobody before a route is launched.
///
/// # Errors
/// 409 when the code is taken.
pub fn run(conn: &mut Conn, context: &Context, new: NewStudy) -> Result<StudyRow, AppError> {
    let study = StudyRow {
        site_id: context.scope.site(),
        id: StudyId::at(context.now),
        code: new.code,
        public_name: new.public_name,
        short_description: new.short_description,
        protocol_code: new.protocol_code,
        registry_id: new.registry_id,
        status: StudyStatus::Open,
        version: 1,
        created_at: context.now,
        updated_at: context.now,
    };
    store::studies::insert(conn, &study)
        .map_err(on_constraint([("studies_code_unique", || taken("/code", "Another study of the site has this code."))]))?;
    record(conn, context, [Change::made("create_study", SubjectKind::Study, study.id.0, facts::of_study(&study))])?;
    Ok(study)
}
