//! Changing what is registered of a study.

use super::{Context, Expected};
use crate::db::Conn;
use crate::domain::ids::StudyId;
use crate::domain::text::{ProtocolCode, PublicName, RegistryId, ShortDescription};
use crate::error::AppError;
use crate::store;
use crate::store::studies::{StudyChanges, StudyRow};

/// What to change; `None` leaves a field.
#[derive(Debug, Default)]
pub struct StudyPatch {
    /// Name for the public.
    pub public_name: Option<PublicName>,
    /// Description for the public.
    pub short_description: Option<ShortDescription>,
    /// The sponsor's code.
    pub protocol_code: Option<ProtocolCode>,
    /// Id in a public registry; `Some(None)` clears it.
    pub registry_id: Option<Option<RegistryId>>,
}

/// Changes a study.
///
/// # Errors
/// 404 for an unknown study, 412 when it has changed since it was read.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    id: StudyId,
    expected: &Expected,
    patch: StudyPatch,
) -> Result<StudyRow, AppError> {
    let study = store::studies::lock(conn, &context.scope, id)?.ok_or_else(AppError::not_found)?;
    expected.check(study.version)?;
    let changes = StudyChanges {
        public_name: patch.public_name,
        short_description: patch.short_description,
        protocol_code: patch.protocol_code,
        registry_id: patch.registry_id,
        status: None,
        version: study.version + 1,
        updated_at: context.now,
    };
    Ok(store::studies::update(conn, &context.scope, id, &changes)?)
}
