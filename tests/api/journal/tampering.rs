//! S7: whoever may do everything to the database, and knows how a chain is made, against what has left it.
//!
//! Every tampering here is followed by writing the chain anew, so that it verifies by itself. `audit.rs` has those that are not.

use std::process::Command;

use diesel::connection::SimpleConnection as _;
use handoff::auth::operator_scope;
use handoff::db::{APP_ROLE, OWNER_ROLE};
use handoff::jobs::audit_anchors;
use handoff::privacy::chain::{self, GENESIS};
use handoff::store::journal;
use serde_json::json;

use crate::support::app::Setup;
use crate::support::{App, make};

/// The place of an anchor file, gone with the test.
struct Place(&'static str);

impl Place {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("handoff-anchors-{}.ndjson", uuid::Uuid::now_v7()));
        Self(Box::leak(path.to_str().unwrap().to_owned().into_boxed_str()))
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.0).unwrap_or_default()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.0);
    }
}

async fn app(place: &Place) -> App {
    App::start_with(Setup { anchors: Some(place.0), ..Setup::default() }).await
}

/// `handoff audit …` as the operator runs it; whether it succeeded, and what it printed on both ways.
pub(super) fn audit(app: &App, arguments: &[&str]) -> (bool, String) {
    audit_with(app, arguments, &[])
}

fn audit_with(app: &App, arguments: &[&str], settings: &[(&str, String)]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handoff"));
    command.env_clear().arg("audit").args(arguments).envs(settings.iter().cloned());
    command.env("DATABASE_URL", app.db.url(APP_ROLE)).env("HANDOFF_MASTER_KEY", "5a".repeat(32));
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

fn verify(app: &App, anchors: &str) -> (bool, String) {
    audit(app, &["verify", "--site", &app.site.id.to_string(), "--anchors", anchors])
}

async fn anchored(app: &App) -> usize {
    app.sequence().await;
    audit_anchors::pass(&app.state).await.unwrap()
}

/// Writes the chain of the site anew over what is there, seals, places and head, as a server would.
fn write_anew(app: &App) {
    let mut conn = app.db.superuser();
    let site = app.site.id;
    let (mut hash, mut position) = (GENESIS, 0);
    let mut sql = format!("SET session_replication_role = replica; DELETE FROM audit_seals WHERE site_id = '{site}'");
    for (seal, entry) in journal::chain(&mut conn, &operator_scope(site), 0, 10_000).unwrap() {
        position += 1;
        hash = chain::link(&hash, &entry.unwrap().link(position));
        let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        sql += &format!(
            "; INSERT INTO audit_seals (site_id, position, entry_id, hash) VALUES ('{site}', {position}, '{}', '\\x{digits}')",
            seal.entry_id
        );
        sql += &format!(
            "; UPDATE journal_heads SET audit_position = {position}, audit_hash = '\\x{digits}' WHERE site_id = '{site}'"
        );
    }
    conn.batch_execute(&sql).unwrap();
}

const KEEP: &str = "CREATE SCHEMA kept; CREATE TABLE kept.e AS TABLE audit_entries; CREATE TABLE kept.s AS TABLE audit_seals;
    CREATE TABLE kept.h AS TABLE journal_heads";
const RESTORE: &str =
    "SET session_replication_role = replica; DELETE FROM audit_seals; DELETE FROM audit_entries; DELETE FROM journal_heads;
    INSERT INTO audit_entries TABLE kept.e; INSERT INTO audit_seals TABLE kept.s; INSERT INTO journal_heads TABLE kept.h";

#[actix_web::test]
async fn six_tamperings_that_write_the_chain_anew_are_told_from_the_anchors() {
    let place = Place::new();
    let app = app(&place).await;
    let mut superuser = app.db.superuser();
    for _ in 0..3 {
        make::sent(&app.partner()).await;
    }
    app.sequence().await;
    superuser.batch_execute(&KEEP.replace("kept", "backup")).unwrap();
    assert_eq!(anchored(&app).await, 2, "both sites' chains went on");
    for _ in 0..3 {
        make::sent(&app.partner()).await;
    }
    assert_eq!((anchored(&app).await, anchored(&app).await), (1, 0), "one went on since, then none");
    for _ in 0..2 {
        make::sent(&app.partner()).await;
    }
    app.sequence().await;
    superuser.batch_execute(KEEP).unwrap();
    let (whole, told) = verify(&app, place.0);
    assert!(whole && told.contains("2 anchors agree"), "the control: {told}");

    let site = app.site.id;
    let at = |position: i64| format!("(SELECT entry_id FROM audit_seals WHERE site_id = '{site}' AND position = {position})");
    let end = app.db.count(&format!("SELECT audit_position AS count FROM journal_heads WHERE site_id = '{site}'"));
    let cut = |from: i64| {
        format!(
            "DELETE FROM audit_entries WHERE id IN (SELECT entry_id FROM audit_seals WHERE site_id = '{site}' AND position >= {from});
             DELETE FROM journal_queue; DELETE FROM audit_seals WHERE site_id = '{site}' AND position >= {from}"
        )
    };
    let tamperings = [
        ("an edit", format!("UPDATE audit_entries SET actor_kind = 'system' WHERE id = {}", at(3)), "not the one that was anchored"),
        ("a deletion", cut(3).replace(">= 3", "= 3"), "not the one that was anchored"),
        ("a cut tail", cut(end - 3), "ends before what was anchored"),
        (
            "a suffix written anew",
            format!("UPDATE audit_entries SET reason = 'wrong_study' WHERE id IN (SELECT entry_id FROM audit_seals WHERE site_id = '{site}' AND position > {})", end - 4),
            "not the one that was anchored",
        ),
        (
            "another order",
            format!(
                "CREATE TEMP TABLE two AS SELECT position, entry_id FROM audit_seals WHERE site_id = '{site}' AND position IN (3, 4);
                 DELETE FROM audit_seals WHERE site_id = '{site}' AND position IN (3, 4);
                 INSERT INTO audit_seals SELECT '{site}', 7 - position, entry_id, sha256('x') FROM two"
            ),
            "not the one that was anchored",
        ),
        ("an old backup", RESTORE.replace("kept", "backup"), "ends before what was anchored"),
    ];
    let nothing = Place::new();
    std::fs::write(nothing.0, "").unwrap();
    for (what, sql, told) in &tamperings {
        superuser.batch_execute("SET session_replication_role = replica").unwrap();
        superuser.batch_execute(sql).unwrap();
        write_anew(&app);
        let (alone, said) = verify(&app, nothing.0);
        assert!(alone, "{what}: the chain is not written anew as whoever is good at it does: {said}");
        let (whole, said) = verify(&app, place.0);
        assert!(!whole && said.contains(&format!("site {site}: broken at position ")) && said.contains(told), "{what}: {said}");
        superuser.batch_execute(RESTORE).unwrap();
    }
    assert!(verify(&app, place.0).0, "whole again");
    println!(
        "audit: {0} of {0} tamperings told although the chain was written anew; none of them without the anchors",
        tamperings.len()
    );
}

#[actix_web::test]
async fn anchors_count_as_far_as_their_key_is_known() {
    let place = Place::new();
    let app = app(&place).await;
    make::sent(&app.partner()).await;
    assert_eq!(anchored(&app).await, 2);
    let sound = place.text();
    // A machine that stops within a line leaves what is no anchor, and the next one is none the worse.
    std::fs::write(place.0, format!("{sound}\n{{\"site_id\":\"0199aa10")).unwrap();
    make::sent(&app.partner()).await;
    assert_eq!(anchored(&app).await, 1);
    let (whole, told) = verify(&app, place.0);
    assert!(whole && told.contains("2 anchors agree"), "{told}");
    for (what, wrong) in [
        ("a place", sound.replace("\"position\":", "\"position\":1")),
        ("a signature", sound.replace("\"signature\":\"", "\"signature\":\"00")),
        ("no anchor", "{\"anything\": 1}\n".to_owned()),
        ("a word", "hello\n".to_owned()),
    ] {
        std::fs::write(place.0, wrong).unwrap();
        let (whole, told) = verify(&app, place.0);
        assert!(!whole && told.contains("line "), "{what}: {told}");
    }
    // Of a master key that is gone: named, it is believed.
    let neighbour = Place::new();
    let other = handoff::privacy::keys::MasterKey::from_hex(&"11".repeat(32)).unwrap();
    let key = other.derive(handoff::privacy::keys::Purpose::AuditAnchor, app.site.id);
    let first = app.db.superuser();
    let hash = journal::chain(&mut { first }, &operator_scope(app.site.id), 0, 1).unwrap().remove(0).0.hash;
    let anchor = handoff::privacy::anchors::Anchor::sign(&key, app.site.id, 1, &hash, app.clock.now()).unwrap();
    std::fs::write(neighbour.0, serde_json::to_string(&anchor).unwrap()).unwrap();
    let (whole, told) = verify(&app, neighbour.0);
    assert!(!whole && told.contains("--public-key"), "{told}");
    let (whole, told) = audit(
        &app,
        &["verify", "--site", &app.site.id.to_string(), "--anchors", neighbour.0, "--public-key", &anchor.public_key],
    );
    assert!(whole && told.contains("1 anchors agree"), "{told}");
    // A site that is gone altogether is missed.
    std::fs::write(place.0, &sound).unwrap();
    let (whole, told) = audit(&app, &["verify", "--anchors", place.0]);
    assert!(whole, "{told}");
    app.db.superuser().batch_execute(&format!("DELETE FROM directory.sites WHERE site_id = '{}'", app.other_site.id)).unwrap();
    let (whole, told) = audit(&app, &["verify", "--anchors", place.0]);
    assert!(!whole && told.contains(&format!("site {}: anchored, and not in the database", app.other_site.id)), "{told}");
    let (_, keys) = audit(&app, &["public-keys"]);
    assert!(sound.contains(keys.split(": ").nth(1).unwrap().trim()), "{keys}");
}

#[actix_web::test]
async fn a_file_that_cannot_be_written_fails_the_job_and_nothing_else() {
    let place = Place("/nowhere/at-all/anchors.ndjson");
    let app = app(&place).await;
    make::sent(&app.partner()).await;
    app.sequence().await;
    audit_anchors::pass(&app.state).await.unwrap_err();
    make::sent(&app.partner()).await;
}

#[actix_web::test]
async fn a_redaction_takes_the_values_leaves_the_chain_and_is_the_owners_alone() {
    let place = Place::new();
    let app = app(&place).await;
    let sent = make::sent(&app.partner()).await;
    assert_eq!(anchored(&app).await, 2);
    let site = app.site.id.to_string();
    let path = format!("/v1/audit?subject_id={}", sent.id());
    let before = app.admin().get(&path).await.expect(200).body["data"][0].clone();
    assert!(!before["changes"].as_array().unwrap().is_empty() && before["redacted"] == false);
    let entry = before["id"].as_str().unwrap();
    let redact = ["redact", "--site", &site, "--entry", entry, "--reason", "erasure"];
    let (done, told) = audit(&app, &redact);
    assert!(!done && told.contains("HANDOFF_MIGRATE_DATABASE_URL"), "the server's role is not enough: {told}");
    let owner = |arguments: &[&str]| audit_with(&app, arguments, &[("HANDOFF_MIGRATE_DATABASE_URL", app.db.url(OWNER_ROLE))]);
    let (done, told) = owner(&["redact", "--site", &site, "--entry", entry, "--reason", "boredom"]);
    assert!(!done && told.contains("--reason"), "{told}");
    let (done, told) = owner(&redact);
    assert!(done, "{told}");
    let (done, told) = owner(&redact);
    assert!(!done && told.contains("taken out before"), "{told}");
    let (done, _) = owner(&["redact", "--site", &app.other_site.id.to_string(), "--entry", entry, "--reason", "erasure"]);
    assert!(!done, "an entry of another site");

    app.sequence().await;
    let after = app.admin().get(&path).await.expect(200).body["data"][0].clone();
    assert_eq!((&after["redacted"], &after["changes"]), (&json!(true), &json!([])));
    for kept in ["id", "position", "recorded_at", "actor", "operation", "subject", "hash"] {
        assert_eq!(before[kept], after[kept], "{kept}");
    }
    let of_it = app.admin().get(&format!("/v1/audit?subject_id={entry}")).await.expect(200).body["data"].clone();
    assert_eq!(of_it.as_array().unwrap().len(), 1, "that it was done stands there once");
    assert_eq!(
        (&of_it[0]["operation"], &of_it[0]["subject"]["kind"], &of_it[0]["reason"], &of_it[0]["actor"]["kind"]),
        (&json!("redact_audit_entry"), &json!("audit_entry"), &json!("erasure"), &json!("operator"))
    );
    let (whole, told) = verify(&app, place.0);
    assert!(whole && told.contains("1 redacted, 1 anchors agree"), "{told}");
    // The control: values that are changed instead are noticed.
    let changed = "SET session_replication_role = replica; UPDATE audit_entries SET after = '{}' WHERE salt IS NOT NULL";
    app.db.superuser().batch_execute(changed).unwrap();
    let (whole, told) = verify(&app, place.0);
    assert!(!whole && told.contains("before and after"), "{told}");
}
