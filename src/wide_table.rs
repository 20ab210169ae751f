//! A table of more columns than Diesel declares without its larger features.
//!
//! Diesel writes its traits out for tuples of up to 32 columns. Sixty-four are a feature, which takes it eight times as long to
//! build: minutes of a newcomer's first build, for one table. So the columns beyond are declared here, one by one, with the same
//! traits; a row of them is read and written through structs that are embedded in one another.

/// `diesel::table!` for a table of more than 32 columns: `and` stands before those beyond, which `all_columns` does not have.
macro_rules! wide_table {
    (
        $table:ident ($first:ident $(, $key:ident)*) { $($column:ident -> $type:ty,)+ }
        and { $($further:ident -> $further_type:ty,)+ }
    ) => {
        mod wide {
            diesel::table! { $table ($first $(, $key)*) { $($column -> $type,)+ } }
        }

        mod further {
            use super::wide::$table::{$first, table};
            use diesel::backend::Backend;
            use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
            use diesel::query_builder::{AstPass, QueryFragment, QueryId};
            use diesel::query_source::{AppearsInFromClause, Column, Once};
            use diesel::result::QueryResult;
            use diesel::sql_types::*;

            $(
                #[allow(non_camel_case_types)]
                #[derive(Debug, Clone, Copy, QueryId)]
                pub struct $further;

                impl Expression for $further {
                    type SqlType = $further_type;
                }

                impl Column for $further {
                    type Table = table;
                    const NAME: &'static str = stringify!($further);
                }

                impl<DB: Backend> QueryFragment<DB> for $further {
                    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
                        if !out.should_skip_from() {
                            out.push_identifier(stringify!($table))?;
                            out.push_sql(".");
                        }
                        out.push_identifier(Self::NAME)
                    }
                }

                impl ValidGrouping<()> for $further {
                    type IsAggregate = is_aggregate::No;
                }

                impl<Source: AppearsInFromClause<table, Count = Once>> AppearsOnTable<Source> for $further {}

                // Wherever a column of the table itself may stand.
                impl<Source> SelectableExpression<Source> for $further
                where
                    Source: AppearsInFromClause<table, Count = Once>,
                    $first: SelectableExpression<Source>,
                {
                }
            )+
        }

        pub mod $table {
            pub use super::further::{$($further),+};
            pub use super::wide::$table::*;
        }
    };
}
