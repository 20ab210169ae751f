//! Files of referrals: each row decides for itself, a second upload adds nothing, and what does not belong here is not read.

mod command;
mod crashes;
mod decisions;
mod uploads;

use handoff::auth::operator_scope;
use handoff::jobs::referral_imports;
use handoff::ops::{Context, import_referrals};
use reqwest::Method;
use serde_json::Value;

use crate::support::App;
use crate::support::callers::{Answer, Person, fresh_key, send};

const PATH: &str = "/v1/referral-imports";
const HEADER: &str = "row_key,partner,study,channel,contact_basis,contact_path,received_at";

/// A row that is taken.
fn row(key: &str) -> String {
    format!("{key},lakeside,heart-2026,secure_form,permission_to_contact,person_uses_intake,2026-05-28T14:30:00Z")
}

fn file(rows: impl IntoIterator<Item = String>) -> String {
    let mut lines = vec![HEADER.to_owned()];
    lines.extend(rows);
    lines.join("\r\n") + "\r\n"
}

async fn post(person: &Person, query: &str, kind: &str, bytes: impl Into<Vec<u8>>) -> Answer {
    let request = person.request(Method::POST, &format!("{PATH}{query}")).header("Idempotency-Key", fresh_key());
    send(request.header("Content-Type", kind).body(bytes.into())).await
}

async fn csv(person: &Person, query: &str, bytes: impl Into<Vec<u8>>) -> Answer {
    post(person, query, "text/csv", bytes).await
}

async fn ndjson(person: &Person, bytes: impl Into<Vec<u8>>) -> Answer {
    post(person, "", "application/x-ndjson", bytes).await
}

/// Uploads a CSV file, lets the server do all that waits, and answers the import as it is then.
async fn import(app: &App, bytes: impl Into<Vec<u8>>) -> Value {
    let id = csv(&app.coordinator(), "", bytes).await.expect(201).id();
    finished(app, &id).await
}

async fn finished(app: &App, id: &str) -> Value {
    referral_imports::pass(&app.state).await.unwrap();
    app.admin().get(&format!("{PATH}/{id}")).await.expect(200).body
}

/// An import that has come in and waits; its id.
pub async fn waiting(person: &Person) -> String {
    csv(person, "", format!("{HEADER}\n")).await.expect(201).id()
}

/// One batch of the site's oldest import, and no more.
async fn one_batch(app: &App) {
    let context = Context::of_system(operator_scope(app.site.id), app.clock.now());
    let master = app.master.clone();
    let work = move |conn: &mut _| import_referrals::pass(conn, &context, &master);
    app.state.db.transact(operator_scope(app.site.id), app.state.deadline(), work).await.unwrap();
}

/// `status rows created unchanged refused`.
fn counts(import: &Value) -> String {
    let number = |name: &str| import[name].as_i64().unwrap();
    assert_eq!(number("done"), number("created") + number("unchanged") + number("refused"));
    format!(
        "{} {} {} {} {}",
        import["status"].as_str().unwrap(),
        number("rows"),
        number("created"),
        number("unchanged"),
        number("refused")
    )
}

/// Every row of the import with this outcome, as `row column code, column code`.
async fn rows(app: &App, id: &str, outcome: &str) -> Vec<String> {
    let (mut told, mut query) = (Vec::new(), format!("?outcome={outcome}&limit=200"));
    loop {
        let page = app.coordinator().get(&format!("{PATH}/{id}/rows{query}")).await.expect(200).body;
        for one in page["data"].as_array().unwrap() {
            assert_eq!(one["outcome"], outcome);
            let fault =
                |fault: &Value| format!("{} {}", fault["column"].as_str().unwrap_or("-"), fault["code"].as_str().unwrap());
            let faults: Vec<String> = one["faults"].as_array().unwrap().iter().map(fault).collect();
            told.push(format!("{} {}", one["row"], faults.join(", ")).trim_end().to_owned());
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => query = format!("?outcome={outcome}&limit=200&cursor={cursor}"),
            None => return told,
        }
    }
}

fn referrals(app: &App) -> i64 {
    app.db.count("SELECT count(*) FROM referrals")
}

#[actix_web::test]
async fn a_mixed_file_makes_what_is_right_names_what_is_not_and_adds_nothing_the_second_time() {
    let app = App::start().await;
    let bad = |number: usize| {
        let row = row(&format!("r-{number}"));
        match number % 4 {
            0 => row.replace("secure_form", "carrier_pigeon"),
            1 => row.replace("lakeside", "nobody-knows"),
            2 => row.replace("2026-05-28", "2024-05-28"),
            _ => row.replace("heart-2026", "she has had diabetes since March"),
        }
    };
    let at = |number: usize| number % 40 == 7;
    let mixed = file((0..500).map(|number| if at(number) { bad(number) } else { row(&format!("r-{number}")) }));
    let wrong = (0..500).filter(|number| at(*number)).count();
    assert_eq!(wrong, 13);
    let first = import(&app, mixed.clone()).await;
    assert_eq!(counts(&first), "completed 500 487 0 13");
    let told = rows(&app, first["id"].as_str().unwrap(), "refused").await;
    // The header is the first row of the file.
    assert_eq!(told[0], "9 study sensitive_content");
    assert_eq!((told.len(), told.iter().filter(|row| row.ends_with("sensitive_content")).count()), (13, 13));
    assert_eq!(referrals(&app), 487);
    for query in [
        "SELECT count(DISTINCT subject_id) AS count FROM audit_entries WHERE operation = 'create_referral_import' AND subject_kind = 'referral'",
        "SELECT count(DISTINCT subject_id) AS count FROM events WHERE event_type = 'referral.received'",
        "SELECT count(*) FROM match_results",
        "SELECT count(*) FROM referral_import_keys",
    ] {
        assert_eq!(app.db.count(query), 487, "{query}");
    }
    assert_eq!(counts(&import(&app, mixed.clone()).await), "completed 500 0 487 13");
    // Turned round, and with what was wrong put right.
    let right = file((0..500).rev().map(|number| row(&format!("r-{number}"))));
    assert_eq!(counts(&import(&app, right).await), "completed 500 13 487 0");
    assert_eq!(referrals(&app), 500);
    assert_eq!(app.db.count("SELECT count(*) FROM referral_import_batches"), 0);
}

#[actix_web::test]
async fn each_fault_of_a_row_is_told_with_its_column() {
    let app = App::start().await;
    let rows_of_file = [
        row("r-1").replace("secure_form", "carrier_pigeon").replace("permission_to_contact", ""),
        row("r-2").replace("lakeside", "nobody-knows"),
        row("r-3").replace("2026-05-28", "2024-05-28"),
        row(""),
        row("r-5").replace("person_uses_intake", "sealed_details"),
        row("r-6").replace("person_uses_intake", "site_record"),
        row("r-7").replace("heart-2026", "she has had diabetes since March"),
        row("r-8") + ",more",
    ];
    let done = import(&app, file(rows_of_file)).await;
    assert_eq!(counts(&done), "completed 8 0 0 8");
    let told = rows(&app, done["id"].as_str().unwrap(), "refused").await;
    assert_eq!(
        told,
        [
            "2 channel unknown_value, contact_basis missing_field",
            "3 partner unknown_reference",
            "4 received_at out_of_range",
            "5 row_key missing_field",
            "6 contact_path missing_field",
            "7 external_ref missing_field",
            "8 study sensitive_content",
            "9 - row_width",
        ]
    );
}

#[actix_web::test]
async fn a_dry_run_says_what_would_happen_and_changes_nothing() {
    let app = App::start().await;
    let text = "Contact Basis;Partner;STUDY;channel;contact-path;row key;Remarks\r\npermission_to_contact;lakeside;heart-2026;secure_form;person_uses_intake;r-1;free words\r\n;;;;;;\r\npermission_to_contact;lakeside;heart-2026;secure_form;person_uses_intake;r-1;more\r\nnone;lakeside;heart-2026;secure_form;person_uses_intake;r-2;\r\n";
    let id = csv(&app.coordinator(), "?dry_run=true&drop_columns=remarks", text).await.expect(201).id();
    let done = finished(&app, &id).await;
    assert_eq!(counts(&done), "completed 3 1 1 1");
    assert_eq!((&done["dry_run"], &done["delimiter"], &done["encoding"]), (&true.into(), &"semicolon".into(), &"UTF-8".into()));
    let columns: Vec<String> = done["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| format!("{} {}", column["column"], column["field"].as_str().unwrap_or("-")))
        .collect();
    assert_eq!(columns, ["1 contact_basis", "2 partner", "3 study", "4 channel", "5 contact_path", "6 row_key", "7 -"]);
    // The blank row has a number of its own, as a spreadsheet shows it.
    assert_eq!(rows(&app, &id, "refused").await, ["5 contact_basis unknown_value"]);
    for table in ["referrals", "referral_digests", "match_results", "referral_import_keys", "referral_import_batches"] {
        assert_eq!(app.db.count(&format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
    assert_eq!(app.db.count("SELECT count(*) FROM audit_entries WHERE subject_kind = 'referral'"), 0);
    assert_eq!(app.db.count("SELECT count(*) FROM events WHERE event_type IN ('referral.received', 'import.completed')"), 0);
    let id = csv(&app.coordinator(), "?drop_columns=%237", text).await.expect(201).id();
    assert_eq!(counts(&finished(&app, &id).await), "completed 3 1 1 1");
    assert_eq!(referrals(&app), 1);
}

#[actix_web::test]
async fn the_feed_tells_of_what_came_and_of_the_end() {
    let app = App::start().await;
    import(&app, file([row("r-1"), row("r-2")])).await;
    app.sequence().await;
    let events = app.admin().get("/v1/events?limit=200").await.expect(200).body;
    let types: Vec<&str> = events["data"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    let received = types.iter().filter(|kind| **kind == "referral.received").count();
    assert_eq!((received, types.last()), (2, Some(&"import.completed")));
    assert!(events["data"].as_array().unwrap().last().unwrap()["referral_import_id"].is_string());
}
