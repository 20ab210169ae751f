//! Any bytes as a file (S11): nothing panics, and what is read does not depend on how it came.

use proptest::prelude::*;

use super::reader::Reader;
use super::table::tests::{HEADER, ROW, ground};
use crate::domain::imports::ImportFormat;
use crate::store::referral_imports::Staged;

/// What became of a file: its rows, or the code that refused it.
fn read(format: ImportFormat, bytes: &[u8], piece: usize) -> Result<Vec<(i32, Staged)>, &'static str> {
    let ground = ground();
    let mut reader = Reader::new(format, None, Vec::new());
    let mut rows = Vec::new();
    for chunk in bytes.chunks(piece) {
        rows.extend(reader.feed(chunk, false, &ground).map_err(|error| error.code.as_str())?.0);
    }
    rows.extend(reader.feed(&[], true, &ground).map_err(|error| error.code.as_str())?.0);
    Ok(rows)
}

const JSON_ROW: &str = r#"{"row_key":"r-1","partner":"lakeside","study":"heart-2026","channel":"phone_handoff","contact_basis":"permission_to_contact","contact_path":"person_uses_intake"}"#;

const KNOWN: &[&str] = &[
    HEADER,
    ROW,
    JSON_ROW,
    "\r\n",
    "\n",
    "\r",
    ",",
    ";",
    "\t",
    "\"",
    "\"\"",
    "notes",
    "{",
    "}",
    "[",
    "null",
    "\\u0000",
    "é",
    "\u{feff}",
    "r-2,lakeside",
];

/// Parts of files that are right, wrong and spoiled.
fn part() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => proptest::sample::select(KNOWN).prop_map(|text| text.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..12),
        1 => Just(vec![0xff, 0xfe]),
    ]
}

proptest! {
    #[test]
    fn a_file_is_read_the_same_in_whatever_pieces_it_comes(
        parts in proptest::collection::vec(part(), 0..24), begins in any::<bool>(), csv in any::<bool>(), piece in 1_usize..70,
    ) {
        let format = if csv { ImportFormat::Csv } else { ImportFormat::Ndjson };
        let start = match (begins, csv) {
            (true, true) => format!("{HEADER}\r\n{ROW}\r\n"),
            (true, false) => format!("{JSON_ROW}\n"),
            (false, _) => String::new(),
        };
        let bytes = [start.into_bytes(), parts.concat()].concat();
        prop_assert_eq!(read(format, &bytes, piece), read(format, &bytes, bytes.len().max(1)));
    }
}

/// The control: the property has something to tell apart.
#[test]
fn files_of_the_property_are_read_and_refused() {
    let whole = format!("{HEADER}\r\n{ROW}\r\n");
    assert_eq!(read(ImportFormat::Csv, whole.as_bytes(), 7).map(|rows| rows.len()), Ok(1));
    assert_eq!(read(ImportFormat::Ndjson, format!("{JSON_ROW}\n{JSON_ROW}").as_bytes(), 7).map(|rows| rows.len()), Ok(2));
    assert!(read(ImportFormat::Csv, b"canary", 7).is_err());
}
