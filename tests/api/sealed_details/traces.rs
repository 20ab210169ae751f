//! In the clear they are nowhere: not in the tables, the journal, the logs, and not in a file of the database.

use diesel::connection::SimpleConnection as _;
use serde_json::json;

use super::{FIELDS, process, read, sealed};
use crate::privacy::Everything;
use crate::support::App;
use crate::support::callers::Answer;

/// Texts of this test alone.
const NOTE: &str = "Zaunkönig pfeift um halb sieben";
const TRACES: [&str; 3] = ["zaunkönig", "pfeift um", "halb sieben"];

#[actix_web::test]
async fn what_is_sealed_is_found_nowhere_but_in_the_answer_of_a_read() {
    let app = App::start().await;
    process(&app, &FIELDS).await;
    let details = json!({"sealed_note": NOTE, "interpreter_language": "kw", "preferred_contact_time": "weekday_evening", "age_band": "from_50_to_64"});
    let id = sealed(&app, details).await;
    let read = read(&app.coordinator(), &id).await.expect(200);
    app.sequence().await;
    let mut answers: Vec<Answer> = Vec::new();
    for path in [
        format!("/v1/referrals/{id}"),
        format!("/v1/referrals/{id}/events"),
        format!("/v1/referrals/{id}/actions"),
        "/v1/referrals".into(),
        "/v1/queue".into(),
        "/v1/events".into(),
        "/v1/audit".into(),
    ] {
        answers.push(app.admin().get(&path).await.expect(200));
        answers.push(app.partner().get(&path).await);
    }
    let everything = Everything::gather(&app, &answers);
    // The codes' own words are those of other tests' logs too; in this database no row but an audit entry's field names may tell.
    for trace in TRACES {
        assert_eq!(everything.places(trace), [] as [&str; 0], "{trace}");
    }
    let dump = app.db.dump();
    for code in ["weekday_evening", "from_50_to_64", "\"kw\"", ",kw,"] {
        assert!(!dump.contains(code), "{code}");
    }
    let everything = Everything::gather(&app, &[read]);
    assert_eq!(everything.places(TRACES[0]), ["answers"], "the control: the search finds it where it may be");
    app.db
        .superuser()
        .batch_execute(&format!("UPDATE sealed_details SET ciphertext = convert_to(rpad(lower('{NOTE}'), 527), 'UTF8')"))
        .unwrap();
    assert_eq!(Everything::gather(&app, &[]).places(TRACES[0]), ["database"], "the control: bytes are searched too");
}
