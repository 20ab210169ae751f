//! Issuing an API key. Its text exists in the answer alone.

use secrecy::SecretString;

use super::record::{Change, record};
use super::{Context, facts};
use crate::auth::api_key;
use crate::db::Conn;
use crate::domain::CodeList;
use crate::domain::ids::{ApiKeyId, PartnerId, PrincipalId};
use crate::domain::journal::SubjectKind;
use crate::domain::vocabulary::Scope;
use crate::error::AppError;
use crate::store;
use crate::store::api_keys::NewApiKey;

/// Whom the key is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A partner; its key carries exactly the scope `partner`.
    Partner(PartnerId),
    /// A system of the site, with these scopes.
    Site(Vec<Scope>),
}

/// Issues a key and answers its text.
///
/// # Errors
/// A database failure, or no randomness.
pub fn run(conn: &mut Conn, context: &Context, name: &str, holder: Holder, is_test: bool) -> Result<SecretString, AppError> {
    let fresh = api_key::generate(is_test).map_err(AppError::internal)?;
    let (scope, now) = (&context.scope, context.now);
    let id = ApiKeyId::at(now);
    let (principal_id, partner_id, scopes) = match holder {
        Holder::Partner(partner) => (PrincipalId(partner.0), Some(partner), vec![Scope::Partner]),
        Holder::Site(scopes) => (PrincipalId::at(now), None, scopes),
    };
    let key = NewApiKey {
        site_id: scope.site(),
        id,
        principal_id,
        name: name.to_owned(),
        partner_id,
        scopes: CodeList(scopes),
        is_test,
        key_hash: fresh.hash.to_vec(),
        created_at: now,
        expires_at: None,
    };
    store::api_keys::insert(conn, &key)?;
    record(conn, context, [Change::made("create_api_key", SubjectKind::ApiKey, id.0, facts::of_api_key(&key))])?;
    Ok(fresh.text)
}
