//! What starts an escalation, what begins it anew, and what has none.

use chrono::Duration;
use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};

use super::{alerts, join, pass, sent, staff, standing};
use crate::support::callers::Person;
use crate::support::{App, make};

async fn go(person: &Person, referral: &str, body: Value) {
    person.post_on(&format!("/v1/referrals/{referral}/transitions"), "*", &body).await.expect(200);
}

#[actix_web::test]
async fn whoever_moves_or_plans_a_referral_begins_its_escalation_anew() {
    let app = App::start().await;
    let (robin, dana) = (app.site.admin, app.site.coordinator);
    let kim = join(&app, "kim").await;
    staff(&app, app.site.partner.route, dana, kim).await;
    let referral = sent(&app.partner()).await;
    // Due after 24 hours, every hour counts, and the next step is due 8 hours after each.
    app.clock.advance(Duration::hours(24));
    assert_eq!(pass(&app).await, 1);
    assert_eq!(standing(&app, &referral), format!("reminder {dana} 06-02 17:00 v2"));
    go(&app.coordinator(), &referral, json!({"to": "contacting"})).await;
    let anew = standing(&app, &referral);
    assert!(anew.starts_with(&format!("- {dana} ")) && anew.ends_with(" v3"), "{anew}");
    app.clock.advance(Duration::hours(8));
    assert_eq!(pass(&app).await, 0, "the second step belonged to the state that it left");

    // The due time by hand.
    let path = format!("/v1/referrals/{referral}");
    let due = app.clock.now() + Duration::hours(1);
    app.coordinator().patch(&path, "*", &json!({"next_action_due_at": due, "reason": "agreed_with_person"})).await.expect(200);
    assert_eq!(standing(&app, &referral), format!("- {dana} 06-02 18:00 v4"));
    for hours in [1, 8] {
        app.clock.advance(Duration::hours(hours));
        assert_eq!(pass(&app).await, 1);
    }
    assert_eq!(standing(&app, &referral), format!("backup_owner {kim} 06-03 10:00 v6"));
    // The site's own reference plans nothing.
    app.admin().patch(&path, "*", &json!({"external_ref": "CRM-1"})).await.expect(200);
    assert_eq!(standing(&app, &referral), format!("backup_owner {kim} 06-03 10:00 v7"));
    // Another owner: from the first step on, and the action is due already.
    let body = json!({"owner_id": dana, "reason": "workload"});
    app.admin().patch(&path, "*", &body).await.expect(200);
    assert_eq!(standing(&app, &referral), format!("- {dana} 06-02 18:00 v8"));
    assert_eq!(pass(&app).await, 1);
    // To the end, and then nothing more.
    for (step, owner) in [("backup_owner", kim), ("site_lead", robin)] {
        app.clock.advance(Duration::hours(8));
        assert_eq!(pass(&app).await, 1);
        assert!(standing(&app, &referral).starts_with(&format!("{step} {owner} ")));
    }
    app.clock.advance(Duration::days(30));
    assert_eq!((pass(&app).await, alerts(&app, &referral).len()), (0, 7), "six steps, and that it was given to Dana");
}

#[actix_web::test]
async fn what_is_blocked_escalates_and_what_is_closed_a_test_or_waits_for_its_paused_study_does_not() {
    let app = App::start().await;
    let (coordinator, partner) = (app.coordinator(), app.partner());
    let [closed, held] = [sent(&partner).await, sent(&partner).await];
    go(&coordinator, &closed, json!({"to": "closed", "reason": "wrong_study"})).await;
    go(&coordinator, &held, json!({"to": "on_hold", "blocker": "awaiting_records"})).await;
    let blocked = sent(&partner).await;
    coordinator.patch(&format!("/v1/referrals/{blocked}"), "*", &json!({"blocker": "route_broken"})).await.expect(200);
    let test = make::db_test_twin(&app.db, &blocked);
    let foreign = sent(&app.person(&app.other_site.partner.key)).await;
    app.clock.advance(Duration::days(30));
    assert_eq!(pass(&app).await, 3, "held, blocked, and the other site's");
    for (referral, steps) in [(&closed, 0), (&held, 1), (&blocked, 1), (&test, 0), (&foreign, 1)] {
        assert_eq!(alerts(&app, referral).len(), steps, "{}", standing(&app, referral));
    }
    // The pause holds what is in flight, and leaves alone what waits for something else.
    let study = format!("/v1/studies/{}/transitions", app.site.study);
    app.admin().post_on(&study, "*", &json!({"to": "paused"})).await.expect(200);
    assert!(standing(&app, &blocked).contains(" never "), "{}", standing(&app, &blocked));
    app.clock.advance(Duration::days(30));
    assert_eq!(pass(&app).await, 2, "held, and the other site's");
    // When the study opens, it counts from then.
    app.admin().post_on(&study, "*", &json!({"to": "open"})).await.expect(200);
    assert_eq!(pass(&app).await, 0);
    app.clock.advance(Duration::days(30));
    assert_eq!(pass(&app).await, 3, "the one that the pause had held begins, and the others end with their leads");
    assert_eq!(alerts(&app, &blocked).len(), 2);
    assert!(standing(&app, &blocked).starts_with("reminder "), "{}", standing(&app, &blocked));
}

/// The owner is reminded by the state of the moment: whoever was deactivated or became a viewer does not hold a step up.
#[actix_web::test]
async fn an_owner_or_backup_who_has_left_by_other_means_is_passed_over() {
    let app = App::start().await;
    let (robin, dana) = (app.site.admin, app.site.coordinator);
    let [kim, lee] = [join(&app, "kim").await, join(&app, "lee").await];
    staff(&app, app.site.partner.route, kim, dana).await;
    staff(&app, app.site.sibling.route, dana, lee).await;
    let (first, second) = (sent(&app.partner()).await, sent(&app.sibling_partner()).await);
    // Behind the back of the operation that would have moved their work.
    let gone = format!("UPDATE members SET active = false WHERE id IN ('{kim}', '{lee}')");
    app.db.superuser().batch_execute(&gone).unwrap();
    app.clock.advance(Duration::hours(24));
    assert_eq!(pass(&app).await, 2);
    assert_eq!(standing(&app, &first), format!("backup_owner {dana} 06-02 17:00 v2"));
    assert_eq!(standing(&app, &second), format!("reminder {dana} 06-02 17:00 v2"));
    app.clock.advance(Duration::hours(8));
    assert_eq!(pass(&app).await, 2);
    for referral in [&first, &second] {
        assert_eq!(standing(&app, referral), format!("site_lead {robin} never v3"));
    }
}

/// The number of statements does not grow with the number of rows.
#[actix_web::test]
async fn a_batch_is_a_fixed_number_of_statements() {
    use handoff::auth::operator_scope;
    use handoff::ops::{Context, escalate};
    let app = App::start().await;
    make::sent(&app.partner()).await;
    let now = app.clock.now();
    let statements = |limit: i64| {
        let mut conn = app.db.app();
        let scope = operator_scope(app.site.id);
        let counted = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = counted.clone();
        use diesel::connection::{Connection as _, InstrumentationEvent};
        conn.batch_execute(&format!("BEGIN; SET LOCAL app.site_id = '{}'", app.site.id)).unwrap();
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { .. } = event {
                counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
        });
        let done = escalate::run(&mut conn, &Context::of_system(scope, now), limit).unwrap();
        conn.batch_execute("ROLLBACK").unwrap();
        (done.steps, counted.load(std::sync::atomic::Ordering::SeqCst) - 1)
    };
    super::db_stalled(&app.db, &app.site, 200, now - Duration::hours(1));
    let (one, many) = (statements(1), statements(200));
    println!("escalation: {} statement(s) for 1 row, {} for 200", one.1, many.1);
    assert_eq!(((one.0, many.0), one.1), ((1, 200), many.1));
}
