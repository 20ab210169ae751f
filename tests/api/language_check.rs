//! A draft goes in, places come out, and nothing of it stays.

use reqwest::Method;
use serde_json::{Value, json};

use crate::privacy::Everything;
use crate::support::callers::{Answer, Person, send};
use crate::support::{App, make};
use crate::tenancy::texts;

async fn check(who: &Person, body: &Value) -> Answer {
    send(who.request(Method::POST, "/v1/language/check").json(body)).await
}

fn draft(text: &str) -> Value {
    json!({"study": make::STUDY, "text": text})
}

fn rules(answer: &Answer) -> Vec<&str> {
    answer.body["findings"].as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn a_draft_is_answered_with_rules_places_and_words_to_use_instead() {
    let app = App::start().await;
    let intake = app.admin().get("/v1/site").await.expect(200).body["intake_url"].as_str().unwrap().to_owned();
    let text = "Heart news 🫀\nYou qualify! Call 415-555-0199.";
    for who in [app.partner(), app.coordinator(), app.admin()] {
        let answer = check(&who, &json!({"study": make::STUDY, "kind": "flyer", "text": text})).await.expect(200);
        assert_eq!(rules(&answer), ["missing_where_to_go", "implied_eligibility", "contact_not_approved"]);
        let findings = &answer.body["findings"];
        assert_eq!(findings[0]["span"], Value::Null);
        assert!(
            findings[0]["suggestion"].as_str().unwrap().contains("Give the person the code and the intake address."),
            "{findings}"
        );
        assert_eq!((&findings[1]["span"], &findings[1]["severity"]), (&json!({"start": 13, "end": 24}), &json!("must_change")));
        assert!(findings[1]["source"].as_str().unwrap().contains("IRB"));
        assert_eq!(answer.body["checked"]["kind"], "flyer");
        assert_eq!(answer.body["is_complete"], true);
        assert_eq!((answer.header("etag"), answer.header("cache-control")), (None, Some("no-store")));
    }
    let clean = format!("You may be eligible. The study team will review this with you. Go to {intake}.");
    let answer = check(&app.partner(), &draft(&clean)).await.expect(200);
    assert_eq!(rules(&answer), Vec::<&str>::new());
    for who in [app.viewer(), app.site_key()] {
        check(&who, &draft("Hello.")).await.expect_problem(403, "forbidden");
    }
}

#[actix_web::test]
async fn what_is_approved_is_that_of_the_study_and_of_the_callers_own_routes() {
    let app = App::start().await;
    let own = "https://own.lakeside.example/start";
    let path = format!("/v1/routes/{}", app.site.partner.route);
    let change = json!({"intake_url": own, "channels": make::channels(&["secure_form"], "Call 202-555-0111 and give the code.")});
    send(app.admin().request(Method::PATCH, &path).header("If-Match", "*").json(&change)).await.expect(200);
    let text = draft(&format!("Go to {own} or call (202) 555-0111."));
    assert_eq!(rules(&check(&app.partner(), &text).await.expect(200)), Vec::<&str>::new());
    assert_eq!(rules(&check(&app.coordinator(), &text).await.expect(200)), Vec::<&str>::new());
    // Another partner's route is not this one's, and its address is not told.
    let other = check(&app.sibling_partner(), &text).await.expect(200);
    assert_eq!(rules(&other), ["missing_where_to_go", "contact_not_approved", "contact_not_approved"]);
    assert!(!other.text.contains("own.lakeside"), "{}", other.text);
    let study = app.admin().get(&format!("/v1/studies/{}", app.site.study)).await.expect(200).body;
    let code = format!("Ask for {} at {own}.", study["protocol_code"].as_str().unwrap());
    assert_eq!(rules(&check(&app.partner(), &draft(&code)).await.expect(200)), ["protocol_code_disclosed"]);
}

#[actix_web::test]
async fn a_study_that_is_foreign_unknown_or_without_a_route_answers_alike() {
    let app = App::start().await;
    let study = json!({"code": "sleep-2026", "public_name": "Sleep", "short_description": "Rest.", "protocol_code": "SLP-1"});
    app.admin().post("/v1/studies", &study).await.expect(201);
    check(&app.coordinator(), &json!({"study": "sleep-2026", "text": "Hello."})).await.expect(200);
    let mut answers = Vec::new();
    for code in ["sleep-2026", "nowhere-study"] {
        let answer =
            check(&app.partner(), &json!({"study": code, "text": "You qualify."})).await.expect_problem(422, "invalid_body");
        assert_eq!(answer.faults(), ["/study unknown_reference"]);
        let mut body = answer.body.clone();
        body["request_id"] = Value::Null;
        answers.push(body);
    }
    assert_eq!(answers[0], answers[1]);
}

#[actix_web::test]
async fn a_draft_of_20_kilobytes_is_read_a_longer_one_and_one_of_a_megabyte_are_refused_with_what_to_do() {
    let app = App::start().await;
    let partner = app.partner();
    let fits: String = "Ask the study team.\n".repeat(1000);
    assert_eq!(fits.len(), 20_000);
    check(&partner, &draft(&fits)).await.expect(200);

    let answer = check(&partner, &draft(&format!("{fits}!"))).await.expect_problem(422, "invalid_body");
    assert_eq!(answer.faults(), ["/text too_long"]);
    // As many bytes, fewer characters: the limit is in bytes, and the fault says so.
    let answer = check(&partner, &draft(&"é".repeat(10_001))).await.expect_problem(422, "invalid_body");
    assert_eq!(answer.faults(), ["/text too_long"]);
    assert!(answer.body["errors"][0]["message"].as_str().unwrap().contains("bytes"));

    let answer = check(&partner, &draft(&"You qualify. ".repeat(80_000))).await.expect_problem(413, "body_too_large");
    assert!(answer.body["detail"].as_str().unwrap().contains("several requests"), "{}", answer.text);

    let many = check(&partner, &draft(&"You qualify. ".repeat(1500))).await.expect(200);
    assert_eq!((rules(&many).len(), &many.body["is_complete"]), (200, &json!(false)));
}

#[actix_web::test]
async fn line_breaks_tabs_and_emoji_are_taken_and_hidden_characters_are_not() {
    let app = App::start().await;
    let partner = app.partner();
    for text in ["One.\r\nTwo.\tThree.\n\n• Four – “five” … 🫀", "a", "{\"json\": [1]}", "<b>bold</b> & 'quotes'; --"]
    {
        check(&partner, &draft(text)).await.expect(200);
    }
    for (text, code) in [
        ("a\u{0}b", "forbidden_character"),
        ("you qu\u{ad}alify", "forbidden_character"),
        ("zero\u{200b}width", "forbidden_character"),
        ("right\u{202e}left", "forbidden_character"),
        ("e\u{301}", "not_normalized"),
        ("", "too_short"),
    ] {
        let answer = check(&partner, &draft(text)).await.expect_problem(422, "invalid_body");
        assert_eq!(answer.faults(), [format!("/text {code}")], "{text:?}");
    }
    for (body, fault) in [
        (json!({"study": make::STUDY}), "/text missing_field"),
        (json!({"study": make::STUDY, "text": ["a"]}), "/text wrong_type"),
        (json!({"study": make::STUDY, "text": "a", "kind": "tweet"}), "/kind unknown_value"),
    ] {
        assert_eq!(check(&partner, &body).await.expect_problem(422, "invalid_body").faults(), [fault]);
    }
}

/// Whatever a draft holds, it is in no answer, no table and no log; neither is a print of it under an idempotency key.
#[actix_web::test]
async fn nothing_of_a_draft_is_answered_stored_or_logged() {
    let app = App::start().await;
    let counted =
        "SELECT (SELECT count(*) FROM audit_entries)::text || '/' || (SELECT count(*) FROM idempotency_keys)::text AS text";
    let before = texts(&mut app.db.superuser(), counted);
    let traces = ["zeisig", "4155557731", "555-7731", "07/08/1961", "verdant-kanari", "zeisig.example"];
    let text = "Dear Ottilie Zeisig (born 07/08/1961, on verdant-kanari): you qualify! Earn $77,131 and call 415-555-7731. \
                Write to ottilie@zeisig.example or go to https://zeisig.example/kanari. The Heart Rythm Study of Zeisig needs you.";
    let mut answers = Vec::new();
    for who in [app.partner(), app.coordinator()] {
        for _ in 0..2 {
            let answer = who.post_with_key("/v1/language/check", "zeisig-key-1", &draft(text)).await.expect(200);
            assert!(rules(&answer).len() >= 4, "the control: it was read");
            assert_eq!(answer.header("idempotency-replayed"), None);
            answers.push(answer);
        }
        // Another draft under the same key is another check.
        answers.push(who.post_with_key("/v1/language/check", "zeisig-key-1", &draft("Zeisig.")).await.expect(200));
        answers.push(check(&who, &json!({"study": make::STUDY, "text": format!("{text}\u{0}")})).await.expect(422));
        answers.push(check(&who, &json!({"study": "nowhere-study", "text": text})).await.expect(422));
        answers.push(check(&who, &json!({"study": make::STUDY, "text": text, "zeisig": text})).await.expect(422));
        answers.push(check(&who, &draft(&text.repeat(200))).await.expect(413));
    }
    assert_eq!(texts(&mut app.db.superuser(), counted), before, "neither an audit entry nor a key is kept");
    let everything = Everything::gather(&app, &answers);
    for trace in traces {
        assert_eq!(everything.places(trace), Vec::<&str>::new(), "{trace}");
    }
    assert!(!everything.places("implied_eligibility").is_empty(), "the control: the answers were searched");
}
