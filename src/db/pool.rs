//! The pool behind its door ([`super::door`]), and a deadline for each request.
//!
//! r2d2 alone waits without bound and `web::block` queues without bound; behind the door no request waits longer than its
//! deadline and no thread is taken that has no connection (known trap: p99 of 83 s at ten times the load without it).

use std::any::Any;
use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, CacheSize, TransactionManager as _};
use diesel::pg::PgConnection;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool, PooledConnection};

use super::door::{Door, Permit, Whose};
use super::tenancy::{self, Sight};
use crate::auth::SiteScope;
use crate::error::{AppError, ErrorCode};

/// How many, how long.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections, and so permits.
    pub connections: u32,
    /// Requests that may wait for a permit; with one more, the last one of the site that has most of them is answered 503 at once.
    pub waiting: usize,
    /// How long a request may take; half of it at the most waiting for a permit.
    pub deadline: Duration,
    /// Whether statements are prepared once per connection; off behind PgBouncer in transaction mode.
    pub cache_statements: bool,
}

/// The moment by which a request must be answered, and whether it was let in to the database before.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
    admitted: bool,
}

impl Deadline {
    /// This long from now.
    #[must_use]
    pub fn after(limit: Duration) -> Self {
        Self { at: Instant::now() + limit, admitted: false }
    }

    /// What is left of it.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// What is left of it, and no more than this.
    #[must_use]
    pub fn at_most(self, limit: Duration) -> Self {
        Self { at: self.at.min(Instant::now() + limit), ..self }
    }

    /// Whether it was let in before.
    #[must_use]
    pub const fn is_admitted(self) -> bool {
        self.admitted
    }

    /// The same for what a request does after its first step: it is not turned away any more for want of a place to wait in.
    #[must_use]
    pub fn admitted(self) -> Self {
        Self { admitted: true, ..self }
    }
}

/// How the pool is used at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Connections that may work at once.
    pub connections: usize,
    /// Those that nobody uses.
    pub free: usize,
    /// Who waits for one.
    pub waiting: usize,
}

/// The database as handlers see it.
#[derive(Clone)]
pub struct Db {
    pool: Pool<ConnectionManager<PgConnection>>,
    door: Door,
    limits: Limits,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("limits", &self.limits).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Customize {
    cache_statements: bool,
}

impl CustomizeConnection<PgConnection, diesel::r2d2::Error> for Customize {
    fn on_acquire(&self, conn: &mut PgConnection) -> Result<(), diesel::r2d2::Error> {
        use diesel::Connection as _;
        if !self.cache_statements {
            conn.set_prepared_statement_cache_size(CacheSize::Disabled);
        }
        Ok(())
    }
}

/// What work answers, whatever it is.
type Answer = Box<dyn Any + Send>;

/// Work of any kind, so that transaction, permit and task are compiled once, and not once for each of several hundred closures.
type Work = Box<dyn FnOnce(&mut PgConnection) -> Result<Answer, AppError> + Send>;

fn any<T: Send + 'static>(work: impl FnOnce(&mut PgConnection) -> Result<T, AppError> + Send + 'static) -> Work {
    Box::new(|conn| work(conn).map(|answer| Box::new(answer) as Answer))
}

/// The answer of the work that [`any`] made.
fn answer<T: 'static>(answered: Result<Answer, AppError>) -> Result<T, AppError> {
    answered?.downcast().map(|answer| *answer).map_err(|_| AppError::internal("the answer is of another type than its work"))
}

/// A connection failure in kind only: libpq's text may quote the connection string.
#[derive(Debug)]
struct Unreachable;

impl std::fmt::Display for Unreachable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no connection to the database")
    }
}

impl std::error::Error for Unreachable {}

impl Db {
    /// A pool that connects on demand: it starts without a database and lives through its restarts.
    #[must_use]
    pub fn new(url: &str, limits: Limits) -> Self {
        let url = with_network_limits(url, limits.deadline);
        let pool = Pool::builder()
            .max_size(limits.connections)
            .min_idle(Some(0))
            // A dead connection shows at BEGIN and is replaced there; a test at check-out would double the cost of a short query.
            .test_on_check_out(false)
            .connection_timeout(Duration::from_secs(2))
            .connection_customizer(Box::new(Customize { cache_statements: limits.cache_statements }))
            .build_unchecked(ConnectionManager::new(url));
        Self { pool, door: Door::new(limits.connections as usize, limits.waiting), limits }
    }

    /// Runs one transaction under the tenant context of `scope`, on a blocking thread.
    ///
    /// # Errors
    /// What `work` answers; 503 when no permit, no connection or no time is left. After 503 by deadline the outcome is
    /// open: the same request with the same idempotency key settles it.
    pub async fn transact<T, F>(&self, scope: SiteScope, deadline: Deadline, work: F) -> Result<T, AppError>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, AppError> + Send + 'static,
    {
        answer(self.run(Whose::Site(scope.site()), Some(scope), Sight::Statements, deadline, any(work)).await)
    }

    /// As [`Db::transact`], for a page that one index gives in its order: its statements are planned once.
    ///
    /// # Errors
    /// As [`Db::transact`].
    pub async fn page<T, F>(&self, scope: SiteScope, deadline: Deadline, work: F) -> Result<T, AppError>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, AppError> + Send + 'static,
    {
        // Where nothing is prepared, nothing is planned twice.
        let sight = if self.limits.cache_statements { Sight::PlannedOnce } else { Sight::Statements };
        answer(self.run(Whose::Site(scope.site()), Some(scope), sight, deadline, any(work)).await)
    }

    /// Runs reads of one moment under the tenant context of `scope`: every statement sees the same snapshot, and none may write.
    ///
    /// # Errors
    /// As [`Db::transact`].
    pub async fn snapshot<T, F>(&self, scope: SiteScope, deadline: Deadline, work: F) -> Result<T, AppError>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, AppError> + Send + 'static,
    {
        answer(self.run(Whose::Site(scope.site()), Some(scope), Sight::Snapshot, deadline, any(work)).await)
    }

    /// Runs one transaction without a tenant: only schema `directory` can be read in it. The line of a site
    /// gives it its turn, and nothing else of the site.
    ///
    /// # Errors
    /// As [`Db::transact`].
    pub async fn look_up<T, F>(&self, whose: Whose, deadline: Deadline, work: F) -> Result<T, AppError>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, AppError> + Send + 'static,
    {
        answer(self.run(whose, None, Sight::Statements, deadline, any(work)).await)
    }

    /// How it is used now.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let (free, waiting) = self.door.usage();
        Usage { connections: self.limits.connections as usize, free, waiting }
    }

    async fn run(
        &self,
        whose: Whose,
        scope: Option<SiteScope>,
        sight: Sight,
        deadline: Deadline,
        work: Work,
    ) -> Result<Answer, AppError> {
        let permit = self.permit(whose, deadline).await?;
        let pool = self.pool.clone();
        let task = tokio::task::spawn_blocking(move || {
            let done = begin(&pool, scope.as_ref(), sight, deadline).and_then(|mut conn| tenancy::finish(&mut conn, work));
            // Given on when the work is over, also when its caller no longer waits, and not before this thread is free for the next:
            // no more threads than connections.
            (done, permit)
        });
        match tokio::time::timeout(deadline.remaining(), task).await {
            Ok(Ok((done, _permit))) => done,
            Ok(Err(_panicked)) => Err(AppError::internal(WorkPanicked)),
            Err(_elapsed) => Err(AppError::new(ErrorCode::DeadlineExceeded)),
        }
    }

    async fn permit(&self, whose: Whose, deadline: Deadline) -> Result<Permit, AppError> {
        let patience = (self.limits.deadline / 2).min(deadline.remaining());
        self.door.enter(whose, deadline.admitted, patience).await.ok_or_else(|| AppError::new(ErrorCode::Overloaded))
    }
}

/// The URL with libpq's network limits where it names none: on a dead path the kernel would hold a thread, and its permit,
/// for many minutes after its caller has been answered.
fn with_network_limits(url: &str, silence: Duration) -> String {
    let limits = [("connect_timeout", "2".to_owned()), ("tcp_user_timeout", silence.as_millis().to_string())];
    let is_uri = url.starts_with("postgresql://") || url.starts_with("postgres://");
    let mut url = url.to_owned();
    for (name, value) in limits {
        if url.contains(name) {
            continue;
        }
        let separator = match (is_uri, url.contains('?')) {
            (true, false) => '?',
            (true, true) => '&',
            (false, _) => ' ',
        };
        url.push(separator);
        url.push_str(name);
        url.push('=');
        url.push_str(&value);
    }
    url
}

#[derive(Debug)]
struct WorkPanicked;

impl std::fmt::Display for WorkPanicked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a database task panicked")
    }
}

impl std::error::Error for WorkPanicked {}

/// A connection with its transaction begun. After a restart of the database every pooled connection is dead; that shows at
/// BEGIN, before any work, so the dead are dropped here and no request fails for them.
fn begin(
    pool: &Pool<ConnectionManager<PgConnection>>,
    scope: Option<&SiteScope>,
    sight: Sight,
    deadline: Deadline,
) -> Result<PooledConnection<ConnectionManager<PgConnection>>, AppError> {
    loop {
        let wait = deadline.remaining().min(Duration::from_secs(2));
        if wait.is_zero() {
            return Err(AppError::new(ErrorCode::DeadlineExceeded));
        }
        let mut conn = pool.get_timeout(wait).map_err(|_| AppError::new(ErrorCode::DatabaseUnavailable).because(Unreachable))?;
        match tenancy::begin(&mut conn, scope, sight, deadline.remaining()) {
            Ok(()) => return Ok(conn),
            Err(error) => {
                // Marked broken, so that the pool closes it instead of lending it again.
                AnsiTransactionManager::transaction_manager_status_mut(&mut *conn).set_in_error();
                let error = AppError::from(error);
                if error.code != ErrorCode::DatabaseUnavailable {
                    return Err(error);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gets_the_network_limits_that_it_does_not_name() {
        let limited = |url| with_network_limits(url, Duration::from_secs(10));
        assert_eq!(limited("postgresql://a@b/c"), "postgresql://a@b/c?connect_timeout=2&tcp_user_timeout=10000");
        assert_eq!(
            limited("postgresql:///c?host=%2Frun&connect_timeout=9"),
            "postgresql:///c?host=%2Frun&connect_timeout=9&tcp_user_timeout=10000"
        );
        assert_eq!(limited("host=b dbname=c"), "host=b dbname=c connect_timeout=2 tcp_user_timeout=10000");
    }
}
