//! Several writes as one statement: one round trip, and one plan that the server keeps.

use diesel::pg::{Pg, PgConnection};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::{QueryResult, RunQueryDsl};

/// Writes that need nothing of one another: `WITH step_0 AS (INSERT …), … INSERT …`. Their foreign keys are looked at once all are done, and
/// one may refer to what another inserts; none sees what another writes.
///
/// PostgreSQL promises no order among them. Rows whose order counts stand in one insert.
#[derive(Default)]
pub struct AtOnce<'a>(Vec<Box<dyn QueryFragment<Pg> + 'a>>);

impl std::fmt::Debug for AtOnce<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the statements: what is bound in them is what is kept.
        f.debug_tuple("AtOnce").field(&self.0.len()).finish()
    }
}

impl<'a> AtOnce<'a> {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// One more.
    pub fn add(&mut self, write: impl QueryFragment<Pg> + 'a) {
        self.0.push(Box::new(write));
    }

    /// Runs them; without any it asks nothing.
    ///
    /// # Errors
    /// A database failure: then none of them is done.
    pub fn run(self, conn: &mut PgConnection) -> QueryResult<()> {
        if self.0.is_empty() { Ok(()) } else { self.execute(conn).map(drop) }
    }
}

impl QueryFragment<Pg> for AtOnce<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let Some((last, before)) = self.0.split_last() else { return Ok(()) };
        for (step, write) in before.iter().enumerate() {
            out.push_sql(if step == 0 { "WITH " } else { ", " });
            out.push_identifier(&format!("step_{step}"))?;
            out.push_sql(" AS (");
            write.walk_ast(out.reborrow())?;
            out.push_sql(")");
        }
        if !before.is_empty() {
            out.push_sql(" ");
        }
        last.walk_ast(out)
    }
}

impl QueryId for AtOnce<'_> {
    type QueryId = ();
    // By its text: what it consists of is known when it runs.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<PgConnection> for AtOnce<'_> {}

/// Adds an insert of rows in their order. Of one or two the statement is prepared once; Diesel prepares no list of rows, since each length is
/// another statement.
macro_rules! add_rows {
    ($at_once:expr, $table:expr, $rows:expr) => {{
        let rows = $rows;
        match rows.len() {
            0 => {}
            1 => rows.into_iter().for_each(|row| $at_once.add(diesel::insert_into($table).values(row))),
            _ => match <[_; 2]>::try_from(rows) {
                Ok(rows) => $at_once.add(diesel::insert_into($table).values(rows)),
                Err(rows) => $at_once.add(diesel::insert_into($table).values(rows)),
            },
        }
    }};
}
pub(in crate::store) use add_rows;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{journal_queue, studies};
    use diesel::prelude::*;

    #[test]
    fn it_is_one_statement() {
        let mut at_once = AtOnce::new();
        at_once.add(diesel::insert_into(studies::table).values(studies::version.eq(1)));
        at_once.add(diesel::insert_into(studies::table).values(studies::version.eq(2)).on_conflict_do_nothing());
        at_once.add(diesel::insert_into(journal_queue::table).values(journal_queue::id.eq(uuid::Uuid::nil())));
        let sql = diesel::debug_query::<Pg, _>(&at_once).to_string();
        let (sql, _) = sql.split_once(" --").unwrap();
        assert_eq!(
            sql,
            "WITH \"step_0\" AS (INSERT INTO \"studies\" (\"version\") VALUES ($1)), \
             \"step_1\" AS (INSERT INTO \"studies\" (\"version\") VALUES ($2) ON CONFLICT DO NOTHING) \
             INSERT INTO \"journal_queue\" (\"id\") VALUES ($3)"
        );
    }
}
