//! A streaming standby that reports are counted on, while it keeps up with the primary.
//!
//! Nothing that is read here is written by: a report is counted in one snapshot that may not write, and its answer says how old it is.
//! Whatever the standby does not do is done by the primary, so that a standby that is away costs time and no answer.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Bool, Nullable};
use diesel::{QueryResult, RunQueryDsl as _, sql_query};

use super::door::Whose;
use super::pool::{Db, Deadline};
use crate::auth::SiteScope;
use crate::error::{AppError, ErrorCode};

/// How far the standby is behind: since the last commit that it replayed. What it received says nothing of what it did not, and a
/// primary that is served by Handoff commits all the time, if only its jobs' leases. NULL, since nothing was replayed, stays NULL.
/// Policies do not bind a role that goes beyond them, and nobody has looked at that of this server.
const LAG: &str = "
    SELECT pg_is_in_recovery() AS is_standby,
           (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user) AS is_unbound,
           ceil(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()))::bigint AS seconds";

/// How long a standby that failed is left alone: one that is away would cost each report the time in which it does not answer.
const REST: Duration = Duration::from_secs(5);

/// How long a standby may take to say how far it is behind.
const PROBE: Duration = Duration::from_secs(1);

/// Why a standby was not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unfit {
    /// It takes writes: the wrong address, or it was promoted.
    Primary,
    /// Row-level security does not bind its role.
    Unbound,
    /// Further behind than the settings allow, or nobody knows how far.
    Behind,
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Primary => "it is no standby",
            Self::Unbound => "row-level security does not bind its role",
            Self::Behind => "it is too far behind",
        })
    }
}

impl std::error::Error for Unfit {}

/// A standby, and what it did so far.
#[derive(Debug)]
pub struct Standby {
    db: Db,
    most: Duration,
    /// Until when it is left alone; `None` while it is fit.
    rests_until: Mutex<Option<Instant>>,
    lag: AtomicI64,
    counted: AtomicU64,
    left: AtomicU64,
}

/// What a standby did so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandbyUse {
    /// How far it was behind when it was last used, in seconds.
    pub lag: i64,
    /// Reports that were counted on it.
    pub counted: u64,
    /// Those that were left to the primary.
    pub left: u64,
}

impl Standby {
    /// A standby that is used while it is not further behind than `most`.
    #[must_use]
    pub fn new(db: Db, most: Duration) -> Self {
        Self {
            db,
            most,
            rests_until: Mutex::new(None),
            lag: AtomicI64::new(0),
            counted: AtomicU64::new(0),
            left: AtomicU64::new(0),
        }
    }

    /// What it did so far.
    #[must_use]
    pub fn usage(&self) -> StandbyUse {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StandbyUse { lag: self.lag.load(Ordering::Relaxed), counted: of(&self.counted), left: of(&self.left) }
    }

    /// Reads of one moment on the standby, and by how many seconds that lies back; on the primary where the standby fails, in whatever
    /// way: what it does not know yet is for the primary to say.
    ///
    /// # Errors
    /// As [`Db::snapshot`] of the primary.
    pub async fn snapshot_or<T, F>(
        &self,
        primary: &Db,
        scope: SiteScope,
        deadline: Deadline,
        work: F,
    ) -> Result<(T, Option<i64>), AppError>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, AppError> + Clone + Send + 'static,
    {
        if self.rests() {
            self.left.fetch_add(1, Ordering::Relaxed);
            return Ok((primary.snapshot(scope, deadline, work).await?, None));
        }
        let (most, again) = (self.most, work.clone());
        match self.counted(scope, deadline, most, work).await {
            Ok((told, lag)) => {
                self.lag.store(lag, Ordering::Relaxed);
                self.counted.fetch_add(1, Ordering::Relaxed);
                if self.rest(None).is_some() {
                    log::info!("reports are counted on the standby again");
                }
                Ok((told, Some(lag)))
            }
            Err(error) => {
                // What the caller asked for wrongly is no fault of the standby, and what it lacks yet is on the primary.
                let fails = error.code.status() >= 500;
                // Said once, until it is fit again.
                if fails && self.rest(Some(Instant::now() + REST)).is_none() {
                    let why = match error.cause() {
                        Some(cause) => cause.to_string(),
                        None if error.code == ErrorCode::DeadlineExceeded => "it does not answer in time".to_owned(),
                        None => error.to_string(),
                    };
                    log::warn!("reports are counted on the primary, since the standby fails: {why}");
                }
                self.left.fetch_add(1, Ordering::Relaxed);
                Ok((primary.snapshot(scope, deadline, again).await?, None))
            }
        }
    }

    /// First whether it is fit, which it says at once or not at all; then there is all the time for the report.
    async fn counted<T, F>(&self, scope: SiteScope, deadline: Deadline, most: Duration, work: F) -> Result<(T, i64), AppError>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, AppError> + Send + 'static,
    {
        let whose = Whose::Site(scope.site());
        self.db.look_up(whose, deadline.at_most(PROBE), move |conn| behind(conn, most)).await?;
        let count = move |conn: &mut PgConnection| {
            let lag = behind(conn, most)?;
            Ok((work(conn)?, lag))
        };
        self.db.snapshot(scope, deadline.admitted(), count).await
    }

    fn rests(&self) -> bool {
        self.rests_until.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| Instant::now() < until)
    }

    /// Sets until when it is left alone; says until when it was before.
    fn rest(&self, until: Option<Instant>) -> Option<Instant> {
        std::mem::replace(&mut self.rests_until.lock().unwrap_or_else(PoisonError::into_inner), until)
    }
}

/// By how many seconds a standby is behind.
///
/// # Errors
/// It is none, or further behind than `most`.
fn behind(conn: &mut PgConnection, most: Duration) -> Result<i64, AppError> {
    let unfit = |why| AppError::new(ErrorCode::DatabaseUnavailable).because(why);
    match keeping(conn)? {
        Keeping::Up { seconds } if u64::try_from(seconds).is_ok_and(|seconds| seconds <= most.as_secs()) => Ok(seconds),
        Keeping::Up { .. } | Keeping::Unknown => Err(unfit(Unfit::Behind)),
        Keeping::Unbound => Err(unfit(Unfit::Unbound)),
        Keeping::Primary => Err(unfit(Unfit::Primary)),
    }
}

/// How a standby keeps up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// It has what its primary committed until so many seconds ago.
    Up {
        /// Since the last commit that it replayed; a clock that runs behind makes it none.
        seconds: i64,
    },
    /// It has replayed nothing since it started.
    Unknown,
    /// Row-level security does not bind the role.
    Unbound,
    /// It is none: it takes writes.
    Primary,
}

/// How the server of this connection keeps up with its primary.
///
/// # Errors
/// A database failure.
pub fn keeping(conn: &mut PgConnection) -> QueryResult<Keeping> {
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        is_standby: bool,
        #[diesel(sql_type = Bool)]
        is_unbound: bool,
        #[diesel(sql_type = Nullable<BigInt>)]
        seconds: Option<i64>,
    }
    let row: Row = sql_query(LAG).get_result(conn)?;
    Ok(match row {
        Row { is_standby: false, .. } => Keeping::Primary,
        Row { is_unbound: true, .. } => Keeping::Unbound,
        Row { seconds: None, .. } => Keeping::Unknown,
        Row { seconds: Some(seconds), .. } => Keeping::Up { seconds: seconds.max(0) },
    })
}
