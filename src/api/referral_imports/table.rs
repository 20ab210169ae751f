//! CSV as it comes in: how it is written is found out from its beginning, its header names fields of the contract, and each record is a
//! row. A column outside the contract refuses the file before a row is read, unless the caller leaves it out.

use std::borrow::Cow;

use chardetng::EncodingDetector;
use csv_core::{ReadRecordResult, ReaderBuilder};
use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8};

use crate::domain::fault::{Fault, FaultCode};
use crate::domain::imports::{ImportDelimiter, ImportField, RowFault, RowRefusal};
use crate::error::{AppError, ErrorCode};
use crate::privacy::json::Node;
use crate::privacy::names::{NameClass, classify};

use super::reader::{MAX_RECORD, malformed};
use super::row::{Ground, Rows};

/// From so many bytes on it is found out how the file is written; its header lies within them.
const HEAD: usize = 64 * 1024;
/// Columns of a file at the most.
const MAX_COLUMNS: usize = 256;

/// A file in the middle of being read.
pub(super) struct Table {
    /// Columns that the caller wants left out.
    dropped: Vec<String>,
    /// What the caller says of how the text is written.
    charset: Option<&'static Encoding>,
    state: State,
}

enum State {
    Head(Vec<u8>),
    Body(Box<Body>),
}

/// How the file is written, and what its columns are.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) encoding: &'static Encoding,
    pub(super) delimiter: ImportDelimiter,
    pub(super) columns: Vec<Option<ImportField>>,
}

struct Body {
    layout: Layout,
    decoder: Decoder,
    records: Records,
    /// Records so far; the header is the first.
    number: i32,
}

impl Table {
    pub(super) const fn new(dropped: Vec<String>, charset: Option<&'static Encoding>) -> Self {
        Self { dropped, charset, state: State::Head(Vec::new()) }
    }

    /// How it is written; `None` before its header was read.
    pub(super) fn layout(&self) -> Option<&Layout> {
        match &self.state {
            State::Head(_) => None,
            State::Body(body) => Some(&body.layout),
        }
    }

    /// Reads on; `last`: nothing comes after these bytes.
    ///
    /// # Errors
    /// 400 for a record without end, 422 with every column that does not belong here.
    pub(super) fn feed(&mut self, bytes: &[u8], last: bool, ground: &Ground, rows: &mut Rows) -> Result<(), AppError> {
        match &mut self.state {
            State::Body(body) => body.feed(bytes, last, ground, rows),
            State::Head(head) => {
                head.extend_from_slice(bytes);
                if head.len() < HEAD && !last {
                    return Ok(());
                }
                let head = std::mem::take(head);
                let layout = layout(&head, self.charset, &self.dropped)?;
                let mut body = Box::new(Body {
                    decoder: layout.encoding.new_decoder(),
                    records: Records::new(layout.delimiter),
                    number: 0,
                    layout,
                });
                let read = body.feed(&head, last, ground, rows);
                self.state = State::Body(body);
                read
            }
        }
    }
}

impl Body {
    fn feed(&mut self, bytes: &[u8], last: bool, ground: &Ground, rows: &mut Rows) -> Result<(), AppError> {
        let mut rest = bytes;
        loop {
            // What cannot be decoded becomes U+FFFD, which no field of the contract takes: nothing is let in by a wrong guess.
            let mut text = String::with_capacity(self.decoder.max_utf8_buffer_length(rest.len()).unwrap_or(rest.len() * 3));
            let (result, read, _) = self.decoder.decode_to_string(rest, &mut text, last);
            rest = rest.get(read..).unwrap_or_default();
            let Self { records, layout, number, .. } = self;
            records.feed(text.as_bytes(), |cells| {
                *number = number.saturating_add(1);
                if *number == 1 { Ok(()) } else { record(*number, cells, &layout.columns, ground, rows) }
            })?;
            if result == CoderResult::InputEmpty {
                break;
            }
        }
        if last {
            let Self { records, layout, number, .. } = self;
            records.end(|cells| {
                *number = number.saturating_add(1);
                if *number == 1 { Ok(()) } else { record(*number, cells, &layout.columns, ground, rows) }
            })?;
        }
        Ok(())
    }
}

/// A record as a row: cells that are empty are absent, as in a body.
fn record(
    number: i32,
    cells: &[&str],
    columns: &[Option<ImportField>],
    ground: &Ground,
    rows: &mut Rows,
) -> Result<(), AppError> {
    // A spreadsheet's blank line, however many cells it has.
    if cells.iter().all(|cell| trimmed(cell).is_empty()) {
        return Ok(());
    }
    if cells.len() != columns.len() {
        rows.refuse(number, RowFault::of_row(RowRefusal::RowWidth));
        return Ok(());
    }
    let (mut members, mut matched) = (Vec::with_capacity(columns.len()), Vec::new());
    for (cell, field) in cells.iter().zip(columns) {
        let (Some(field), cell) = (field, trimmed(cell)) else { continue };
        if cell.is_empty() {
            continue;
        }
        let value = Node::String(Cow::Borrowed(cell));
        match field.as_str().split_once('.') {
            Some((_, inner)) => matched.push((Cow::Borrowed(inner), value)),
            None => members.push((Cow::Borrowed(field.as_str()), value)),
        }
    }
    if !matched.is_empty() {
        members.push((Cow::Borrowed("match"), Node::Object(matched)));
    }
    rows.take(number, &Node::Object(members), ground)
}

/// A cell without the spaces that people align cells with.
fn trimmed(cell: &str) -> &str {
    cell.trim_matches([' ', '\t', '\r', '\n'])
}

/// Records out of text that comes in chunks.
struct Records {
    reader: csv_core::Reader,
    cells: Vec<u8>,
    ends: Vec<usize>,
    filled: usize,
    ended: usize,
}

impl Records {
    fn new(delimiter: ImportDelimiter) -> Self {
        let reader = ReaderBuilder::new().delimiter(delimiter.byte()).build();
        Self { reader, cells: vec![0; 4 * 1024], ends: vec![0; MAX_COLUMNS], filled: 0, ended: 0 }
    }

    /// Reads on; `each` gets the cells of every record that ends.
    fn feed(&mut self, text: &[u8], mut each: impl FnMut(&[&str]) -> Result<(), AppError>) -> Result<(), AppError> {
        let mut rest = text;
        while !rest.is_empty() {
            rest = self.step(rest, &mut each)?.0;
        }
        Ok(())
    }

    /// Nothing comes after this: what is open has ended.
    fn end(&mut self, mut each: impl FnMut(&[&str]) -> Result<(), AppError>) -> Result<(), AppError> {
        // Nothing but a quotation mark keeps a record open over this.
        self.feed(b"\n", &mut each)?;
        if self.filled > 0 || self.ended > 0 {
            return Err(malformed("A quotation mark is not closed at the end of the file. Nothing of it was kept."));
        }
        while !self.step(&[], &mut each)?.1 {}
        Ok(())
    }

    fn step<'t>(
        &mut self,
        text: &'t [u8],
        each: &mut impl FnMut(&[&str]) -> Result<(), AppError>,
    ) -> Result<(&'t [u8], bool), AppError> {
        let cells = self.cells.get_mut(self.filled..).unwrap_or_default();
        let ends = self.ends.get_mut(self.ended..).unwrap_or_default();
        let (result, read, filled, ended) = self.reader.read_record(text, cells, ends);
        self.filled += filled;
        self.ended += ended;
        match result {
            ReadRecordResult::InputEmpty => {}
            ReadRecordResult::OutputFull if self.cells.len() < MAX_RECORD => self.cells.resize(MAX_RECORD, 0),
            ReadRecordResult::OutputFull => {
                let detail = format!("A record is longer than {} KiB: a quotation mark may not be closed.", MAX_RECORD / 1024);
                return Err(malformed(detail));
            }
            ReadRecordResult::OutputEndsFull => return Err(malformed(format!("It has more than {MAX_COLUMNS} columns."))),
            ReadRecordResult::Record => {
                let mut cells = Vec::with_capacity(self.ended);
                let mut start = 0;
                for end in self.ends.get(..self.ended).unwrap_or_default() {
                    let cell = self.cells.get(start..*end).unwrap_or_default();
                    // Cells end where ASCII stands, so that each is as whole as the text.
                    cells.push(std::str::from_utf8(cell).unwrap_or("\u{fffd}"));
                    start = *end;
                }
                each(&cells)?;
                (self.filled, self.ended) = (0, 0);
            }
            ReadRecordResult::End => return Ok((&[], true)),
        }
        Ok((text.get(read..).unwrap_or_default(), false))
    }
}

/// How the file is written, and what its columns are, from its beginning.
fn layout(head: &[u8], charset: Option<&'static Encoding>, dropped: &[String]) -> Result<Layout, AppError> {
    let encoding = Encoding::for_bom(head).map(|(encoding, _)| encoding).or(charset).unwrap_or_else(|| guessed(head));
    let (text, ..) = encoding.decode(head);
    let mut headers = Vec::new();
    for delimiter in ImportDelimiter::ALL {
        if let Some(cells) = first_record(*delimiter, text.as_bytes())? {
            let known = cells.iter().filter(|cell| ImportField::of_header(cell).is_some()).count();
            headers.push((known, cells.len(), *delimiter, cells));
        }
    }
    // The one under which most columns have a name that the contract knows; of several, the one with the most columns.
    let best = headers.into_iter().max_by_key(|(known, cells, delimiter, _)| (*known, *cells, std::cmp::Reverse(*delimiter)));
    let Some((.., delimiter, header)) = best else { return Err(malformed("It has no header line.")) };
    Ok(Layout { encoding, delimiter, columns: columns(&header, dropped)? })
}

fn guessed(head: &[u8]) -> &'static Encoding {
    // The end of the head may lie within a character.
    let whole = std::str::from_utf8(head).map_or_else(|error| error.error_len().is_none(), |_| true);
    if whole {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new();
    detector.feed(head, true);
    detector.guess(None, false)
}

fn first_record(delimiter: ImportDelimiter, text: &[u8]) -> Result<Option<Vec<String>>, AppError> {
    let mut first = None;
    let mut keep = |cells: &[&str]| {
        first.get_or_insert_with(|| cells.iter().map(|cell| trimmed(cell).to_owned()).collect());
        Ok(())
    };
    let (mut records, mut rest) = (Records::new(delimiter), text);
    loop {
        let (after, ended) = records.step(rest, &mut keep)?;
        rest = after;
        // With nothing left this ends the record that is open.
        if ended || records.filled == 0 && records.ended == 0 && rest.len() < text.len() {
            break;
        }
    }
    Ok(first)
}

/// What each column is read as.
///
/// # Errors
/// 422 with every column outside the contract that the caller does not leave out, and every one that is missing.
fn columns(header: &[String], dropped: &[String]) -> Result<Vec<Option<ImportField>>, AppError> {
    let is_dropped = |index, name: &str| dropped.iter().any(|dropped| names(dropped, index, name));
    let unknown = dropped
        .iter()
        .enumerate()
        .filter(|(_, dropped)| !header.iter().enumerate().any(|(index, name)| names(dropped, index, name)));
    let strange: Vec<Fault> = unknown
        .map(|(index, _)| {
            let message = "The file has no column of this name. Names stand in `drop_columns` as in the header, `#7` is the seventh column.";
            Fault::new("/drop_columns", FaultCode::UnknownReference, message).at_index(index)
        })
        .collect();
    if !strange.is_empty() {
        return Err(AppError::new(ErrorCode::InvalidParameter).with_faults(strange));
    }
    let (mut fields, mut faults) = (Vec::with_capacity(header.len()), Vec::new());
    for (index, name) in header.iter().enumerate() {
        let field = if is_dropped(index, name) { None } else { ImportField::of_header(name) };
        match field {
            Some(field) if fields.contains(&Some(field)) => {
                let message = format!(
                    "Column {} is `{field}` once more. Send it once, or leave one of them out with `drop_columns`.",
                    letters(index)
                );
                faults.push(Fault::new("/columns", FaultCode::DuplicateField, message).at_index(index));
            }
            None if !is_dropped(index, name) => faults.push(outside(index, name)),
            _ => {}
        }
        fields.push(field);
    }
    let missing = |field: &ImportField| !fields.contains(&Some(*field));
    faults.extend(ImportField::REQUIRED.iter().filter(|field| missing(field)).map(|field| {
        let message = format!("The file has no column `{field}`. Its first line names the columns.");
        Fault::new(format!("/{field}"), FaultCode::MissingField, message)
    }));
    if ImportField::TELLING_APART.iter().all(missing) {
        let message = "The file has no column that tells rows apart: `row_key`, `external_ref` or `partner_reference`. By it a second upload is recognised.";
        faults.push(Fault::new("/row_key", FaultCode::MissingField, message));
    }
    if faults.is_empty() { Ok(fields) } else { Err(AppError::invalid(faults)) }
}

/// Whether this is how the caller names the column.
fn names(dropped: &str, index: usize, name: &str) -> bool {
    dropped == format!("#{}", index + 1) || (!name.is_empty() && dropped == name.to_lowercase())
}

/// The fault of a column that the contract does not have. Its name may itself carry content: a spreadsheet's letters say which it is.
fn outside(index: usize, name: &str) -> Fault {
    let letters = letters(index);
    match classify(name) {
        NameClass::Sensitive(category) => {
            let message = format!(
                "Column {letters} looks like personal or health information, which does not belong in a referral. Take it out of the file, or have it left out with `drop_columns`."
            );
            Fault::new("/columns", FaultCode::SensitiveField, message).at_index(index).in_category(category.as_str())
        }
        NameClass::Unknown => {
            let message = format!(
                "The contract does not have column {letters}. Take it out of the file, give it the name of a field, or have it left out with `drop_columns`."
            );
            Fault::new("/columns", FaultCode::UnknownField, message).at_index(index)
        }
    }
}

/// The letters that a spreadsheet shows above a column: A for the first, AA for the twenty-seventh.
fn letters(index: usize) -> String {
    let (mut rest, mut letters) = (index + 1, Vec::new());
    while rest > 0 {
        let digit = u8::try_from((rest - 1) % 26).unwrap_or(0);
        letters.push(char::from(b'A' + digit));
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
#[path = "table_tests.rs"]
pub(super) mod tests;
