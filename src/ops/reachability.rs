//! Whether alerts reach members: what a member's view shows, and what the launch check asks of an owner and a backup owner.

use std::collections::BTreeMap;

use super::Context;
use crate::db::Conn;
use crate::domain::alerting::{self, AlertChannel, ChannelState, Offered, Reached};
use crate::domain::ids::MemberId;
use crate::error::AppError;
use crate::store;

/// Whether alerts reach each of these members, in their order, and since when they do not; `email`: whether the server sends any.
///
/// # Errors
/// A database failure.
pub fn of_members(
    conn: &mut Conn,
    context: &Context,
    members: &[(MemberId, Vec<AlertChannel>)],
    email: bool,
) -> Result<Vec<Reached>, AppError> {
    let webhook = store::alert_webhooks::find(conn, &context.scope)?.is_some_and(|webhook| webhook.disabled_at.is_none());
    let ids: Vec<MemberId> = members.iter().map(|(id, _)| *id).collect();
    let mut states: BTreeMap<MemberId, Vec<ChannelState>> = BTreeMap::new();
    for (member, state) in store::alerts::channels::states(conn, &context.scope, &ids)? {
        states.entry(member).or_default().push(state);
    }
    let of = |(id, chosen): &(MemberId, Vec<AlertChannel>)| {
        alerting::reachability(chosen, Offered { email, webhook }, states.get(id).map_or(&[][..], Vec::as_slice))
    };
    Ok(members.iter().map(of).collect())
}
