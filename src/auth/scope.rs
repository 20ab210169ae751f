//! The tenant scope: proof that somebody was authenticated for one site.

use crate::domain::ids::{PartnerId, SiteId};

/// Which rows a transaction may touch. Its fields are private and it is made in `auth` only, so that no handler can
/// name a site by itself: `tests/api/architecture.rs` finds whoever else makes one. Row-level security stands behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SiteScope {
    site: SiteId,
    partner: Option<PartnerId>,
}

impl SiteScope {
    /// The whole site: after a member or one of its keys was recognised.
    #[must_use]
    pub const fn of_site(site: SiteId) -> Self {
        Self { site, partner: None }
    }

    /// What belongs to one partner of it: after a key of the partner was recognised.
    #[must_use]
    pub const fn of_partner(site: SiteId, partner: PartnerId) -> Self {
        Self { site, partner: Some(partner) }
    }

    /// The tenant.
    #[must_use]
    pub const fn site(&self) -> SiteId {
        self.site
    }

    /// The partner whose rows alone may be touched, when the caller is one.
    #[must_use]
    pub const fn partner(&self) -> Option<PartnerId> {
        self.partner
    }
}

/// The scope of the operator at the command line and of jobs: one site, chosen from the directory.
/// Whoever holds the server's settings holds its database; a request never gets here.
#[must_use]
pub const fn operator_scope(site: SiteId) -> SiteScope {
    SiteScope::of_site(site)
}
