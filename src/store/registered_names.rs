//! What a site itself calls its studies, partners and tags: words that say nothing about a person, since everybody there uses them.

use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::text::{Code, PublicName, SourceTag};
use crate::schema::{handoff_routes, language_versions, partners, studies};

/// The names and codes of a site, as far as this scope sees them: a partner its own and those of its studies.
///
/// # Errors
/// A database failure.
pub fn known_to(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<Vec<String>> {
    let site = scope.site();
    let mut names = Vec::new();
    let of_studies: Vec<(Code, PublicName)> =
        studies::table.filter(studies::site_id.eq(site)).select((studies::code, studies::public_name)).load(conn)?;
    let of_partners: Vec<(Code, PublicName)> =
        partners::table.filter(partners::site_id.eq(site)).select((partners::code, partners::name)).load(conn)?;
    for (code, name) in of_studies.into_iter().chain(of_partners) {
        names.extend([code.as_str().to_owned(), name.as_str().to_owned()]);
    }
    let in_languages: Vec<PublicName> = language_versions::table
        .filter(language_versions::site_id.eq(site).and(language_versions::approved_at.is_not_null()))
        .select(language_versions::public_name)
        .distinct()
        .load(conn)?;
    names.extend(in_languages.iter().map(|name| name.as_str().to_owned()));
    let tags: Vec<SourceTag> =
        handoff_routes::table.filter(handoff_routes::site_id.eq(site)).select(handoff_routes::source_tag).load(conn)?;
    names.extend(tags.iter().map(|tag| tag.as_str().to_owned()));
    Ok(names)
}
