//! Thin handlers, one file per resource: request and response structs, and one operation each.
//!
//! A handler extracts, calls one operation inside one transaction and shapes the answer. Response structs are
//! allowlists: rows are never serialised.

pub mod contact_withdrawals;
pub mod cursor;
pub mod extract;
pub mod idempotency;
pub mod partners;
pub mod read;
pub mod referrals;
pub mod reply;
pub mod routes;
pub mod sites;
pub mod studies;
pub mod system;
pub mod views;

use crate::privacy::shape::ShapeError;
use extract::Contract;

/// Every request body and query of the contract with what is wrong with its schema, if anything: an open contract is found
/// at start and not at its first use.
#[must_use]
pub fn contracts() -> Vec<(&'static str, Option<&'static ShapeError>)> {
    macro_rules! of {
        ($($contract:ty),+ $(,)?) => { vec![$((stringify!($contract), <$contract>::shape().err())),+] };
    }
    of![
        sites::UpdateSite,
        studies::CreateStudy,
        studies::UpdateStudy,
        studies::TransitionStudy,
        studies::ListStudies,
        partners::CreatePartner,
        partners::UpdatePartner,
        partners::TransitionPartner,
        partners::ListPartners,
        routes::CreateRoute,
        routes::UpdateRoute,
        routes::ListRoutes,
        referrals::CreateReferral,
        referrals::TransitionReferral,
        referrals::ListReferrals,
        contact_withdrawals::CreateContactWithdrawal,
    ]
}
