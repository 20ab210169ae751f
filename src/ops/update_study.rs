//! Changing what is registered of a study.

use super::record::{Change, record};
use super::{Context, Expected, facts};
use crate::db::Conn;
use crate::domain::ids::StudyId;
use crate::domain::journal::SubjectKind;
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
    let changed = store::studies::update(conn, &context.scope, id, &changes)?;
    let (before, after) = (facts::of_study(&study), facts::of_study(&changed));
    record(conn, context, [Change::new("update_study", SubjectKind::Study, id.0, before, after)])?;
    Ok(changed)
}
