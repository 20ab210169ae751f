//! How members are told, and whether that works.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text, Timestamptz, Uuid};

use crate::auth::SiteScope;
use crate::domain::CodeList;
use crate::domain::alerting::{AlertChannel, ChannelState};
use crate::domain::ids::{MemberId, SiteId};
use crate::schema::{alert_channel_states, members};
use crate::store::prepared::prepared;

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
    // Many alerts of a member are settled at the same time. Nobody waits for the row of a channel that works, and goes on working: an upsert
    // would lock it whatever it writes. A failure that is not committed yet is not seen by a success beside it; the next attempt notes what is true.
    let note = match failing_since {
        None => {
            "WITH works AS (
                 UPDATE alert_channel_states SET failing_since = $4
                  WHERE site_id = $1 AND member_id = $2 AND channel = $3 AND failing_since IS NOT NULL)
             INSERT INTO alert_channel_states (site_id, member_id, channel, failing_since) VALUES ($1, $2, $3, $4)
             ON CONFLICT DO NOTHING"
        }
        Some(_) => {
            "INSERT INTO alert_channel_states AS state (site_id, member_id, channel, failing_since) VALUES ($1, $2, $3, $4)
             ON CONFLICT (site_id, member_id, channel) DO UPDATE
                SET failing_since = coalesce(state.failing_since, excluded.failing_since)"
        }
    };
    prepared(note)
        .bind::<Uuid, _>(site)
        .bind::<Uuid, _>(member)
        .bind::<Text, _>(channel)
        .bind::<Nullable<Timestamptz>, _>(failing_since)
        .execute(conn)
        .map(drop)
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
