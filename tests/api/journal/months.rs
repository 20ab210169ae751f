//! Events and audit entries by month: made ahead, filled by everybody who writes, dropped when the owner wants them kept no longer, and by
//! nobody else.

mod load;

use std::process::Command;

use chrono::{Months, NaiveDate, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};
use handoff::db::{APP_ROLE, OWNER_ROLE, migrate};
use handoff::domain::journal::first_id;
use handoff::jobs::{journal_months, sequencer};
use serde_json::{Value, json};

use super::tampering::audit;
use crate::support::db::Database;
use crate::support::{App, make};

/// The database as it would be, had it been migrated long ago and served by nobody since: what there is lies where nobody made a month for it.
const MADE_LONG_AGO: &str = "
    ALTER TABLE events DETACH PARTITION months.events_first;
    ALTER TABLE audit_entries DETACH PARTITION months.audit_entries_first;
    INSERT INTO audit_entries TABLE months.audit_entries_first;
    INSERT INTO events OVERRIDING SYSTEM VALUE TABLE months.events_first;
    TRUNCATE months.events_first, months.audit_entries_first;
    ALTER TABLE events ATTACH PARTITION months.events_first FOR VALUES FROM (MINVALUE) TO ('01941f29-7c00-0000-0000-000000000000');
    ALTER TABLE audit_entries ATTACH PARTITION months.audit_entries_first FOR VALUES FROM (MINVALUE) TO ('01941f29-7c00-0000-0000-000000000000');
    UPDATE directory.journal_months SET ends_on = '2025-01-01'";

#[derive(QueryableByName)]
struct Text {
    #[diesel(sql_type = diesel::sql_types::Text)]
    text: String,
}

fn texts(db: &Database, query: &str) -> Vec<String> {
    sql_query(query).load::<Text>(&mut db.superuser()).unwrap().into_iter().map(|row| row.text).collect()
}

/// Where rows are, by the name of their table.
fn places(db: &Database, parent: &str) -> Vec<String> {
    texts(db, &format!("SELECT tableoid::regclass || ' ' || count(*) AS text FROM {parent} GROUP BY tableoid ORDER BY 1"))
}

async fn pass(app: &App) -> usize {
    journal_months::pass(&app.state).await.unwrap()
}

/// Has the owner want nothing kept from before the month that begins next, which no command lets anybody say of one so young; says when it
/// begins. Tests write in June 2026, and the sites that they find were made just now: all of it goes.
fn expire(app: &App) -> String {
    let sql = "ALTER TABLE directory.journal_retention DROP CONSTRAINT journal_retention_months_range;
        INSERT INTO directory.journal_retention (months) VALUES (-1)";
    app.db.superuser().batch_execute(sql).unwrap();
    texts(&app.db, "SELECT (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month')::date::text AS text").remove(0)
}

/// Lets the time of the server come that is of no month that goes, and in which whoever says so is believed.
fn come_later(app: &App) {
    app.clock.advance(Utc::now() + chrono::Duration::days(430) - app.clock.now());
}

async fn feed(app: &App) -> (Vec<Value>, String) {
    let page = app.person(&app.site.narrow_key).get("/v1/events?limit=200").await.expect(200).body;
    assert_eq!(page["has_more"], false);
    (page["data"].as_array().unwrap().clone(), page["next_cursor"].as_str().unwrap().to_owned())
}

async fn trail(app: &App) -> Vec<Value> {
    app.admin().get("/v1/audit?limit=200").await.expect(200).body["data"].as_array().unwrap().clone()
}

/// `handoff audit …` as the owner of the tables runs it.
fn as_owner(app: &App, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handoff"));
    command.env_clear().arg("audit").args(arguments).env("HANDOFF_MASTER_KEY", "5a".repeat(32));
    command.env("DATABASE_URL", app.db.url(APP_ROLE)).env("HANDOFF_MIGRATE_DATABASE_URL", app.db.url(OWNER_ROLE));
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

fn verify(app: &App) -> (bool, String) {
    audit(app, &["verify", "--site", &app.site.id.to_string()])
}

#[actix_web::test]
async fn months_are_made_ahead_and_take_in_what_came_before_them() {
    let app = App::start().await;
    let id = make::sent(&app.partner()).await.id();
    app.sequence().await;
    assert!(places(&app.db, "events").iter().all(|place| place.starts_with("months.events_first ")));
    let (before, _) = feed(&app).await;
    app.db.superuser().batch_execute(MADE_LONG_AGO).unwrap();
    assert!(places(&app.db, "audit_entries").iter().all(|place| place.starts_with("months.audit_entries_rest ")));
    // Nothing that is written depends on the months.
    let late = make::sent(&app.partner()).await.id();

    let made = pass(&app).await;
    let months = texts(&app.db, "SELECT name AS text FROM directory.journal_months ORDER BY ends_on");
    let ahead = app.db.count(
        "SELECT count(*) AS count FROM directory.journal_months WHERE ends_on > date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month'",
    );
    assert_eq!((made + 1, ahead, months[1].as_str()), (months.len(), 3, "2025_01"));
    assert_eq!(pass(&app).await, 0, "and once is enough");
    for parent in ["events", "audit_entries"] {
        let places = places(&app.db, parent);
        assert!(places.iter().any(|place| place.starts_with(&format!("months.{parent}_2026_06 "))), "{places:?}");
        assert!(!places.iter().any(|place| place.contains("_rest") || place.contains("_first")), "{places:?}");
    }
    app.sequence().await;
    let (after, _) = feed(&app).await;
    assert_eq!(
        after.iter().map(|event| &event["id"]).collect::<Vec<_>>()[..before.len()],
        before.iter().map(|event| &event["id"]).collect::<Vec<_>>()
    );
    for id in [id, late] {
        app.coordinator().get(&format!("/v1/referrals/{id}/events")).await.expect(200);
    }
    let (whole, told) = verify(&app);
    assert!(whole && !told.contains("dropped"), "{told}");
}

#[actix_web::test]
async fn an_old_month_goes_once_every_trail_says_so_and_what_is_younger_stays() {
    let app = App::start().await;
    app.db.superuser().batch_execute(MADE_LONG_AGO).unwrap();
    pass(&app).await;
    let old = make::sent(&app.partner()).await.id();
    app.sequence().await;
    let (told, cursor) = feed(&app).await;
    let sealed = trail(&app).await.len();
    come_later(&app);
    let young = make::sent(&app.partner()).await.id();
    app.sequence().await;
    assert_eq!(pass(&app).await, 0, "for good, unless the owner says otherwise");
    let until = expire(&app);
    let going = format!("SELECT count(*) AS count FROM directory.journal_months WHERE ends_on <= '{until}'");
    let months = app.db.count(&going);
    assert!(months > 24);

    // Each site says it in its own trail, and nothing goes before that is sealed.
    assert_eq!(pass(&app).await, 0);
    assert_eq!((feed(&app).await.0.len(), app.db.count(&going)), (told.len() + 1, months), "it is there, and shown");
    let (whole, verdict) = verify(&app);
    assert!(whole && !verdict.contains("dropped"), "{verdict}");
    app.sequence().await;
    assert_eq!(pass(&app).await as i64, months);
    let left = format!("SELECT count(*) AS count FROM events WHERE id < '{}'", first_id(until.parse().unwrap()));
    assert_eq!((app.db.count(&going), app.db.count(&left)), (0, 0));
    assert_eq!(pass(&app).await, 0);

    let entries = trail(&app).await;
    assert_eq!(entries.iter().map(|entry| &entry["operation"]).collect::<Vec<_>>(), ["drop_journal_month", "create_referral"]);
    assert_eq!(entries[0]["changes"], json!([{"field": "kept_from", "before": null, "after": until}]));
    assert_eq!(entries[0]["actor"]["kind"], "system");
    assert_eq!(entries[1]["subject"]["id"], young.as_str());
    let (whole, verdict) = verify(&app);
    assert!(whole && verdict.contains(&format!(" {sealed} dropped with their months,")), "{verdict}");
    let (site, entry) = (app.site.id.to_string(), entries[0]["id"].as_str().unwrap());
    let (redacted, told_why) = as_owner(&app, &["redact", "--site", &site, "--entry", entry, "--reason", "erasure"]);
    assert!(!redacted && told_why.contains("which stays said"), "{told_why}");
    let (exported, text) = audit(&app, &["export", "--referral", &old, "--site", &app.site.id.to_string()]);
    assert!(exported && text.contains("are kept no longer"), "{text}");

    // The referral is there; a bookmark from before goes on behind what went, and whoever has none begins there.
    app.coordinator().get(&format!("/v1/referrals/{old}")).await.expect(200);
    let history = app.coordinator().get(&format!("/v1/referrals/{old}/events")).await.expect(200);
    assert_eq!(history.body["data"], json!([]));
    let next = app.person(&app.site.narrow_key).get(&format!("/v1/events?cursor={cursor}")).await.expect(200).body;
    assert_eq!(next["data"], json!(feed(&app).await.0));
    make::sent(&app.partner()).await;
    app.sequence().await;
    let positions: Vec<Value> = feed(&app).await.0.iter().map(|event| event["position"].clone()).collect();
    assert_eq!(positions, [json!(told.len() + 1), json!(told.len() + 2)], "positions go on");
}

#[actix_web::test]
async fn entries_that_somebody_took_out_are_told_from_those_of_a_dropped_month() {
    let app = App::start().await;
    make::sent(&app.partner()).await;
    app.sequence().await;
    let site = app.site.id;
    let day: NaiveDate = "2026-07-01".parse().unwrap();
    let take_out = format!("DELETE FROM audit_entries WHERE site_id = '{site}' AND id < '{}'", first_id(day));
    // Taken out; the head says that they went with their month; the trail says so too, and is told that they were younger than may go.
    let lie = |day: NaiveDate, recorded_at: &str| {
        format!(
            "INSERT INTO audit_entries SELECT (jsonb_populate_record(a, jsonb_build_object('id', '{}', 'operation', 'drop_journal_month', 'recorded_at', '{recorded_at}',
                 'subject_id', '{site}', 'after', '{{\"kept_from\":\"{day}\"}}'))).* FROM audit_entries a WHERE site_id = '{site}' ORDER BY id LIMIT 1;
             INSERT INTO journal_queue (site_id, id, stream) VALUES ('{site}', '{}', 'audit')",
            first_id("2030-01-01".parse().unwrap()),
            first_id("2030-01-01".parse().unwrap()),
        )
    };
    let floor = format!("UPDATE journal_heads SET kept_from = '{day}', audit_floor = 1 WHERE site_id = '{site}'");
    for lie in [String::new(), floor, lie(day, "2031-01-01")] {
        app.db.superuser().batch_execute(&format!("BEGIN; {lie}; {take_out}; COMMIT")).unwrap();
        app.sequence().await;
        let (whole, told) = verify(&app);
        assert!(!whole && told.contains("its entry is missing"), "{lie}: {told}");
    }
    // A month went, and after that somebody takes out what is younger.
    let app = App::start().await;
    app.db.superuser().batch_execute(MADE_LONG_AGO).unwrap();
    app.sequence().await;
    come_later(&app);
    let kept = make::sent(&app.partner()).await.id();
    expire(&app);
    for _ in 0..2 {
        pass(&app).await;
        app.sequence().await;
    }
    let (whole, told) = verify(&app);
    assert!(whole && told.contains("dropped with their months"), "{told}");
    app.db.superuser().batch_execute(&format!("DELETE FROM audit_entries WHERE subject_id = '{kept}'")).unwrap();
    let (whole, told) = verify(&app);
    assert!(!whole && told.contains("its entry is missing"), "{told}");
}

#[actix_web::test]
async fn who_serves_drops_no_month_that_the_owner_wants_kept_and_hides_and_reaches_none() {
    let app = App::start().await;
    make::sent(&app.partner()).await;
    app.sequence().await;
    app.db.superuser().batch_execute(MADE_LONG_AGO).unwrap();
    pass(&app).await;
    let drop_one = "SELECT directory.drop_journal_month()::text AS text";
    let asked = |sql: &str| {
        let rows = sql_query(sql).load::<Text>(&mut app.db.app());
        rows.map(|rows| rows.into_iter().map(|row| row.text).collect::<Vec<_>>())
    };
    assert_eq!(asked(drop_one).unwrap(), ["false"], "for good");
    app.db.owner().batch_execute("INSERT INTO directory.journal_retention (months) VALUES (1200)").unwrap();
    assert_eq!(asked(drop_one).unwrap(), ["false"], "a hundred years");
    let site = app.site.id;
    for sql in [
        "SELECT count(*)::text AS text FROM months.events_first",
        "SELECT count(*)::text AS text FROM months.audit_entries_2026_06",
        "SELECT count(*)::text AS text FROM months.audit_entries_rest",
        "INSERT INTO directory.journal_retention (months) VALUES (12) RETURNING months::text AS text",
        "UPDATE directory.journal_retention SET months = 12 RETURNING months::text AS text",
        "DELETE FROM directory.journal_months RETURNING name AS text",
        "UPDATE journal_heads SET live_floor = 1 RETURNING live_floor::text AS text",
        "UPDATE journal_heads SET audit_floor = 1 RETURNING audit_floor::text AS text",
        "UPDATE journal_heads SET kept_from = '2999-01-01' RETURNING kept_from::text AS text",
    ] {
        assert!(asked(sql).unwrap_err().to_string().contains("permission denied"), "{sql}");
    }
    let set = app.db.owner().batch_execute("UPDATE directory.journal_retention SET months = 11");
    assert!(set.unwrap_err().to_string().contains("journal_retention_months_range"));
    // Whoever may do everything hides the trail: its entries are there all the same.
    assert!(verify(&app).0);
    app.db.superuser().batch_execute(&format!("UPDATE journal_heads SET audit_floor = 9000 WHERE site_id = '{site}'")).unwrap();
    let (whole, told) = verify(&app);
    assert!(!whole && told.contains("its entry is hidden"), "{told}");
    app.db.superuser().batch_execute("UPDATE journal_heads SET audit_floor = 0").unwrap();

    // The owner wants it to go: not before the trail of every site says so, and it is sealed.
    app.db.superuser().batch_execute("DELETE FROM directory.journal_retention").unwrap();
    expire(&app);
    assert_eq!(asked(drop_one).unwrap(), ["false"], "no trail says so");
    come_later(&app);
    pass(&app).await;
    assert_eq!(asked(drop_one).unwrap(), ["false"], "it is not sealed");
    sequencer::catch_up(&app.state, site).await.unwrap();
    assert_eq!(asked(drop_one).unwrap(), ["false"], "not at every site");
    app.sequence().await;
    assert_eq!(asked(drop_one).unwrap(), ["true"]);
}

#[actix_web::test]
async fn a_page_of_the_feed_goes_on_behind_places_whose_events_are_gone() {
    let app = App::start().await;
    app.db.superuser().batch_execute(MADE_LONG_AGO).unwrap();
    pass(&app).await;
    for _ in 0..3 {
        make::sent(&app.partner()).await;
    }
    app.sequence().await;
    let before = feed(&app).await.0.len();
    come_later(&app);
    let first = make::sent(&app.partner()).await.id();
    // A clock that is behind: its events go, and lie between those that stay.
    app.clock.advance(-chrono::Duration::days(430));
    for _ in 0..4 {
        make::sent(&app.partner()).await;
    }
    app.clock.advance(chrono::Duration::days(430));
    let second = make::sent(&app.partner()).await.id();
    app.sequence().await;
    expire(&app);
    for _ in 0..2 {
        pass(&app).await;
        app.sequence().await;
    }
    for limit in [1, 2, 3, 200] {
        let (mut cursor, mut seen, mut pages) = (String::new(), Vec::new(), 0);
        loop {
            let page = app.person(&app.site.narrow_key).get(&format!("/v1/events?limit={limit}{cursor}")).await.expect(200).body;
            seen.extend(page["data"].as_array().unwrap().iter().map(|event| event["referral_id"].as_str().unwrap().to_owned()));
            pages += 1;
            if page["has_more"] == false {
                break;
            }
            cursor = format!("&cursor={}", page["next_cursor"].as_str().unwrap());
        }
        assert_eq!(seen, [first.clone(), second.clone()], "limit {limit}");
        assert!(pages <= 7, "{pages} pages: what was dropped before the first is not looked through ({before} events)");
    }
}

#[actix_web::test]
async fn the_owner_says_at_the_command_line_how_long_months_are_kept() {
    let app = App::start().await;
    let keep = |arguments: &[&str]| as_owner(&app, &[&["keep"], arguments].concat());
    let kept = || texts(&app.db, "SELECT months::text AS text FROM directory.journal_retention");
    let (done, told) = audit(&app, &["keep", "--months", "84"]);
    assert!(!done && told.contains("HANDOFF_MIGRATE_DATABASE_URL"), "{told}");
    for wrong in [&["--months", "11"][..], &["--months", "1201"], &[], &["--months", "84", "--for-good"]] {
        assert!(!keep(wrong).0, "{wrong:?}");
    }
    assert_eq!(kept(), Vec::<String>::new());
    for months in ["84", "120"] {
        assert!(keep(&["--months", months]).0);
        assert_eq!(kept(), [months]);
    }
    let (done, told) = keep(&["--for-good"]);
    assert!(done && told.contains("for good"), "{told}");
    assert_eq!(kept(), Vec::<String>::new());
}

#[actix_web::test]
async fn what_was_written_before_there_were_months_stays_as_it_was_and_so_it_does_on_the_way_back() {
    let app = App::start().await;
    make::sent(&app.partner()).await;
    app.sequence().await;
    let rows = || {
        let all = "SELECT md5(string_agg(e::text, '|' ORDER BY id)) AS text FROM";
        [texts(&app.db, &format!("{all} events e")), texts(&app.db, &format!("{all} audit_entries e"))]
    };
    let before = rows();
    let migrations =
        || diesel_migrations::FileBasedMigrations::from_path(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap();
    use diesel_migrations::MigrationHarness as _;
    for _ in 0..3 {
        app.db.owner().revert_last_migration(migrations()).unwrap();
    }
    assert_eq!(
        texts(&app.db, "SELECT relkind::text AS text FROM pg_class WHERE oid = 'public.events'::regclass"),
        ["r"],
        "the last three make them"
    );
    assert_eq!(rows(), before);
    let numbers = |db: &Database| texts(db, "SELECT last_value::text AS text FROM events_number_seq");
    let number = numbers(&app.db);
    assert_eq!(migrate(&mut app.db.owner()).unwrap(), 3);
    assert_eq!((rows(), numbers(&app.db)), (before, number));
    make::sent(&app.partner()).await;
    app.sequence().await;
    assert!(verify(&app).0);
}

#[actix_web::test]
async fn what_a_clock_wrote_that_was_ahead_makes_the_first_months_longer() {
    let app = App::start().await;
    make::sent(&app.partner()).await;
    let migrations =
        || diesel_migrations::FileBasedMigrations::from_path(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap();
    use diesel_migrations::MigrationHarness as _;
    for _ in 0..3 {
        app.db.owner().revert_last_migration(migrations()).unwrap();
    }
    let ahead = Utc::now().date_naive() + Months::new(30);
    let sql = format!(
        "INSERT INTO audit_entries SELECT (jsonb_populate_record(a, '{{\"id\": \"{}\"}}')).* FROM audit_entries a ORDER BY id LIMIT 1",
        first_id(ahead)
    );
    app.db.superuser().batch_execute(&sql).unwrap();
    let count = || app.db.count("SELECT count(*) AS count FROM audit_entries");
    let before = count();
    assert_eq!(migrate(&mut app.db.owner()).unwrap(), 3);
    assert_eq!(count(), before);
    assert_eq!(texts(&app.db, &format!("SELECT (ends_on > '{ahead}')::text AS text FROM directory.journal_months")), ["true"]);
    assert_eq!(pass(&app).await, 0, "there is no month to be made for years");
    make::sent(&app.partner()).await;
}

#[test]
fn the_first_id_of_a_day_is_the_same_here_and_there() {
    let db = Database::new();
    let mut day: NaiveDate = "2025-01-01".parse().unwrap();
    while day < "2140-01-01".parse().unwrap() {
        let there = texts(&db, &format!("SELECT directory.first_id('{day}')::text AS text"));
        assert_eq!(there, [first_id(day).to_string()], "{day}");
        day = day + Months::new(17);
    }
}
