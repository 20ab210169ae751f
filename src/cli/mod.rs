//! The command line: one file per subcommand. What it prints is for the operator; failures are one sentence and exit code 1.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the command line talks to a person")]

mod audit;
mod audit_export;
mod backend;
mod backup;
mod check;
mod demo;
mod guard;
mod healthcheck;
mod import;
mod key;
mod logging;
mod master_key;
mod member;
mod migrate;
mod openapi;
mod report;
mod sample;
mod serve;
mod site;
mod token;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Config;

/// Referrals for clinical-trial research sites.
#[derive(Debug, Parser)]
#[command(name = "handoff", version, about)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Do not load the sample site on the first start in embedded mode.
    #[arg(long, global = true)]
    no_demo: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API (the default).
    Serve,
    /// Run pending migrations as the owner (`HANDOFF_MIGRATE_DATABASE_URL`).
    Migrate,
    /// Check settings and database, and say what speaks against serving.
    Check,
    /// Write the `OpenAPI` document to `openapi/openapi.json`, or to standard output with `-`.
    Openapi {
        /// Where to write.
        #[arg(default_value = "openapi/openapi.json")]
        path: String,
    },
    /// Set up sites.
    #[command(subcommand)]
    Site(site::SiteCommand),
    /// Add members to a site.
    #[command(subcommand)]
    Member(member::MemberCommand),
    /// Issue API keys.
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Issue staff tokens of the local issuer.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Verify the audit trail, and print that of a referral.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Rotate the master key, and see what is still under an earlier one.
    #[command(subcommand)]
    MasterKey(master_key::MasterKeyCommand),
    /// Read texts or field names on standard input, and print what the guard says of each.
    Guard(guard::GuardCommand),
    /// Print one of the site's reports as a table with bars.
    Report(report::ReportCommand),
    /// Import a file of referrals (CSV or NDJSON) at a server, and follow it to its end.
    Import(import::ImportCommand),
    /// Copy the embedded server's data, its keys and its files to a directory, while it serves or not.
    Backup(backup::BackupCommand),
    /// Put a backup into an empty data directory (`HANDOFF_DATA_DIR`).
    Restore(backup::RestoreCommand),
    /// Load the sample site, or remove it.
    Demo {
        /// Remove the sample site and everything in it.
        #[arg(long)]
        remove: bool,
    },
    /// Ask the serving process whether it is ready; for container health checks.
    Healthcheck,
}

/// What a subcommand that fails says: one sentence for the operator.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Parses the arguments, runs the subcommand and turns a failure into one line and exit code 1.
#[must_use]
pub fn main() -> ExitCode {
    // Before libpq does: OpenSSL would take its tables down as the process ends, and a connection that another thread is still
    // making would find them gone (a server that was told to stop just after its start died of SIGSEGV).
    #[cfg(feature = "postgres-tls")]
    openssl_sys::init();
    let args = Args::parse();
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("handoff: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<(), Failure> {
    match &args.command {
        Some(Command::Openapi { path }) => return openapi::run(path),
        Some(Command::Guard(command)) => return guard::run(command),
        // A caller like any other: it needs no settings of a server.
        Some(Command::Import(command)) => return import::run(command),
        _ => {}
    }
    let config = Config::from_env()?;
    logging::init(&config);
    install_crypto();
    match args.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(&config, args.no_demo),
        Command::Migrate => migrate::run(&config),
        Command::Check => check::run(&config),
        Command::Openapi { path } => openapi::run(&path),
        Command::Guard(command) => guard::run(&command),
        Command::Import(command) => import::run(&command),
        Command::Site(command) => site::run(&config, command),
        Command::Member(command) => member::run(&config, command),
        Command::Key(command) => key::run(&config, command),
        Command::Token(command) => token::run(&config, &command),
        Command::Audit(command) => audit::run(&config, &command),
        Command::MasterKey(command) => master_key::run(&config, &command),
        Command::Report(command) => report::run(&config, &command),
        Command::Backup(command) => backup::backup(&config, &command),
        Command::Restore(command) => backup::restore(&config, &command),
        Command::Demo { remove } => demo::run(&config, remove),
        Command::Healthcheck => healthcheck::run(&config),
    }
}

/// jsonwebtoken panics at its first use without a provider; a second installation is refused and harmless.
pub fn install_crypto() {
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
}
