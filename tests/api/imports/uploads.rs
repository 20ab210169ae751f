//! Files on their way in: what refuses one as a whole, and that nothing of such a file is kept.

use handoff::jobs::referral_imports;
use handoff::privacy::keys::MasterKey;
use reqwest::Method;
use serde_json::json;

use super::{HEADER, PATH, counts, csv, file, finished, ndjson, one_batch, post, referrals, row};
use crate::support::App;
use crate::support::app::Setup;
use crate::support::callers::send;

fn imports(app: &App) -> i64 {
    app.db.count("SELECT count(*) FROM referral_imports") + app.db.count("SELECT count(*) FROM referral_import_batches")
}

#[actix_web::test]
async fn a_spreadsheet_with_narrative_is_refused_until_its_columns_are_left_out_and_nothing_of_it_is_kept() {
    let app = App::start().await;
    let cells =
        ["CANARY-NARRATIVE-1 was told of a biopsy", "=cmd|'/c calc'!A1 CANARY-NARRATIVE-2", "CANARY-NARRATIVE-3@mail.example"];
    let lines = cells.iter().enumerate().map(|(number, cell)| format!("{},\"{cell}\",x", row(&format!("r-{number}"))));
    let text =
        [format!("{HEADER},Medical History CANARY-NAME,Patient name")].into_iter().chain(lines).collect::<Vec<_>>().join("\n");
    let refused = csv(&app.coordinator(), "", text.clone()).await.expect_problem(422, "sensitive_field");
    assert_eq!(refused.faults(), ["/columns#7 sensitive_field", "/columns#8 sensitive_field"]);
    assert!(
        refused.body["errors"][0]["message"].as_str().unwrap().contains("Column H") && refused.body["intake_url"].is_string()
    );
    assert!(!refused.text.contains("CANARY"));
    assert_eq!(imports(&app), 0);
    assert_eq!(app.db.count("SELECT coalesce(sum(refused), 0)::bigint AS count FROM refusals WHERE code = 'sensitive_field' AND partner_id IS NULL"), 1);
    // The same as lines of JSON, where the field comes in the second row.
    let strange = format!("{}\n{}\n", json!({"row_key": "r-1"}), json!({"row_key": "r-2", "CANARY diagnosis": "CANARY"}));
    let refused = ndjson(&app.coordinator(), strange).await.expect_problem(422, "sensitive_field");
    assert_eq!(refused.faults(), ["/rows/1#0 sensitive_field"]);
    assert!(!refused.text.contains("CANARY"));
    assert_eq!(imports(&app), 0);

    let id = csv(&app.coordinator(), "?drop_columns=medical%20history%20canary-name,PATIENT%20NAME", text).await.expect(201).id();
    assert_eq!(counts(&finished(&app, &id).await), "completed 3 3 0 0");
    assert!(!app.db.dump().contains("CANARY"));
    assert!(
        app.db.files().is_none_or(|files| !files.windows(16).any(|bytes| bytes == b"CANARY-NARRATIVE")),
        "in the database's files"
    );
}

#[actix_web::test]
async fn contact_details_and_refused_values_of_a_file_reach_no_file_of_the_database() {
    let app = App::start().await;
    let text = "row_key,partner,study,channel,contact_basis,contact_path,match.email,source_tag\n\
        r-1,lakeside,heart-2026,secure_form,permission_to_contact,person_uses_intake,canary-mail-77@mail.example,\n\
        r-2,lakeside,heart-2026,secure_form,permission_to_contact,person_uses_intake,,canary says she takes metformin\n";
    let id = csv(&app.coordinator(), "", text).await.expect(201).id();
    // While they wait, and afterwards.
    for _ in 0..2 {
        let dump = app.db.dump();
        assert!(!dump.contains("canary") && !dump.contains("metformin"));
        if let Some(files) = app.db.files() {
            assert!(
                !files.windows(14).any(|bytes| bytes == b"canary-mail-77")
                    && !files.windows(9).any(|bytes| bytes == b"metformin")
            );
        }
        finished(&app, &id).await;
    }
    assert_eq!(referrals(&app), 1);
}

#[actix_web::test]
async fn what_is_no_file_of_referrals_is_refused_and_leaves_nothing() {
    let app = App::start_with(Setup { import_bytes: 100_000, ..Setup::default() }).await;
    let person = app.coordinator();
    let right = file([row("r-1")]);
    for kind in ["application/json", "text/plain", "text/csv; charset=klingon", "application/x-ndjson; charset=utf-16"] {
        post(&person, "", kind, right.clone()).await.expect_problem(415, "unsupported_media_type");
    }
    let gzip = person.request(Method::POST, PATH).header("Content-Type", "text/csv").header("Content-Encoding", "gzip");
    send(gzip.body(right.clone())).await.expect_problem(415, "unsupported_media_type");
    let long = file((0..2_000).map(|number| row(&format!("r-{number}"))));
    assert!(long.len() > 100_000);
    csv(&person, "", long.clone()).await.expect_problem(413, "body_too_large");
    for (text, code) in [
        ("", "malformed_file"),
        ("\n\n", "malformed_file"),
        ("study,channel\nheart-2026,secure_form\n", "invalid_body"),
        ("a,b\n1,2\n", "unknown_field"),
    ] {
        let refused = csv(&person, "", text).await;
        assert_eq!(refused.code(), code, "{text:?}: {}", refused.text);
    }
    let refused = csv(&person, "?drop_columns=notes", right.clone()).await.expect_problem(400, "invalid_parameter");
    assert_eq!(refused.faults(), ["drop_columns#0 unknown_reference"]);
    csv(&person, "?dry_run=perhaps", right.clone()).await.expect_problem(400, "invalid_parameter");
    assert_eq!((imports(&app), referrals(&app)), (0, 0));
    // A file with its header alone is a file.
    let id = csv(&person, "", format!("{HEADER}\n")).await.expect(201).id();
    assert_eq!(counts(&finished(&app, &id).await), "completed 0 0 0 0");
}

#[actix_web::test]
async fn partners_viewers_and_keys_without_the_scope_import_nothing_and_a_test_key_neither() {
    let app = App::start().await;
    let right = file([row("r-1")]);
    for (person, code) in [(app.partner(), "forbidden"), (app.viewer(), "forbidden"), (app.site_key(), "insufficient_scope")] {
        csv(&person, "", right.clone()).await.expect_problem(403, code);
    }
    let body = json!({"name": "Loader", "scopes": ["import:write"], "mode": "test"});
    let key = app.admin().post("/v1/api-keys", &body).await.expect(201);
    csv(&app.person(key.body["secret"].as_str().unwrap()), "", right.clone()).await.expect_problem(403, "forbidden");
    let id = csv(&app.admin(), "", right).await.expect(201).id();
    let stranger = app.member(&app.other_site, app.other_site.admin);
    for path in [format!("{PATH}/{id}"), format!("{PATH}/{id}/rows")] {
        stranger.get(&path).await.expect_problem(404, "not_found");
    }
    stranger.post_on(&format!("{PATH}/{id}/cancel"), "*", &json!({})).await.expect_problem(404, "not_found");
}

#[actix_web::test]
async fn a_retry_gets_the_first_answer_and_imports_once() {
    let app = App::start().await;
    let person = app.coordinator();
    let send_with = |key: &'static str, query: &'static str, text: String| {
        let request = person.request(Method::POST, &format!("{PATH}{query}")).header("Idempotency-Key", key);
        send(request.header("Content-Type", "text/csv").body(text))
    };
    let text = file([row("r-1")]);
    let first = send_with("upload-2026-05-117", "", text.clone()).await.expect(201);
    let again = send_with("upload-2026-05-117", "", text.clone()).await.expect(201);
    assert_eq!((first.id(), again.header("idempotency-replayed")), (again.id(), Some("true")));
    send_with("upload-2026-05-117", "?dry_run=true", text).await.expect_problem(422, "idempotency_key_reused");
    send_with("upload-2026-05-117", "", file([row("r-2")])).await.expect_problem(422, "idempotency_key_reused");
    assert_eq!(app.db.count("SELECT count(*) FROM referral_imports"), 1);
    assert_eq!(counts(&finished(&app, &first.id()).await), "completed 1 1 0 0");
}

#[actix_web::test]
async fn an_import_is_cancelled_with_what_is_not_done_and_twenty_wait_at_the_most() {
    let app = App::start().await;
    let person = app.coordinator();
    let made = csv(&person, "", file((0..600).map(|number| row(&format!("r-{number}"))))).await.expect(201);
    let path = format!("{PATH}/{}", made.id());
    one_batch(&app).await;
    let running = person.get(&path).await.expect(200);
    assert_eq!(counts(&running.body), "running 600 200 0 0");
    assert_ne!(running.etag(), made.etag());
    person.post_on(&format!("{path}/cancel"), &made.etag(), &json!({})).await.expect_problem(412, "stale_version");
    let cancelled = person.post_on(&format!("{path}/cancel"), &running.etag(), &json!({})).await.expect(200);
    assert_eq!(counts(&cancelled.body), "cancelled 600 200 0 0");
    let again = person.post_on(&format!("{path}/cancel"), "*", &json!({})).await.expect_problem(409, "illegal_transition");
    assert_eq!(again.body["allowed_actions"], json!([]));
    assert_eq!(counts(&finished(&app, &made.id()).await), "cancelled 600 200 0 0");
    assert_eq!((referrals(&app), app.db.count("SELECT count(*) FROM referral_import_batches")), (200, 0));
    for number in 0..20 {
        csv(&person, "", file([row(&format!("s-{number}"))])).await.expect(201);
    }
    csv(&person, "", file([row("t-1")])).await.expect_problem(409, "state_conflict");
    let listed = person.get(&format!("{PATH}?status=queued")).await.expect(200);
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 20);
    finished(&app, &made.id()).await;
    assert_eq!(referrals(&app), 220);
}

#[actix_web::test]
async fn nothing_goes_on_once_whoever_imports_may_no_more_and_a_rotated_key_goes_on() {
    let app = App::start().await;
    let key = app.admin().post("/v1/api-keys", &json!({"name": "Loader", "scopes": ["import:write"]})).await.expect(201);
    let loader = app.person(key.body["secret"].as_str().unwrap());
    let id = csv(&loader, "", file([row("r-1")])).await.expect(201).id();
    let rotate = format!("/v1/api-keys/{}/rotate", key.id());
    let new = app.admin().post(&rotate, &json!({"overlap_hours": 0})).await.expect(201);
    assert_eq!(counts(&finished(&app, &id).await), "completed 1 1 0 0");
    let loader = app.person(new.body["secret"].as_str().unwrap());
    let id = csv(&loader, "", file([row("r-2")])).await.expect(201).id();
    let revoke = format!("/v1/api-keys/{}/revoke", new.id());
    app.admin().post(&revoke, &json!({"reason": "compromised"})).await.expect(200);
    let stopped = finished(&app, &id).await;
    assert_eq!((counts(&stopped), &stopped["stop_reason"]), ("stopped 1 0 0 0".to_owned(), &"caller_revoked".into()));
    assert_eq!(app.db.count("SELECT count(*) FROM referral_import_batches"), 0);
}

#[actix_web::test]
async fn contact_details_that_were_digested_under_another_key_are_not_taken_unseen() {
    let app = App::start().await;
    let text = "row_key,partner,study,channel,contact_basis,contact_path,match.email\n\
        r-1,lakeside,heart-2026,secure_form,permission_to_contact,person_uses_intake,a@mail.example\n";
    let without = csv(&app.coordinator(), "", file([row("r-0")])).await.expect(201).id();
    let id = csv(&app.coordinator(), "", text).await.expect(201).id();
    let rotated = MasterKey::from_hex(&"6b".repeat(32)).unwrap();
    referral_imports::pass(&app.server_with_key(&rotated).state).await.unwrap();
    let read = async |id: String| app.coordinator().get(&format!("{PATH}/{id}")).await.expect(200).body;
    assert_eq!(counts(&read(without).await), "completed 1 1 0 0");
    let stopped = read(id).await;
    assert_eq!((counts(&stopped), &stopped["stop_reason"]), ("stopped 1 0 0 0".to_owned(), &"master_key_rotated".into()));
}

#[actix_web::test]
async fn what_broke_off_and_what_is_old_is_forgotten() {
    let app = App::start().await;
    let id = csv(&app.coordinator(), "", file([row("r-1")])).await.expect(201).id();
    finished(&app, &id).await;
    let breaks_off = format!(
        "INSERT INTO referral_imports (site_id, id, status, format, column_fields, dry_run, actor_kind, actor_id, rows, created, unchanged, refused, version, created_at, updated_at)
         SELECT site_id, gen_random_uuid(), 'receiving', 'csv', '{{}}', false, 'staff', actor_id, 0, 0, 0, 0, 1, created_at, created_at FROM referral_imports WHERE id = '{id}'"
    );
    diesel::connection::SimpleConnection::batch_execute(&mut app.db.superuser(), &breaks_off).unwrap();
    let count = || {
        app.db.count("SELECT count(*) FROM referral_imports") * 10 + app.db.count("SELECT count(*) FROM referral_import_results")
    };
    let after = |hours| {
        app.clock.advance(chrono::Duration::hours(hours));
        handoff::jobs::housekeeping::pass(&app.state)
    };
    assert_eq!(count(), 21);
    after(1).await.unwrap();
    assert_eq!(count(), 21);
    after(2).await.unwrap();
    assert_eq!(count(), 11);
    after(24 * 90).await.unwrap();
    assert_eq!(count(), 0);
    // Which rows were imported stays known.
    let id = csv(&app.coordinator(), "", file([row("r-1")])).await.expect(201).id();
    assert_eq!(counts(&finished(&app, &id).await), "completed 1 0 1 0");
}
