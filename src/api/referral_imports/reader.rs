//! A file in the middle of being read, of either kind.

use encoding_rs::Encoding;

use crate::domain::imports::ImportFormat;
use crate::error::{AppError, ErrorCode};
use crate::ops::receive_referral_import::Reading;

use super::lines::Lines;
use super::row::{Ground, Rows};
use super::table::Table;

/// The longest row, in bytes.
pub(super) const MAX_RECORD: usize = 64 * 1024;

/// 400 for a file that is not what it is said to be.
pub(super) fn malformed(detail: impl Into<std::borrow::Cow<'static, str>>) -> AppError {
    AppError::new(ErrorCode::MalformedFile).with_detail(detail)
}

/// What reads it.
pub(super) enum Reader {
    Csv(Box<Table>),
    Ndjson(Lines),
}

impl Reader {
    /// `dropped`: the columns or fields that the caller wants left out, in lower case.
    pub(super) fn new(format: ImportFormat, charset: Option<&'static Encoding>, dropped: Vec<String>) -> Self {
        match format {
            ImportFormat::Csv => Self::Csv(Box::new(Table::new(dropped, charset))),
            ImportFormat::Ndjson => Self::Ndjson(Lines::new(dropped)),
        }
    }

    /// Reads on, in whatever chunks the file comes; `last`: nothing comes after these bytes.
    ///
    /// # Errors
    /// What refuses the file as a whole.
    pub(super) fn feed(&mut self, bytes: &[u8], last: bool, ground: &Ground) -> Result<Rows, AppError> {
        let mut rows = Rows::default();
        match self {
            Self::Csv(table) => table.feed(bytes, last, ground, &mut rows)?,
            Self::Ndjson(lines) => lines.feed(bytes, last, ground, &mut rows)?,
        }
        Ok(rows)
    }

    /// How it was read.
    pub(super) fn reading(&self) -> Reading {
        match self {
            Self::Csv(table) => {
                let layout = table.layout();
                Reading {
                    encoding: layout.map(|layout| layout.encoding.name()),
                    delimiter: layout.map(|layout| layout.delimiter),
                    columns: layout.map(|layout| layout.columns.clone()).unwrap_or_default(),
                }
            }
            Self::Ndjson(_) => Reading { encoding: Some("UTF-8"), delimiter: None, columns: Vec::new() },
        }
    }
}
