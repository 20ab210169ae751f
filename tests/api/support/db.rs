//! One PostgreSQL per test run, one migrated template, one clone per test.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use handoff::db::embedded::{Embedded, Options, SUPERUSER};
use handoff::db::{APP_ROLE, OWNER_ROLE, ensure_roles_and_database, migrate};

/// The server under all tests: the one of `TEST_DATABASE_URL` (a superuser's), or our own.
struct Server {
    embedded: Option<Embedded>,
    external: Option<url::Url>,
}

static SERVER: OnceLock<Server> = OnceLock::new();
static NEXT: AtomicU32 = AtomicU32::new(0);
const DIRECTORY_PREFIX: &str = "handoff-test-";

impl Server {
    fn start() -> Self {
        if let Ok(url) = std::env::var("TEST_DATABASE_URL") {
            let server = Self { embedded: None, external: Some(url.parse().expect("TEST_DATABASE_URL is a URL")) };
            server.make_template();
            return server;
        }
        remove_leftovers();
        let directory = std::env::temp_dir().join(format!("{DIRECTORY_PREFIX}{}", std::process::id()));
        let options = Options {
            durable: false,
            path: std::env::var_os("PATH"),
            pg_bin: std::env::var_os("HANDOFF_PG_BIN").map(PathBuf::from),
            ..Options::new(directory)
        };
        let server = Self { embedded: Some(Embedded::start(&options).expect("a test server")), external: None };
        server.make_template();
        server
    }

    fn url(&self, role: &str, database: &str) -> String {
        match (&self.embedded, &self.external) {
            (Some(embedded), _) => embedded.url(role, database),
            (None, Some(external)) => {
                let mut url = external.clone();
                if role != SUPERUSER {
                    url.set_username(role).unwrap();
                    url.set_password(Some("handoff-test")).unwrap();
                }
                url.set_path(database);
                url.to_string()
            }
            _ => unreachable!("a server has a place"),
        }
    }

    fn superuser(&self) -> PgConnection {
        PgConnection::establish(&self.url(SUPERUSER, "postgres")).expect("the superuser connects")
    }

    fn template(&self) -> String {
        format!("handoff_template_{}", std::process::id())
    }

    fn make_template(&self) {
        let mut superuser = self.superuser();
        ensure_roles_and_database(&mut superuser, &self.template()).unwrap();
        if self.external.is_some() {
            for role in [OWNER_ROLE, APP_ROLE] {
                superuser.batch_execute(&format!("ALTER ROLE {role} PASSWORD 'handoff-test'")).unwrap();
            }
        }
        let mut owner = PgConnection::establish(&self.url(OWNER_ROLE, &self.template())).unwrap();
        migrate(&mut owner).unwrap();
    }
}

/// The PostgreSQL binaries of this test run, when it runs a server of its own.
pub fn bin_dir() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("HANDOFF_PG_BIN") {
        return Some(named.into());
    }
    SERVER.get_or_init(Server::start).embedded.as_ref().map(|server| server.bin_dir().to_path_buf())
}

/// A run that was killed leaves its directory; the lock inside tells whether its server still runs.
fn remove_leftovers() {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(DIRECTORY_PREFIX);
        let lock = std::fs::File::open(entry.path().join("lock"));
        if ours && lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// A database of one's own, migrated and empty.
pub struct Database {
    name: String,
}

impl Database {
    /// A clone of the template: about 25 ms.
    pub fn new() -> Self {
        let server = SERVER.get_or_init(Server::start);
        let name = format!("handoff_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
        let create = format!("CREATE DATABASE {name} TEMPLATE {} OWNER {OWNER_ROLE}", server.template());
        server.superuser().batch_execute(&create).unwrap();
        Self { name }
    }

    /// An empty database that was never migrated.
    pub fn empty() -> Self {
        let server = SERVER.get_or_init(Server::start);
        let name = format!("handoff_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
        server.superuser().batch_execute(&format!("CREATE DATABASE {name} OWNER {OWNER_ROLE}")).unwrap();
        Self { name }
    }

    /// The settings of a server's log that `handoff check` wants, for this database; any but our own server has others.
    pub fn quiet_log(&self) {
        for setting in [
            "log_min_messages = 'log'",
            "log_min_error_statement = 'panic'",
            "log_error_verbosity = 'terse'",
            "log_statement = 'none'",
            "log_parameter_max_length = 0",
            "log_parameter_max_length_on_error = 0",
        ] {
            self.superuser().batch_execute(&format!("ALTER DATABASE {} SET {setting}", self.name)).unwrap();
        }
    }

    /// The bytes of the files in which PostgreSQL keeps this database, written out before; `None` of a server whose disk is elsewhere.
    pub fn files(&self) -> Option<Vec<u8>> {
        use diesel::RunQueryDsl as _;
        #[derive(diesel::QueryableByName)]
        struct Place {
            #[diesel(sql_type = diesel::sql_types::Text)]
            place: String,
        }
        let mut conn = self.superuser();
        conn.batch_execute("CHECKPOINT").unwrap();
        let place = "SELECT current_setting('data_directory') || '/base/' || oid AS place
                       FROM pg_database WHERE datname = current_database()";
        let directory = diesel::sql_query(place).get_result::<Place>(&mut conn).unwrap().place;
        let files = std::fs::read_dir(directory).ok()?.flatten();
        Some(files.filter_map(|file| std::fs::read(file.path()).ok()).flatten().collect())
    }

    /// The URL for a role.
    pub fn url(&self, role: &str) -> String {
        SERVER.get().expect("started").url(role, &self.name)
    }

    /// A connection as the app role, without any context.
    pub fn app(&self) -> PgConnection {
        PgConnection::establish(&self.url(APP_ROLE)).unwrap()
    }

    /// A connection as the owner.
    pub fn owner(&self) -> PgConnection {
        PgConnection::establish(&self.url(OWNER_ROLE)).unwrap()
    }

    /// A connection as the superuser, whom no policy binds: sees everything.
    pub fn superuser(&self) -> PgConnection {
        PgConnection::establish(&self.url(SUPERUSER)).unwrap()
    }

    /// Every row of every table as text: what a search for a canary looks through.
    pub fn dump(&self) -> String {
        use diesel::RunQueryDsl as _;
        #[derive(diesel::QueryableByName)]
        struct Text {
            #[diesel(sql_type = diesel::sql_types::Text)]
            text: String,
        }
        let mut conn = self.superuser();
        let tables: Vec<Text> = diesel::sql_query(
            "SELECT format('%I.%I', schemaname, tablename) AS text FROM pg_tables WHERE schemaname IN ('public', 'directory')",
        )
        .load(&mut conn)
        .unwrap();
        let mut all = String::new();
        for table in tables {
            let rows: Vec<Text> =
                diesel::sql_query(format!("SELECT t::text AS text FROM {} t", table.text)).load(&mut conn).unwrap();
            all.extend(rows.into_iter().map(|row| row.text + "\n"));
        }
        all
    }

    /// What the server itself logged so far; `None` when it is not ours to read (`TEST_DATABASE_URL`).
    pub fn server_log() -> Option<String> {
        let embedded = SERVER.get()?.embedded.as_ref()?;
        Some(std::fs::read_to_string(embedded.data_dir().join("postgres.log")).expect("the server's log"))
    }

    /// One number.
    pub fn count(&self, query: &str) -> i64 {
        use diesel::RunQueryDsl as _;
        #[derive(diesel::QueryableByName)]
        struct Count {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            count: i64,
        }
        diesel::sql_query(query).get_result::<Count>(&mut self.superuser()).unwrap().count
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(server) = SERVER.get() {
            let _ = server.superuser().batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        }
    }
}
