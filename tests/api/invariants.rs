//! What must be true of every open live referral, as it is counted and shown to the operator: 0 through all that the API does, and
//! each broken row seen.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection as _;
use handoff::db::in_site;
use handoff::domain::ids::SiteId;
use handoff::store;
use serde_json::{Value, json};

use crate::jobs::admin::{listen, samples};
use crate::support::callers::Person;
use crate::support::{App, make};

const KINDS: [&str; 3] = ["ownerless", "unplanned", "merged"];

/// How many open live referrals of a site break each rule.
fn db_counts(app: &App, site: SiteId) -> BTreeMap<&'static str, i64> {
    let counts = in_site(&mut app.db.app(), site, |conn, scope| Ok(store::invariants::violations(conn, scope)?)).unwrap();
    counts.into_iter().map(|(kind, count)| (kind.as_str(), count)).collect()
}

/// The same, all kinds together.
pub fn db_violations(app: &App) -> i64 {
    [app.site.id, app.other_site.id].into_iter().map(|site| db_counts(app, site).values().sum::<i64>()).sum()
}

/// What the operator is shown: the sum over sites, in metrics and in readiness.
async fn shown(operator: &Person) -> [i64; 3] {
    let metrics = samples(&operator.get("/metrics").await.expect(200).text);
    let detail = operator.get("/readyz").await.expect(200).body;
    assert_eq!(detail["status"], "ready", "another server would fare no better");
    KINDS.map(|kind| {
        let told = detail["invariants"][kind].as_i64().unwrap();
        assert_eq!(metrics[&format!("handoff_invariant_violations{{kind=\"{kind}\"}}")], told as f64);
        told
    })
}

async fn go(app: &App, id: &str, body: Value) {
    app.admin().post_on(&format!("/v1/referrals/{id}/transitions"), "*", &body).await.expect(200);
}

#[actix_web::test]
async fn nothing_is_violated_whatever_the_api_does() {
    let app = App::start().await;
    let (operator, _state) = listen(&app);
    let (admin, partner) = (app.admin(), app.partner());
    let mut steps = 0;
    let mut check = || {
        steps += 1;
        let counts = db_counts(&app, app.site.id);
        assert_eq!(counts, KINDS.iter().map(|kind| (*kind, 0)).collect(), "step {steps}");
    };
    check();
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(make::sent(&partner).await.id());
    }
    check();
    for (id, body) in ids.iter().zip([
        json!({"to": "acknowledged"}),
        json!({"to": "contacting"}),
        json!({"to": "connected"}),
        json!({"to": "on_hold", "blocker": "awaiting_records"}),
        json!({"to": "closed", "reason": "wrong_study"}),
    ]) {
        go(&app, id, body).await;
        check();
    }
    go(&app, &ids[4], json!({"to": "received", "reason": "closed_by_mistake"})).await;
    go(&app, &ids[2], json!({"to": "handed_off"})).await;
    check();
    let details = json!({"match": {"email": "ana@mail.example"}});
    admin.post("/v1/contact-withdrawals", &details).await.expect(201);
    let quarantined = partner.post("/v1/referrals", &make::referral_with(details)).await.expect(201).id();
    assert_eq!(admin.get(&format!("/v1/referrals/{quarantined}")).await.body["status"], "quarantined");
    check();
    let pair = json!({"referral_ids": [ids[0], ids[1]]});
    let review = admin.post("/v1/duplicate-reviews", &pair).await.expect(201);
    let same = json!({"resolution": "same", "keep": ids[0]});
    let resolve = format!("/v1/duplicate-reviews/{}/resolve", review.id());
    admin.post_on(&resolve, "*", &same).await.expect(200);
    check();
    let transitions = format!("/v1/studies/{}/transitions", app.site.study);
    for to in ["paused", "open", "paused"] {
        admin.post_on(&transitions, "*", &json!({"to": to})).await.expect(200);
        check();
    }
    let kim = json!({"display_name": "kim", "email": "kim@riverside.example", "role": "coordinator"});
    let kim = admin.post("/v1/members", &kim).await.expect(201).id();
    let leave = format!("/v1/members/{}/deactivate", app.site.coordinator);
    admin.post_on(&leave, "*", &json!({"reassign_to": kim})).await.expect(200);
    check();
    admin.post_on(&transitions, "*", &json!({"to": "closed"})).await.expect(200);
    check();
    let reassign = json!({
        "reassign": {"owner_id": app.site.admin, "reason": "workload"}, "referrals": [{"id": ids[2]}, {"id": ids[3]}, {"id": ids[5]}],
    });
    assert_eq!(admin.post("/v1/bulk-actions", &reassign).await.expect(200).body["done"], 3);
    let withdraw = partner.request(reqwest::Method::POST, &format!("/v1/referrals/{}/withdraw", ids[5])).header("If-Match", "*");
    crate::support::callers::send(withdraw).await.expect(200);
    check();
    app.clock.advance(chrono::Duration::days(30));
    while handoff::jobs::escalation::pass(&app.state).await.unwrap() > 0 {}
    check();
    assert_eq!(shown(&operator).await, [0; 3]);
    println!("invariants: 0 violations through {steps} steps");
}

/// The control: rows that no operation would write, with the constraints taken away that forbid some of them.
#[actix_web::test]
async fn each_broken_row_is_counted_and_shown() {
    let app = App::start().await;
    let (operator, _state) = listen(&app);
    let mut superuser = app.db.superuser();
    superuser
        .batch_execute(
            "ALTER TABLE referrals DROP CONSTRAINT referrals_open_has_next_action, DROP CONSTRAINT referrals_merged_is_closed,
                DROP CONSTRAINT referrals_owner_exists",
        )
        .unwrap();
    let kim = json!({"display_name": "kim", "email": "kim@riverside.example", "role": "coordinator"});
    let kim = app.admin().post("/v1/members", &kim).await.expect(201).id();
    superuser.batch_execute(&format!("UPDATE members SET active = false WHERE id = '{kim}'")).unwrap();
    let good = make::sent(&app.partner()).await.id();
    assert_eq!(shown(&operator).await, [0; 3]);

    let mut expected = [0, 0, 0];
    let (viewer, foreign) = (app.site.viewer, app.other_site.coordinator);
    for (kind, broken) in [
        (0, format!("owner_id = '{kim}'")),
        (0, format!("owner_id = '{viewer}'")),
        (0, "owner_id = gen_random_uuid()".into()),
        (0, format!("owner_id = '{foreign}'")),
        (1, "next_action = NULL".into()),
        (1, "next_action_due_at = NULL".into()),
        (1, "next_action = NULL, next_action_due_at = NULL".into()),
        (2, format!("merged_into_id = '{good}'")),
    ] {
        let break_of = |id: &str| format!("UPDATE referrals SET {broken} WHERE id = '{id}'");
        // Neither of a closed one, nor of a test.
        let (closed, test) = (make::sent(&app.partner()).await.id(), make::db_test_twin(&app.db, &good));
        go(&app, &closed, json!({"to": "closed", "reason": "wrong_study"})).await;
        superuser.batch_execute(&format!("{}; {}", break_of(&closed), break_of(&test))).unwrap();
        assert_eq!(shown(&operator).await, expected, "closed or test, {broken}");
        superuser.batch_execute(&format!("DELETE FROM referrals WHERE id = '{test}'")).unwrap();
        // In each open state, though.
        let live = make::sent(&app.partner()).await.id();
        let state = ["on_hold", "contacting"][usize::from(kind == 1)];
        let blocker = if state == "on_hold" { json!("awaiting_records") } else { Value::Null };
        go(&app, &live, json!({"to": state, "blocker": blocker})).await;
        superuser.batch_execute(&break_of(&live)).unwrap();
        expected[kind] += 1;
        assert_eq!(shown(&operator).await, expected, "{broken}");
    }
    assert_eq!(expected, [4, 3, 1]);
    assert_eq!(db_counts(&app, app.site.id), KINDS.into_iter().zip(expected).collect());
    // The other site has its own, and the operator sees the sum.
    assert_eq!(db_counts(&app, app.other_site.id).values().sum::<i64>(), 0);
    let elsewhere = make::sent(&app.person(&app.other_site.partner.key)).await.id();
    superuser.batch_execute(&format!("UPDATE referrals SET owner_id = gen_random_uuid() WHERE id = '{elsewhere}'")).unwrap();
    assert_eq!(shown(&operator).await, [5, 3, 1]);
    assert_eq!((db_counts(&app, app.site.id)["ownerless"], db_violations(&app)), (4, 9));
    // Somebody who comes back is an owner again; whoever becomes a viewer is none.
    superuser.batch_execute(&format!("UPDATE members SET active = true WHERE id = '{kim}'")).unwrap();
    assert_eq!(shown(&operator).await, [4, 3, 1]);
    superuser.batch_execute(&format!("UPDATE members SET role = 'viewer' WHERE id = '{kim}'")).unwrap();
    assert_eq!(shown(&operator).await, [5, 3, 1]);
    let repair = format!(
        "UPDATE referrals SET merged_into_id = NULL, owner_id = CASE site_id WHEN '{}' THEN '{}'::uuid ELSE '{foreign}'::uuid END,
            next_action = coalesce(next_action, 'attempt_contact'), next_action_due_at = coalesce(next_action_due_at, now())
          WHERE status <> 'closed'",
        app.site.id, app.site.admin
    );
    superuser.batch_execute(&repair).unwrap();
    assert_eq!((shown(&operator).await, db_violations(&app)), ([0; 3], 0));
    println!("invariants, control: 9 broken rows over two sites, 9 counted; closed and test ones not");
}

/// As long as the constraints stand, the database refuses most of these by itself.
#[actix_web::test]
async fn the_database_refuses_what_its_constraints_forbid() {
    let app = App::start().await;
    let (first, second) = (make::sent(&app.partner()).await.id(), make::sent(&app.partner()).await.id());
    for (broken, constraint) in [
        ("owner_id = gen_random_uuid()".to_owned(), "referrals_owner_exists"),
        (format!("owner_id = '{}'", app.other_site.coordinator), "referrals_owner_exists"),
        ("owner_id = NULL".into(), "owner_id"),
        ("next_action = NULL".into(), "referrals_open_has_next_action"),
        ("next_action_due_at = NULL".into(), "referrals_open_has_next_action"),
        (format!("merged_into_id = '{second}'"), "referrals_merged_is_closed"),
    ] {
        let refused = app.db.superuser().batch_execute(&format!("UPDATE referrals SET {broken} WHERE id = '{first}'"));
        let refused = refused.expect_err(&broken).to_string();
        assert!(refused.contains(constraint), "{refused}");
    }
    assert_eq!(db_violations(&app), 0);
}
