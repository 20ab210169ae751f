//! Reads: one transaction under the caller's scope; lists with their cursors.

use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::cursor::{Binding, Keyset};
use super::reply;
use crate::auth::Caller;
use crate::auth::permission::Permission;
use crate::db::Conn;
use crate::error::AppError;
use crate::ops::Context;
use crate::state::AppState;

/// Page size where the caller names none.
pub const DEFAULT_LIMIT: u16 = 50;

/// The operation context of a caller at this moment.
#[must_use]
pub fn context<P: Permission>(app: &AppState, caller: &Caller<P>) -> Context {
    Context {
        actor: caller.actor.clone(),
        scope: caller.scope,
        now: app.clock.now(),
        request_id: Some(caller.request_id.clone()),
    }
}

/// Runs a read in one transaction under the caller's scope.
///
/// # Errors
/// What `work` answers, or 503.
pub async fn read<P, T, F>(app: &AppState, caller: &Caller<P>, work: F) -> Result<T, AppError>
where
    P: Permission,
    T: Send + 'static,
    F: FnOnce(&mut Conn, &Context) -> Result<T, AppError> + Send + 'static,
{
    let context = context(app, caller);
    app.db.transact(context.scope, caller.deadline, move |conn| work(conn, &context)).await
}

/// What a list needs to know of its request.
#[derive(Debug)]
pub struct Paging<'a> {
    /// The operation's id.
    pub operation: &'static str,
    /// The cursor of the page before.
    pub cursor: Option<&'a str>,
    /// How many entries the caller wants.
    pub limit: Option<u16>,
    /// The filters, as canonical text: a cursor is good for them only.
    pub filters: String,
    /// Whether one index gives the page in its order, whoever asks.
    pub planned_once: bool,
}

impl<'a> Paging<'a> {
    /// The paging of an operation; `filters` is anything that serialises to the filters alone.
    ///
    /// # Errors
    /// When the filters cannot be written as JSON, which is a fault of ours.
    pub fn new<F: Serialize>(
        operation: &'static str,
        cursor: Option<&'a str>,
        limit: Option<u16>,
        filters: &F,
    ) -> Result<Self, AppError> {
        let filters = serde_json::to_string(filters).map_err(AppError::internal)?;
        Ok(Self { operation, cursor, limit, filters, planned_once: false })
    }

    /// The same for a page that one index gives in its order: what asks for it is planned once ([`crate::db::Db::page`]).
    #[must_use]
    pub fn planned_once(self, planned_once: bool) -> Self {
        Self { planned_once, ..self }
    }
}

/// Shapes a page of rows, with the cursor of the next one.
type Shape<R, V> = fn(Vec<R>, Option<String>, &Context) -> Result<V, AppError>;

/// One keyset page: `load(conn, context, after, limit)` is asked for one row more than wanted, so that the page knows whether
/// there is a next one without counting.
///
/// # Errors
/// 400 for a cursor that is not of this list, what `load` answers, or 503.
pub async fn page<P, R, V, K, F>(
    app: &AppState,
    caller: &Caller<P>,
    request: &HttpRequest,
    paging: Paging<'_>,
    load: F,
    place_of: fn(&R) -> K,
    shape: Shape<R, V>,
) -> Result<HttpResponse, AppError>
where
    P: Permission,
    R: Send + 'static,
    V: Serialize,
    K: Keyset,
    F: FnOnce(&mut Conn, &Context, Option<K>, i64) -> Result<Vec<R>, AppError> + Send + 'static,
{
    let now: DateTime<Utc> = app.clock.now();
    let binding = Binding { operation: paging.operation, actor: &caller.actor, scope: &caller.scope, filters: &paging.filters };
    let after = paging.cursor.map(|cursor| binding.open(&app.master, cursor, now)).transpose()?;
    let limit = usize::from(paging.limit.unwrap_or(DEFAULT_LIMIT));
    let asking = context(app, caller);
    let (scope, planned_once) = (asking.scope, paging.planned_once);
    let load = move |conn: &mut Conn| load(conn, &asking, after, i64::try_from(limit + 1).unwrap_or(i64::MAX));
    let mut rows = match planned_once {
        true => app.db.page(scope, caller.deadline, load).await?,
        false => app.db.transact(scope, caller.deadline, load).await?,
    };
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|last| binding.seal(&app.master, place_of(last), now));
    let view = shape(rows, next.clone(), &context(app, caller))?;
    reply::list(request.path(), request.query_string(), next.as_deref(), &view)
}
