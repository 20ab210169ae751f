//! Many at once, without the lease that usually keeps them apart: rows and members alone must see to it that a step is taken once
//! and by somebody who is there.

use chrono::Duration;
use diesel::connection::SimpleConnection as _;
use handoff::db::in_site;
use handoff::ops::{Context, escalate};
use handoff::store::referrals::count_due;
use serde_json::json;

use super::{db_stalled, faults, join, pass, staff, traces};
use crate::support::App;
use crate::support::app::Setup;
use crate::support::callers::together;
use crate::tenancy::texts;

#[actix_web::test]
async fn passes_at_once_without_a_lease_take_each_step_once() {
    let app = App::start().await;
    let now = app.clock.now();
    db_stalled(&app.db, &app.site, 300, now - Duration::hours(1));
    let (site, mut steps) = (app.site.id, 0);
    for step in ["reminder", "backup_owner", "site_lead"] {
        let moment = now
            + Duration::hours(match step {
                "reminder" => 0,
                "backup_owner" => 8,
                _ => 16,
            });
        let workers: Vec<_> = (0..6)
            .map(|_| {
                let mut conn = app.db.app();
                actix_web::rt::task::spawn_blocking(move || {
                    let mut steps = 0;
                    for _ in 0..400 {
                        // A lock that is not given in time fails the pass, as in the job; the next one does it.
                        let pass =
                            in_site(&mut conn, site, |conn, scope| escalate::run(conn, &Context::of_system(*scope, moment), 40));
                        steps += pass.map_or(0, |pass| pass.steps);
                        let due = in_site(&mut conn, site, |conn, scope| Ok(count_due(conn, scope, moment)?));
                        if due.is_ok_and(|due| due == 0) {
                            break;
                        }
                    }
                    steps
                })
            })
            .collect();
        for worker in workers {
            steps += worker.await.unwrap();
        }
    }
    assert_eq!(steps, 900);
    let found = faults(&traces(&app.db, &app.site), &["reminder", "backup_owner", "site_lead"]);
    assert_eq!(found, [] as [String; 0]);
    println!("escalation: {steps} steps by 6 workers without a lease, each once");
}

/// The control: two that read what is due and then write it, without holding the rows and without asking again, do it twice, and
/// the checker says so.
#[actix_web::test]
async fn two_passes_that_hold_nothing_double_their_steps() {
    let app = App::start().await;
    db_stalled(&app.db, &app.site, 3, app.clock.now() - Duration::hours(1));
    let mut conns = [app.db.superuser(), app.db.superuser()];
    let read: Vec<Vec<String>> = conns
        .iter_mut()
        .map(|conn| texts(conn, "SELECT id::text AS text FROM referrals WHERE escalate_at <= now() ORDER BY id"))
        .collect();
    for (conn, ids) in conns.iter_mut().zip(&read) {
        for id in ids {
            conn.batch_execute(&format!(
                "UPDATE referrals SET version = version + 1, escalation = 'reminder', escalate_at = NULL WHERE id = '{id}';
                 WITH entry AS (INSERT INTO audit_entries (site_id, id, recorded_at, actor_kind, operation, subject_kind, subject_id, after, values_digest)
                      SELECT site_id, gen_random_uuid(), now(), 'system', 'escalate_referral', 'referral', id, '{{\"escalation\":\"reminder\"}}', sha256('x')
                        FROM referrals WHERE id = '{id}' RETURNING site_id, id, subject_id)
                 INSERT INTO events (site_id, id, audit_id, event_type, is_test, subject_id, version, occurred_at)
                      SELECT e.site_id, gen_random_uuid(), e.id, 'referral.escalated', false, r.id, r.version, now()
                        FROM entry e JOIN referrals r ON r.id = e.subject_id;
                 INSERT INTO alerts SELECT site_id, gen_random_uuid(), owner_id, 'action_due', id, now(), NULL FROM referrals WHERE id = '{id}'"
            ))
            .unwrap();
        }
    }
    let found = faults(&traces(&app.db, &app.site), &["reminder"]);
    println!("escalation, control without locks: {} finding(s) on 3 referrals", found.len());
    assert_eq!(found.len(), 12, "{found:?}");
}

/// Steps are taken while those who own the work leave and come back: nobody's referral is nobody's.
#[actix_web::test]
async fn no_step_gives_a_referral_to_somebody_who_leaves_beside_it() {
    let app = App::start_with(Setup { connections: 12, ..Setup::default() }).await;
    let admin = app.admin();
    let [kim, lee] = [join(&app, "kim").await, join(&app, "lee").await];
    staff(&app, app.site.partner.route, app.site.coordinator, kim).await;
    let mut steps = 0;
    for round in 0..12 {
        let due = app.clock.now() - Duration::hours(1);
        db_stalled(&app.db, &app.site, 30, due);
        // Half of them stand before the step that gives them to the backup owner.
        app.db
            .superuser()
            .batch_execute("UPDATE referrals SET escalation = 'reminder' WHERE version = 1 AND hashtext(id::text) % 2 = 0")
            .unwrap();
        let (leaver, heir) = if round % 2 == 0 { (kim, lee) } else { (lee, kim) };
        let (caller, path) = (app.admin(), format!("/v1/members/{leaver}/deactivate"));
        let leave = async move {
            for _ in 0..40 {
                let answer = caller.post_on(&path, "*", &json!({"reassign_to": heir})).await;
                if answer.status != 503 {
                    return answer.expect(200).status;
                }
            }
            panic!("busy forty times")
        };
        let leave = actix_web::rt::spawn(leave);
        let passes = (0..3).map(|_| {
            let (site, now, mut conn) = (app.site.id, app.clock.now(), app.db.app());
            async move {
                let work = move || {
                    let context = |scope| Context::of_system(scope, now);
                    (0..6)
                        .filter_map(|_| in_site(&mut conn, site, |conn, scope| escalate::run(conn, &context(*scope), 7)).ok())
                        .map(|pass| pass.steps)
                        .sum::<usize>()
                };
                actix_web::rt::task::spawn_blocking(work).await.unwrap()
            }
        });
        steps += together(passes).await.into_iter().sum::<usize>();
        leave.await.unwrap();
        let orphans =
            "SELECT count(*) FROM referrals r LEFT JOIN members m ON m.site_id = r.site_id AND m.id = r.owner_id AND m.active
                        WHERE r.status <> 'closed' AND m.id IS NULL";
        assert_eq!(app.db.count(orphans), 0, "round {round}");
        crate::support::callers::send(
            admin.request(reqwest::Method::POST, &format!("/v1/members/{leaver}/reactivate")).header("If-Match", "*"),
        )
        .await
        .expect(200);
    }
    while pass(&app).await > 0 {}
    let doubled = "SELECT count(*) FROM (SELECT subject_id, version FROM events WHERE event_type = 'referral.escalated'
                                          GROUP BY 1, 2 HAVING count(*) > 1) d";
    assert_eq!(app.db.count(doubled), 0);
    let told = app.db.count("SELECT count(*) FROM alerts");
    assert_eq!(told, app.db.count("SELECT count(*) FROM events WHERE event_type = 'referral.escalated'"), "one alert a step");
    let by_kim_or_lee = format!("SELECT count(*) FROM alerts WHERE member_id IN ('{kim}', '{lee}')");
    println!(
        "escalation beside 12 leaves: {steps} steps, {} to those who came and went, 0 orphans",
        app.db.count(&by_kim_or_lee)
    );
    assert!(steps > 0 && app.db.count(&by_kim_or_lee) > 0, "the race was run");
}
