//! From an `Authorization` header to an actor and a scope.

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use subtle::ConstantTimeEq as _;

use super::{Actor, Identified, PartnerActor, SiteClient, SiteScope, StaffActor, api_key, provider, token};
use crate::db::{Deadline, Whose, enter_site};
use crate::domain::vocabulary::PartnerStatus;
use crate::error::{AppError, ErrorCode};
use crate::state::AppState;
use crate::store;

/// Finds out who is calling.
///
/// # Errors
/// 401 with a code that says whether credentials are missing, not valid or expired; 503 when the database is not there, or an
/// identity provider whose key is not known.
pub async fn authenticate(app: &AppState, headers: &HeaderMap, request_id: String) -> Result<Identified, AppError> {
    let deadline = app.deadline();
    let credentials = bearer(headers)?;
    let (actor, scope) = if credentials.starts_with("hk_") {
        by_key(app, credentials, deadline).await?
    } else {
        by_token(app, credentials, deadline).await?
    };
    Ok(Identified { actor, scope, deadline: deadline.admitted(), request_id })
}

fn bearer(headers: &HeaderMap) -> Result<&str, AppError> {
    let mut values = headers.get_all(AUTHORIZATION);
    let missing = || AppError::new(ErrorCode::Unauthenticated);
    let value = values.next().ok_or_else(missing)?;
    if values.next().is_some() {
        return Err(AppError::new(ErrorCode::InvalidCredentials).with_detail("Send one Authorization header, not several."));
    }
    let (scheme, credentials) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") || credentials.trim().is_empty() {
        return Err(missing());
    }
    Ok(credentials.trim())
}

fn invalid() -> AppError {
    AppError::new(ErrorCode::InvalidCredentials)
}

async fn by_key(app: &AppState, text: &str, deadline: Deadline) -> Result<(Actor, SiteScope), AppError> {
    let presented = api_key::parse(text).ok_or_else(invalid)?;
    let now = app.clock.now();
    let whose = app.known_keys.site_of(&presented.hash).map_or(Whose::Stranger, Whose::Site);
    let known = app
        .db
        .look_up(whose, deadline, move |conn| {
            let Some((site, key_id)) = store::api_keys::find_in_directory(conn, &presented.hash)? else {
                return Err(invalid());
            };
            let scope = SiteScope::of_site(site);
            enter_site(conn, &scope)?;
            let Some(key) = store::api_keys::find_credentials(conn, &scope, key_id)? else { return Err(invalid()) };
            let same: bool = key.key_hash.ct_eq(&presented.hash).into();
            if !same || key.is_test != presented.is_test || key.revoked_at.is_some() {
                return Err(invalid());
            }
            if key.expires_at.is_some_and(|expires_at| expires_at <= now) {
                return Err(AppError::new(ErrorCode::ExpiredCredentials));
            }
            match (key.partner_id, key.partner_status) {
                (Some(_), Some(PartnerStatus::Ended)) => Err(invalid()),
                (Some(partner), _) => {
                    let actor = PartnerActor { key: key_id, partner, is_test: key.is_test };
                    Ok((Actor::Partner(actor), SiteScope::of_partner(site, partner)))
                }
                (None, _) => {
                    let actor =
                        SiteClient { key: key_id, principal: key.principal_id, scopes: key.scopes.0, is_test: key.is_test };
                    Ok((Actor::Site(actor), scope))
                }
            }
        })
        .await
        .inspect_err(|refused| {
            if refused.code.status() == 401 {
                app.known_keys.forget(&presented.hash);
            }
        })?;
    if let (Some(key), scope) = (known.0.key(), known.1) {
        app.key_uses.note(scope.site(), key, now);
        app.known_keys.remember(presented.hash, scope.site());
    }
    Ok(known)
}

/// Who must verify a token, its unverified issuer says: the local one, or exactly one of the settings.
async fn by_token(app: &AppState, text: &str, deadline: Deadline) -> Result<(Actor, SiteScope), AppError> {
    let issuer = token::claimed_issuer(text).ok_or_else(invalid)?;
    let (scope, found) = if token::is_local(&issuer) {
        let (site, member) = token::verify(&app.master, text, app.clock.now()).map_err(|refused| match refused {
            token::Refused::Invalid => invalid(),
            token::Refused::Expired => AppError::new(ErrorCode::ExpiredCredentials),
        })?;
        let scope = SiteScope::of_site(site);
        (scope, app.db.transact(scope, deadline, move |conn| Ok(store::members::find(conn, &scope, member)?)).await?)
    } else {
        let provider = app.providers.find(&issuer).ok_or_else(invalid)?;
        // Half of what is left: the database needs its part.
        let subject = provider.verify(text, &app.clock, deadline.remaining() / 2).await.map_err(|refused| match refused {
            provider::Refused::Invalid => invalid(),
            provider::Refused::Expired => AppError::new(ErrorCode::ExpiredCredentials),
            provider::Refused::Unavailable => AppError::new(ErrorCode::IdentityProviderUnavailable),
        })?;
        // The site is the one that the settings bind the issuer to; a token cannot name another.
        let (scope, issuer) = (SiteScope::of_site(provider.site()), provider.issuer().clone());
        let find = move |conn: &mut _| Ok(store::members::find_by_identity(conn, &scope, &issuer, &subject)?);
        (scope, app.db.transact(scope, deadline, find).await?)
    };
    let member = found.filter(|member| member.active).ok_or_else(invalid)?;
    Ok((Actor::Staff(StaffActor { member: member.id, role: member.role }), scope))
}
