//! The kinds of caller.

use crate::domain::ids::{ApiKeyId, MemberId, PartnerId, PrincipalId};
use crate::domain::vocabulary::{Role, Scope};

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A member of the site, by token.
    Staff(StaffActor),
    /// A system of the site, by site key.
    Site(SiteClient),
    /// A partner, by partner key.
    Partner(PartnerActor),
}

/// A member of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffActor {
    /// The member.
    pub member: MemberId,
    /// The role, from the database and never from the token.
    pub role: Role,
}

/// A system of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteClient {
    /// The key it used.
    pub key: ApiKeyId,
    /// Who it is across key rotation.
    pub principal: PrincipalId,
    /// What its key may do.
    pub scopes: Vec<Scope>,
    /// Test keys act on test referrals only.
    pub is_test: bool,
}

/// A partner's portal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerActor {
    /// The key it used.
    pub key: ApiKeyId,
    /// The partner.
    pub partner: PartnerId,
    /// Test keys act on open test runs only.
    pub is_test: bool,
}

impl Actor {
    /// Who acts, for idempotency keys and cursors: it outlives a key.
    #[must_use]
    pub fn principal(&self) -> PrincipalId {
        match self {
            Self::Staff(staff) => PrincipalId(staff.member.0),
            Self::Site(client) => client.principal,
            Self::Partner(partner) => PrincipalId(partner.partner.0),
        }
    }

    /// Whether the credentials are test credentials: such a caller sees test referrals and nothing else.
    #[must_use]
    pub fn is_test(&self) -> bool {
        match self {
            Self::Staff(_) => false,
            Self::Site(client) => client.is_test,
            Self::Partner(partner) => partner.is_test,
        }
    }

    /// The partner, when the caller is one.
    #[must_use]
    pub fn partner(&self) -> Option<PartnerId> {
        match self {
            Self::Partner(partner) => Some(partner.partner),
            _ => None,
        }
    }
}
