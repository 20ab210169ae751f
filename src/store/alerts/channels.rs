//! How members are told, and whether that works.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::CodeList;
use crate::domain::alerting::{AlertChannel, ChannelState};
use crate::domain::ids::{MemberId, SiteId};
use crate::schema::{alert_channel_states, members};

/// The channels that these members chose.
///
/// # Errors
/// A database failure.
pub fn chosen(
    conn: &mut PgConnection,
    scope: &SiteScope,
    ids: &[MemberId],
) -> QueryResult<Vec<(MemberId, CodeList<AlertChannel>)>> {
    members::table
        .filter(members::site_id.eq(scope.site()).and(members::id.eq_any(ids)))
        .select((members::id, members::alert_channels))
        .load(conn)
}

/// Whether the channels of these members work.
///
/// # Errors
/// A database failure.
pub fn states(conn: &mut PgConnection, scope: &SiteScope, ids: &[MemberId]) -> QueryResult<Vec<(MemberId, ChannelState)>> {
    let rows: Vec<(MemberId, AlertChannel, Option<DateTime<Utc>>)> = alert_channel_states::table
        .filter(alert_channel_states::site_id.eq(scope.site()).and(alert_channel_states::member_id.eq_any(ids)))
        .select((alert_channel_states::member_id, alert_channel_states::channel, alert_channel_states::failing_since))
        .load(conn)?;
    Ok(rows.into_iter().map(|(member, channel, failing_since)| (member, ChannelState { channel, failing_since })).collect())
}

/// Notes that a channel works, or that it does not: since when stays what it was.
///
/// # Errors
/// A database failure.
pub fn note(
    conn: &mut PgConnection,
    site: SiteId,
    member: MemberId,
    channel: AlertChannel,
    failing_since: Option<DateTime<Utc>>,
) -> QueryResult<()> {
    use alert_channel_states as states;
    let row = (
        states::site_id.eq(site),
        states::member_id.eq(member),
        states::channel.eq(channel),
        states::failing_since.eq(failing_since),
    );
    let insert = diesel::insert_into(states::table).values(row);
    let key = (states::site_id, states::member_id, states::channel);
    if failing_since.is_some() {
        let kept = diesel::dsl::sql::<diesel::sql_types::Nullable<diesel::sql_types::Timestamptz>>(
            "coalesce(alert_channel_states.failing_since, excluded.failing_since)",
        );
        insert.on_conflict(key).do_update().set(states::failing_since.eq(kept)).execute(conn).map(drop)
    } else {
        insert.on_conflict(key).do_update().set(states::failing_since.eq(None::<DateTime<Utc>>)).execute(conn).map(drop)
    }
}

/// Forgets whether a channel works: its address is a new one. Without a member, that of everybody.
///
/// # Errors
/// A database failure.
pub fn forget(conn: &mut PgConnection, scope: &SiteScope, member: Option<MemberId>, channel: AlertChannel) -> QueryResult<()> {
    use alert_channel_states as states;
    let of_channel = states::site_id.eq(scope.site()).and(states::channel.eq(channel));
    match member {
        Some(member) => {
            diesel::delete(states::table.filter(of_channel.and(states::member_id.eq(member)))).execute(conn).map(drop)
        }
        None => diesel::delete(states::table.filter(of_channel)).execute(conn).map(drop),
    }
}
