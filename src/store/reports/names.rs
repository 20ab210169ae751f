//! The codes of a site's studies and partners, for reports that name them.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::ids::{PartnerId, StudyId};
use crate::domain::text::Code;
use crate::schema::{partners, studies};

/// The studies and partners of a site by id.
#[derive(Debug, Default)]
pub struct Names {
    /// Codes of the studies.
    pub studies: HashMap<StudyId, Code>,
    /// Codes of the partners.
    pub partners: HashMap<PartnerId, Code>,
}

impl Names {
    /// The study with this code.
    #[must_use]
    pub fn study(&self, code: &Code) -> Option<StudyId> {
        self.studies.iter().find(|(_, known)| *known == code).map(|(id, _)| *id)
    }

    /// The partner with this code.
    #[must_use]
    pub fn partner(&self, code: &Code) -> Option<PartnerId> {
        self.partners.iter().find(|(_, known)| *known == code).map(|(id, _)| *id)
    }
}

/// All of the site's.
///
/// # Errors
/// A database failure.
pub fn names(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<Names> {
    let of_studies: Vec<(StudyId, Code)> =
        studies::table.filter(studies::site_id.eq(scope.site())).select((studies::id, studies::code)).load(conn)?;
    let of_partners: Vec<(PartnerId, Code)> =
        partners::table.filter(partners::site_id.eq(scope.site())).select((partners::id, partners::code)).load(conn)?;
    Ok(Names { studies: of_studies.into_iter().collect(), partners: of_partners.into_iter().collect() })
}
