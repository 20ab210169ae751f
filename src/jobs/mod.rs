//! Work that no request asks for, and when it is done: the table of jobs. Each job is one transaction per site; sites come from the
//! directory.
//!
//! A job is a file here with `pub async fn pass(app: &AppState) -> Result<usize, AppError>`, and a row of [`JOBS`]. Work that two
//! servers must not do at once goes through `sites::at_each`.

pub mod alert_delivery;
pub mod audit_anchors;
pub mod erasures;
pub mod escalation;
pub mod housekeeping;
pub mod journal_months;
pub mod key_uses;
pub mod language;
pub mod match_duplicates;
pub mod referral_imports;
pub mod report_releases;
pub mod reports;
pub mod reseal;
pub mod retention;
pub mod scheduler;
pub mod sequencer;
mod sites;
pub mod survey;
pub mod test_runs;
pub mod webhook_delivery;

use std::pin::Pin;
use std::time::Duration;

use actix_web::web::Data;
use chrono::{DateTime, Utc};

use crate::db::Conn;
use crate::error::AppError;
use crate::ops::Context;
use crate::state::AppState;
use crate::store;
use crate::store::idempotency::KEPT_FOR;

/// What a job under way comes to: how much it did.
pub type Pass = Pin<Box<dyn Future<Output = Result<usize, AppError>>>>;

/// How much of a site waits for a job.
pub type Backlog = fn(&mut Conn, &Context) -> Result<i64, AppError>;

/// Why a job runs now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Its time has come.
    Tick,
    /// This process wrote something; for jobs that are woken by that.
    Written,
}

/// A job of the scheduler.
#[derive(Clone, Copy)]
pub struct Job {
    /// Its name in the log and the metrics.
    pub name: &'static str,
    /// How often it runs.
    pub every: Duration,
    /// Whether it also runs as soon as this process wrote something.
    pub on_writes: bool,
    /// One run.
    pub pass: fn(Data<AppState>, Wake) -> Pass,
    /// How much of a site is due and not done; `None`: nothing waits in the database.
    pub backlog: Option<Backlog>,
}

/// A job's `pass`, as the table holds it.
macro_rules! pass {
    ($pass:path) => {
        |app, _| Box::pin(async move { $pass(&app).await })
    };
}

/// How often sites are looked at for events that another server left behind: the longest that these wait when it died.
const SEQUENCED_EVERY: Duration = Duration::from_secs(1);
/// How long a referral waits at the most until it is matched, and its owner is told of it.
const MATCHED_EVERY: Duration = Duration::from_secs(1);
/// How long an alert waits at the most until it is on its way.
const DELIVERED_EVERY: Duration = Duration::from_secs(1);
/// How long an event waits at the most until it is on its way to the endpoints.
const POSTED_EVERY: Duration = Duration::from_millis(500);
/// How much later than it is due a step may be taken.
const ESCALATED_EVERY: Duration = Duration::from_secs(15);
/// How long a step of a test run waits at the most once the real path has made it.
const TESTED_EVERY: Duration = Duration::from_secs(2);
/// How often a key's row is written at the most; `last_used_at` is that much behind.
const KEY_USES_EVERY: Duration = Duration::from_secs(60);
/// How much later than its day an end of approved language is written down at the most.
const LANGUAGE_EVERY: Duration = Duration::from_secs(60);
/// How much of the audit trail is not anchored yet at the most.
const ANCHORED_EVERY: Duration = Duration::from_secs(60);
/// How long an erasure waits at the most until it stands outside the database, and until it is done again after a restore.
const ERASURES_EVERY: Duration = Duration::from_secs(60);
/// How long an import that has come in waits at the most for its first rows to be done.
const IMPORTED_EVERY: Duration = Duration::from_millis(500);
/// How far behind the event log the sums of the reports are at the most; a report counts the rest by itself.
const ROLLED_EVERY: Duration = Duration::from_secs(5);
/// How much later than its time a month is closed for partners and sponsors at the most.
const RELEASED_EVERY: Duration = Duration::from_secs(60);
/// How long sealed details outlive their days at the most.
const PURGED_EVERY: Duration = Duration::from_secs(60);
/// How long after a rotation of the master key sealed details wait at the most until they are sealed anew.
const RESEALED_EVERY: Duration = Duration::from_secs(60);
/// How long a month that is to be made or to go waits at the most.
const MONTHS_EVERY: Duration = Duration::from_secs(60);
/// The time that an idempotency key outlives its 24 hours at the most.
const FORGOTTEN_EVERY: Duration = Duration::from_secs(15 * 60);

/// Every job there is. Another one is another row.
pub const JOBS: &[Job] = &[
    Job { name: audit_anchors::NAME, every: ANCHORED_EVERY, on_writes: false, pass: pass!(audit_anchors::pass), backlog: None },
    Job { name: erasures::NAME, every: ERASURES_EVERY, on_writes: false, pass: pass!(erasures::pass), backlog: None },
    Job {
        name: sequencer::NAME,
        every: SEQUENCED_EVERY,
        on_writes: true,
        pass: |app, wake| Box::pin(async move { sequencer::round(&app, wake).await }),
        backlog: Some(|conn, context| Ok(store::journal::count_queued(conn, &context.scope)?)),
    },
    Job {
        name: match_duplicates::NAME,
        every: MATCHED_EVERY,
        on_writes: false,
        pass: pass!(match_duplicates::pass),
        backlog: Some(|conn, context| Ok(store::duplicates::matching::count_waiting(conn, &context.scope)?)),
    },
    Job {
        name: escalation::NAME,
        every: ESCALATED_EVERY,
        on_writes: false,
        pass: pass!(escalation::pass),
        backlog: Some(|conn, context| Ok(store::referrals::count_due(conn, &context.scope, context.now)?)),
    },
    Job {
        name: alert_delivery::NAME,
        every: DELIVERED_EVERY,
        on_writes: false,
        pass: pass!(alert_delivery::round),
        backlog: Some(|conn, context| {
            let (scope, now) = (&context.scope, context.now);
            Ok(store::alerts::count_waiting(conn, scope)? + store::alerts::deliveries::count_due(conn, scope, now)?)
        }),
    },
    Job {
        name: webhook_delivery::NAME,
        every: POSTED_EVERY,
        on_writes: false,
        pass: pass!(webhook_delivery::round),
        backlog: Some(|conn, context| Ok(store::webhook_deliveries::count_due(conn, &context.scope, context.now)?)),
    },
    Job {
        name: language::NAME,
        every: LANGUAGE_EVERY,
        on_writes: false,
        pass: pass!(language::pass),
        backlog: Some(|conn, context| {
            let today = store::sites::current(conn, &context.scope)?.day_of(context.now);
            Ok(store::language_versions::count_due(conn, &context.scope, today)?)
        }),
    },
    Job {
        name: test_runs::NAME,
        every: TESTED_EVERY,
        on_writes: false,
        pass: pass!(test_runs::pass),
        backlog: Some(|conn, context| Ok(store::test_runs::count_open(conn, &context.scope)?)),
    },
    Job {
        name: referral_imports::NAME,
        every: IMPORTED_EVERY,
        on_writes: false,
        pass: pass!(referral_imports::pass),
        backlog: Some(|conn, context| Ok(store::referral_imports::count_waiting(conn, &context.scope)?)),
    },
    Job {
        name: reports::NAME,
        every: ROLLED_EVERY,
        on_writes: false,
        pass: pass!(reports::pass),
        backlog: Some(|conn, context| {
            let position = store::reports::head(conn, &context.scope)?.map_or(0, |head| head.position);
            Ok(store::reports::count_after(conn, &context.scope, position)?)
        }),
    },
    Job {
        name: report_releases::NAME,
        every: RELEASED_EVERY,
        on_writes: false,
        pass: pass!(report_releases::pass),
        backlog: None,
    },
    Job {
        name: retention::NAME,
        every: PURGED_EVERY,
        on_writes: false,
        pass: pass!(retention::pass),
        backlog: Some(retention::count_waiting),
    },
    // What waits is known to whoever has the keys: `handoff master-key status` counts it.
    Job { name: reseal::NAME, every: RESEALED_EVERY, on_writes: false, pass: pass!(reseal::pass), backlog: None },
    Job { name: journal_months::NAME, every: MONTHS_EVERY, on_writes: false, pass: pass!(journal_months::pass), backlog: None },
    Job { name: key_uses::NAME, every: KEY_USES_EVERY, on_writes: false, pass: pass!(key_uses::pass), backlog: None },
    Job {
        name: housekeeping::NAME,
        every: FORGOTTEN_EVERY,
        on_writes: false,
        pass: pass!(housekeeping::pass),
        backlog: Some(|conn, context| Ok(store::idempotency::count_expired(conn, &context.scope, expired(context.now))?)),
    },
];

fn expired(now: DateTime<Utc>) -> DateTime<Utc> {
    now - KEPT_FOR
}
