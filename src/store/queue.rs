//! The queue: open referrals by when their next action is due, and how many there are. Live and test referrals are two queues.
//!
//! Both queries are text, since each filter that is sent makes another statement: PostgreSQL plans each with its values and its
//! limit in view, and finds in an index alone which referrals it is about (`tests/api/queue/plan.rs`).

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Bool, HasSqlType, Integer, Nullable, Text, Timestamptz, Uuid};

use crate::auth::SiteScope;
use crate::domain::ids::{MemberId, ReferralId};
use crate::domain::text::Code;
use crate::domain::vocabulary::{Aging, Blocker, Escalation, NextAction, ReferralStatus};

/// Which part of the queue is asked for.
#[derive(Debug, Default, Clone)]
pub struct Filter {
    /// Of this owner.
    pub owner: Option<MemberId>,
    /// For this study.
    pub study: Option<Code>,
    /// From this partner.
    pub partner: Option<Code>,
    /// With this next action.
    pub next_action: Option<NextAction>,
    /// That wait for this.
    pub blocker: Option<Blocker>,
    /// That need somebody's eye for this.
    pub aging: Option<Aging>,
    /// Due before this time.
    pub due_before: Option<DateTime<Utc>>,
}

/// Where a page ends: the queue is ordered by these two.
pub type Place = (DateTime<Utc>, ReferralId);

/// A referral as the queue shows it.
#[derive(Debug, Clone, QueryableByName)]
pub struct QueueRow {
    /// Its id.
    #[diesel(sql_type = Uuid)]
    pub id: ReferralId,
    /// The code of its study.
    #[diesel(sql_type = Text)]
    pub study_code: Code,
    /// The code of its partner; `None`: nobody referred.
    #[diesel(sql_type = Nullable<Text>)]
    pub partner_code: Option<Code>,
    /// Where it stands.
    #[diesel(sql_type = Text)]
    pub status: ReferralStatus,
    /// Responsible for the next action.
    #[diesel(sql_type = Uuid)]
    pub owner_id: MemberId,
    /// What the owner does next.
    #[diesel(sql_type = Text)]
    pub next_action: NextAction,
    /// By when.
    #[diesel(sql_type = Timestamptz)]
    pub next_action_due_at: DateTime<Utc>,
    /// Why it waits.
    #[diesel(sql_type = Nullable<Text>)]
    pub blocker: Option<Blocker>,
    /// Since when it waits.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub blocked_since: Option<DateTime<Utc>>,
    /// The last step of its escalation.
    #[diesel(sql_type = Nullable<Text>)]
    pub escalation: Option<Escalation>,
    /// When it happened.
    #[diesel(sql_type = Timestamptz)]
    pub received_at: DateTime<Utc>,
    /// When it was entered.
    #[diesel(sql_type = Timestamptz)]
    pub recorded_at: DateTime<Utc>,
    /// Counts changes.
    #[diesel(sql_type = Integer)]
    pub version: i32,
}

/// How many open referrals are alike in what the counts tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Tally {
    /// Responsible for the next action.
    #[diesel(sql_type = Uuid)]
    pub owner_id: MemberId,
    /// What the owner does next.
    #[diesel(sql_type = Text)]
    pub next_action: NextAction,
    /// Whether they need somebody's eye.
    #[diesel(sql_type = Nullable<Text>)]
    pub aging: Option<Aging>,
    /// Whether their next action is due.
    #[diesel(sql_type = Bool)]
    pub overdue: bool,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub count: i64,
}

/// A page in order of due time, after this place.
///
/// # Errors
/// A database failure.
pub fn page(
    conn: &mut PgConnection,
    scope: &SiteScope,
    is_test: bool,
    filter: &Filter,
    now: DateTime<Utc>,
    after: Option<Place>,
    limit: i64,
) -> QueryResult<Vec<QueueRow>> {
    let mut page = Statement::of(PAGE, scope, is_test, now).narrowed(filter);
    if let Some((due_at, id)) = after {
        page = page.with::<Timestamptz, _>(" AND (q.next_action_due_at, q.id) > (", due_at).with::<Uuid, _>(", ", id).and(")");
    }
    page.with::<BigInt, _>(" ORDER BY q.next_action_due_at, q.id LIMIT ", limit).and(SHOWN).0.load(conn)
}

/// What a page shows; then the ids of its referrals, which an index alone finds. Codes are looked up for each row of the page: joined,
/// a site with few studies would be walked from its studies.
const PAGE: &str = "
SELECT r.id, (SELECT s.code FROM studies s WHERE s.site_id = r.site_id AND s.id = r.study_id) AS study_code,
       (SELECT p.code FROM partners p WHERE p.site_id = r.site_id AND p.id = r.partner_id) AS partner_code,
       r.status, r.owner_id, r.next_action, r.next_action_due_at, r.blocker, r.blocked_since, r.escalation, r.received_at,
       r.recorded_at, r.version
  FROM (SELECT q.id FROM referrals q";

/// They are read by their ids, whatever else there is.
const SHOWN: &str = ") AS page
  JOIN referrals r ON r.site_id = $1 AND r.id = page.id
 ORDER BY r.next_action_due_at, r.id";

/// How many open referrals there are, by owner, next action, aging and whether it is overdue. All of them are counted, off an index.
///
/// # Errors
/// A database failure.
pub fn tally(
    conn: &mut PgConnection,
    scope: &SiteScope,
    is_test: bool,
    filter: &Filter,
    now: DateTime<Utc>,
) -> QueryResult<Vec<Tally>> {
    let tallied = format!(
        "SELECT q.owner_id, q.next_action, {}, q.next_action_due_at <= $3 AS overdue, count(*) AS count FROM referrals q",
        aging("$3")
    );
    Statement::of(&tallied, scope, is_test, now).narrowed(filter).and(" GROUP BY 1, 2, 3, 4").0.load(conn)
}

/// `domain::aging::of` in SQL, for counting open referrals `q` at the time that `now` names.
pub(super) fn aging(now: &str) -> String {
    format!(
        "CASE WHEN q.blocker IS NOT NULL THEN 'dependency_blocked'
              WHEN q.next_action_due_at > {now} THEN NULL
              WHEN q.status IN ('received', 'quarantined') THEN 'no_first_action'
              ELSE 'stalled' END AS aging"
    )
}

/// `domain::aging::of` in SQL, for finding: what is overdue is a range of the index.
const fn is_aging(aging: Aging) -> &'static str {
    match aging {
        Aging::DependencyBlocked => " AND q.blocker IS NOT NULL",
        Aging::NoFirstAction => {
            " AND q.blocker IS NULL AND q.next_action_due_at <= $3 AND q.status IN ('received', 'quarantined')"
        }
        Aging::Stalled => " AND q.blocker IS NULL AND q.next_action_due_at <= $3 AND q.status NOT IN ('received', 'quarantined')",
    }
}

/// A statement over the open referrals `q` of a site as it grows, and how many values it has: `$1` is the site, `$2` whether test
/// referrals are meant, `$3` the time.
struct Statement<'a>(BoxedSqlQuery<'a, Pg, SqlQuery>, usize);

impl<'a> Statement<'a> {
    fn of(text: &str, scope: &SiteScope, is_test: bool, now: DateTime<Utc>) -> Self {
        // The time stands where nothing else asks for it too: a value that a statement does not name has no type.
        let open = " WHERE q.site_id = $1 AND q.is_test = $2 AND q.status <> 'closed' AND $3::timestamptz IS NOT NULL";
        let query = diesel::sql_query(format!("{text}{open}")).into_boxed();
        Self(query.bind::<Uuid, _>(scope.site()).bind::<Bool, _>(is_test).bind::<Timestamptz, _>(now), 3)
    }

    fn and(self, text: &str) -> Self {
        Self(self.0.sql(text), self.1)
    }

    fn with<T, V>(self, text: &str, value: V) -> Self
    where
        Pg: HasSqlType<T>,
        T: Send + 'a,
        V: ToSql<T, Pg> + Send + 'a,
    {
        let number = self.1 + 1;
        Self(self.0.sql(format!("{text}${number}")).bind::<T, V>(value), number)
    }

    fn narrowed(mut self, filter: &'a Filter) -> Self {
        if let Some(owner) = filter.owner {
            self = self.with::<Uuid, _>(" AND q.owner_id = ", owner);
        }
        if let Some(study) = &filter.study {
            let of = " AND q.study_id = (SELECT id FROM studies WHERE site_id = $1 AND code = ";
            self = self.with::<Text, _>(of, study).and(")");
        }
        if let Some(partner) = &filter.partner {
            let of = " AND q.partner_id = (SELECT id FROM partners WHERE site_id = $1 AND code = ";
            self = self.with::<Text, _>(of, partner).and(")");
        }
        if let Some(action) = filter.next_action {
            self = self.with::<Text, _>(" AND q.next_action = ", action);
        }
        if let Some(blocker) = filter.blocker {
            self = self.with::<Text, _>(" AND q.blocker = ", blocker);
        }
        if let Some(aging) = filter.aging {
            self = self.and(is_aging(aging));
        }
        match filter.due_before {
            Some(before) => self.with::<Timestamptz, _>(" AND q.next_action_due_at < ", before),
            None => self,
        }
    }
}
