//! Two at once, where one decides what the other may do.

use std::collections::BTreeMap;

use handoff::domain::ids::MemberId;
use serde_json::{Value, json};

use super::{add, change, deactivate, reactivate};
use crate::support::app::Setup;
use crate::support::callers::{Answer, Person, together};
use crate::support::onboard;
use crate::support::{App, make};

/// Sends until the answer is another than "busy": that is what its `Retry-After` asks for.
async fn insist(who: &Person, path: &str, body: &Value) -> Answer {
    for _ in 0..40 {
        let answer = who.post_on(path, "*", body).await;
        if answer.status != 503 {
            return answer;
        }
    }
    panic!("busy forty times: {path}")
}

fn admins(app: &App) -> i64 {
    app.db.count(&format!("SELECT count(*) FROM members WHERE role = 'admin' AND active AND site_id = '{}'", app.site.id))
}

#[actix_web::test]
async fn two_admins_at_once_leave_the_site_one() {
    let app = App::start().await;
    let (robin, dana) = (app.site.admin, app.site.coordinator);
    // The lead stands aside, so that the admins alone are at stake.
    change(&app.admin(), dana, json!({"is_site_lead": true})).await.expect(200);
    let (kim, lee) = (add(&app.admin(), "kim", "admin").await, add(&app.admin(), "lee", "coordinator").await);
    let mut seen = BTreeMap::new();
    for round in 0..24 {
        let [robin_calls, kim_calls] = [robin, kim].map(|member| app.member(&app.site, member));
        // Each the other, or each itself; out of the role, or out of the site.
        let (of_robin, of_kim) = if round % 2 == 0 { (kim, robin) } else { (robin, kim) };
        let step = move |caller: Person, member: MemberId| async move {
            if round % 4 < 2 {
                change(&caller, member, json!({"role": "coordinator"})).await
            } else {
                deactivate(&caller, member, &json!({"reassign_to": lee})).await
            }
        };
        let answers = together([step(robin_calls, of_robin), step(kim_calls, of_kim)]).await;
        for answer in &answers {
            *seen.entry((round % 2, answer.status, answer.code().to_owned())).or_insert(0) += 1;
        }
        assert!(
            admins(&app) >= 1,
            "a site without an admin: {:?}",
            answers.iter().map(|answer| &answer.text).collect::<Vec<_>>()
        );
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{seen:?}");
        // As it was.
        let left = if answers[0].status == 200 { (of_robin, kim, robin) } else { (of_kim, kim, robin) };
        let there = app.member(&app.site, if left.0 == kim { robin } else { kim });
        if round % 4 < 2 {
            change(&there, left.0, json!({"role": "admin"})).await.expect(200);
        } else {
            reactivate(&there, left.0).await.expect(200);
        }
    }
    println!("two admins at once: {seen:?}, never without one");
    // Each the other: the slower one is an admin no more. Each itself: the slower one is the last.
    assert!(seen.keys().all(|(own, status, code)| match (status, code.as_str()) {
        (200, _) => true,
        (409, "last_admin") => *own == 1,
        (401, "invalid_credentials") | (403, "forbidden") => *own == 0,
        _ => false,
    }));
    assert!(seen.contains_key(&(1, 409, "last_admin".into())), "the race was run: {seen:?}");
}

/// Referrals come, move, close and open again while their owner leaves: none stays with somebody who is gone.
#[actix_web::test]
async fn no_open_referral_stays_with_a_member_who_leaves_beside_its_creation() {
    let app = App::start_with(Setup { connections: 12, ..Setup::default() }).await;
    let (admin, dana) = (app.admin(), app.site.coordinator);
    let kim = add(&admin, "kim", "coordinator").await;
    let (mut taken, mut busy, mut by_new) = (0, 0, 0);
    let (mut from, mut to) = (dana, kim);
    for round in 0..10 {
        // Some that are closed, to be opened again beside the leave, and some that move.
        let mut moving = Vec::new();
        for number in 0..6 {
            let id = make::sent(&app.partner()).await.id();
            let path = format!("/v1/referrals/{id}/transitions");
            let close = json!({"to": "closed", "reason": "wrong_study"});
            let next = if number < 3 {
                admin.post_on(&path, "*", &close).await.expect(200);
                json!({"to": "received", "reason": "closed_by_mistake"})
            } else {
                [json!({"to": "contacting"}), json!({"to": "on_hold", "blocker": "awaiting_records"}), close][number - 3].clone()
            };
            moving.push((path, next));
        }
        let send = |_| {
            let partner = app.partner();
            actix_web::rt::spawn(async move { partner.post("/v1/referrals", &make::referral()).await })
        };
        let mut senders: Vec<_> = (0..round).map(send).collect();
        let path = format!("/v1/members/{from}/deactivate");
        let (caller, body) = (app.admin(), json!({"reassign_to": to}));
        let leave = actix_web::rt::spawn(async move { insist(&caller, &path, &body).await });
        let movers: Vec<_> = moving
            .into_iter()
            .map(|(path, next)| {
                let caller = app.admin();
                actix_web::rt::spawn(async move { insist(&caller, &path, &next).await })
            })
            .collect();
        senders.extend((0..16 - round).map(send));
        leave.await.unwrap().expect(200);
        for mover in movers {
            mover.await.unwrap().expect(200);
        }
        for sender in senders {
            let answer = sender.await.unwrap();
            match answer.status {
                201 => taken += 1,
                503 => busy += 1,
                // The route has another owner now, and waits for another test.
                409 => assert_eq!(answer.code(), "route_not_launched"),
                status => panic!("{status} {}", answer.text),
            }
        }
        let orphans = "SELECT count(*) FROM referrals r JOIN members m ON m.site_id = r.site_id AND m.id = r.owner_id
                        WHERE r.status <> 'closed' AND NOT m.active";
        assert_eq!(app.db.count(orphans), 0, "round {round}: an open referral is owned by somebody who is gone");
        let first = app.db.count(&format!(
            "SELECT count(*) FROM audit_entries WHERE operation = 'create_referral' AND after LIKE '%\"owner_id\":\"{to}\"%'"
        ));
        by_new = by_new.max(first);
        reactivate(&admin, from).await.expect(200);
        onboard::db_live(&app, app.site.partner.route);
        (from, to) = (to, from);
    }
    println!("leave beside creates, moves and returns: {taken} taken ({busy} busy), 0 orphans");
    assert!(taken > 0 && by_new > 0, "the race was run: {taken} taken, {by_new} by the new owner");
    // Every change of an owner was told.
    let told = app.db.count("SELECT count(*) FROM events WHERE event_type = 'referral.reassigned'");
    assert!(told > 0, "referrals moved with the leaves");
}

/// A route that gets a new owner beside the leave of that very member has an owner who is there.
#[actix_web::test]
async fn no_route_is_given_to_a_member_who_leaves_beside_it() {
    let app = App::start().await;
    let admin = app.admin();
    let kim = add(&admin, "kim", "coordinator").await;
    let route = format!("/v1/routes/{}", app.site.partner.route);
    let mut seen = BTreeMap::new();
    for _ in 0..12 {
        let (assigner, leaver) = (app.admin(), app.admin());
        let (path, leave) = (route.clone(), format!("/v1/members/{kim}/deactivate"));
        let given = actix_web::rt::spawn(async move { assigner.patch(&path, "*", &json!({"owner_id": kim})).await.status });
        let left = actix_web::rt::spawn(async move { leaver.post_on(&leave, "*", &json!({})).await.status });
        let (given, left) = (given.await.unwrap(), left.await.unwrap());
        *seen.entry((given, left)).or_insert(0) += 1;
        let orphans = app.db.count(
            "SELECT count(*) FROM handoff_routes r JOIN members m ON m.id IN (r.owner_id, r.backup_owner_id) WHERE NOT m.active",
        );
        assert_eq!(orphans, 0, "{seen:?}");
        // Both busy is none of the two: each may be sent again.
        assert!(matches!((given, left), (200, 409 | 503) | (422 | 503, 200) | (503, 503)), "{seen:?}");
        admin.patch(&route, "*", &json!({"owner_id": app.site.coordinator})).await.expect(200);
        if left == 200 {
            reactivate(&admin, kim).await.expect(200);
        }
    }
    println!("a route given and its new owner leaving at once: {seen:?}, 0 orphans");
}
