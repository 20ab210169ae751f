//! What the queue finds and counts by aging, in SQL, is what `domain::aging` says: for every state, blocker and due time there is.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use diesel::RunQueryDsl as _;
use diesel::connection::SimpleConnection as _;
use handoff::domain::aging;
use handoff::domain::vocabulary::{Aging, Blocker, ReferralStatus};
use serde_json::json;

use super::{crawl, ids};
use crate::support::App;
use crate::support::app::beginning;

/// A referral of the table, as the database keeps it.
#[derive(diesel::QueryableByName)]
struct Kept {
    #[diesel(sql_type = diesel::sql_types::Text)]
    id: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    status: ReferralStatus,
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Text>)]
    blocker: Option<Blocker>,
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Timestamptz>)]
    due_at: Option<DateTime<Utc>>,
}

/// One referral for every state × blocker (or none) × due time around the beginning that the constraints let be.
fn db_table(app: &App) -> Vec<Kept> {
    let quoted = |words: Vec<&str>| words.iter().map(|word| format!("('{word}')")).collect::<Vec<_>>().join(", ");
    let statuses = quoted(ReferralStatus::ALL.iter().map(|status| status.as_str()).collect());
    let blockers = quoted(Blocker::ALL.iter().map(|blocker| blocker.as_str()).collect());
    let times: Vec<String> = [-3_600_000_000, -1, 0, 1, 3_600_000_000_i64]
        .map(|micros| format!("('{}'::timestamptz)", (beginning() + Duration::microseconds(micros)).to_rfc3339()))
        .into();
    let mut conn = app.db.superuser();
    let (past, times) = ((beginning() - Duration::days(1)).to_rfc3339(), times.join(", "));
    conn.batch_execute(&format!(
        "INSERT INTO referrals (site_id, id, partner_id, study_id, route_id, channel, source_tag, attribution, contact_basis, contact_path,
            external_ref, owner_id, status, held_status, quarantine_reason, blocker, close_reason, next_action, next_action_due_at,
            handoff_issues, is_test, version, received_at, recorded_at, clock_started_at, closed_at, updated_at)
         SELECT site_id, gen_random_uuid(), partner_id, study_id, id, 'secure_form', source_tag, 'verified', 'permission_to_contact',
            'site_record', 'CRM', owner_id, state, CASE state WHEN 'on_hold' THEN 'contacting' END,
            CASE state WHEN 'quarantined' THEN 'guard_tripped' END, waits, CASE state WHEN 'closed' THEN 'wrong_site' END,
            CASE WHEN state <> 'closed' THEN 'confirm_close' END, CASE WHEN state <> 'closed' THEN due END,
            '{{}}', false, 1, '{past}', '{past}', '{past}', CASE state WHEN 'closed' THEN '{past}'::timestamptz END, '{past}'
           FROM handoff_routes, (VALUES {statuses}) AS s (state), (VALUES {blockers}, (NULL)) AS b (waits), (VALUES {times}) AS t (due)
          WHERE id = '{}' AND (state <> 'on_hold' OR waits IS NOT NULL)",
        app.site.partner.route
    ))
    .unwrap();
    let table = "SELECT id::text AS id, status, blocker, next_action_due_at AS due_at FROM referrals";
    diesel::sql_query(table).load(&mut conn).unwrap()
}

/// The referrals of the table that are of this class by the domain.
fn of_class(table: &[Kept], class: Option<Aging>) -> BTreeSet<String> {
    let is = |kept: &&Kept| aging::of(kept.status, kept.blocker, kept.due_at, beginning()) == class;
    table.iter().filter(|kept| kept.status != ReferralStatus::Closed).filter(is).map(|kept| kept.id.clone()).collect()
}

#[actix_web::test]
async fn every_class_of_aging_is_found_and_counted_as_the_domain_says_it() {
    let app = App::start().await;
    let table = db_table(&app);
    let (states, blockers) = (ReferralStatus::ALL.len(), Blocker::ALL.len() + 1);
    assert_eq!(table.len(), (states * blockers - 1) * 5, "on hold there is a blocker; everything else is there");
    let coordinator = app.coordinator();
    let mut found = BTreeSet::new();
    for class in Aging::ALL {
        let listed = crawl(&coordinator, &format!("/v1/queue?aging={class}&limit=200")).await;
        let set: BTreeSet<String> = listed.iter().cloned().collect();
        assert_eq!((set.len(), &set), (listed.len(), &of_class(&table, Some(*class))), "{class}");
        assert!(!set.is_empty());
        let counts = coordinator.get(&format!("/v1/queue/counts?aging={class}")).await.expect(200).body;
        assert_eq!((&counts["open"], &counts["aging"][class.as_str()]), (&json!(listed.len()), &json!(listed.len())), "{class}");
        found.extend(set);
    }
    let all: BTreeSet<String> = crawl(&coordinator, "/v1/queue?limit=200").await.into_iter().collect();
    let quiet: BTreeSet<String> = all.difference(&found).cloned().collect();
    assert_eq!(quiet, of_class(&table, None), "open, and no eye needed");
    assert!(!quiet.is_empty());

    // Each entry says the same of itself, and the counts of all are those of the classes.
    let page = coordinator.get("/v1/queue?limit=200").await.expect(200);
    for (id, entry) in ids(&page).iter().zip(page.body["data"].as_array().unwrap()) {
        let kept = table.iter().find(|kept| kept.id == *id).unwrap();
        let class = aging::of(kept.status, kept.blocker, kept.due_at, beginning());
        assert_eq!(entry["aging"], json!(class.map(Aging::as_str)), "{entry}");
        assert_eq!(entry["overdue"], json!(kept.due_at.unwrap() <= beginning()), "{entry}");
    }
    let counts = coordinator.get("/v1/queue/counts").await.expect(200).body;
    for class in Aging::ALL {
        assert_eq!(counts["aging"][class.as_str()], json!(of_class(&table, Some(*class)).len()), "{class}");
    }
    let overdue = table.iter().filter(|kept| kept.due_at.is_some_and(|due| due <= beginning())).count();
    assert_eq!((&counts["open"], &counts["overdue"]), (&json!(all.len()), &json!(overdue)));
}

/// The control: with another meaning of aging, the comparison above is red for each class.
#[actix_web::test]
async fn another_aging_than_the_domains_would_be_seen() {
    let app = App::start().await;
    let table = db_table(&app);
    // What was received long ago is taken for something that somebody has acted on.
    app.db.superuser().batch_execute("UPDATE referrals SET status = 'acknowledged' WHERE status = 'received'").unwrap();
    for (class, differs) in [(Aging::NoFirstAction, true), (Aging::Stalled, true), (Aging::DependencyBlocked, false)] {
        let listed = crawl(&app.coordinator(), &format!("/v1/queue?aging={class}&limit=200")).await;
        assert_eq!(listed.into_iter().collect::<BTreeSet<_>>() != of_class(&table, Some(class)), differs, "{class}");
    }
}
