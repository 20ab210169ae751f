//! A PostgreSQL of the benchmark's own, durable, migrated and empty, started by the crate's supervisor as an operator's is.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use diesel::connection::SimpleConnection as _;
use diesel::{PgConnection, RunQueryDsl as _};
use handoff::db::embedded::{Embedded, Options, SUPERUSER};
use handoff::db::{APP_ROLE, OWNER_ROLE, connect, ensure_roles_and_database, migrate};

use super::machine;

const DATABASE: &str = "handoff";
const DIRECTORY_PREFIX: &str = "handoff-bench-";

/// The database server and the directory that it and everything beside it is in.
pub struct Place {
    embedded: Option<Embedded>,
    directory: PathBuf,
    postmaster: u32,
}

impl Place {
    /// Starts the server in the directory for temporary files, migrates, and says what it is.
    pub fn start() -> Self {
        remove_leftovers();
        let directory = std::env::temp_dir().join(format!("{DIRECTORY_PREFIX}{}", std::process::id()));
        let mut place = Self { embedded: None, directory, postmaster: 0 };
        place.embed();
        ensure_roles_and_database(&mut connect(&place.url_of(SUPERUSER, "postgres")).unwrap(), DATABASE).unwrap();
        migrate(&mut connect(&place.url(OWNER_ROLE)).unwrap()).unwrap();
        place.describe();
        place
    }

    /// Starts the database server in the directory.
    fn embed(&mut self) {
        let options = Options {
            path: std::env::var_os("PATH"),
            pg_bin: std::env::var_os("HANDOFF_PG_BIN").map(PathBuf::from),
            ..Options::new(self.directory.clone())
        };
        let embedded = Embedded::start(&options).unwrap_or_else(|error| panic!("{error}"));
        self.directory = embedded.data_dir().to_path_buf();
        let pid_file = self.directory.join(format!("pg{}", embedded.server_version())).join("postmaster.pid");
        let pid = std::fs::read_to_string(pid_file).expect("a running server notes its process");
        self.postmaster = pid.lines().next().and_then(|pid| pid.parse().ok()).expect("a process id");
        self.embedded = Some(embedded);
    }

    /// The same, counting what each statement costs (`pg_stat_statements`), which costs something itself.
    pub fn start_counting_statements() -> Self {
        let mut place = Self::start();
        place.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'");
        drop(place.embedded.take());
        place.embed();
        // In another database: the server refuses one with views like the extension's.
        place.counts().batch_execute("CREATE EXTENSION pg_stat_statements").unwrap();
        place.execute("ALTER SYSTEM SET pg_stat_statements.track_planning = on");
        place.execute("ALTER SYSTEM SET pg_stat_statements.track = 'all'");
        place.execute("SELECT pg_reload_conf()");
        place
    }

    /// Forgets what was counted.
    pub fn forget_statements(&self) {
        self.counts().batch_execute("SELECT pg_stat_statements_reset()").unwrap();
    }

    /// Where statements are counted, of all databases.
    fn counts(&self) -> PgConnection {
        connect(&self.url_of(SUPERUSER, "postgres")).unwrap()
    }

    /// The dearest statements, one to a line: calls, microseconds of planning and of execution for each of `requests`, and the beginning of the text.
    pub fn dearest_statements(&self, requests: u64) -> String {
        let query = format!(
            "SELECT coalesce(string_agg(line, chr(10)), '') AS text FROM (
                 SELECT format('%9s %9s %9s  %s', round(calls / {requests}.0, 2), round(1000 * total_plan_time / {requests}),
                               round(1000 * total_exec_time / {requests}), left(regexp_replace(query, '[[:space:]]+', ' ', 'g'), 150)) AS line
                   FROM pg_stat_statements WHERE query !~ 'pg_stat' ORDER BY total_plan_time + total_exec_time DESC LIMIT 45) AS dearest"
        );
        text(&mut self.counts(), &query)
    }

    fn describe(&self) {
        machine::describe();
        let setting = |name| self.text(&format!("SELECT current_setting('{name}') AS text"));
        let kind = machine::file_system(&self.directory);
        println!(
            "PostgreSQL {}: fsync {}, synchronous_commit {}, full_page_writes {}, on {}",
            setting("server_version"),
            setting("fsync"),
            setting("synchronous_commit"),
            setting("full_page_writes"),
            kind.as_deref().unwrap_or("a file system that is not known here")
        );
        if kind.as_deref() == Some("tmpfs") {
            println!("The directory for temporary files is in memory, where fsync costs nothing: set TMPDIR to one on a disk.");
        }
    }

    fn embedded(&self) -> &Embedded {
        self.embedded.as_ref().expect("running")
    }

    fn url_of(&self, role: &str, database: &str) -> String {
        self.embedded().url(role, database)
    }

    /// The URL of the database for a role.
    pub fn url(&self, role: &str) -> String {
        self.url_of(role, DATABASE)
    }

    /// What autovacuum does within a minute. Until then PostgreSQL knows nothing of tables that were empty, and takes any index that begins with
    /// the site for one that leads to a row.
    pub fn settle_statistics(&self) {
        self.execute("VACUUM ANALYZE");
    }

    /// A connection that no policy binds, for generating rows and for counting.
    pub fn superuser(&self) -> PgConnection {
        connect(&self.url(SUPERUSER)).unwrap()
    }

    /// The process that all of PostgreSQL's others are children of.
    pub fn postmaster(&self) -> u32 {
        self.postmaster
    }

    /// Where the server's binaries are.
    pub fn bin_dir(&self) -> &Path {
        self.embedded().bin_dir()
    }

    /// Where the server's socket is.
    pub fn socket_dir(&self) -> &Path {
        self.embedded().socket_dir()
    }

    /// A directory for files of the run; it goes away with the database.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What the database server logged so far.
    pub fn server_log(&self) -> String {
        std::fs::read_to_string(self.directory.join("postgres.log")).expect("the server's log")
    }

    /// Runs SQL as the superuser.
    pub fn execute(&self, sql: &str) {
        self.superuser().batch_execute(sql).unwrap();
    }

    /// The one value of a query that names it `text`.
    pub fn text(&self, query: &str) -> String {
        text(&mut self.superuser(), query)
    }

    /// The binary with settings that name this database, and nothing else of the environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_handoff"));
        command.env_clear().args(arguments).stdin(Stdio::null());
        command.env("DATABASE_URL", self.url(APP_ROLE)).env("HANDOFF_MASTER_KEY", "5a".repeat(32));
        // As what is in `deploy` sets it.
        command.env("MALLOC_ARENA_MAX", "2");
        // One caller is all the load there is.
        for limit in ["KEY", "SITE", "ADDRESS"] {
            command.env(format!("HANDOFF_RATE_LIMIT_{limit}"), "0");
        }
        command
    }

    /// Runs a subcommand to its end and answers what it printed.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().expect("the binary runs");
        assert!(output.status.success(), "handoff {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// The one value of a query that names it `text`.
fn text(conn: &mut PgConnection, query: &str) -> String {
    #[derive(diesel::QueryableByName)]
    struct Text {
        #[diesel(sql_type = diesel::sql_types::Text)]
        text: String,
    }
    diesel::sql_query(query).get_result::<Text>(conn).unwrap().text
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.embedded.take());
        let _ = std::fs::remove_dir_all(&self.directory);
    }
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
