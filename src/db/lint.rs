//! The catalogue lint: what must be true of the database before anybody is served.
//!
//! Row-level security is silent when it is missing: a superuser, an owner without FORCE, a definer function or a view
//! sees every tenant. So the server asks the catalogue at start and refuses on any finding.

use diesel::pg::PgConnection;
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};

use crate::error::AppError;

/// The oldest PostgreSQL that the migrations run on (`security_invoker` views, `NULLS NOT DISTINCT`).
const OLDEST_SERVER: i32 = 150_000;

/// One reason not to serve, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Finding {
    /// What is wrong and what to do.
    #[diesel(sql_type = diesel::sql_types::Text)]
    pub sentence: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = diesel::sql_types::Integer)]
    number: i32,
}

/// The checks; each row is a finding. They name catalogue objects only.
///
/// A tenant policy is recognised by its whole expression: one that merely mentions the site may still show every row. A policy
/// for some roles only would not bind the others. A partner reads its site's settings, so that `sites` alone is open to it.
const CHECKS: &str = "
WITH expressions AS (
    SELECT polrelid, polname, polpermissive, polcmd = '*' AND polroles = '{0}' AS for_all,
           coalesce(pg_get_expr(polqual, polrelid), '') AS shows, coalesce(pg_get_expr(polwithcheck, polrelid), '') AS checks
      FROM pg_policy
), policies AS (
    SELECT *, polpermissive AND for_all AND shows ~ '^\\(site_id = \\( SELECT (public\\.)?current_site_id\\(\\) AS current_site_id\\)\\)$'
              AND checks = shows AS is_tenant
      FROM expressions
)
SELECT format('the role %I is a superuser: row-level security would not bind it; log in as handoff_app', rolname) AS sentence
  FROM pg_roles WHERE rolname = current_user AND rolsuper
UNION ALL
SELECT format('the role %I has BYPASSRLS: row-level security would not bind it; log in as handoff_app', rolname)
  FROM pg_roles WHERE rolname = current_user AND rolbypassrls
UNION ALL
SELECT format('the role %I can become %I, which owns tables or steps around row-level security; revoke that membership', current_user, r.rolname)
  FROM pg_roles r WHERE r.rolname <> current_user AND pg_has_role(current_user, r.oid, 'MEMBER')
   AND (r.rolsuper OR r.rolbypassrls OR EXISTS (SELECT 1 FROM pg_class c WHERE c.relowner = r.oid AND c.relnamespace = 'public'::regnamespace))
   AND NOT EXISTS (SELECT 1 FROM pg_roles me WHERE me.rolname = current_user AND me.rolsuper)
UNION ALL
SELECT format('the role %I owns %s table(s): row-level security would be its to change; serve with a role that owns nothing', current_user, count(*))
  FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
 WHERE r.rolname = current_user AND c.relkind IN ('r', 'p', 'v', 'm') AND c.relnamespace = 'public'::regnamespace
HAVING count(*) > 0
UNION ALL
SELECT format('table %s has no forced row-level security', c.oid::regclass)
  FROM pg_class c
 WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
   AND c.relname <> '__diesel_schema_migrations' AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
UNION ALL
SELECT format('table %s lacks its tenant policy', c.oid::regclass)
  FROM pg_class c
 WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND c.relname <> '__diesel_schema_migrations'
   AND NOT EXISTS (SELECT 1 FROM policies p WHERE p.polrelid = c.oid AND p.is_tenant)
UNION ALL
SELECT format('table %s has a second permissive policy %I: permissive policies add up', p.polrelid::regclass, p.polname)
  FROM policies p JOIN pg_class c ON c.oid = p.polrelid
 WHERE c.relnamespace = 'public'::regnamespace AND p.polpermissive AND NOT p.is_tenant
UNION ALL
SELECT format('table %s lacks its restrictive partner policy', c.oid::regclass)
  FROM pg_class c
 WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND c.relname <> '__diesel_schema_migrations'
   AND NOT EXISTS (SELECT 1 FROM policies p WHERE p.polrelid = c.oid AND NOT p.polpermissive AND p.for_all
       AND p.checks LIKE '%current_partner_id()%' AND (p.shows LIKE '%current_partner_id()%' OR c.relname = 'sites'))
UNION ALL
SELECT format('view %s runs with its owner''s rights; make it security_invoker', c.oid::regclass)
  FROM pg_class c
 WHERE c.relkind = 'v' AND c.relnamespace IN ('public'::regnamespace, to_regnamespace('directory'))
   AND NOT coalesce(c.reloptions::text[] && ARRAY['security_invoker=true', 'security_invoker=on'], false)
UNION ALL
SELECT format('materialised view %s would show every tenant; drop it', c.oid::regclass)
  FROM pg_class c WHERE c.relkind = 'm' AND c.relnamespace = 'public'::regnamespace
UNION ALL
SELECT format('function %s runs with its owner''s rights outside schema directory', p.oid::regprocedure)
  FROM pg_proc p WHERE p.prosecdef AND p.pronamespace = 'public'::regnamespace
UNION ALL
SELECT format('the role %I may TRUNCATE %s, which row-level security does not see; revoke it', current_user, c.oid::regclass)
  FROM pg_class c
 WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
   AND has_table_privilege(current_user, c.oid, 'TRUNCATE')
   AND NOT EXISTS (SELECT 1 FROM pg_roles me WHERE me.rolname = current_user AND (me.rolsuper OR me.oid = c.relowner))
UNION ALL
SELECT format('the role %I can reach %s directly; the directory is reached through its functions only', current_user, c.oid::regclass)
  FROM pg_class c
 WHERE c.relkind IN ('r', 'p') AND c.relnamespace = to_regnamespace('directory')
   AND (has_any_column_privilege(current_user, c.oid, 'SELECT, INSERT, UPDATE') OR has_table_privilege(current_user, c.oid, 'DELETE, TRUNCATE'))
   AND NOT EXISTS (SELECT 1 FROM pg_roles me WHERE me.rolname = current_user AND (me.rolsuper OR me.oid = c.relowner))
UNION ALL
SELECT format('the role %I can reach %s directly; months are reached through the tables that they are parts of, whose policies bind', current_user, c.oid::regclass)
  FROM pg_class c
 WHERE c.relkind IN ('r', 'p') AND c.relnamespace = to_regnamespace('months')
   AND (has_any_column_privilege(current_user, c.oid, 'SELECT, INSERT, UPDATE') OR has_table_privilege(current_user, c.oid, 'DELETE, TRUNCATE'))
   AND NOT EXISTS (SELECT 1 FROM pg_roles me WHERE me.rolname = current_user AND (me.rolsuper OR me.oid = c.relowner))
UNION ALL
SELECT format('the server''s messages are in %s, and a timeout could not be told from a failure: have an administrator run ALTER ROLE %I SET lc_messages = ''C''',
    current_setting('lc_messages'), current_user)
 WHERE current_setting('lc_messages') !~* '^(c|posix|en)' AND current_setting('lc_messages') <> ''
UNION ALL
SELECT DISTINCT format('the role %I cannot use the tables; grant it handoff_app: GRANT handoff_app TO %1$I', current_user)
  FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relname IN ('referrals', '__diesel_schema_migrations') AND NOT (
       has_schema_privilege(current_user, c.relnamespace, 'USAGE') AND has_table_privilege(current_user, c.oid, 'SELECT'))
";

/// Whether this role may ask which migrations have run: 0 when it may, or when none has.
const UNREADABLE_MIGRATIONS: &str = "
SELECT count(*)::integer AS number FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relname = '__diesel_schema_migrations' AND NOT (
       has_schema_privilege(current_user, c.relnamespace, 'USAGE') AND has_table_privilege(current_user, c.oid, 'SELECT'))";

/// Everything that speaks against serving with this connection; empty when all is well.
///
/// # Errors
/// When the catalogue cannot be read.
pub fn inspect(conn: &mut PgConnection) -> Result<Vec<Finding>, AppError> {
    let version: Number = sql_query("SELECT current_setting('server_version_num')::integer AS number").get_result(conn)?;
    if version.number < OLDEST_SERVER {
        let sentence = format!("the database is PostgreSQL {}; handoff needs 15 or newer", version.number / 10_000);
        return Ok(vec![Finding { sentence }]);
    }
    let unreadable: Number = sql_query(UNREADABLE_MIGRATIONS).get_result(conn)?;
    // The checks say so then; asking would fail with the database's own words instead.
    let mut findings = if unreadable.number == 0 { migration_findings(conn)? } else { Vec::new() };
    findings.extend(sql_query(CHECKS).load::<Finding>(conn)?);
    Ok(findings)
}

fn migration_findings(conn: &mut PgConnection) -> Result<Vec<Finding>, AppError> {
    let (missing, _) = super::migrations::pending(conn).map_err(AppError::internal)?;
    let mut findings = Vec::new();
    if !missing.is_empty() {
        let sentence = format!(
            "{} migration(s) are pending; run `handoff migrate` with HANDOFF_MIGRATE_DATABASE_URL set to the owner's URL",
            missing.len()
        );
        findings.push(Finding { sentence });
    }
    Ok(findings)
}

/// Whether a newer binary has migrated: this one goes on beside it, since a migration leaves in place what the binary before it asks for,
/// until the newer one takes over.
///
/// # Errors
/// When the catalogue cannot be read.
pub fn inspect_newer(conn: &mut PgConnection) -> Result<Option<Finding>, AppError> {
    let (_, unknown) = super::migrations::pending(conn).map_err(AppError::internal)?;
    let sentence =
        || format!("the database was migrated by a newer handoff ({} unknown migration(s)); update this binary", unknown.len());
    Ok((!unknown.is_empty()).then(|| Finding { sentence: sentence() }))
}
