//! The master key is rotated: what is sealed stays readable, is sealed anew, and the earlier key may go. And on a real disk.

use std::path::Path;
use std::time::Duration;

use handoff::domain::webhooks::Schedule;
use handoff::jobs::reseal;
use handoff::outbound::{Allow, Http, Outbound};
use handoff::privacy::keys::{MasterKey, Purpose};
use serde_json::{Value, json};

use super::{FIELDS, all, count, process, read, read_for, sealed, trail};
use crate::embedded::support::{query, wait_for};
use crate::process::Place;
use crate::support::App;

fn key(byte: &str) -> MasterKey {
    MasterKey::from_hex(&byte.repeat(32)).unwrap()
}

fn under(app: &App, master: &MasterKey) -> i64 {
    let id: String = master.derive(Purpose::SealedDetails, app.site.id).id().0.iter().map(|byte| format!("{byte:02x}")).collect();
    app.db.count(&format!("SELECT count(*) FROM sealed_details WHERE key_id = decode('{id}', 'hex')"))
}

#[actix_web::test]
async fn what_is_sealed_is_sealed_anew_under_the_new_key_and_the_earlier_one_may_go() {
    let app = App::start().await;
    process(&app, &FIELDS).await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push((sealed(&app, json!({"sealed_note": format!("note {number}")})).await, number));
    }
    let (first, second) = (key("5a"), key("6b"));
    let rotated = app.server_with_key(&second.clone().accepting([first.clone()]));
    let alone = app.server_with_key(&second);
    let to_alone = |person: crate::support::callers::Person| person.at(alone.address);
    let site_key = super::key_with(&app, &[handoff::domain::vocabulary::Scope::DetailsRead]);
    for (id, number) in &ids {
        let seen = read(&site_key.at(rotated.address), id).await.expect(200);
        assert_eq!(seen.body["details"]["sealed_note"], format!("note {number}"));
        read(&to_alone(site_key.clone()), id).await.expect_problem(500, "internal");
    }
    // Without an earlier key there is nothing to do, whatever lies under keys that nobody knows.
    assert_eq!(reseal::pass(&app.state).await.unwrap(), 0);
    let nobody = || Outbound { http: Http::new(Allow::default()), mailer: None, public_url: None, schedule: Schedule::default() };
    let state = app.state_sending(&second.clone().accepting([first.clone()]), nobody());
    assert_eq!((under(&app, &first), under(&app, &second)), (5, 0));
    assert_eq!(reseal::pass(&state).await.unwrap(), 5);
    assert_eq!((under(&app, &first), under(&app, &second), reseal::pass(&state).await.unwrap()), (0, 5, 0));
    for (id, number) in &ids {
        let seen = read(&to_alone(site_key.clone()), id).await.expect(200);
        assert_eq!(seen.body["details"]["sealed_note"], format!("note {number}"));
        // The earlier key alone opens nothing any more.
        read(&site_key, id).await.expect_problem(500, "internal");
    }
    assert_eq!((count(&app), trail(&app, "read_sealed_details").await.len()), (5, 10));
}

/// Every file below, the write-ahead log among them, that has this text.
fn files_with(directory: &Path, text: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if std::fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text)) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn socket_dir(data_dir: &Path) -> Option<std::path::PathBuf> {
    let below = |directory: &Path| -> Vec<std::path::PathBuf> {
        std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    };
    let mut directories = vec![data_dir.to_path_buf()];
    while let Some(directory) = directories.pop() {
        if directory.join(".s.PGSQL.5432").exists() {
            return Some(directory);
        }
        directories.extend(below(&directory).into_iter().filter(|path| path.is_dir()));
    }
    None
}

/// The binary with its own database, as somebody runs it: the disk has no note, and a rotation keeps it readable.
#[actix_web::test]
async fn on_a_real_disk_nothing_is_in_the_clear_and_a_rotation_loses_nothing() {
    let place = Place::new();
    let mut serving = place.serve(&[]);
    let token = |member: &str| {
        let output = place.run(&["token", "create", "--member", member, "--ttl", "1h"]);
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let staff = place.person(&place.printed("COORDINATOR_TOKEN"));
    let members = staff.get("/v1/members").await.expect(200).body["data"].as_array().unwrap().clone();
    let id_of = |role: &str| members.iter().find(|one| one["role"] == role).unwrap()["id"].as_str().unwrap().to_owned();
    let (admin, coordinator) = (id_of("admin"), id_of("coordinator"));
    let site_key = place.person(&place.printed("SITE_KEY"));
    let routes = site_key.get("/v1/routes").await.expect(200).body["data"].as_array().unwrap().clone();
    let route = routes.iter().find(|route| route["status"] == "launched").unwrap();
    let today = chrono::Utc::now().date_naive();
    let body = json!({
        "study": route["study"], "fields": FIELDS, "purpose": "warm_handoff", "approval_reference": "IRB-1",
        "valid_from": today - chrono::Days::new(1), "valid_until": today + chrono::Days::new(30),
    });
    place.person(&token(&admin)).post("/v1/approved-processes", &body).await.expect(201);
    let canary = "Goldhähnchen singt im Fichtenwipfel";
    let mut details = all();
    details["sealed_note"] = json!(canary);
    let body = json!({
        "partner": route["partner"], "study": route["study"], "channel": "secure_form", "contact_basis": "permission_to_contact",
        "contact_path": "sealed_details", "details": details, "partner_reference": "Wintergoldreferenz",
    });
    let id = site_key.post("/v1/referrals", &body).await.expect(201).id();
    let seen = |answer: Value| assert_eq!(answer["details"], details);
    seen(read(&staff, &id).await.expect(200).body);
    query(&socket_dir(&place.data_dir()).expect("a socket"), "CHECKPOINT").unwrap();
    for text in [canary, "Fichtenwipfel", "weekday_evening\",\"interp"] {
        assert_eq!(files_with(&place.data_dir(), text.as_bytes()), [] as [&str; 0], "{text}");
    }
    let kept = files_with(&place.data_dir(), b"Wintergoldreferenz");
    assert!(kept.len() >= 2, "the control: what is kept in the clear is found, in the table and in the log: {kept:?}");
    assert!(!serving.log().contains("Fichtenwipfel"));

    serving.stop();
    assert!(place.run(&["master-key", "rotate"]).status.success());
    serving = place.serve(&[]);
    seen(read_for(&place.person(&token(&coordinator)), &id, json!({"purpose": "plan_visit"})).await.expect(200).body);
    let status = || String::from_utf8(place.run(&["master-key", "status"]).stdout).unwrap();
    wait_for("the seal under the new key", Duration::from_secs(90), || {
        let status = status();
        let of = |key: &str| status.lines().find(|line| line.contains(key)).unwrap_or_default().to_owned();
        (of("current key").ends_with(" 1 sealed detail(s)") && of("also accepted, number 1").ends_with(" 0 sealed detail(s)"))
            .then_some(())
    });
    serving.stop();
    std::fs::remove_file(place.data_dir().join("master.key.also")).unwrap();
    serving = place.serve(&[]);
    seen(read_for(&place.person(&token(&coordinator)), &id, json!({"purpose": "plan_visit"})).await.expect(200).body);
    serving.stop();
}
