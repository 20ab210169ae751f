//! PRODUCT.md §4: a clinic sends a detailed medical history and coordinators copy it into a spreadsheet. Here it is refused at the door,
//! the clinic stays the source, the person is led to the intake, and the coordinator's queue is fed.

use handoff::domain::vocabulary::Scope;
use handoff::ops::issue_key::Holder;
use serde_json::{Value, json};

use crate::privacy::Everything;
use crate::support::callers::fresh_key;
use crate::support::{App, make};

/// The history, in the words of this test alone, and how it would be found again.
const HISTORY: &str =
    "68 yo woman, palpitations since the Schilfrohr holiday, on apixaban 5 mg twice daily, had an ablation last spring";
const TRACES: [&str; 4] = ["schilfrohr", "palpitations since", "apixaban 5", "ablation last spring"];

fn body(changes: Value) -> Value {
    make::referral_with(changes)
}

#[actix_web::test]
async fn a_clinics_history_is_refused_its_person_reaches_the_intake_and_the_clinic_is_the_source() {
    let app = App::start().await;
    let clinic = app.partner();
    let mut answers = Vec::new();

    // As its mail was written: a field for it, a code that carries it, a name that is it.
    for (changes, code, fault) in [
        (json!({"medical_history": HISTORY}), "sensitive_field", "#4 sensitive_field"),
        (json!({"partner_reference": HISTORY}), "sensitive_content", "/partner_reference sensitive_content"),
        (json!({ HISTORY: true }), "sensitive_field", "#0 sensitive_field"),
    ] {
        let refused = clinic.post_with_key("/v1/referrals", &fresh_key(), &body(changes)).await.expect_problem(422, code);
        assert_eq!(refused.faults().len(), 1, "{fault}: {}", refused.text);
        assert_eq!(refused.body["intake_url"], "https://intake.riverside.example/start", "where the person tells it instead");
        assert_eq!(refused.body["guard_version"], json!(handoff::privacy::guard::GUARD_VERSION));
        answers.push(refused);
    }
    assert_eq!(app.db.count("SELECT count(*) FROM referrals"), 0);

    // What the clinic may say: whom it sent, over which route, and that the person will use the intake.
    let sent = clinic.post("/v1/referrals", &body(json!({"partner_reference": "LC-2026-00068"}))).await.expect(201);
    let (id, code) = (sent.id(), sent.body["handoff"]["code"].as_str().unwrap().to_owned());
    // The person comes with the code, and tells the site's own system what the site's own system keeps.
    let key = make::db_key(&app.db, &app.site, &Holder::Site(vec![Scope::IntakeWrite]), false);
    let arrival = json!({"handoff_code": code, "external_ref": "CRM-68"});
    let arrived = app.person(&key).post("/v1/intake", &arrival).await.expect(200);
    assert_eq!(json!([arrived.body["attached"], arrived.body["referral"]["id"]]), json!([true, id]));

    // The coordinator's queue has it once, with its owner, the next action, and the clinic as its source.
    let queue = app.coordinator().get("/v1/queue").await.expect(200);
    let rows = queue.body["data"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        json!([rows[0]["id"], rows[0]["partner"], rows[0]["owner_id"], arrived.body["referral"]["attribution"]]),
        json!([id, "lakeside", app.site.coordinator, "verified"])
    );
    assert!(rows[0]["next_action"].is_string() && rows[0]["next_action_due_at"].is_string(), "{}", rows[0]);

    // Whoever coaches the clinic sees that, over which route and how often, and what to say.
    let counted = app.coordinator().get("/v1/refusals?partner=lakeside").await.expect(200);
    let told: Vec<Value> = counted.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|count| json!([count["code"], count["route_id"], count["day"], count["refused"]]))
        .collect();
    let route = app.site.partner.route;
    assert!(told.contains(&json!(["sensitive_field", route, "2026-06-01", 2])), "{told:?}");
    assert!(told.contains(&json!(["sensitive_content", route, "2026-06-01", 1])), "{told:?}");
    assert!(counted.body["data"][0]["what_to_do"].as_str().unwrap().contains("intake"));

    answers.extend([sent, arrived, queue, counted]);
    answers.push(app.admin().get("/v1/audit").await.expect(200));
    answers.push(app.admin().get("/v1/events").await.expect(200));
    let everything = Everything::gather(&app, &answers);
    for trace in TRACES {
        assert_eq!(everything.places(trace), [] as [&str; 0], "{trace}");
    }
}

#[actix_web::test]
async fn a_clinic_without_a_system_is_recorded_by_the_coordinator_whose_spreadsheet_is_refused_the_same_way() {
    let app = App::start().await;
    let recorded = |changes: Value| {
        let mut body = make::referral_of("lakeside");
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        body
    };
    let copied = recorded(json!({"history": HISTORY}));
    app.coordinator().post("/v1/referrals", &copied).await.expect_problem(422, "sensitive_field");
    let noted = recorded(json!({"external_ref": "CRM-68-palpitations-on-apixaban"}));
    app.coordinator().post("/v1/referrals", &noted).await.expect_problem(422, "sensitive_content");
    let kept = app.coordinator().post("/v1/referrals", &recorded(json!({"external_ref": "CRM-68"}))).await.expect(201);
    assert_eq!(json!([kept.body["partner"], kept.body["status"]]), json!(["lakeside", "received"]));
    let everything = Everything::gather(&app, &[kept]);
    assert_eq!(everything.places("palpitations-on"), [] as [&str; 0]);
    assert_eq!(everything.places("schilfrohr"), [] as [&str; 0]);
}
