//! The catalogue as sorted lines, and as diesel would write it.

use diesel::PgConnection;

use crate::tenancy::texts;

/// Everything that a migration can make in our schemas, by its definition. Oids and the like stay out.
const DUMP: &str = "
WITH ours AS (SELECT oid, nspname, nspacl, nspowner FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'),
relations AS (SELECT c.*, c.oid AS id, n.nspname FROM pg_class c JOIN ours n ON n.oid = c.relnamespace WHERE c.relname NOT LIKE '\\_\\_diesel%')
SELECT format('schema %s', nspname) AS text FROM ours
UNION ALL
SELECT format('grant on schema %s: %s %s', nspname, coalesce(g.grantee::regrole::text, ''), g.privilege_type)
  FROM ours, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) g
UNION ALL
SELECT format('relation %I.%I kind %s security %s %s options %s', nspname, relname, relkind, relrowsecurity, relforcerowsecurity, reloptions)
  FROM relations WHERE relkind NOT IN ('i', 't')
UNION ALL
SELECT format('grant on %I.%I: %s %s', nspname, relname, g.grantee::regrole, g.privilege_type)
  FROM relations, aclexplode(relacl) g WHERE relkind <> 'i'
UNION ALL
SELECT format('column %I.%I %s %I %s null %s default %s acl %s', nspname, relname, a.attnum, a.attname,
              format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attacl)
  FROM relations r JOIN pg_attribute a ON a.attrelid = r.id AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE r.relkind <> 'i'
UNION ALL
SELECT format('constraint %s %s: %s validated %s', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid), k.convalidated)
  FROM pg_constraint k JOIN relations r ON r.id = k.conrelid
UNION ALL
SELECT format('index %s valid %s', pg_get_indexdef(i.indexrelid), i.indisvalid) FROM pg_index i JOIN relations r ON r.id = i.indrelid
UNION ALL
SELECT format('policy %s %s permissive %s for %s to %s using %s check %s', p.polrelid::regclass, p.polname, p.polpermissive, p.polcmd, p.polroles,
              pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
  FROM pg_policy p JOIN relations r ON r.id = p.polrelid
UNION ALL
SELECT format('function %s', pg_get_functiondef(p.oid)) FROM pg_proc p JOIN ours n ON n.oid = p.pronamespace WHERE p.prokind = 'f'
UNION ALL
SELECT format('grant on function %s: %s %s', p.oid::regprocedure, g.grantee, g.privilege_type)
  FROM pg_proc p JOIN ours n ON n.oid = p.pronamespace, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g
UNION ALL
SELECT format('trigger %s enabled %s', pg_get_triggerdef(t.oid), t.tgenabled)
  FROM pg_trigger t JOIN relations r ON r.id = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL
SELECT format('type %I.%I %s', n.nspname, t.typname, t.typtype) FROM pg_type t JOIN ours n ON n.oid = t.typnamespace
 WHERE t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
ORDER BY 1";

/// The catalogue of our schemas, a line per object.
pub fn dump(conn: &mut PgConnection) -> Vec<String> {
    texts(conn, DUMP)
}

const TABLES: &str =
    "c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND c.relname <> '__diesel_schema_migrations'";

/// The tables as `table (key)` and `table column -> Type`, columns in their order, tables by name.
pub fn tables_of_catalogue(conn: &mut PgConnection) -> Vec<String> {
    let mut lines = Vec::new();
    for table in
        texts(conn, &format!("SELECT c.relname::text AS text FROM pg_class c WHERE {TABLES} ORDER BY c.relname COLLATE \"C\""))
    {
        let key = texts(
            conn,
            &format!(
                "SELECT a.attname::text AS text FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
                   JOIN pg_attribute a ON a.attrelid = '{table}'::regclass AND a.attnum = k.attnum
                  WHERE i.indrelid = '{table}'::regclass AND i.indisprimary ORDER BY k.place"
            ),
        );
        lines.push(format!("{table} ({})", key.join(", ")));
        let columns = texts(
            conn,
            &format!(
                "SELECT attname || ' ' || attnotnull || ' ' || format_type(atttypid, NULL) AS text FROM pg_attribute
                  WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
            ),
        );
        for column in columns {
            let mut words = column.splitn(3, ' ');
            let (name, not_null, kind) =
                (words.next().unwrap(), words.next().unwrap() == "true", diesel_type(words.next().unwrap()));
            let kind = if not_null { kind } else { format!("Nullable<{kind}>") };
            lines.push(format!("{table} {name} -> {kind}"));
        }
    }
    lines
}

fn diesel_type(kind: &str) -> String {
    if let Some(element) = kind.strip_suffix("[]") {
        return format!("Array<Nullable<{}>>", diesel_type(element));
    }
    match kind {
        "uuid" => "Uuid",
        "text" => "Text",
        "boolean" => "Bool",
        "smallint" => "Int2",
        "integer" => "Int4",
        "bigint" => "Int8",
        "bytea" => "Bytea",
        "date" => "Date",
        "jsonb" => "Jsonb",
        "timestamp with time zone" => "Timestamptz",
        other => panic!("say in `diesel_type` what `{other}` is to diesel"),
    }
    .into()
}

/// The same lines from the text of `src/schema.rs`.
pub fn tables_of_schema(source: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut table = None;
    for line in source.lines().map(str::trim) {
        if let Some(head) = line.strip_suffix(" {").filter(|head| head.ends_with(')')) {
            lines.push(head.to_owned());
            table = head.split(' ').next();
        } else if let (Some(table), Some((name, kind))) = (table, line.trim_end_matches(',').split_once(" -> ")) {
            lines.push(format!("{table} {name} -> {kind}"));
        }
    }
    lines
}

/// Keys that do not begin with the site, and tables without forced row-level security.
pub fn keys_without_site(conn: &mut PgConnection) -> Vec<String> {
    texts(
        conn,
        &format!(
            "WITH tables AS (SELECT c.*, c.oid AS id FROM pg_class c WHERE {TABLES}),
                  site AS (SELECT attrelid, attnum FROM pg_attribute WHERE attname = 'site_id')
             SELECT format('%s: no primary key', t.id::regclass) AS text FROM tables t
              WHERE NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = t.id AND i.indisprimary)
             UNION ALL
             SELECT format('%s: %s does not begin with site_id', t.id::regclass, i.indexrelid::regclass)
               FROM tables t JOIN pg_index i ON i.indrelid = t.id LEFT JOIN site s ON s.attrelid = t.id
              WHERE i.indisunique AND i.indkey[0] IS DISTINCT FROM s.attnum
             UNION ALL
             SELECT format('%s: %s does not begin with site_id', t.id::regclass, k.conname)
               FROM tables t JOIN pg_constraint k ON k.conrelid = t.id AND k.contype = 'f'
               LEFT JOIN site s ON s.attrelid = t.id LEFT JOIN site f ON f.attrelid = k.confrelid
              WHERE k.conkey[1] IS DISTINCT FROM s.attnum OR k.confkey[1] IS DISTINCT FROM f.attnum
             UNION ALL
             SELECT format('%s: row-level security is not on and forced', t.id::regclass) FROM tables t
              WHERE NOT (t.relrowsecurity AND t.relforcerowsecurity)
             ORDER BY 1"
        ),
    )
}
