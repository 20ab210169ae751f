//! One row of a file: the same allowlist and guard as a body, whatever it was written in.

use crate::api::extract::{checked, typed};
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::imports::{ImportField, RowFault};
use crate::error::AppError;
use crate::ops::receive_referral_import::{NewRow, staged};
use crate::privacy::guard::Registered;
use crate::privacy::json::Node;
use crate::privacy::keys::Keyring;
use crate::store::referral_imports::Staged;
use crate::store::sites::SiteRow;

use super::body::ImportReferral;

/// What every row is read against.
#[derive(Debug)]
pub(super) struct Ground {
    /// The site.
    pub(super) site: SiteRow,
    /// What it calls its studies and partners.
    pub(super) registered: Registered,
    /// Contact details are digested under these.
    pub(super) keyring: Keyring,
}

/// The rows that were read, each with its number in the file.
#[derive(Debug, Default)]
pub(super) struct Rows(pub(super) Vec<(i32, Staged)>);

impl Rows {
    /// Takes a row that was refused before anybody looked into it.
    pub(super) fn refuse(&mut self, number: i32, fault: RowFault) {
        self.0.push((number, Staged::Refused(RowFault::to_text(&[fault]))));
    }

    /// Takes a row that was read.
    ///
    /// # Errors
    /// 422 when it holds a field outside the contract: that is not a row's fault, but the file's.
    pub(super) fn take(&mut self, number: i32, node: &Node<'_>, ground: &Ground) -> Result<(), AppError> {
        let row = checked::<ImportReferral>(node, &ground.registered).and_then(typed::<ImportReferral>);
        let row = match row {
            Ok(row) => staged(&ground.site, &ground.keyring, NewRow::from(row)),
            Err(error) if error.faults().is_empty() => return Err(error),
            Err(error) => {
                let outside = |fault: &&Fault| matches!(fault.code, FaultCode::UnknownField | FaultCode::SensitiveField);
                let strange: Vec<Fault> = error.faults().iter().filter(outside).cloned().collect();
                if !strange.is_empty() {
                    let at_row = |fault: Fault| Fault { pointer: format!("/rows/{}{}", number - 1, fault.pointer), ..fault };
                    return Err(AppError::invalid(strange.into_iter().map(at_row).collect()));
                }
                let in_column = |fault: &Fault| RowFault::in_column(ImportField::at(&fault.pointer), fault.code.as_str());
                Staged::Refused(RowFault::to_text(&error.faults().iter().map(in_column).collect::<Vec<_>>()))
            }
        };
        self.0.push((number, row));
        Ok(())
    }
}
