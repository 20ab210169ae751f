//! Details of a person under an approved process: whether they may be sent, and how they are kept. In the clear they live as long as
//! the request that brings them.

use super::Context;
use super::create_referral::NewReferral;
use crate::db::Conn;
use crate::domain::CodeList;
use crate::domain::approved_process::{InterpreterLanguage, ProcessField};
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::{PartnerId, ReferralId, SiteId};
use crate::domain::sealed_details::Details;
use crate::domain::vocabulary::ContactPath;
use crate::error::AppError;
use crate::privacy::keys::{KeyId, Keyring, SiteKey};
use crate::privacy::sealing::{self, Sealed, SealingFailed};
use crate::store;
use crate::store::routes::RouteContext;
use crate::store::sealed_details::SealedDetailsRow;
use crate::store::sites::SiteRow;

/// The fields that the route's partner may send for its study today; nothing is looked up where nothing is sent.
pub(super) fn open_fields(
    conn: &mut Conn,
    context: &Context,
    new: &NewReferral,
    route: &RouteContext,
    site: &SiteRow,
) -> Result<Vec<ProcessField>, AppError> {
    if new.details.is_none() {
        return Ok(Vec::new());
    }
    let (route, today) = (&route.route, site.day_of(context.now));
    Ok(store::approved_processes::open_fields(conn, &context.scope, route.partner_id, route.study_id, today)?)
}

/// What is wrong with the details of a live referral. `open`: what may be sent; `None` where nobody knows, since the route is at fault.
pub(super) fn check(new: &NewReferral, open: Option<&[ProcessField]>) -> Vec<Fault> {
    let Some(details) = &new.details else {
        let message = "`sealed_details` needs `details` with a field that an approved process opens for this partner and study. Where none is open, use `person_uses_intake`.";
        let missing = new.contact_path == ContactPath::SealedDetails;
        return missing.then(|| Fault::new("/details", FaultCode::MissingField, message)).into_iter().collect();
    };
    let closed = details.fields().into_iter().filter(|field| open.is_some_and(|open| !open.contains(field)));
    let mut faults: Vec<Fault> = closed
        .map(|field| {
            let message = "No approved process opens this field for this partner and study today. Leave it out, or ask the site's admin to record the approval.";
            Fault::new(format!("/details/{field}"), FaultCode::NotApproved, message)
        })
        .collect();
    if details.interpreter_language.as_ref().is_some_and(|language: &InterpreterLanguage| !language.is_known()) {
        let message = "Send the two letters of a language of ISO 639-1, such as es.";
        faults.push(Fault::new("/details/interpreter_language", FaultCode::UnknownValue, message));
    }
    faults
}

/// What a test referral may not bring.
pub(super) fn check_test(new: &NewReferral) -> Vec<Fault> {
    let message = "A test sends nothing about a person. Leave it out.";
    let details = new.details.as_ref().map(|_| Fault::new("/details", FaultCode::Inconsistent, message));
    let message = "A test sends nothing about a person. Use `person_uses_intake`.";
    let path = new.contact_path == ContactPath::SealedDetails;
    details.into_iter().chain(path.then(|| Fault::new("/contact_path", FaultCode::Inconsistent, message))).collect()
}

/// Seals them for this referral and keeps them.
pub(super) fn keep(
    conn: &mut Conn,
    context: &Context,
    key: &SiteKey,
    referral: ReferralId,
    partner: PartnerId,
    details: &Details,
) -> Result<(), AppError> {
    let site_id = context.scope.site();
    let fields = details.fields();
    let plain = details.to_plain().ok_or_else(|| AppError::internal(SealingFailed::NotSealed))?;
    let sealed = at_place(site_id, referral, &fields, |place| sealing::seal(key, place, &plain)).map_err(AppError::internal)?;
    let row = SealedDetailsRow {
        site_id,
        referral_id: referral,
        partner_id: partner,
        fields: CodeList(fields),
        key_id: sealed.key_id.0.to_vec(),
        nonce: sealed.nonce.to_vec(),
        ciphertext: sealed.ciphertext,
        sealed_at: context.now,
    };
    Ok(store::sealed_details::insert(conn, &row)?)
}

/// Opens what is kept of a referral.
///
/// # Errors
/// 500 when it is not what was sealed for this referral, or lies under a key that is not configured. Nothing of it is told.
pub(super) fn open(keyring: &Keyring, row: &SealedDetailsRow) -> Result<Details, AppError> {
    let not_genuine = || AppError::internal(SealingFailed::NotGenuine);
    let (Ok(key_id), Ok(nonce)) = (row.key_id.as_slice().try_into(), row.nonce.as_slice().try_into()) else {
        return Err(not_genuine());
    };
    let sealed = Sealed { key_id: KeyId(key_id), nonce, ciphertext: row.ciphertext.clone() };
    let opened = at_place(row.site_id, row.referral_id, &row.fields.0, |place| sealing::open(keyring, place, &sealed));
    Details::from_plain(&opened.map_err(AppError::internal)?).ok_or_else(not_genuine)
}

/// Seals anew, under the current key, what lies under another one that is accepted.
pub(super) fn reseal(keyring: &Keyring, row: SealedDetailsRow) -> Result<SealedDetailsRow, AppError> {
    let plain = open(keyring, &row)?.to_plain().ok_or_else(|| AppError::internal(SealingFailed::NotSealed))?;
    let seal = |place: &[&[u8]]| sealing::seal(&keyring.current, place, &plain);
    let sealed = at_place(row.site_id, row.referral_id, &row.fields.0, seal).map_err(AppError::internal)?;
    Ok(SealedDetailsRow { key_id: sealed.key_id.0.to_vec(), nonce: sealed.nonce.to_vec(), ciphertext: sealed.ciphertext, ..row })
}

/// What details are bound to: their site, their referral, and what their row says that they hold. The key is bound to its purpose.
fn at_place<T>(site: SiteId, referral: ReferralId, fields: &[ProcessField], work: impl FnOnce(&[&[u8]]) -> T) -> T {
    let fields = fields.iter().map(|field| field.as_str()).collect::<Vec<_>>().join(",");
    work(&[b"sealed-details", site.0.as_bytes(), referral.0.as_bytes(), fields.as_bytes()])
}
