//! What a draft is checked against: the approved words and ways of a study, as far as the site has registered them.
//!
//! Reads only. The draft itself never comes here.

use crate::db::Conn;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::language_check::Approved;
use crate::domain::language_standing;
use crate::domain::text::Code;
use crate::domain::vocabulary::RouteStatus;
use crate::error::AppError;
use crate::ops::Context;
use crate::store;
use crate::store::language_versions::LanguageVersionRow;
use crate::store::sites::SiteRow;
use crate::store::studies::StudyRow;

/// The study with this code and what is approved for it: for a partner over its own routes, for the site over all of them.
///
/// # Errors
/// 422 when the caller has no such study: a study without a route of the partner answers like none. A database failure.
pub fn run(conn: &mut Conn, context: &Context, study: &Code) -> Result<(StudyRow, Approved), AppError> {
    let scope = &context.scope;
    let study = store::studies::find_by_code(conn, scope, study)?.ok_or_else(|| {
        AppError::invalid(vec![Fault::new("/study", FaultCode::UnknownReference, "You have no study with this code.")])
    })?;
    let site = store::sites::current(conn, scope)?;
    let mut routes = store::routes::of_study(conn, scope, study.id)?;
    routes.retain(|route| route.status != RouteStatus::Retired);

    let mut addresses: Vec<String> = Vec::with_capacity(routes.len() + 1);
    // A partner sends people where its route says; the site's own address is right where no route has another.
    let own = routes.iter().filter_map(|route| route.intake_url.as_ref());
    for address in own.chain([&site.intake_url]) {
        if !addresses.iter().any(|known| known == address.as_str()) {
            addresses.push(address.as_str().to_owned());
        }
    }
    let mut texts = vec![study.short_description.as_str().to_owned()];
    texts.extend(routes.iter().flat_map(|route| &route.instruction.0).map(|instruction| instruction.as_str().to_owned()));
    let current = current_versions(conn, context, &site, &study)?;
    let mut names = vec![study.public_name.as_str().to_owned()];
    names.extend(current.iter().map(|version| version.public_name.as_str().to_owned()));
    texts.extend(current.iter().flat_map(|version| version.parts()).map(|(_, words)| words.to_owned()));
    let approved = Approved {
        names,
        protocol_code: Some(study.protocol_code.as_str().to_owned()),
        registry_id: study.registry_id.as_ref().map(|id| id.as_str().to_owned()),
        addresses,
        texts,
        where_to_go: current.first().map(|version| version.where_to_go.as_str().to_owned()),
    };
    Ok((study, approved))
}

/// The approved versions that count today, one of each locale.
fn current_versions(
    conn: &mut Conn,
    context: &Context,
    site: &SiteRow,
    study: &StudyRow,
) -> Result<Vec<LanguageVersionRow>, AppError> {
    let today = site.day_of(context.now);
    let mut versions = store::language_versions::approved_of_study(conn, &context.scope, study.id)?;
    let all: Vec<_> = versions.iter().filter_map(|version| version.approved(false)).collect();
    let counts = |id| {
        language_standing::locales(&all, today)
            .iter()
            .any(|locale| language_standing::current(&all, locale, today).is_some_and(|version| version.id == id))
    };
    versions.retain(|version| counts(version.id));
    Ok(versions)
}
