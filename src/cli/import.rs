//! `handoff import FILE`: sends a file of referrals to a server as any caller would, shows how far it is, and at its end what was refused.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::{Body, Client, RequestBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Failure;

/// How often the server is asked how far it is.
const ASKED_EVERY: Duration = Duration::from_millis(500);
/// How long a server may be away while its import is followed.
const AWAY_FOR: Duration = Duration::from_secs(120);
/// Bytes that are read at once.
const PIECE: usize = 256 * 1024;

/// What is imported, where and how.
#[derive(Debug, Args)]
pub(super) struct ImportCommand {
    /// The file: CSV, or NDJSON when its name ends in .ndjson or .jsonl.
    file: PathBuf,
    /// Where the API is reached.
    #[arg(long, env = "HANDOFF_SERVER", default_value = "http://127.0.0.1:8080")]
    server: String,
    /// A site key with the scope import:write, or a staff token. Better in the environment than here.
    #[arg(long, env = "HANDOFF_API_KEY", hide_env_values = true)]
    api_key: SecretString,
    /// Only say what would become of each row.
    #[arg(long)]
    dry_run: bool,
    /// Columns to leave out, with commas between: names as in the header, or #7 for the seventh.
    #[arg(long, value_name = "NAMES")]
    drop_columns: Option<String>,
}

/// An import, as far as it is shown.
#[derive(Deserialize)]
struct Import {
    id: String,
    status: String,
    columns: Vec<Column>,
    rows: u64,
    done: u64,
    created: u64,
    unchanged: u64,
    refused: u64,
    ended_at: Option<String>,
}

#[derive(Deserialize)]
struct Column {
    column: u32,
    field: Option<String>,
}

#[derive(Deserialize)]
struct Rows {
    data: Vec<Row>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Row {
    row: u64,
    faults: Vec<RowFault>,
}

#[derive(Deserialize)]
struct RowFault {
    column: Option<String>,
    code: String,
}

/// Why a request was refused.
#[derive(Deserialize)]
struct Problem {
    detail: String,
    #[serde(default)]
    errors: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    #[serde(alias = "parameter")]
    pointer: String,
    message: String,
}

pub(super) fn run(command: &ImportCommand) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(follow(command))
}

async fn follow(command: &ImportCommand) -> Result<(), Failure> {
    let client = Client::builder().build()?;
    let base = format!("{}/v1/referral-imports", command.server.trim_end_matches('/'));
    let import: Import = send(upload(command, &client, &base)?).await?;
    let id = import.id;
    println!("import {id}: {} rows", import.rows);
    for Column { column, field } in import.columns {
        println!("  column {column}: {}", field.as_deref().unwrap_or("left out"));
    }
    let bar = bar(import.rows, "{bar:30} {pos} of {len} rows, {per_sec}, {eta} left");
    let mut answered = Instant::now();
    let done = loop {
        match send::<Import>(client.get(format!("{base}/{id}")).bearer_auth(command.api_key.expose_secret())).await {
            Ok(now) => {
                answered = Instant::now();
                bar.set_position(now.done);
                if now.ended_at.is_some() {
                    break now;
                }
            }
            // The import goes on, whatever becomes of one server: it may just be starting again.
            Err(Unanswered::Away(why)) if answered.elapsed() > AWAY_FOR => {
                return Err(format!("{why}; the import goes on: read /v1/referral-imports/{id}").into());
            }
            Err(Unanswered::Away(_)) => {}
            Err(refused @ Unanswered::Refused(_)) => return Err(refused.into()),
        }
        tokio::time::sleep(ASKED_EVERY).await;
    };
    bar.finish_and_clear();
    let would = if command.dry_run { " (a dry run: nothing was made)" } else { "" };
    let Import { status, created, unchanged, refused, .. } = done;
    println!("{status}: {created} created, {unchanged} imported before, {refused} refused{would}");
    print_refused(command, &client, &format!("{base}/{id}/rows")).await?;
    if status == "completed" { Ok(()) } else { Err("the import did not come to its end".into()) }
}

fn bar(length: u64, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style)
}

fn upload(command: &ImportCommand, client: &Client, url: &str) -> Result<RequestBuilder, Failure> {
    let unreadable = |error: std::io::Error| format!("the file cannot be read: {}", error.kind());
    let file = File::open(&command.file).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let bar = bar(length, "{bar:30} {bytes} of {total_bytes} sent, {bytes_per_sec}, {eta} left");
    let mut request = client
        .post(url)
        .bearer_auth(command.api_key.expose_secret())
        .header("Content-Type", kind(&command.file))
        .header("Content-Length", length)
        .body(Body::wrap_stream(Pieces { file, bar }));
    if command.dry_run {
        request = request.query(&[("dry_run", "true")]);
    }
    if let Some(names) = &command.drop_columns {
        request = request.query(&[("drop_columns", names)]);
    }
    Ok(request)
}

fn kind(path: &Path) -> &'static str {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if ["ndjson", "jsonl"].iter().any(|known| ending.eq_ignore_ascii_case(known)) { "application/x-ndjson" } else { "text/csv" }
}

/// The file, piece by piece, and how much of it has gone.
struct Pieces {
    file: File,
    bar: ProgressBar,
}

impl futures_core::Stream for Pieces {
    type Item = std::io::Result<Vec<u8>>;

    // The command does nothing else meanwhile: a read may block.
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut piece = vec![0; PIECE];
        Poll::Ready(match self.file.read(&mut piece) {
            Ok(0) => {
                self.bar.finish_and_clear();
                None
            }
            Ok(read) => {
                self.bar.inc(u64::try_from(read).unwrap_or(0));
                piece.truncate(read);
                Some(Ok(piece))
            }
            Err(error) => Some(Err(error)),
        })
    }
}

/// Why a request brought nothing, in a sentence.
#[derive(Debug)]
enum Unanswered {
    /// Nobody answered, or nobody who can right now.
    Away(String),
    /// It was refused: what the server says of it, place by place.
    Refused(String),
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away(why) | Self::Refused(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Unanswered {}

/// The answer of a request that succeeds.
async fn send<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Unanswered> {
    let away = |what: &str, error: reqwest::Error| Unanswered::Away(format!("{what}: {}", error.without_url()));
    let answer = request.send().await.map_err(|error| away("no answer of the server", error))?;
    let status = answer.status();
    let text = answer.text().await.map_err(|error| away("the answer broke off", error))?;
    let why = if status.is_server_error() || status == 429 { Unanswered::Away } else { Unanswered::Refused };
    let strange = |_| why(format!("the server answered {status}, and nothing that this command knows"));
    if status.is_success() {
        return serde_json::from_str(&text).map_err(strange);
    }
    let Problem { detail, errors } = serde_json::from_str(&text).map_err(strange)?;
    let places: String = errors.iter().map(|fault| format!("\n  {}: {}", fault.pointer, fault.message)).collect();
    Err(why(format!("{status}: {detail}{places}")))
}

/// Every row that was refused, and why.
async fn print_refused(command: &ImportCommand, client: &Client, url: &str) -> Result<(), Failure> {
    let mut cursor: Option<String> = None;
    loop {
        let mut request =
            client.get(url).bearer_auth(command.api_key.expose_secret()).query(&[("outcome", "refused"), ("limit", "200")]);
        if let Some(cursor) = &cursor {
            request = request.query(&[("cursor", cursor)]);
        }
        let page: Rows = send(request).await?;
        for row in page.data {
            let faults = row.faults.iter().map(|fault| match &fault.column {
                Some(column) => format!("{column} {}", fault.code),
                None => fault.code.clone(),
            });
            println!("  row {}: {}", row.row, faults.collect::<Vec<_>>().join(", "));
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(());
        }
    }
}
