//! A file of referrals that comes in: its import is made, its rows are kept batch by batch, and with the last one it is queued. Until then
//! it is nobody's, and is forgotten when it breaks off.

use chrono::SecondsFormat;

use super::create_referral::NewReferral;
use super::record::{Change, record};
use super::{Context, contact_details, facts};
use crate::auth::Actor;
use crate::db::Conn;
use crate::domain::CodeList;
use crate::domain::fault::FaultCode;
use crate::domain::ids::ReferralImportId;
use crate::domain::imports::{self, ImportDelimiter, ImportField, ImportFormat, ImportStatus, RowFault};
use crate::domain::journal::SubjectKind;
use crate::domain::text::{Code, Reference, SourceTag};
use crate::domain::vocabulary::LateReason;
use crate::error::{AppError, ErrorCode};
use crate::privacy::keys::Keyring;
use crate::store;
use crate::store::referral_imports::{ImportRow, Staged, StagedReferral};
use crate::store::sites::SiteRow;

/// Imports of a site that have not ended, at the most.
const MOST_OPEN: i64 = 20;
/// Files that may come in beside them, for a retry of one of those.
const SPARE: i64 = 5;
/// The operation, as its document names it.
pub(super) const OPERATION: &str = "create_referral_import";

/// How the file is read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// How its text is written, by the name of the Encoding Standard.
    pub encoding: Option<&'static str>,
    /// What stands between its cells.
    pub delimiter: Option<ImportDelimiter>,
    /// What each column is read as; `None`: left out.
    pub columns: Vec<Option<ImportField>>,
}

/// Begins an import.
///
/// # Errors
/// 403 for a test key: imports bring live referrals; 409 when the site has too many that have not ended.
pub fn begin(conn: &mut Conn, context: &Context, format: ImportFormat, dry_run: bool) -> Result<ReferralImportId, AppError> {
    if context.actor.is_test() {
        let detail = "Imports bring live referrals, which a test key has nothing to do with. Use a live key, and `dry_run` to try a file out.";
        return Err(AppError::new(ErrorCode::Forbidden).with_detail(detail));
    }
    // Once more than these, a retry of one that was taken would not get to its answer; with many more, nobody has to read the file.
    check_open(conn, context, MOST_OPEN + SPARE)?;
    let now = context.now;
    let import = ImportRow {
        site_id: context.scope.site(),
        id: ReferralImportId::at(now),
        status: ImportStatus::Receiving,
        stop_reason: None,
        format,
        encoding: None,
        delimiter: None,
        column_fields: CodeList(Vec::new()),
        dry_run,
        actor_kind: context.actor.kind(),
        actor_id: context.actor.principal(),
        api_key_id: match &context.actor {
            Actor::Site(client) => Some(client.key),
            _ => None,
        },
        rows: 0,
        created: 0,
        unchanged: 0,
        refused: 0,
        version: 1,
        created_at: now,
        updated_at: now,
        started_at: None,
        ended_at: None,
        told_member_ids: Vec::new(),
    };
    store::referral_imports::insert(conn, &import)?;
    Ok(import.id)
}

fn check_open(conn: &mut Conn, context: &Context, most: i64) -> Result<(), AppError> {
    if store::referral_imports::count_open(conn, &context.scope)? < most {
        return Ok(());
    }
    let detail = "Twenty imports of the site have not ended. Wait for one, or cancel one.";
    Err(AppError::new(ErrorCode::StateConflict).with_detail(detail))
}

/// Keeps rows that came in.
///
/// # Errors
/// 409 when somebody cancelled the import meanwhile.
pub fn stage(conn: &mut Conn, context: &Context, id: ReferralImportId, rows: &[(i32, Staged)]) -> Result<(), AppError> {
    let import = receiving(conn, context, id)?;
    store::referral_imports::insert_batch(conn, &context.scope, id, rows)?;
    let more = i32::try_from(rows.len()).map_err(AppError::internal)?;
    let import = ImportRow { rows: import.rows.saturating_add(more), updated_at: context.now, ..import };
    Ok(store::referral_imports::write(conn, &import)?)
}

/// All of it has come in: from now on its rows are done, whatever becomes of the server.
///
/// # Errors
/// As [`stage`].
pub fn finish(conn: &mut Conn, context: &Context, id: ReferralImportId, reading: Reading) -> Result<ImportRow, AppError> {
    let import = receiving(conn, context, id)?;
    // This one is among them.
    check_open(conn, context, MOST_OPEN + 1)?;
    let column = |field: Option<ImportField>| field.map_or(String::new(), |field| field.as_str().to_owned());
    let import = ImportRow {
        status: ImportStatus::Queued,
        encoding: reading.encoding.map(str::to_owned),
        delimiter: reading.delimiter,
        column_fields: CodeList(reading.columns.into_iter().map(column).collect()),
        version: import.version + 1,
        updated_at: context.now,
        ..import
    };
    store::referral_imports::write(conn, &import)?;
    let change = Change::made(OPERATION, SubjectKind::ReferralImport, id.0, facts::of_referral_import(&import));
    record(conn, context, [change])?;
    Ok(import)
}

fn receiving(conn: &mut Conn, context: &Context, id: ReferralImportId) -> Result<ImportRow, AppError> {
    let found =
        store::referral_imports::lock(conn, &context.scope, id)?.filter(|import| import.status == ImportStatus::Receiving);
    found.ok_or_else(|| {
        AppError::new(ErrorCode::StateConflict)
            .with_detail("This import was cancelled while its file came in. Nothing of it is kept.")
    })
}

/// A row of a file, inside the contract.
#[derive(Debug)]
pub struct NewRow {
    /// The caller's own key of the row.
    pub row_key: Option<Reference>,
    /// The referral that it asks for; its partner is named.
    pub referral: NewReferral,
    /// Code of the partner.
    pub partner: Code,
}

/// A row as it waits: contact details become digests here, and are gone.
#[must_use]
pub fn staged(site: &SiteRow, keyring: &Keyring, row: NewRow) -> Staged {
    let NewRow { row_key, referral, partner } = row;
    let (digests, faults) = contact_details::digest(keyring, referral.email.as_ref(), referral.phone.as_ref(), site);
    let mut refused: Vec<RowFault> =
        faults.iter().map(|fault| RowFault::in_column(ImportField::at(&fault.pointer), fault.code.as_str())).collect();
    let (external_ref, reference) = (referral.external_ref.as_ref(), referral.partner_reference.as_ref());
    let codes = (partner.as_str(), referral.study.as_str());
    let Some(key) = imports::row_key(site.site_id, row_key.as_ref(), codes, external_ref, reference) else {
        refused.push(RowFault::in_column(Some(ImportField::RowKey), FaultCode::MissingField.as_str()));
        return Staged::Refused(RowFault::to_text(&refused));
    };
    if !refused.is_empty() {
        return Staged::Refused(RowFault::to_text(&refused));
    }
    let received_at = referral.received_at.map(|at| at.to_rfc3339_opts(SecondsFormat::Micros, true));
    // What a second upload is compared by. Contact details are left out: nothing is kept of them by which they could be guessed.
    let content = imports::digest(
        site.site_id,
        [
            partner.as_str(),
            referral.study.as_str(),
            referral.channel.as_str(),
            referral.contact_basis.as_str(),
            referral.contact_path.as_str(),
            reference.map_or("", Reference::as_str),
            external_ref.map_or("", Reference::as_str),
            referral.late_reason.map_or("", LateReason::as_str),
            received_at.as_deref().unwrap_or(""),
            referral.source_tag.as_ref().map_or("", SourceTag::as_str),
        ],
    );
    Staged::Referral(Box::new(StagedReferral {
        row_key: key,
        content,
        partner,
        study: referral.study,
        channel: referral.channel,
        contact_basis: referral.contact_basis,
        contact_path: referral.contact_path,
        partner_reference: referral.partner_reference,
        external_ref: referral.external_ref,
        late_reason: referral.late_reason,
        received_at: referral.received_at,
        source_tag: referral.source_tag,
        digests: StagedReferral::stage(&digests),
    }))
}
