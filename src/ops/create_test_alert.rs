//! A test alert: whether alerts reach a member is tried before it matters.

use super::Context;
use super::record::{Change, record};
use crate::auth::Actor;
use crate::db::Conn;
use crate::domain::ids::{AlertId, MemberId};
use crate::domain::journal::{Facts, SubjectKind};
use crate::domain::vocabulary::{AlertKind, Role};
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::alerts::{AlertRow, NewAlert};

/// Writes a test alert for a member; it goes its way like any other.
///
/// # Errors
/// 403 for somebody else's, unless by an admin; 404 for an unknown member, 409 for one that is deactivated.
pub fn run(conn: &mut Conn, context: &Context, member: MemberId) -> Result<AlertRow, AppError> {
    match &context.actor {
        Actor::Staff(staff) if staff.role != Role::Admin && staff.member != member => {
            return Err(AppError::new(ErrorCode::Forbidden)
                .with_detail("You send test alerts to yourself. Those to other members are sent by an admin."));
        }
        _ => {}
    }
    let found = store::members::find(conn, &context.scope, member)?.ok_or_else(AppError::not_found)?;
    if !found.active {
        return Err(AppError::new(ErrorCode::StateConflict).with_detail("This member is deactivated: nothing is sent to it."));
    }
    let (id, now) = (AlertId::at(context.now), context.now);
    let new = NewAlert {
        site_id: context.scope.site(),
        id,
        member_id: member,
        kind: AlertKind::Test,
        referral_id: None,
        created_at: now,
    };
    store::alerts::insert(conn, &[new])?;
    let facts = Facts::new().id("member_id", member.0).code("kind", AlertKind::Test.as_str());
    record(conn, context, [Change::made("create_test_alert", SubjectKind::Alert, id.0, facts)])?;
    Ok(AlertRow {
        id,
        member_id: member,
        kind: AlertKind::Test,
        referral_id: None,
        created_at: now,
        confirmed_at: None,
        taken_up_at: None,
    })
}
