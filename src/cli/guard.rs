//! `handoff guard`: what the guard says of texts and of field names, for whoever wants to know before a request does. Reads standard
//! input or a file, keeps nothing, and asks no database.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::json;

use super::Failure;
use crate::privacy::guard::{self, Profile, Registered};
use crate::privacy::names::{self, NameClass};

/// What is asked.
#[derive(Debug, Args)]
pub(super) struct GuardCommand {
    /// Who wrote the texts: partners and systems (`strict`), or staff who register copy (`copy`).
    #[arg(long, value_enum, default_value_t = WrittenUnder::Strict)]
    profile: WrittenUnder,
    /// Read field names instead, as `{"name": …}` or one a line.
    #[arg(long, conflicts_with = "csv")]
    fields: bool,
    /// Name the columns of this spreadsheet (CSV) that must not be imported.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum WrittenUnder {
    Strict,
    Copy,
}

impl From<WrittenUnder> for Profile {
    fn from(profile: WrittenUnder) -> Self {
        match profile {
            WrittenUnder::Strict => Self::Strict,
            WrittenUnder::Copy => Self::Copy,
        }
    }
}

/// A line of NDJSON; a line that is none is a text or a name as it stands.
#[derive(Deserialize)]
struct Line {
    id: Option<serde_json::Value>,
    text: Option<String>,
    name: Option<String>,
}

pub(super) fn run(command: &GuardCommand) -> Result<(), Failure> {
    match &command.csv {
        Some(path) => columns(path),
        None => lines(command),
    }
}

fn lines(command: &GuardCommand) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for (number, line) in BufReader::new(io::stdin().lock()).lines().enumerate() {
        let line = line.map_err(|error| format!("line {} cannot be read: {}", number + 1, error.kind()))?;
        if line.is_empty() {
            continue;
        }
        let read: Option<Line> = serde_json::from_str(&line).ok();
        let id = read.as_ref().and_then(|line| line.id.clone()).unwrap_or_else(|| json!(number + 1));
        let answer = if command.fields {
            let name = read.and_then(|line| line.name).unwrap_or(line);
            let (class, category) = class_of(&name);
            json!({"name": name, "class": class, "category": category})
        } else {
            verdict(id, &read.and_then(|line| line.text).unwrap_or(line), command.profile.into())
        };
        let written = writeln!(out, "{answer}");
        match written {
            // Whoever reads has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            other => other.map_err(|error| format!("standard output cannot be written: {}", error.kind()))?,
        }
    }
    out.flush().or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })?;
    Ok(())
}

fn verdict(id: serde_json::Value, text: &str, profile: Profile) -> serde_json::Value {
    let verdict = guard::check(text, profile, &Registered::NONE);
    json!({
        "id": id,
        "verdict": if verdict.sensitive { "sensitive" } else { "clear" },
        "score": verdict.score,
        "categories": verdict.categories.iter().map(guard::Category::as_str).collect::<Vec<_>>(),
        "rules": verdict.rules.iter().map(guard::Rule::as_str).collect::<Vec<_>>(),
    })
}

/// `allowed`: a known operational concept; it is no contract field for that, and whatever is outside the contract is refused.
fn class_of(name: &str) -> (&'static str, Option<&'static str>) {
    match names::classify(name) {
        NameClass::Sensitive(category) => ("sensitive", Some(category.as_str())),
        NameClass::Unknown if names::is_operational(name) => ("allowed", None),
        NameClass::Unknown => ("unknown", None),
    }
}

/// How many rows of a spreadsheet are looked at.
const ROWS: usize = 1_000;
/// From how many texts in a hundred on that the guard refuses a column is a narrative.
const REFUSED_PERCENT: usize = 2;

fn columns(path: &std::path::Path) -> Result<(), Failure> {
    let unreadable = |error: csv::Error| -> Failure {
        let place = error.position().map(|position| format!(" at line {}", position.line())).unwrap_or_default();
        format!("the spreadsheet cannot be read{place}").into()
    };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path).map_err(unreadable)?;
    let header = reader.headers().map_err(unreadable)?.clone();
    let mut counts = vec![(0_usize, 0_usize); header.len()];
    for row in reader.records().take(ROWS) {
        let row = row.map_err(unreadable)?;
        for (cell, (texts, refused)) in row.iter().zip(&mut counts).filter(|(cell, _)| !cell.trim().is_empty()) {
            *texts += 1;
            *refused += usize::from(guard::check(cell, Profile::Strict, &Registered::NONE).sensitive);
        }
    }
    for (index, (name, (texts, refused))) in header.iter().zip(counts).enumerate() {
        let (class, category) = class_of(name);
        let holds = texts > 0 && refused * 100 > texts * REFUSED_PERCENT;
        if class == "sensitive" || holds {
            let why = if class == "sensitive" { "name" } else { "content" };
            println!(
                "{}",
                json!({"column": index + 1, "name": name, "because": why, "category": category, "refused": refused, "texts": texts})
            );
        }
    }
    Ok(())
}
