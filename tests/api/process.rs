//! The binary as an operator meets it: first start, kill -9, refusals in one sentence, the command line beside a server.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use serde_json::json;

use crate::embedded::support::{kill_9, servers_under, wait_for};
use crate::support::db::Database;
use crate::support::make;

mod backup;
mod backup_refusals;
mod place;
mod standby;

pub use place::{Place, Serving, refusal};

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[actix_web::test]
async fn the_first_start_serves_a_sample_site_and_says_how_to_try_it() {
    let place = Place::new();
    let serving = place.serve(&[]);
    let printed = serving.printed();
    assert!(printed.contains(&format!("http://{}/docs/", place.address)) && printed.contains("curl"), "{printed}");
    let (partner_key, token) = (place.printed("PARTNER_KEY"), place.printed("COORDINATOR_TOKEN"));
    assert!(printed.contains(&partner_key));
    assert_eq!((mode(&place.data_dir().join("demo.txt")), mode(&place.data_dir().join("master.key"))), (0o600, 0o600));

    let sent = make::sent(&place.person(&partner_key)).await;
    let path = format!("/v1/referrals/{}/transitions", sent.id());
    place.person(&token).post_on(&path, "\"1\"", &json!({"to": "contacting"})).await.expect(200);
    let mut states = std::collections::BTreeSet::new();
    let mut next = Some("/v1/referrals?limit=200".to_owned());
    let mut count = 0;
    while let Some(page) = next {
        let answer = place.person(&place.printed("SITE_KEY")).get(&page).await.expect(200);
        for referral in answer.body["data"].as_array().unwrap() {
            states.insert(referral["status"].as_str().unwrap().to_owned());
            count += 1;
        }
        next = answer.body["next_cursor"].as_str().map(|cursor| format!("/v1/referrals?limit=200&cursor={cursor}"));
    }
    assert_eq!((count, states.len()), (201, 8), "200 referrals in all states, and the one just sent");

    let log = serving.log();
    assert!(log.contains("POST /v1/referrals 201"), "{log}");
    assert!(!log.contains(&partner_key) && !log.contains(&token) && !log.contains("hk_live_"), "keys never reach the log");
    // A token for a member, beside the serving process.
    let sample = std::fs::read_to_string(place.data_dir().join("demo.txt")).unwrap();
    let member = sample.split("--member ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    let output = place.run(&["token", "create", "--member", member, "--ttl", "5m"]);
    let token = String::from_utf8(output.stdout).unwrap();
    place.person(token.trim()).get("/v1/site").await.expect(200);
    // The site's reports, beside it too.
    let report = place.run(&["report", "next-actions"]);
    let report = String::from_utf8(report.stdout).unwrap();
    assert!(report.contains("attempt_contact") && report.contains('█'), "{report}");
    let table = String::from_utf8(place.run(&["report", "source-quality", "--csv"]).stdout).unwrap();
    assert!(table.starts_with("as_of,from,until,partner,study,volume,") && table.lines().count() > 3, "{table}");
    assert!(refusal(&place.run(&["report", "movement", "--study", "no-such-study"])).contains("study: "));
    let second = Place { address: "127.0.0.1:0".parse().unwrap(), home: place.home };
    let said = refusal(&second.run(&[]));
    assert!(said.contains("Another handoff") && said.contains(&serving.child.id().to_string()), "{said}");
    serving.stop();
}

#[actix_web::test]
async fn a_killed_server_loses_nothing_that_was_answered_and_leaves_no_database_running() {
    let place = Place::new();
    let mut serving = place.serve(&[]);
    let key = place.printed("PARTNER_KEY");
    let mut answered = Vec::new();
    for round in 0..3 {
        let senders = (0..4).map(|_| {
            let person = place.person(&key);
            actix_web::rt::spawn(async move {
                let mut ids = Vec::new();
                for _ in 0..10 {
                    ids.push(make::sent(&person).await.id());
                }
                ids
            })
        });
        for sender in senders.collect::<Vec<_>>() {
            answered.extend(sender.await.unwrap());
        }
        kill_9(serving.child.id());
        serving.child.wait().unwrap();
        wait_for("the database to stop by itself", Duration::from_secs(10), || {
            servers_under(&place.data_dir()).is_empty().then_some(())
        });
        serving = place.serve(&[]);
        for id in &answered {
            place.person(&key).get(&format!("/v1/referrals/{id}")).await.expect(200);
        }
        assert_eq!(answered.len(), (round + 1) * 40);
    }
    println!("kill -9: {} answered 201 over 3 kills, 0 lost", answered.len());
    assert!(serving.printed().contains("demo.txt"), "later starts name the file");
    serving.stop();
}

#[actix_web::test]
async fn the_sample_site_is_taken_away_and_does_not_come_back() {
    let place = Place::new();
    let serving = place.serve(&[]);
    let key = place.printed("SITE_KEY");
    assert!(place.run(&["demo", "--remove"]).status.success());
    place.person(&key).get("/v1/site").await.expect_problem(401, "invalid_credentials");
    assert!(!place.data_dir().join("demo.txt").exists());
    refusal(&place.run(&["demo", "--remove"]));
    serving.stop();
    let serving = place.serve(&[]);
    assert!(!place.data_dir().join("demo.txt").exists());
    assert!(place.run(&["demo"]).status.success(), "but it can be asked for");
    place.person(&place.printed("SITE_KEY")).get("/v1/site").await.expect(200);
    serving.stop();

    let place = Place::new();
    place.serve(&["--no-demo"]).stop();
    place.serve(&[]).stop();
    assert!(!place.data_dir().join("demo.txt").exists(), "it was declined on the first start");
}

#[test]
fn what_keeps_it_from_serving_is_one_clear_line() {
    let place = Place::new();
    let taken = TcpListener::bind(place.address).unwrap();
    assert!(refusal(&place.run(&[])).contains("is in use"));
    drop(taken);
    assert!(refusal(&place.command(&[]).env("HANDOFF_POOL_SIZE", "many").output().unwrap()).contains("HANDOFF_POOL_SIZE"));
    assert!(refusal(&place.command(&[]).env("HANDOFF_LISTN", "x").output().unwrap()).contains("HANDOFF_LISTN"));
    std::fs::write(place.home.path().join("file"), "").unwrap();
    refusal(&place.command(&[]).env("HANDOFF_DATA_DIR", place.home.path().join("file")).output().unwrap());
    let said = refusal(&place.command(&[]).env("HANDOFF_EMBEDDED", "off").output().unwrap());
    assert!(said.contains("DATABASE_URL"), "{said}");

    let external = |url: &str| {
        let mut command = place.command(&[]);
        command.env("DATABASE_URL", url).env("HANDOFF_MASTER_KEY", "5a".repeat(32));
        refusal(&command.output().unwrap())
    };
    let said = external("postgresql://canary-user:canary-password@127.0.0.1:1/handoff");
    assert!(said.contains("cannot be reached") && !said.contains("canary"), "{said}");
    let migrated = Database::new();
    assert!(external(&migrated.url("postgres")).contains("superuser"));
    assert!(external(&migrated.url("handoff_owner")).contains("owns"));
    assert!(external(&Database::empty().url("handoff_app")).contains("migration(s) are pending"));
    let said = refusal(&place.command(&[]).env("DATABASE_URL", migrated.url("handoff_app")).output().unwrap());
    assert!(said.contains("HANDOFF_MASTER_KEY"), "{said}");
}

#[actix_web::test]
async fn a_database_of_ones_own_is_migrated_by_its_owner_and_served_by_the_app_role() {
    let place = Place::new();
    let database = Database::empty();
    let with_urls = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.env("HANDOFF_MIGRATE_DATABASE_URL", database.url("handoff_owner"));
        command.env("DATABASE_URL", database.url("handoff_app")).env("HANDOFF_MASTER_KEY", "5a".repeat(32));
        command
    };
    assert!(with_urls(&["migrate"]).output().unwrap().status.success());
    assert!(with_urls(&["migrate"]).output().unwrap().status.success(), "twice is once");
    database.quiet_log();
    assert!(with_urls(&["check"]).output().unwrap().status.success());
    let arguments = [
        "site",
        "create",
        "--name",
        "Uptown",
        "--time-zone",
        "Europe/Berlin",
        "--phone-region",
        "DE",
        "--intake-url",
        "https://intake.uptown.example/",
        "--admin-name",
        "Alex",
        "--admin-email",
        "alex@uptown.example",
    ];
    let output = with_urls(&arguments).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("handoff token create --member"), "{said}");
    let member = ["member", "create", "--name", "Dana", "--email", "dana@uptown.example", "--role", "coordinator"];
    assert!(with_urls(&member).output().unwrap().status.success());
    assert!(refusal(&with_urls(&member).output().unwrap()).contains("already_exists"), "an address stands once");
    let output = with_urls(&["key", "create", "--name", "crm", "--scope", "config:read"]).output().unwrap();
    let key = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    assert!(!database.dump().contains(&key), "only a hash of the key is kept");
    let again = ["key", "create", "--name", "crm", "--scope", "events:read"];
    assert!(refusal(&with_urls(&again).output().unwrap()).contains("active key of this name"), "the API's rules are these");
    let partner = ["key", "create", "--name", "other", "--scope", "partner"];
    assert!(refusal(&with_urls(&partner).output().unwrap()).contains("cannot carry `partner`"));

    let serving = Serving::of(&place, with_urls(&[]));
    wait_for("the server", Duration::from_secs(30), || {
        with_urls(&["healthcheck"]).output().unwrap().status.success().then_some(())
    });
    let site = place.person(&key).get("/v1/site").await.expect(200);
    assert_eq!(site.body["time_zone"], "Europe/Berlin");
    // What the command line did is sealed by the server, and the command line verifies it beside the server.
    wait_for("the sequencer", Duration::from_secs(10), || {
        (database.count("SELECT count(*) FROM journal_queue") == 0).then_some(())
    });
    let output = with_urls(&["audit", "verify"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains("whole, 4 entries, 0 redacted"), "{said}");
    database.superuser().batch_execute("UPDATE audit_entries SET operation = 'other' WHERE operation = 'create_member'").unwrap();
    let output = with_urls(&["audit", "verify"]).output().unwrap();
    assert!(refusal(&output).contains("not whole"));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("broken at position 2") && said.contains("differs from what was sealed"), "{said}");
    assert!(!place.data_dir().exists(), "nothing is kept outside the database");

    let listed = String::from_utf8(with_urls(&["key", "list"]).output().unwrap().stdout).unwrap();
    let (id, rest) = listed.trim().split_once(' ').unwrap();
    assert_eq!(rest, "active   live site crm");
    let revoke = ["key", "revoke", "--id", id, "--reason", "compromised"];
    assert!(with_urls(&revoke).output().unwrap().status.success());
    place.person(&key).until_refused("/v1/site", std::time::Instant::now()).await;
    assert!(refusal(&with_urls(&revoke).output().unwrap()).contains("revoked already"));
    let audited = "SELECT count(*) FROM audit_entries WHERE operation = 'revoke_api_key' AND actor_kind = 'operator' AND reason = 'compromised'";
    assert_eq!(database.count(audited), 1);
    serving.stop();
    let used = "SELECT count(*) FROM api_keys WHERE last_used_at IS NOT NULL";
    assert_eq!(database.count(used), 1, "a server that stops writes down the uses that it remembers");
}

#[actix_web::test]
async fn settings_that_let_values_into_the_servers_log_are_named_by_check_and_at_the_start() {
    let place = Place::new();
    let database = Database::new();
    database.quiet_log();
    let with_url = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.env("DATABASE_URL", database.url("handoff_app")).env("HANDOFF_MASTER_KEY", "5a".repeat(32));
        command
    };
    assert!(with_url(&["check"]).output().unwrap().status.success());
    let name = database.url("handoff_app").rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    for (setting, value) in [("log_min_messages", "warning"), ("log_error_verbosity", "default"), ("log_statement", "all")] {
        database.superuser().batch_execute(&format!("ALTER DATABASE {name} SET {setting} = '{value}'")).unwrap();
        let output = with_url(&["check"]).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(!output.status.success() && said.contains(&format!("{setting} is {value}; set it to")), "{said}");
    }
    let serving = Serving::of(&place, with_url(&[]));
    wait_for("the server", Duration::from_secs(30), || {
        with_url(&["healthcheck"]).output().unwrap().status.success().then_some(())
    });
    assert!(serving.log().contains("log_statement is all; set it to none"), "{}", serving.log());
    serving.stop();
}

#[actix_web::test]
async fn the_master_key_is_rotated_beside_the_data_and_nobody_has_to_log_in_again() {
    let place = Place::new();
    assert!(refusal(&place.run(&["master-key", "rotate"])).contains("first start"));
    place.serve(&[]).stop();
    let read = |name: &str| std::fs::read_to_string(place.data_dir().join(name)).unwrap();
    let (first, token) = (read("master.key"), place.printed("COORDINATOR_TOKEN"));
    assert!(place.run(&["master-key", "rotate"]).status.success());
    let second = read("master.key");
    assert_eq!((read("master.key.also"), mode(&place.data_dir().join("master.key.also"))), (first.clone(), 0o600));
    assert!(place.run(&["master-key", "rotate"]).status.success());
    assert_eq!(read("master.key.also"), format!("{second}{first}"), "the latest first");
    assert!(![first.clone(), second].contains(&read("master.key")));

    let serving = place.serve(&[]);
    place.person(&token).get("/v1/site").await.expect(200);
    let mut body = make::referral();
    body["match"] = json!({"email": "ana@mail.example"});
    place.person(&place.printed("PARTNER_KEY")).post("/v1/referrals", &body).await.expect(201);
    let output = place.run(&["master-key", "status"]);
    let said = String::from_utf8(output.stdout).unwrap();
    for line in
        ["1 current, 2 also accepted", "current key: 1 digest(s) of referrals", "number 2: 0 digest(s)", "0 of withdrawals"]
    {
        assert!(said.contains(line), "{said}");
    }
    let log = format!("{said}{}{}", serving.log(), serving.printed());
    assert!([&first, &read("master.key")].iter().all(|key| !log.contains(key.trim())), "keys are never printed");
    serving.stop();
    // The control: without the earlier keys the token is nobody's.
    std::fs::remove_file(place.data_dir().join("master.key.also")).unwrap();
    let serving = place.serve(&[]);
    place.person(&token).get("/v1/site").await.expect_problem(401, "invalid_credentials");
    serving.stop();
    for _ in 0..4 {
        assert!(place.run(&["master-key", "rotate"]).status.success());
    }
    let kept = (read("master.key"), read("master.key.also"));
    assert!(refusal(&place.run(&["master-key", "rotate"])).contains("more than 4 keys"));
    assert_eq!((read("master.key"), read("master.key.also")), kept, "nothing is written when there is no room");
}

#[test]
fn a_master_key_of_the_settings_is_rotated_there() {
    let place = Place::new();
    let database = Database::new();
    let with_keys = |arguments: &[&str], also: &str| {
        let mut command = place.command(arguments);
        command.env("DATABASE_URL", database.url("handoff_app")).env("HANDOFF_MASTER_KEY", "5a".repeat(32));
        command.env("HANDOFF_MASTER_KEY_ALSO", also).output().unwrap()
    };
    let output = with_keys(&["master-key", "rotate"], "");
    assert!(String::from_utf8(output.stdout).unwrap().contains("HANDOFF_MASTER_KEY_ALSO"));
    assert!(with_keys(&["check"], &format!("{}\n{}", "6b".repeat(32), "7c".repeat(32))).status.success());
    for (also, says) in
        [("5a".repeat(32), "it is for another one"), ("canary".into(), "does not hold keys"), (" ".into(), "does not hold keys")]
    {
        let said = refusal(&with_keys(&["check"], &also));
        assert!(said.contains(says) && said.contains("HANDOFF_MASTER_KEY_ALSO") && !said.contains("canary"), "{said}");
    }
    let alone = place.command(&["check"]).env("HANDOFF_MASTER_KEY_ALSO", "5a".repeat(32)).output().unwrap();
    assert!(refusal(&alone).contains("goes with HANDOFF_MASTER_KEY"));
}

#[test]
fn the_document_can_be_printed() {
    let output = Place::new().run(&["openapi", "-"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
}
