//! NDJSON as it comes in: one object a line, whatever chunks it arrives in.

use std::borrow::Cow;

use crate::domain::imports::{RowFault, RowRefusal};
use crate::error::AppError;
use crate::privacy::json::{self, JsonError, Node};

use super::reader::{MAX_RECORD, malformed};
use super::row::{Ground, Rows};

/// A file in the middle of being read.
#[derive(Debug)]
pub(super) struct Lines {
    /// Fields that the caller wants left out, in lower case.
    dropped: Vec<String>,
    /// The line that has not ended yet.
    open: Vec<u8>,
    number: i32,
}

impl Lines {
    pub(super) const fn new(dropped: Vec<String>) -> Self {
        Self { dropped, open: Vec::new(), number: 0 }
    }

    /// Reads on; `last`: nothing comes after these bytes.
    ///
    /// # Errors
    /// 400 for a line that does not end, 422 for a field outside the contract.
    pub(super) fn feed(&mut self, bytes: &[u8], last: bool, ground: &Ground, rows: &mut Rows) -> Result<(), AppError> {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            self.open.extend_from_slice(line);
            self.line(ground, rows)?;
        }
        self.open.extend_from_slice(rest);
        if self.open.len() > MAX_RECORD {
            return Err(malformed(format!("Line {} is longer than {} KiB.", self.number + 1, MAX_RECORD / 1024)));
        }
        if last { self.line(ground, rows) } else { Ok(()) }
    }

    /// The members that are not left out, those of an object in a member by their path (`match.email`).
    fn kept<'n>(&self, members: Vec<(Cow<'n, str>, Node<'n>)>) -> Vec<(Cow<'n, str>, Node<'n>)> {
        let is_dropped = |path: &str| self.dropped.contains(&path.to_lowercase());
        let inside = |(name, value): (Cow<'n, str>, Node<'n>)| match value {
            Node::Object(inner) => {
                let inner = inner.into_iter().filter(|(member, _)| !is_dropped(&format!("{name}.{member}"))).collect();
                (name, Node::Object(inner))
            }
            value => (name, value),
        };
        members.into_iter().filter(|(name, _)| !is_dropped(name)).map(inside).collect()
    }

    fn line(&mut self, ground: &Ground, rows: &mut Rows) -> Result<(), AppError> {
        let line = std::mem::take(&mut self.open);
        self.number = self.number.checked_add(1).ok_or_else(|| malformed("It has too many lines."))?;
        if line.len() > MAX_RECORD {
            return Err(malformed(format!("Line {} is longer than {} KiB.", self.number, MAX_RECORD / 1024)));
        }
        // A byte order mark is no part of a text, and a file from Windows may begin with one.
        let line = if self.number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line) } else { &line };
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(());
        }
        match json::parse(line) {
            Ok(Node::Object(members)) => rows.take(self.number, &Node::Object(self.kept(members)), ground),
            Ok(_) | Err(JsonError::NotAnObject) => {
                rows.refuse(self.number, RowFault::of_row(RowRefusal::NotAnObject));
                Ok(())
            }
            Err(error) => {
                let refusal = if error == JsonError::TooDeep { RowRefusal::JsonTooDeep } else { RowRefusal::MalformedJson };
                rows.refuse(self.number, RowFault::of_row(refusal));
                Ok(())
            }
        }
    }
}
