//! How reports are asked for: periods, filters, tables, and what is none of these.

use handoff::domain::vocabulary::Scope;
use handoff::ops::issue_key::Holder;
use serde_json::json;

use super::sown::sow;
use crate::support::App;
use crate::support::callers::send;
use crate::support::make;

#[actix_web::test]
async fn a_question_that_is_none_is_refused_by_the_name_of_what_is_wrong() {
    let app = App::start().await;
    let staff = app.coordinator();
    for (path, fault) in [
        ("source-quality?from=2026-06-01&until=2026-05-01", "until inconsistent"),
        ("source-quality?from=2022-01-01&until=2026-05-01", "from out_of_range"),
        ("movement?from=2026-06-02", "from out_of_range"),
        ("movement?from=2026-07-01&until=2026-07-03", "from out_of_range"),
        ("movement?study=no-such-study", "study unknown_reference"),
        ("blockers?partner=no-such-partner", "partner unknown_reference"),
        ("next-actions?late_logged=sometimes", "late_logged unknown_value"),
        ("next-actions?from=2026-05-01", "?#0 unknown_field"),
        ("workflow-signal?changed_on=2026-06-02", "changed_on out_of_range"),
        ("workflow-signal?changed_on=2026-05-02&after_from=2026-05-02", "changed_on inconsistent"),
        (
            "workflow-signal?before_from=2026-04-01&before_until=2026-05-10&after_from=2026-05-10&after_until=2026-05-20",
            "after_from inconsistent",
        ),
    ] {
        let answer = staff.get(&format!("/v1/reports/{path}")).await.expect_problem(400, "invalid_parameter");
        assert_eq!(answer.faults(), [fault], "{path}");
    }
    // Somebody of another site is nobody here.
    let stranger = format!("/v1/reports/next-actions?owner={}", app.other_site.coordinator);
    let answer = staff.get(&stranger).await.expect_problem(400, "invalid_parameter");
    assert_eq!(answer.faults(), ["owner unknown_reference"]);
    app.coordinator().get("/v1/feedback").await.expect_problem(400, "invalid_parameter");
    app.coordinator().get("/v1/feedback?partner=no-such-partner").await.expect_problem(404, "not_found");
    let test_key = make::db_key(&app.db, &app.site, &Holder::Site(vec![Scope::ReferralsRead]), true);
    app.person(&test_key).get("/v1/reports/blockers").await.expect_problem(403, "forbidden");
}

#[actix_web::test]
async fn an_empty_site_has_reports_of_nothing() {
    let app = App::start().await;
    let report = app.coordinator().get("/v1/reports/source-quality").await.expect(200).body;
    assert_eq!(report["period"], json!({"from": "2026-04-01", "until": "2026-06-01"}));
    assert_eq!((&report["total"]["volume"], &report["sources"]), (&json!(0), &json!([])));
    assert_eq!(report["total"]["complete"], json!({"count": 0, "share": null}));
    let report = app.coordinator().get("/v1/reports/workflow-signal").await.expect(200).body;
    assert_eq!(report["stalled"]["chance"]["verdict"], "too_few");
    assert_eq!(report["before"], json!({"from": "2026-04-03", "until": "2026-05-02"}));
    assert_eq!(report["after"], json!({"from": "2026-05-03", "until": "2026-06-01"}));
}

#[actix_web::test]
async fn a_report_counts_what_was_answered_a_moment_ago() {
    let app = App::start().await;
    let volume = async || app.site_key().get("/v1/reports/source-quality").await.expect(200).body["total"]["volume"].clone();
    make::sent(&app.partner()).await;
    assert_eq!(volume().await, 1, "not placed, not rolled up");
    app.sequence().await;
    assert_eq!(volume().await, 1, "placed");
    super::roll(&app).await;
    assert_eq!(volume().await, 1, "rolled up");
    let refused = make::referral_with(json!({"diagnosis": "x"}));
    app.partner().post("/v1/referrals", &refused).await.expect_problem(422, "sensitive_field");
    let report = app.coordinator().get("/v1/reports/source-quality").await.expect(200).body;
    assert_eq!(report["sources"][0]["figures"]["refused_for_sensitive_content"], 1);
    let of_channel = app.coordinator().get("/v1/reports/source-quality?channel=secure_form").await.expect(200).body;
    assert_eq!(of_channel["total"]["refused_for_sensitive_content"], json!(null));
}

#[actix_web::test]
async fn the_sums_are_made_anew_when_the_site_moves_to_another_time_zone() {
    let app = App::start().await;
    // 2 June in Auckland, 1 June in New York.
    app.clock.advance(chrono::Duration::hours(5));
    make::sent(&app.partner()).await;
    super::roll(&app).await;
    let of = async |day: &str| {
        let path = format!("/v1/reports/source-quality?from={day}&until={day}");
        app.coordinator().get(&path).await.body["total"]["volume"].clone()
    };
    assert_eq!(of("2026-06-01").await, 1);
    app.admin().patch("/v1/site", "*", &json!({"time_zone": "Pacific/Auckland"})).await.expect(200);
    assert_eq!((of("2026-06-01").await, of("2026-06-02").await), (json!(0), json!(1)), "before they are");
    super::roll(&app).await;
    assert_eq!((of("2026-06-01").await, of("2026-06-02").await), (json!(0), json!(1)));
}

/// A table as a careful parser reads it, and as a plain reading of RFC 4180 does.
fn read(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let careful: Vec<Vec<String>> = reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect();
    let (mut plain, mut line, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '"' if quoted && rest.peek() == Some(&'"') => cell.extend(rest.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => line.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                line.push(std::mem::take(&mut cell));
                plain.push(std::mem::take(&mut line));
            }
            letter => cell.push(letter),
        }
    }
    assert_eq!(careful, plain);
    careful
}

/// What a spreadsheet takes for a formula, as LibreOffice and Excel do: they look at the first character, and do not mind quotes around it.
fn is_run(cell: &str) -> bool {
    cell.trim_start_matches([' ', '"']).starts_with(['=', '+', '-', '@', '\t', '\r'])
}

#[test]
fn cells_that_would_be_run_are_text_to_both_parsers_and_nothing_else_changes() {
    let hostile =
        ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=HYPERLINK(\"http://x.example\",\"a,b\")", "=cmd|' /C calc'!A0"];
    let plain = ["2026-06-01", "heart-2026", "0.25", "", "a,b", "say \"x\"", "two\r\nlines"];
    let cells: Vec<&str> = hostile.iter().chain(&plain).copied().collect();
    let line = handoff::api::csv::record(cells.iter().copied()).unwrap();
    let rows = read(&String::from_utf8(line).unwrap());
    assert_eq!(rows.len(), 1);
    for (cell, written) in rows[0].iter().zip(&cells) {
        assert!(!is_run(cell), "{cell}");
        let guarded = hostile.contains(written);
        assert_eq!(cell.strip_prefix('\'').unwrap_or(cell), *written);
        assert_eq!(cell.starts_with('\''), guarded, "{cell}");
    }
    // The control: without the guard they would be run.
    assert!(hostile.iter().all(|cell| is_run(cell)) && plain.iter().all(|cell| !is_run(cell)));
}

#[actix_web::test]
async fn every_report_is_a_table_too_that_no_spreadsheet_runs() {
    let app = App::start().await;
    sow(&app, 300, "2026-03-01T13:00:00+00", 80, 300);
    super::roll(&app).await;
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/openapi.json")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    for (path, lines) in [
        ("reports/source-quality", 2..50),
        ("reports/movement", 40..200),
        ("reports/blockers", 2..50),
        ("reports/next-actions", 2..80),
        ("reports/workflow-signal", 6..7),
        ("reports/sponsor-summary?study=heart-2026", 1..2),
        ("feedback?partner=lakeside", 1..2),
    ] {
        let request = app.coordinator().request(reqwest::Method::GET, &format!("/v1/{path}"));
        let answer = send(request.header("Accept", "text/csv")).await.expect(200);
        assert!(answer.header("content-type").unwrap().starts_with("text/csv"), "{path}");
        let table = read(&answer.text);
        assert!(lines.contains(&table.len()), "{path}: {} lines", table.len());
        let operation = &document["paths"][format!("/v1/{}", path.split('?').next().unwrap())]["get"];
        let columns = &operation["responses"]["200"]["content"]["text/csv"]["example"];
        assert_eq!(columns.as_str().unwrap(), format!("{}\r\n", table[0].join(",")), "{path}: its columns stand in the document");
        let width = table[0].len();
        for line in &table {
            assert_eq!(line.len(), width, "{path}");
            for cell in line {
                assert!(!is_run(cell), "{path}: {cell}");
            }
        }
    }
    // The table says what the JSON says.
    let json = app.coordinator().get("/v1/reports/source-quality").await.expect(200).body;
    let request = app.coordinator().request(reqwest::Method::GET, "/v1/reports/source-quality");
    let table = read(&send(request.header("Accept", "text/csv")).await.text);
    let column = |name: &str| table[0].iter().position(|cell| cell == name).unwrap();
    for (line, source) in table[1..].iter().zip(json["sources"].as_array().unwrap()) {
        assert_eq!(line[column("partner")], source["partner"].as_str().unwrap_or(""));
        assert_eq!(line[column("volume")], source["figures"]["volume"].to_string());
        let share: f64 = line[column("connected_share")].parse().unwrap();
        assert_eq!(Some(share), source["figures"]["connected"]["share"].as_f64());
    }
}
