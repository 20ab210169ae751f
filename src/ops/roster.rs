//! What must be true of a site's members together: at least one active admin, and exactly one site lead.
//!
//! Whoever changes a member locks the roster first, so that two changes that are harmless alone are decided one after the other.

use super::Context;
use crate::auth::permission::{ManageMembers, Permission as _};
use crate::auth::{Actor, StaffActor};
use crate::db::Conn;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::MemberId;
use crate::domain::vocabulary::Role;
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::members::MemberRow;

/// The members that a change names, every active admin and the site lead, locked until the transaction ends.
pub(super) struct Roster(Vec<MemberRow>);

impl Roster {
    /// Locks the roster with these members.
    ///
    /// # Errors
    /// 401 or 403 when the caller was deactivated or is no admin any more: another change was faster than this one.
    pub(super) fn lock(conn: &mut Conn, context: &Context, named: &[MemberId]) -> Result<Self, AppError> {
        let caller = context.actor.member();
        let ids: Vec<MemberId> = named.iter().copied().chain(caller).collect();
        let roster = Self(store::members::lock_roster(conn, &context.scope, &ids)?);
        if let Some(caller) = caller {
            let now = roster.find(caller).filter(|member| member.active);
            let now = now.ok_or_else(|| AppError::new(ErrorCode::InvalidCredentials))?;
            ManageMembers::ROW.check(&Actor::Staff(StaffActor { member: caller, role: now.role }))?;
        }
        Ok(roster)
    }

    /// The member with this id, if it is one of those that were named.
    pub(super) fn find(&self, id: MemberId) -> Option<&MemberRow> {
        self.0.iter().find(|member| member.id == id)
    }

    /// The site lead.
    pub(super) fn lead(&self) -> Option<&MemberRow> {
        self.0.iter().find(|member| member.is_site_lead)
    }

    /// Another active member than this one that may own work and lead.
    pub(super) fn successor(&self, id: MemberId, of: MemberId) -> Option<&MemberRow> {
        self.find(id).filter(|member| member.id != of && member.active && member.role != Role::Viewer)
    }

    /// Whether the site would have no active admin without this member.
    pub(super) fn is_last_admin(&self, member: &MemberRow) -> bool {
        let is_active_admin = |member: &MemberRow| member.active && member.role == Role::Admin;
        is_active_admin(member) && !self.0.iter().any(|other| other.id != member.id && is_active_admin(other))
    }
}

/// The fault of a member who was named as a successor and cannot be one.
pub(super) fn no_successor(pointer: &'static str) -> Fault {
    let message = "Name another active member of the site with role `admin` or `coordinator`.";
    Fault::new(pointer, FaultCode::UnknownReference, message)
}
