//! After the master key was rotated: sealed details that lie under an earlier key are sealed anew under the current one, so that the
//! earlier one may go.

use super::{Context, seal_details};
use crate::db::Conn;
use crate::error::AppError;
use crate::privacy::keys::{MasterKey, Purpose};
use crate::store;

/// Rows of one pass.
pub const BATCH: i64 = 200;

/// Seals up to `limit` rows of the site anew; says how many. Nothing is recorded: what is kept is the same, under another key. A row
/// that does not open is left as it is, for whoever reads it to find, and counted by `handoff master-key status`.
///
/// # Errors
/// A database failure, or no randomness.
pub fn pass(conn: &mut Conn, context: &Context, master: &MasterKey, limit: i64) -> Result<usize, AppError> {
    let scope = &context.scope;
    let keyring = master.keyring(Purpose::SealedDetails, scope.site());
    let earlier: Vec<_> = keyring.also().iter().map(|key| key.id().0).collect();
    if earlier.is_empty() {
        return Ok(0);
    }
    let earlier: Vec<&[u8]> = earlier.iter().map(|id| id.as_slice()).collect();
    let mut resealed = 0;
    for row in store::sealed_details::lock_under(conn, scope, &earlier, limit)? {
        let referral = row.referral_id;
        match seal_details::reseal(&keyring, row) {
            Ok(row) => {
                store::sealed_details::reseal(conn, scope, &row)?;
                resealed += 1;
            }
            Err(_) => log::error!("sealed details of referral {referral} do not open, and stay under their earlier key"),
        }
    }
    Ok(resealed)
}
