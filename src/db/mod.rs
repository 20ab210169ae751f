//! Connections: the pool and its permits, transactions with their tenant context, migrations, the catalogue lint and
//! the embedded server. SQL of the product's tables lives in `store`.

mod bootstrap;
mod door;
pub mod embedded;
mod lint;
mod migrations;
mod pool;
mod recovery;
mod server_log;
mod standby;
mod tenancy;

pub use bootstrap::{APP_ROLE, OWNER_ROLE, Prepared, connect, ensure_roles, ensure_roles_and_database};
pub use door::Whose;
pub use lint::{Finding, inspect, inspect_newer};
pub use migrations::{MigrateError, migrate, pending, revert_all};
pub use pool::{Db, Deadline, Limits, Usage};
pub use recovery::after_recovery;
pub use server_log::inspect_server_log;
pub use standby::{Keeping, Standby, StandbyUse, keeping};
pub use tenancy::{beyond_partner, enter_site, in_directory, in_site, in_snapshot};

/// A connection, by the name under which `ops` and `api` pass it on without knowing the library.
pub type Conn = diesel::pg::PgConnection;

/// What a query answers, by the same rule.
pub type Answered<T> = diesel::QueryResult<T>;
