//! Statements of fixed text that are prepared once. Diesel prepares neither SQL that is given as text nor an update or upsert of its own: each
//! takes two round trips and is planned anew. That is right where plans depend on values or filters come and go, and not for what every
//! request asks.

use diesel::expression::{AsExpression, Expression};
use diesel::pg::{Pg, PgConnection};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{SingleValue, SqlType, Untyped};
use diesel::{QueryResult, RunQueryDsl};

/// A statement: its text, in which `$1` stands for the first value that is bound. A value may stand in several places.
pub struct Prepared<'a> {
    sql: &'static str,
    values: Vec<Box<dyn QueryFragment<Pg> + 'a>>,
}

impl std::fmt::Debug for Prepared<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the values.
        f.debug_tuple("Prepared").field(&self.sql).finish()
    }
}

/// A statement of this text.
#[must_use]
pub const fn prepared<'a>(sql: &'static str) -> Prepared<'a> {
    Prepared { sql, values: Vec::new() }
}

impl<'a> Prepared<'a> {
    /// Binds the next value.
    #[must_use]
    pub fn bind<T, V>(mut self, value: V) -> Self
    where
        T: SqlType + SingleValue,
        V: AsExpression<T>,
        V::Expression: Expression<SqlType = T> + QueryFragment<Pg> + 'a,
    {
        self.values.push(Box::new(value.as_expression()));
        self
    }
}

impl QueryFragment<Pg> for Prepared<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut pieces = self.sql.split('$');
        out.push_sql(pieces.next().unwrap_or_default());
        for piece in pieces {
            let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
            let (number, text) = piece.split_at(digits);
            let value = number.parse::<usize>().ok().and_then(|number| self.values.get(number.checked_sub(1)?));
            let value = value.ok_or_else(|| diesel::result::Error::QueryBuilderError("a value that was not bound".into()))?;
            value.walk_ast(out.reborrow())?;
            out.push_sql(text);
        }
        Ok(())
    }
}

impl QueryId for Prepared<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Prepared<'_> {
    type SqlType = Untyped;
}

impl RunQueryDsl<PgConnection> for Prepared<'_> {}

#[cfg(test)]
mod tests {
    use diesel::sql_types::{Integer, Text};

    use super::*;

    fn sql(statement: &Prepared<'_>) -> String {
        diesel::debug_query::<Pg, _>(statement).to_string()
    }

    #[test]
    fn each_place_gets_its_value() {
        let statement = prepared("SELECT $1, $2 FROM t WHERE a = $1").bind::<Integer, _>(7).bind::<Text, _>("x");
        assert_eq!(sql(&statement), r#"SELECT $1, $2 FROM t WHERE a = $3 -- binds: [7, "x", 7]"#);
    }

    #[test]
    fn it_is_safe_to_prepare_and_its_debug_form_has_no_values() {
        let statement = prepared("SELECT $1").bind::<Text, _>("secret");
        assert_eq!(format!("{statement:?}"), r#"Prepared("SELECT $1")"#);
    }
}
