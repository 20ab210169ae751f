//! CSV (RFC 4180) as another form of a list: asked for by `Accept: text/csv`, streamed in chunks, safe to open in a spreadsheet.

use std::borrow::Cow;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap};
use actix_web::web::Bytes;
use tokio::sync::mpsc;
use utoipa::ToSchema;

use super::reply::text_is_asked_for;
use crate::error::AppError;

/// Comma-separated values (RFC 4180, UTF-8) with a header line. A cell that a spreadsheet would run as a formula begins with an
/// apostrophe. A report's example is its header line.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, max_length = 1_000_000_000, pattern = "^[^\\x00]*$", example = "position,id\r\n1,0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48\r\n")]
#[allow(dead_code, reason = "documentation only: the answer is streamed")]
pub struct CsvText(String);

/// Chunks that may wait for a slow reader: memory stays bounded by them.
const WAITING: usize = 2;

/// Whether the caller asks for CSV rather than JSON.
#[must_use]
pub fn is_asked_for(headers: &HeaderMap) -> bool {
    text_is_asked_for(headers, "text/csv")
}

/// One record. A cell that a spreadsheet would run as a formula gets an apostrophe before it.
///
/// # Errors
/// None that writing to memory has; the library's signature knows no better.
pub fn record<'a>(cells: impl IntoIterator<Item = &'a str>) -> Result<Vec<u8>, AppError> {
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    let guarded = cells.into_iter().map(|cell| {
        let runs = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        if runs { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
    });
    writer.write_record(guarded.map(|cell| cell.as_bytes().to_vec())).map_err(AppError::internal)?;
    writer.into_inner().map_err(|error| AppError::internal(error.to_string()))
}

/// The sending half of a CSV answer.
pub type Sender = mpsc::Sender<Result<Bytes, AppError>>;

struct Chunks(mpsc::Receiver<Result<Bytes, AppError>>);

impl futures_core::Stream for Chunks {
    type Item = Result<Bytes, AppError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}

/// A CSV answer and where its chunks go. An error among them breaks the connection off, so that half an export never looks
/// like a whole one.
#[must_use]
pub fn streamed(name: &str) -> (HttpResponse, Sender) {
    let (sender, receiver) = mpsc::channel(WAITING);
    let response = HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8; header=present"))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .streaming(Chunks(receiver));
    (response, sender)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::ACCEPT;

    use super::*;

    #[test]
    fn cells_that_a_spreadsheet_would_run_are_guarded_and_the_rest_is_quoted_where_needed() {
        let line = |cells: &[&str]| String::from_utf8(record(cells.iter().copied()).unwrap()).unwrap();
        assert_eq!(line(&["a", "b c", ""]), "a,b c,\r\n");
        assert_eq!(line(&["a,b", "say \"x\"", "two\nlines"]), "\"a,b\",\"say \"\"x\"\"\",\"two\nlines\"\r\n");
        for cell in ["=1+1", "+1", "-1", "@x", "\tx"] {
            assert_eq!(line(&[cell]), format!("'{cell}\r\n"));
        }
        assert_eq!(line(&["\rx"]), "\"'\rx\"\r\n");
    }

    #[test]
    fn csv_is_asked_for_by_name_only() {
        let asked = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            is_asked_for(&headers)
        };
        assert!(
            asked("text/csv")
                && asked("text/html, Text/CSV;q=0.9, */*")
                && asked("text/csv, application/json")
                && asked("text/*")
        );
        assert!(!asked("*/*") && !asked("application/json, text/csv"));
        assert!(!is_asked_for(&HeaderMap::new()));
    }
}
