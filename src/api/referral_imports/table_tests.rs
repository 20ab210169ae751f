//! CSV however it is cut, written and spoiled.

use super::*;
use crate::domain::ids::SiteId;
use crate::privacy::guard::Registered;
use crate::privacy::keys::{MasterKey, Purpose};
use crate::store::referral_imports::Staged;
use crate::store::sites::SiteRow;

pub fn ground() -> Ground {
    let at = "2026-06-01T09:00:00Z".parse().unwrap();
    let site = SiteRow {
        site_id: SiteId(uuid::Uuid::from_u128(1)),
        name: "Riverside".parse().unwrap(),
        time_zone: "UTC".parse().unwrap(),
        default_phone_region: "US".parse().unwrap(),
        intake_url: "https://intake.site.example/start".parse().unwrap(),
        acknowledge_due_hours: 24,
        contact_due_hours: 72,
        follow_up_due_hours: 120,
        suppression_threshold: 11,
        is_sample: false,
        version: 1,
        created_at: at,
        updated_at: at,
        business_hours: crate::domain::CodeList(Vec::new()),
        holidays: crate::domain::CodeList(Vec::new()),
        escalation_hours: 8,
        sealed_details_retention_days: 30,
        contact_digests_retention_days: 730,
    };
    let keyring = MasterKey::from_hex(&"5a".repeat(32)).unwrap().keyring(Purpose::ContactDigest, site.site_id);
    Ground { site, registered: Registered::NONE, keyring }
}

fn read_in_pieces(bytes: &[u8], piece: usize, dropped: &[&str]) -> Result<(Layout, Vec<(i32, Staged)>), AppError> {
    let ground = ground();
    let mut table = Table::new(dropped.iter().map(|name| (*name).to_owned()).collect(), None);
    let mut rows = Rows::default();
    for chunk in bytes.chunks(piece.max(1)) {
        table.feed(chunk, false, &ground, &mut rows)?;
    }
    table.feed(&[], true, &ground, &mut rows)?;
    Ok((table.layout().unwrap().clone(), rows.0))
}

pub const HEADER: &str = "row_key,partner,study,channel,contact_basis,contact_path,match.email";
pub const ROW: &str = "r-1,lakeside,heart-2026,phone_handoff,permission_to_contact,person_uses_intake,a@b.example";

fn file(rows: &[&str]) -> String {
    let mut lines = vec![HEADER];
    lines.extend(rows);
    lines.join("\r\n") + "\r\n"
}

/// The rows by number, each with its faults; `None`: it waits to be decided.
fn outcomes(rows: &[(i32, Staged)]) -> Vec<(i32, Option<String>)> {
    let faults = |row: &Staged| if let Staged::Refused(faults) = row { Some(faults.clone()) } else { None };
    rows.iter().map(|(number, row)| (*number, faults(row))).collect()
}

#[test]
fn a_file_says_the_same_however_it_is_cut_and_written() {
    let text = file(&[
        ROW,
        "",
        "\"r-2\",lakeside,heart-2026,phone_handoff,permission_to_contact,person_uses_intake,",
        "r-3,,heart-2026,phone_handoff,nonsense,person_uses_intake,",
    ]);
    let (layout, whole) = read_in_pieces(text.as_bytes(), usize::MAX, &[]).unwrap();
    assert_eq!((layout.encoding.name(), layout.delimiter), ("UTF-8", ImportDelimiter::Comma));
    let expected = vec![(2, None), (3, None), (4, Some("contact_basis unknown_value;partner missing_field".to_owned()))];
    assert_eq!(outcomes(&whole), expected);
    for piece in [1, 2, 3, 7, 64] {
        assert_eq!(read_in_pieces(text.as_bytes(), piece, &[]).unwrap().1, whole, "in pieces of {piece}");
    }
    for (delimiter, byte) in [(ImportDelimiter::Semicolon, ";"), (ImportDelimiter::Tab, "\t"), (ImportDelimiter::Pipe, "|")] {
        let (layout, rows) = read_in_pieces(text.replace(',', byte).as_bytes(), 5, &[]).unwrap();
        assert_eq!((layout.delimiter, rows), (delimiter, whole.clone()));
    }
    let utf16: Vec<u8> = std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let (layout, rows) = read_in_pieces(&utf16, 5, &[]).unwrap();
    assert_eq!((layout.encoding.name(), rows), ("UTF-16LE", whole.clone()));
    let with_mark = [b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat();
    assert_eq!(read_in_pieces(&with_mark, 1, &[]).unwrap().1, whole);
}

#[test]
fn a_column_that_does_not_belong_here_refuses_the_file_and_is_named_by_its_place() {
    let text = "partner,Médical history,study,channel,contact_basis,contact_path,row_key,Remarks,study\n";
    let error = read_in_pieces(text.as_bytes(), 3, &[]).unwrap_err();
    let faults: Vec<_> = error.faults().iter().map(|fault| (fault.pointer.as_str(), fault.index, fault.code)).collect();
    assert_eq!(error.code, ErrorCode::SensitiveField);
    assert_eq!(
        faults,
        [
            ("/columns", Some(1), FaultCode::SensitiveField),
            (
                "/columns",
                Some(7),
                if let NameClass::Sensitive(_) = classify("Remarks") {
                    FaultCode::SensitiveField
                } else {
                    FaultCode::UnknownField
                }
            ),
            ("/columns", Some(8), FaultCode::DuplicateField),
        ]
    );
    assert!(error.faults().iter().all(|fault| !fault.message.contains("istory") && !fault.message.contains("emarks")));
    assert!(error.faults()[0].message.contains("Column B"));
    // Left out by name in any case, and by number.
    let (layout, _) = read_in_pieces(text.as_bytes(), 3, &["médical history", "remarks", "#9"]).unwrap();
    assert_eq!(layout.columns.iter().filter(|column| column.is_none()).count(), 3);
    let error = read_in_pieces(text.as_bytes(), 3, &["medical histori"]).unwrap_err();
    assert_eq!((error.code, error.faults()[0].index), (ErrorCode::InvalidParameter, Some(0)));
}

#[test]
fn a_latin_file_is_recognised_and_what_is_left_out_is_not_read() {
    let text = format!("{HEADER},Notizen\n{ROW},Frau M\u{fc}ller hat starke Schmerzen\n");
    let (latin, ..) = encoding_rs::WINDOWS_1252.encode(&text);
    let (layout, rows) = read_in_pieces(&latin, 9, &["notizen"]).unwrap();
    assert_eq!((layout.encoding.name(), outcomes(&rows)), ("windows-1252", vec![(2, None)]));
    assert!(!format!("{rows:?}").contains("Schmerzen"));
}

#[test]
fn missing_columns_are_all_told_and_a_file_without_keys_is_refused() {
    let error = read_in_pieces(b"study,channel\nheart-2026,phone\n", 4, &[]).unwrap_err();
    let places: Vec<_> = error.faults().iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(places, ["/partner", "/contact_basis", "/contact_path", "/row_key"]);
    for nothing in ["", "\n", "\r\n\r\n"] {
        assert_eq!(read_in_pieces(nothing.as_bytes(), 1, &[]).unwrap_err().code, ErrorCode::MalformedFile, "{nothing:?}");
    }
}

#[test]
fn records_without_end_and_with_other_widths_are_refused() {
    let endless = format!("{HEADER}\n\"{}", "x".repeat(2 * MAX_RECORD));
    assert_eq!(read_in_pieces(endless.as_bytes(), 4096, &[]).unwrap_err().code, ErrorCode::MalformedFile);
    // What stands behind a quotation mark that nobody closes would vanish in its cell.
    let open = format!("{HEADER},Notes\n{ROW},\"he said\nr-2,lakeside\n");
    assert_eq!(read_in_pieces(open.as_bytes(), 9, &["notes"]).unwrap_err().code, ErrorCode::MalformedFile);
    let wide = file(&[&format!("{ROW},one more"), "r-2,lakeside"]);
    let (_, rows) = read_in_pieces(wide.as_bytes(), 11, &[]).unwrap();
    assert_eq!(outcomes(&rows), [(2, Some(" row_width".to_owned())), (3, Some(" row_width".to_owned()))]);
    let columns = format!("{}\n", vec!["a"; MAX_COLUMNS + 1].join(","));
    assert_eq!(read_in_pieces(columns.as_bytes(), 100, &[]).unwrap_err().code, ErrorCode::MalformedFile);
}

#[test]
fn a_value_that_looks_sensitive_refuses_its_row_and_is_not_kept() {
    let text = file(&["r-1,lakeside,heart-2026,phone_handoff,she has had diabetes since March,person_uses_intake,", ROW]);
    let (_, rows) = read_in_pieces(text.as_bytes(), 13, &[]).unwrap();
    assert_eq!(outcomes(&rows), [(2, Some("contact_basis sensitive_content".to_owned())), (3, None)]);
    assert!(!format!("{rows:?}").contains("diabetes"));
    let digests = rows.iter().map(|(_, row)| if let Staged::Referral(row) = row { row.details().len() } else { 0 });
    assert_eq!(digests.collect::<Vec<_>>(), [0, 1]);
    assert!(!serde_json::to_string(&rows[1].1).unwrap().contains("a@b.example"));
}

#[test]
fn columns_have_the_letters_of_a_spreadsheet() {
    let all: Vec<String> = [0, 25, 26, 51, 52, 701, 702].into_iter().map(letters).collect();
    assert_eq!(all, ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
}
