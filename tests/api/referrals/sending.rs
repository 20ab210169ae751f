//! Sending a referral: by whom, with which fields, over which route, and what is derived.

use chrono::Duration;
use handoff::ops::issue_key::Holder;
use serde_json::{Value, json};

use crate::support::callers::{Person, fresh_key, together};
use crate::support::onboard;
use crate::support::{App, make};

const REFERRALS: &str = "SELECT count(*) FROM referrals";

pub async fn send(person: &Person, changes: Value) -> crate::support::callers::Answer {
    person.post("/v1/referrals", &make::referral_with(changes)).await
}

#[actix_web::test]
async fn a_partner_sends_a_referral_and_a_coordinator_moves_it() {
    let app = App::start().await;
    let sent = app.partner().post("/v1/referrals", &make::referral()).await.expect(201);
    assert_eq!(sent.header("location"), Some(format!("/v1/referrals/{}", sent.id()).as_str()));
    assert_eq!(sent.body["status"], "accepted_for_review");
    assert_eq!(sent.body["handoff"]["intake_url"], "https://intake.riverside.example/start");
    assert_eq!(sent.body["handoff"]["code"].as_str().unwrap().len(), 10);

    let path = format!("/v1/referrals/{}", sent.id());
    let seen = app.coordinator().get(&path).await.expect(200);
    assert_eq!((&seen.body["status"], &seen.body["owner_id"]), (&json!("received"), &json!(app.site.coordinator)));
    let moved =
        app.coordinator().post_on(&format!("{path}/transitions"), &seen.etag(), &json!({"to": "contacting"})).await.expect(200);
    assert_eq!(moved.body["status"], "contacting");
    assert_eq!(moved.body["acknowledged_at"], moved.body["contacting_at"], "a skipped step takes the time of the move");

    let view = app.partner().get(&path).await.expect(200);
    assert_eq!(view.etag(), sent.etag(), "what a partner cannot see does not change its tag");
}

#[actix_web::test]
async fn everything_but_what_was_sent_is_derived_alike_for_partner_staff_and_site_key() {
    let app = App::start().await;
    let callers = [
        (app.partner(), json!({"partner_reference": "R-1"})),
        (app.coordinator(), json!({"partner_reference": "R-2", "partner": "lakeside"})),
        (app.admin(), json!({"partner_reference": "R-3", "partner": "lakeside"})),
        (app.site_key(), json!({"partner_reference": "R-4", "partner": "lakeside"})),
    ];
    for (caller, changes) in callers {
        let sent = send(&caller, changes.clone()).await.expect(201);
        let seen = app.coordinator().get(&format!("/v1/referrals/{}", sent.id())).await.expect(200);
        assert_eq!(seen.etag(), "\"1\"");
        let mut body = seen.body;
        let (id, code) = (body["id"].take(), body["handoff"]["code"].take());
        assert!(body["language_version_id"].take().is_string(), "the words by which it was referred");
        assert_eq!(id, sent.body["id"]);
        assert_eq!(body.as_object_mut().unwrap().remove("has_sealed_details"), Some(json!(false)));
        assert!(code.as_str().unwrap().chars().all(|c| "0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(c)));
        assert_eq!(
            body,
            json!({
                "view": "site", "id": null, "partner": "lakeside", "study": "heart-2026", "route_id": app.site.partner.route,
                "channel": "secure_form", "source_tag": "lakeside.heart", "attribution": "verified",
                "contact_basis": "permission_to_contact", "contact_path": "person_uses_intake",
                "handoff": {
                    "code": null, "intake_url": "https://intake.riverside.example/start",
                    "instruction": "Give the person the code and the intake address.",
                },
                "partner_reference": changes["partner_reference"], "external_ref": null, "language_version_id": null, "late_reason": null,
                "owner_id": app.site.coordinator, "status": "received", "held_status": null, "quarantine_reason": null,
                "blocker": null, "held_blocker": null, "blocked_since": null, "close_reason": null, "reopen_reason": null, "next_action": "acknowledge",
                "next_action_due_at": "2026-06-02T09:00:00Z", "aging": null, "escalation": null, "merged_into_id": null,
                "first_action": {
                    "due_at": "2026-06-02T09:00:00Z", "due_by_receipt_at": "2026-06-02T09:00:00Z", "taken_at": null,
                    "met": null, "met_by_receipt": null,
                },
                "handoff_issues": [], "is_test": false,
                "received_at": "2026-06-01T09:00:00Z", "recorded_at": "2026-06-01T09:00:00Z", "acknowledged_at": null,
                "contacting_at": null, "connected_at": null, "handed_off_at": null, "closed_at": null,
                "partner_withdrawn_at": null,
            })
        );
    }
    // What a partner is told is its own view, whole.
    let mut told = send(&app.partner(), json!({"partner_reference": "R-5"})).await.expect(201).body;
    told["id"].take();
    told["handoff"].take();
    let expected = json!({
        "view": "partner", "id": null, "partner_reference": "R-5", "study": "heart-2026", "channel": "secure_form",
        "status": "accepted_for_review", "not_accepted_reason": null, "received_at": "2026-06-01T09:00:00Z", "handoff": null,
    });
    assert_eq!(told, expected);
}

#[actix_web::test]
async fn the_routes_own_intake_and_due_times_go_before_the_sites() {
    let app = App::start().await;
    let route = format!("/v1/routes/{}", app.site.partner.route);
    let patch = json!({"intake_url": "https://heart.example/in", "acknowledge_due_hours": 2, "channels": make::channels(&["secure_form"], "Call nobody.")});
    onboard::edit(&app, &route, patch).await;
    let sent = make::sent(&app.partner()).await;
    assert_eq!(sent.body["handoff"]["intake_url"], "https://heart.example/in");
    assert_eq!(sent.body["handoff"]["instruction"], "Call nobody.");
    let seen = app.coordinator().get(&format!("/v1/referrals/{}", sent.id())).await;
    assert_eq!(seen.body["next_action_due_at"], "2026-06-01T11:00:00Z");
}

#[actix_web::test]
async fn a_partner_that_sends_the_sites_fields_is_told_each_of_them() {
    let app = App::start().await;
    let all = json!({"partner": "lakeside", "external_ref": "EXT-1", "late_reason": "system_outage"});
    let refused = send(&app.partner(), all).await.expect_problem(422, "invalid_body");
    assert_eq!(refused.faults(), ["/partner inconsistent", "/external_ref inconsistent", "/late_reason inconsistent"]);
    // Null is not sent.
    send(&app.partner(), json!({"partner": null, "external_ref": null, "late_reason": null})).await.expect(201);
    assert_eq!(app.db.count(REFERRALS), 1);
}

#[actix_web::test]
async fn every_fault_is_told_at_once() {
    let app = App::start().await;
    let many = json!({
        "external_ref": "EXT-1", "study": "no-such-study", "contact_path": "site_record", "received_at": "2030-01-01T00:00:00Z",
        "match": {"email": "a@mail.example", "phone": "+1 555"},
    });
    let refused = send(&app.partner(), many).await.expect_problem(422, "invalid_body");
    assert_eq!(
        refused.faults(),
        [
            "/external_ref inconsistent",
            "/study unknown_reference",
            "/contact_path inconsistent",
            "/received_at out_of_range",
            "/match/phone bad_format"
        ]
    );
}

#[actix_web::test]
async fn the_site_names_the_partner() {
    let app = App::start().await;
    for caller in [app.coordinator(), app.admin(), app.site_key()] {
        let refused = send(&caller, json!({})).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), ["/partner missing_field"]);
        let refused = send(&caller, json!({"partner": "nobody-here"})).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), ["/partner unknown_reference"], "the code that is wrong, and not the study's");
    }
    assert_eq!(app.db.count(REFERRALS), 0);
}

#[actix_web::test]
async fn an_unknown_study_a_foreign_one_and_one_without_a_route_answer_alike() {
    let app = App::start().await;
    let study = |code: &str| json!({"code": code, "public_name": "S", "short_description": "S.", "protocol_code": "S-1"});
    app.member(&app.other_site, app.other_site.admin).post("/v1/studies", &study("foreign-2026")).await.expect(201);
    app.admin().post("/v1/studies", &study("unrouted-2026")).await.expect(201);
    for (caller, partner) in [(app.partner(), Value::Null), (app.site_key(), json!("lakeside"))] {
        let mut answers = Vec::new();
        for code in ["unknown-2026", "foreign-2026", "unrouted-2026"] {
            let changes = json!({"study": code, "partner": partner});
            let mut refused = send(&caller, changes).await.expect_problem(422, "invalid_body");
            assert_eq!(refused.faults(), ["/study unknown_reference"]);
            refused.body["request_id"].take();
            answers.push(refused.body);
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]));
    }
}

#[actix_web::test]
async fn the_ground_of_contact_follows_from_the_partners_type() {
    let app = App::start().await;
    let mut table = String::new();
    let types =
        ["specialty_clinic", "primary_care", "advocacy_group", "community_organisation", "recruitment_vendor", "registry"];
    for partner_type in types {
        let code = partner_type.replace('_', "-");
        let (_, route) = make::active_partner(&app, &app.site, &code, partner_type).await;
        let partner = app.person(&make::db_key(&app.db, &app.site, &Holder::Partner(code.parse().unwrap()), false));
        let bases = ["self_referral", "permission_to_contact", "hipaa_authorization", "irb_partial_waiver", "site_workforce"];
        for approval in [Value::Null, json!("IRB-2026-114")] {
            onboard::edit(&app, &route, json!({"approval_reference": approval})).await;
            let mut may = Vec::new();
            for basis in bases {
                let answer = send(&partner, json!({"contact_basis": basis})).await;
                if answer.status == 201 {
                    may.push(basis);
                } else {
                    assert_eq!(answer.expect_problem(422, "invalid_body").faults(), ["/contact_basis inconsistent"]);
                }
            }
            table += &format!("{partner_type} {}: {}\n", if approval.is_null() { "-" } else { "approved" }, may.join(" "));
        }
        // The site's own people are the site's ground alone.
        send(&app.coordinator(), json!({"partner": code, "contact_basis": "site_workforce"})).await.expect(201);
        let machine = send(&app.site_key(), json!({"partner": code, "contact_basis": "site_workforce"})).await;
        assert_eq!(machine.expect_problem(422, "invalid_body").faults(), ["/contact_basis inconsistent"]);
    }
    assert_eq!(
        table,
        "specialty_clinic -: self_referral permission_to_contact hipaa_authorization\n\
         specialty_clinic approved: self_referral permission_to_contact hipaa_authorization irb_partial_waiver\n\
         primary_care -: self_referral permission_to_contact hipaa_authorization\n\
         primary_care approved: self_referral permission_to_contact hipaa_authorization irb_partial_waiver\n\
         advocacy_group -: self_referral permission_to_contact\n\
         advocacy_group approved: self_referral permission_to_contact\n\
         community_organisation -: self_referral permission_to_contact\n\
         community_organisation approved: self_referral permission_to_contact\n\
         recruitment_vendor -: self_referral permission_to_contact\n\
         recruitment_vendor approved: self_referral permission_to_contact irb_partial_waiver\n\
         registry -: self_referral permission_to_contact hipaa_authorization\n\
         registry approved: self_referral permission_to_contact hipaa_authorization irb_partial_waiver\n"
    );
}

#[actix_web::test]
async fn the_path_to_the_person_is_one_that_the_sender_has() {
    let app = App::start().await;
    let refused = send(&app.partner(), json!({"contact_path": "site_record"})).await.expect_problem(422, "invalid_body");
    assert_eq!(refused.faults(), ["/contact_path inconsistent"]);
    let record = json!({"partner": "lakeside", "contact_path": "site_record"});
    let refused = send(&app.coordinator(), record.clone()).await.expect_problem(422, "invalid_body");
    assert_eq!(refused.faults(), ["/external_ref missing_field"]);
    for (caller, partner) in [(app.partner(), Value::Null), (app.coordinator(), json!("lakeside"))] {
        let changes = json!({"contact_path": "sealed_details", "partner": partner});
        let refused = send(&caller, changes).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), ["/details missing_field"]);
    }
    let mut with_record = record;
    with_record["external_ref"] = json!("EXT-1");
    let sent = send(&app.coordinator(), with_record).await.expect(201);
    assert_eq!((&sent.body["external_ref"], &sent.body["handoff"]["code"]), (&json!("EXT-1"), &Value::Null));
}

#[actix_web::test]
async fn a_gate_that_is_shut_has_its_stable_code_and_staff_may_still_record_what_happened() {
    let app = App::start().await;
    let admin = app.admin();
    let route = format!("/v1/routes/{}", app.site.partner.route);
    let study = format!("/v1/studies/{}/transitions", app.site.study);
    let partner = format!("/v1/partners/{}/transitions", app.site.partner.id);
    let late = json!({"partner": "lakeside", "late_reason": "phone_handoff_logged_late", "channel": "phone_handoff"});
    let gates: [(&str, String, Value, &str, Value); 4] = [
        ("route_not_launched", format!("{route}/pause"), json!({}), "resume", json!({})),
        ("study_not_open", study.clone(), json!({"to": "paused"}), "", json!({"to": "open"})),
        ("partner_not_active", partner.clone(), json!({"to": "paused"}), "", json!({"to": "active"})),
        ("study_not_open", study, json!({"to": "closed"}), "never", json!({})),
    ];
    for (recorded, (code, path, shut, undo, open)) in (0..).zip(gates) {
        admin.post_on(&path, "*", &shut).await.expect(200);
        send(&app.partner(), json!({})).await.expect_problem(409, code);
        send(&app.coordinator(), json!({"partner": "lakeside"})).await.expect_problem(409, code);
        // A reason is the staff's to give: a system that sends late does not walk through a shut gate.
        send(&app.site_key(), late.clone()).await.expect_problem(409, code);
        assert_eq!(app.db.count(REFERRALS), recorded);
        let kept = send(&app.coordinator(), late.clone()).await.expect(201);
        assert_eq!(kept.body["late_reason"], "phone_handoff_logged_late");
        match undo {
            "never" => {}
            "" => drop(admin.post_on(&path, "*", &open).await.expect(200)),
            step => drop(admin.post_on(&format!("{route}/{step}"), "*", &open).await.expect(200)),
        }
    }
}

#[actix_web::test]
async fn a_route_that_was_never_launched_or_is_retired_takes_nobody() {
    let app = App::start().await;
    let admin = app.admin();
    let study = json!({"code": "sleep-2026", "public_name": "S", "short_description": "S.", "protocol_code": "S-1"});
    admin.post("/v1/studies", &study).await.expect(201);
    let mut route = make::route(&app.site, "lakeside");
    (route["study"], route["source_tag"]) = (json!("sleep-2026"), json!("lakeside.sleep"));
    let path = format!("/v1/routes/{}", admin.post("/v1/routes", &route).await.expect(201).id());
    send(&app.partner(), json!({"study": "sleep-2026"})).await.expect_problem(409, "route_not_launched");
    onboard::db_live(&app, &path);
    send(&app.partner(), json!({"study": "sleep-2026"})).await.expect(201);
    admin.post_on(&format!("{path}/retire"), "*", &json!({})).await.expect(200);
    send(&app.partner(), json!({"study": "sleep-2026"})).await.expect_problem(409, "route_not_launched");
    send(&app.partner(), json!({})).await.expect(201);
}

#[actix_web::test]
async fn a_channel_that_the_route_does_not_list_is_refused_at_its_place() {
    let app = App::start().await;
    for channel in ["phone_handoff", "coordinator_queue"] {
        let refused = send(&app.partner(), json!({"channel": channel})).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), ["/channel inconsistent"]);
    }
    send(&app.partner(), json!({"channel": "self_referral"})).await.expect(201);
    let late = json!({"partner": "lakeside", "channel": "phone_handoff", "late_reason": "paper_backlog"});
    send(&app.coordinator(), late).await.expect(201);
}

#[actix_web::test]
async fn the_time_of_receipt_may_lie_in_the_past_and_not_in_the_future() {
    let app = App::start().await;
    for future in ["2026-06-01T09:02:01Z", "2026-06-02T00:00:00Z", "9999-12-31T23:59:59Z"] {
        let refused = send(&app.partner(), json!({"received_at": future})).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), ["/received_at out_of_range"]);
        // A field wide enough for a date of birth would be used for one.
        let birth =
            send(&app.partner(), json!({"received_at": "1961-04-12T00:00:00Z"})).await.expect_problem(422, "invalid_body");
        assert_eq!(birth.faults(), ["/received_at out_of_range"]);
    }
    for (sent, kept) in [
        ("2026-05-28T16:30:00Z", "2026-05-28T16:30:00Z"),
        ("2026-06-01T08:59:59.123456Z", "2026-06-01T08:59:59.123456Z"),
        // A clock slightly ahead of ours received nobody in the future.
        ("2026-06-01T09:01:30Z", "2026-06-01T09:00:00Z"),
    ] {
        let answer = send(&app.partner(), json!({"received_at": sent})).await.expect(201);
        assert_eq!(answer.body["received_at"], kept);
        let seen = app.coordinator().get(&format!("/v1/referrals/{}", answer.id())).await.expect(200);
        assert_eq!((&seen.body["received_at"], &seen.body["recorded_at"]), (&json!(kept), &json!("2026-06-01T09:00:00Z")));
    }
    for no_time in ["yesterday", "2026-05-28", "2026-05-28T16:30:00", "2026-13-01T00:00:00Z", "1748440200"] {
        let refused = send(&app.partner(), json!({"received_at": no_time})).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), ["/received_at bad_format"], "{no_time}");
    }
}

#[actix_web::test]
async fn another_source_tag_is_taken_and_marked_unverified() {
    let app = App::start().await;
    for (tag, attribution) in [("lakeside.heart", "verified"), ("leaflet-7", "unverified"), ("LAKESIDE.HEART", "unverified")] {
        let sent = send(&app.partner(), json!({"source_tag": tag})).await.expect(201);
        assert!(!sent.text.contains(attribution), "the site's judgement, not the partner's");
        let seen = app.coordinator().get(&format!("/v1/referrals/{}", sent.id())).await.expect(200);
        assert_eq!((&seen.body["source_tag"], &seen.body["attribution"]), (&json!(tag), &json!(attribution)));
    }
}

#[actix_web::test]
async fn a_reference_that_the_partner_used_answers_with_its_own_referral() {
    let app = App::start().await;
    let reference = json!({"partner_reference": "LC-7"});
    let first = send(&app.partner(), reference.clone()).await.expect(201);
    let again = send(&app.partner(), reference.clone()).await.expect_problem(409, "partner_reference_used");
    assert_eq!(again.body["referral_id"], first.body["id"]);
    let staff = json!({"partner_reference": "LC-7", "partner": "lakeside"});
    let by_staff = send(&app.coordinator(), staff).await.expect_problem(409, "partner_reference_used");
    assert_eq!(by_staff.body["referral_id"], first.body["id"]);
    // It is the partner's own word: a sibling's and another site's are others.
    let sibling = send(&app.sibling_partner(), reference.clone()).await.expect(201);
    let foreign = send(&app.person(&app.other_site.partner.key), reference).await.expect(201);
    assert_ne!(sibling.id(), first.id());
    assert_ne!(foreign.id(), first.id());
    assert_eq!(app.db.count(REFERRALS), 3);
}

#[actix_web::test]
async fn one_reference_sent_at_the_same_time_under_many_keys_makes_one_referral() {
    let app = App::start().await;
    let body = make::referral_with(json!({"partner_reference": "LC-race"}));
    let answers = together((0..24).map(|_| {
        let (partner, body) = (app.partner(), body.clone());
        async move { partner.post_with_key("/v1/referrals", &fresh_key(), &body).await }
    }))
    .await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!((made.len(), app.db.count(REFERRALS)), (1, 1));
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        // 503: it waited longer than a lock's patience for the first to commit; nothing was done.
        assert!(
            matches!((refused.status, refused.code()), (409, "partner_reference_used") | (503, "overloaded")),
            "{}",
            refused.text
        );
    }
}

#[actix_web::test]
async fn a_test_key_needs_an_open_test_run() {
    let app = App::start().await;
    let test = app.person(&app.site.partner.test_key);
    send(&test, json!({})).await.expect_problem(403, "no_open_test_run");
    assert_eq!(app.db.count(REFERRALS), 0);
    // And sees nothing live.
    let live = make::sent(&app.partner()).await;
    test.get(&format!("/v1/referrals/{}", live.id())).await.expect_problem(404, "not_found");
    assert_eq!(test.get("/v1/referrals").await.expect(200).body["data"], json!([]));
}

#[actix_web::test]
async fn a_referral_sent_later_has_a_later_id() {
    let app = App::start().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(make::sent(&app.partner()).await.id());
        app.clock.advance(Duration::milliseconds(1));
    }
    assert!(ids.is_sorted());
}
