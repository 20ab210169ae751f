//! The kinds of caller.

use uuid::Uuid;

use crate::domain::ids::{ApiKeyId, MemberId, PartnerId, PrincipalId};
use crate::domain::journal::ActorKind;
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
    /// The operator at the command line; no request gets here.
    Operator,
    /// The server by itself; no request gets here.
    System,
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
            Self::Operator | Self::System => PrincipalId(Uuid::nil()),
        }
    }

    /// What kind of caller, for the audit trail.
    #[must_use]
    pub const fn kind(&self) -> ActorKind {
        match self {
            Self::Staff(_) => ActorKind::Staff,
            Self::Site(_) => ActorKind::SiteKey,
            Self::Partner(_) => ActorKind::PartnerKey,
            Self::Operator => ActorKind::Operator,
            Self::System => ActorKind::System,
        }
    }

    /// Who, for the audit trail: the member, the site client or the partner.
    #[must_use]
    pub fn id(&self) -> Option<Uuid> {
        match self {
            Self::Operator | Self::System => None,
            _ => Some(self.principal().0),
        }
    }

    /// The key that was used.
    #[must_use]
    pub const fn key(&self) -> Option<ApiKeyId> {
        match self {
            Self::Site(client) => Some(client.key),
            Self::Partner(partner) => Some(partner.key),
            Self::Staff(_) | Self::Operator | Self::System => None,
        }
    }

    /// The member, when the caller is one.
    #[must_use]
    pub const fn member(&self) -> Option<MemberId> {
        match self {
            Self::Staff(staff) => Some(staff.member),
            _ => None,
        }
    }

    /// Whether the credentials are test credentials: such a caller sees test referrals and nothing else.
    #[must_use]
    pub fn is_test(&self) -> bool {
        match self {
            Self::Staff(_) | Self::Operator | Self::System => false,
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
