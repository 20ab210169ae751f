//! As many referrals as a large site has open: in one request, within its deadline, in as many statements as for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use diesel::PgConnection;
use diesel::connection::{Connection as _, InstrumentationEvent, SimpleConnection as _};
use handoff::auth::operator_scope;
use handoff::domain::vocabulary::{PartnerStatus, StudyStatus};
use handoff::ops::{Context, Expected, move_partner, move_study};

use super::{partner, slipped, study};
use crate::support::{App, make};

/// Open referrals of the site's first partner, half of which wait for it.
fn db_open(app: &App, count: usize) {
    let sql = format!(
        "INSERT INTO referrals (site_id, id, partner_id, study_id, route_id, channel, source_tag, attribution, contact_basis, contact_path,
            external_ref, owner_id, status, blocker, blocked_since, next_action, next_action_due_at, handoff_issues, is_test, version,
            received_at, recorded_at, clock_started_at, updated_at, escalate_at)
         SELECT site_id, gen_random_uuid(), partner_id, study_id, id, 'secure_form', source_tag, 'verified', 'permission_to_contact',
            'site_record', 'CRM-' || n, owner_id, 'received', CASE n % 2 WHEN 0 THEN 'awaiting_partner_completion' END,
            CASE n % 2 WHEN 0 THEN '{now}'::timestamptz END, 'acknowledge', '{now}', '{{}}', false, 1, '{now}', '{now}', '{now}', '{now}', '{now}'
           FROM handoff_routes, generate_series(1, {count}) n WHERE id = '{}'",
        app.site.partner.route,
        now = app.clock.now().to_rfc3339()
    );
    app.db.superuser().batch_execute(&sql).unwrap();
}

#[actix_web::test]
async fn two_thousand_open_referrals_are_held_and_given_back_in_one_request_each() {
    let app = App::start().await;
    db_open(&app, 2_000);
    let mut took = Vec::new();
    let held = "SELECT count(*) FROM referrals WHERE blocker = 'study_paused'";
    for (to, count) in [("paused", 2_000), ("open", 0)] {
        let start = Instant::now();
        study(&app, to).await.expect(200);
        took.push((format!("study {to}"), start.elapsed()));
        assert_eq!((slipped(&app), app.db.count(held)), (0, count));
    }
    let start = Instant::now();
    partner(&app, "ended").await.expect(200);
    took.push(("partner ended".to_owned(), start.elapsed()));
    assert_eq!(app.db.count("SELECT count(*) FROM referrals WHERE next_action = 'confirm_close' AND blocker IS NULL"), 1_000);
    println!("2,000 open referrals (a debug build): {took:?}");
    let recorded =
        app.db.count("SELECT count(*) FROM audit_entries WHERE operation IN ('transition_study', 'transition_partner')");
    // Two moves of the study with all of them, one of the partner with half; the site's two partners had three moves each.
    let own = app.db.count("SELECT count(*) FROM audit_entries WHERE operation IN ('transition_study', 'transition_partner') AND subject_kind <> 'referral'");
    assert_eq!(recorded - own, 5_000);
}

/// What one change asks of the database, taken back.
fn statements(app: &App, act: impl FnOnce(&mut PgConnection, &Context)) -> usize {
    let mut conn = app.db.app();
    let counted = Arc::new(AtomicUsize::new(0));
    let counter = counted.clone();
    conn.batch_execute(&format!("BEGIN; SET LOCAL app.site_id = '{}'", app.site.id)).unwrap();
    conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { .. } = event {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    act(&mut conn, &Context::of_operator(operator_scope(app.site.id), app.clock.now()));
    let count = counted.load(Ordering::SeqCst);
    conn.batch_execute("ROLLBACK").unwrap();
    count
}

#[actix_web::test]
async fn a_change_is_a_fixed_number_of_statements() {
    let app = App::start().await;
    let count = |app: &App| {
        let (id, of) = (app.site.study, app.site.partner.id);
        [StudyStatus::Paused, StudyStatus::Closed]
            .map(|to| statements(app, |conn, context| drop(move_study::run(conn, context, id, &Expected::Any, to).unwrap())))
            .into_iter()
            .chain([statements(app, |conn, context| {
                drop(move_partner::run(conn, context, of, &Expected::Any, PartnerStatus::Ended).unwrap());
            })])
            .collect::<Vec<_>>()
    };
    make::sent(&app.partner()).await;
    db_open(&app, 2);
    let few = count(&app);
    db_open(&app, 200);
    let many = count(&app);
    println!("standstill: {few:?} statements for 3 referrals, {many:?} for 203 (study paused, study closed, partner ended)");
    assert_eq!(few, many);
    // PostgreSQL takes a bounded number of values a statement, so that each table is written a thousand rows at a time.
    db_open(&app, 1_800);
    let most = count(&app);
    println!("standstill: {most:?} statements for 2,003 referrals");
    // 2,003 referrals and as many entries, twice as many events, and all these in the queue: two, two, four and six more.
    assert!(most.iter().zip(&few).all(|(most, few)| *most <= few + 14), "{most:?} beside {few:?}");
}
