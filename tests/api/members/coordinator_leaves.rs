//! The scenario "a coordinator leaves with 37 referrals and three backup roles": refused with the list, broken off in the middle, and
//! done at once.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection as _;
use handoff::domain::ids::MemberId;
use handoff::jobs::escalation;
use serde_json::{Value, json};

use super::{add, path};
use crate::invariants::db_violations;
use crate::support::callers::Answer;
use crate::support::onboard;
use crate::support::{App, make};
use crate::tenancy::texts;

const OPEN: usize = 37;

/// Lou, who leaves, and who is there beside her.
struct Scene {
    app: App,
    lou: MemberId,
    kim: MemberId,
    /// Her open referrals.
    referrals: Vec<String>,
    /// Her closed ones.
    closed: Vec<String>,
    /// Her routes as `(id, owner, backup owner)`: three as backup owner, two as owner.
    routes: Vec<(String, MemberId, MemberId)>,
}

async fn bulk(app: &App, action: (&str, Value), ids: &[String]) {
    let rows: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
    let done = app.admin().post("/v1/bulk-actions", &json!({action.0: action.1, "referrals": rows})).await.expect(200);
    assert_eq!((&done.body["done"], &done.body["refused"]), (&json!(ids.len()), &json!(0)), "{}", done.text);
}

/// A route between this partner and a study, launched.
async fn launched(app: &App, partner: &str, study: &str, owner: MemberId, backup: MemberId) -> String {
    let body = json!({
        "partner": partner, "study": study, "channels": make::channels(&["secure_form"], "Give the person the code."),
        "source_tag": format!("{partner}.{study}"), "owner_id": owner, "backup_owner_id": backup, "duplicate_policy": "review_all",
    });
    let id = app.admin().post("/v1/routes", &body).await.expect(201).id();
    onboard::db_live(app, &id);
    id
}

impl Scene {
    async fn set() -> Self {
        let app = App::start().await;
        let (admin, dana, robin) = (app.admin(), app.site.coordinator, app.site.admin);
        let [lou, kim] = [add(&admin, "lou", "coordinator").await, add(&admin, "kim", "coordinator").await];
        for study in ["breathe-2026", "sleep-2026"] {
            let body = json!({"code": study, "public_name": "S", "short_description": "S.", "protocol_code": "S-1"});
            let id = admin.post("/v1/studies", &body).await.expect(201).id();
            let open = format!("/v1/studies/{id}/transitions");
            if admin.get(&format!("/v1/studies/{id}")).await.body["status"] != "open" {
                admin.post_on(&open, "*", &json!({"to": "open"})).await.expect(200);
            }
        }
        let mut routes = Vec::new();
        for (route, owner, backup) in [(app.site.partner.route, dana, lou), (app.site.sibling.route, lou, dana)] {
            let body = json!({"owner_id": owner, "backup_owner_id": backup});
            admin.patch(&format!("/v1/routes/{route}"), "*", &body).await.expect(200);
            onboard::db_live(&app, route);
            routes.push((route.to_string(), owner, backup));
        }
        for (partner, study, owner, backup) in [
            ("lakeside", "breathe-2026", dana, lou),
            ("voices", "breathe-2026", robin, lou),
            ("lakeside", "sleep-2026", lou, robin),
        ] {
            routes.push((launched(&app, partner, study, owner, backup).await, owner, backup));
        }
        let withdrawn = json!({"match": {"email": "ana@mail.example"}});
        admin.post("/v1/contact-withdrawals", &withdrawn).await.expect(201);

        let mut sent = Vec::new();
        for number in 0..OPEN + 3 {
            let (partner, study) = [
                (app.partner(), make::STUDY),
                (app.partner(), "breathe-2026"),
                (app.sibling_partner(), make::STUDY),
                (app.sibling_partner(), "breathe-2026"),
                (app.partner(), "sleep-2026"),
            ][number % 5]
                .clone();
            let mut body = make::referral_with(json!({"study": study}));
            if number < 4 {
                body["match"] = withdrawn["match"].clone();
            }
            sent.push(partner.post("/v1/referrals", &body).await.expect(201).id());
        }
        bulk(&app, ("reassign", json!({"owner_id": lou, "reason": "workload"})), &sent).await;
        // 0 to 3 are quarantined, 4 to 11 received, and the last three are hers and closed.
        for (range, body) in [
            (12..16, json!({"to": "acknowledged"})),
            (16..22, json!({"to": "contacting"})),
            (22..31, json!({"to": "connected"})),
            (27..31, json!({"to": "handed_off"})),
            (31..37, json!({"to": "on_hold", "blocker": "awaiting_records"})),
            (37..40, json!({"to": "closed", "reason": "no_longer_interested"})),
        ] {
            bulk(&app, ("transition", body), &sent[range]).await;
        }
        let closed = sent.split_off(OPEN);
        // Some are late and were told of: all that are due by now.
        app.clock.advance(chrono::Duration::hours(30));
        assert!(escalation::pass(&app.state).await.unwrap() > 0);
        Self { app, lou, kim, referrals: sent, closed, routes }
    }

    async fn leave(&self, body: &Value) -> Answer {
        deactivate(&self.app, self.lou, body).await
    }

    /// Everything that is kept, in whatever order the rows lie.
    fn kept(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.app.db.dump().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// Her open referrals as the database holds them, by id: the plan, and how far the escalation is.
    fn plans(&self) -> BTreeMap<String, String> {
        let ids = self.referrals.join("','");
        let sql = format!(
            "SELECT concat_ws(' ', id, owner_id, version, coalesce(escalation, '-'), (escalate_at IS NOT DISTINCT FROM next_action_due_at),
                    status, coalesce(blocker, '-'), next_action, next_action_due_at) AS text FROM referrals WHERE id IN ('{ids}')"
        );
        let rows = texts(&mut self.app.db.superuser(), &sql);
        rows.into_iter().map(|row| row.split_once(' ').map(|(id, rest)| (id.to_owned(), rest.to_owned())).unwrap()).collect()
    }
}

fn deactivate(app: &App, member: MemberId, body: &Value) -> impl Future<Output = Answer> + use<> {
    let (admin, body) = (app.admin(), body.clone());
    async move { super::deactivate(&admin, member, &body).await }
}

#[actix_web::test]
async fn a_coordinator_leaves_with_37_referrals_and_three_backup_roles() {
    let scene = Scene::set().await;
    let Scene { app, lou, kim, referrals, closed, routes } = &scene;
    let (admin, before) = (app.admin(), scene.plans());
    assert_eq!((before.len(), db_violations(app)), (OPEN, 0));
    let statuses = format!("SELECT count(DISTINCT status) FROM referrals WHERE owner_id = '{lou}'");
    assert_eq!(app.db.count(&statuses), 8, "every status, the closed ones too");
    assert_eq!(app.db.count(&statuses.replace("status", "study_id")), 3);
    assert!(before.values().any(|plan| plan.contains(" reminder ")) && before.values().any(|plan| plan.contains(" - ")));
    let kept = scene.kept();

    // Without a successor it is refused, with the whole list.
    let refused = scene.leave(&json!({})).await.expect_problem(409, "open_work");
    let mut ids = [referrals.clone(), routes.iter().map(|(id, ..)| id.clone()).collect()];
    ids.iter_mut().for_each(|ids| ids.sort());
    let listed = json!({"referrals": ids[0], "referrals_total": OPEN, "routes": ids[1], "routes_total": 5});
    assert_eq!(refused.body["open_work"], listed);
    // The other owner of three of the five routes cannot be both; no other cannot either.
    let both = scene.leave(&json!({"reassign_to": app.site.coordinator})).await.expect_problem(409, "open_work");
    let mut shared: Vec<&String> =
        routes.iter().filter(|(_, owner, backup)| [owner, backup].contains(&&app.site.coordinator)).map(|(id, ..)| id).collect();
    shared.sort();
    assert_eq!(both.body["open_work"], json!({"referrals": [], "referrals_total": 0, "routes": shared, "routes_total": 3}));
    for nobody in [*lou, app.site.viewer, app.other_site.coordinator] {
        scene.leave(&json!({"reassign_to": nobody})).await.expect_problem(422, "invalid_body");
    }
    assert_eq!(scene.kept(), kept, "nothing has changed");

    app.clock.advance(chrono::Duration::minutes(5));
    scene.leave(&json!({"reassign_to": kim})).await.expect(200);
    assert_eq!(db_violations(app), 0);
    for (id, after) in scene.plans() {
        let mut was: Vec<&str> = before[&id].splitn(5, ' ').collect();
        let is: Vec<&str> = after.splitn(5, ' ').collect();
        let version = (was[1].parse::<i32>().unwrap() + 1).to_string();
        let (owner, status) = (kim.to_string(), was[4]);
        // Due when it was due, and the escalation begins anew with the new owner; a referral that is not due for anybody has none.
        was = vec![&owner, &version, "-", "t", status];
        assert_eq!(is, was, "{id}");
    }
    for (id, owner, backup) in routes {
        let read = admin.get(&format!("/v1/routes/{id}")).await.expect(200).body;
        let instead = |member: &MemberId| if member == lou { json!(kim) } else { json!(member) };
        assert_eq!((&read["owner_id"], &read["backup_owner_id"]), (&instead(owner), &instead(backup)));
        assert_eq!(read["status"], "retest_required", "its owners are others than those that were tested");
    }
    for id in closed {
        assert_eq!(admin.get(&format!("/v1/referrals/{id}")).await.expect(200).body["owner_id"], json!(lou), "history stays");
    }
    app.member(&app.site, *lou).get("/v1/members").await.expect_problem(401, "invalid_credentials");
    assert_eq!(admin.get(&path(*lou)).await.expect(200).body["active"], false);

    // Told of each, in one transaction with all of it.
    let mut conn = app.db.superuser();
    let told = texts(
        &mut conn,
        "SELECT e.event_type || ' ' || (e.version = r.version) AS text FROM events e JOIN audit_entries a ON a.id = e.audit_id
           LEFT JOIN referrals r ON r.id = e.subject_id WHERE a.operation = 'deactivate_member' AND a.subject_kind = 'referral'",
    );
    assert_eq!(told, vec!["referral.reassigned true"; OPEN]);
    let trail = texts(
        &mut conn,
        "SELECT subject_kind || ' ' || count(*) || ' ' || count(DISTINCT subject_id) AS text FROM audit_entries
          WHERE operation = 'deactivate_member' GROUP BY subject_kind ORDER BY 1",
    );
    assert_eq!(trail, ["member 1 1", "referral 37 37", "route 10 5"]);
    let transactions = format!(
        "SELECT count(DISTINCT xmin::text) FROM (SELECT xmin FROM audit_entries WHERE operation = 'deactivate_member'
            UNION ALL SELECT xmin FROM referrals WHERE owner_id = '{kim}' UNION ALL SELECT xmin FROM members WHERE id = '{lou}'
            UNION ALL SELECT xmin FROM handoff_routes WHERE '{kim}' IN (owner_id, backup_owner_id)) all_of_it"
    );
    assert_eq!(app.db.count(&transactions), 1);
    // What goes on goes on with Kim: the next escalation begins with her.
    assert_eq!(scene.leave(&json!({"reassign_to": kim})).await.expect(409).code(), "state_conflict");
    println!("a coordinator leaves: 37 referrals and 5 routes moved in 1 transaction, 0 violations");
}

/// A fault after some of the rows, of each table that is written, and a connection that is cut there.
#[actix_web::test]
async fn broken_off_in_the_middle_it_leaves_everything_as_it_was() {
    let scene = Scene::set().await;
    let app = &scene.app;
    let kept = scene.kept();
    let (fault, cut) = ("RAISE EXCEPTION 'no more'", "PERFORM pg_terminate_backend(pg_backend_pid())");
    let mut broken_off = 0;
    for (table, event, row) in [
        ("handoff_routes", "UPDATE", 3),
        ("referrals", "UPDATE", 1),
        ("referrals", "UPDATE", 20),
        ("referrals", "UPDATE", 37),
        ("members", "UPDATE", 1),
        ("audit_entries", "INSERT", 43),
        ("events", "INSERT", 38),
    ] {
        for (what, status) in [(fault, 500), (cut, 503)] {
            app.db
                .superuser()
                .batch_execute(&format!(
                    "CREATE SEQUENCE seen; GRANT ALL ON SEQUENCE seen TO PUBLIC;
                     CREATE FUNCTION break_off() RETURNS trigger LANGUAGE plpgsql AS
                        $$ BEGIN IF nextval('seen') >= {row} THEN {what}; END IF; RETURN NEW; END $$;
                     CREATE TRIGGER break_off BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION break_off()"
                ))
                .unwrap();
            let answer = scene.leave(&json!({"reassign_to": scene.kim})).await;
            assert_eq!(answer.status, status, "{table} {row}: {}", answer.text);
            assert!(!answer.text.contains("no more"));
            assert_eq!(app.db.count("SELECT last_value AS count FROM seen"), row, "{table}: broken off there");
            let tidy = format!("DROP TRIGGER break_off ON {table}; DROP FUNCTION break_off; DROP SEQUENCE seen");
            app.db.superuser().batch_execute(&tidy).unwrap();
            assert_eq!(scene.kept(), kept, "{table} {row}");
            broken_off += 1;
        }
    }
    assert_eq!(db_violations(app), 0);
    // The control: what broke it off is gone, and it is done, so that the comparison can see a change.
    scene.leave(&json!({"reassign_to": scene.kim})).await.expect(200);
    assert_ne!(scene.kept(), kept);
    assert_eq!(
        (scene.plans().values().filter(|plan| plan.starts_with(&scene.kim.to_string())).count(), db_violations(app)),
        (OPEN, 0)
    );
    println!("a coordinator leaves: broken off {broken_off} times in the middle, as it was each time");
}

/// A member who has the other place on a route may take everything once that route has somebody else.
#[actix_web::test]
async fn the_other_owner_of_a_route_takes_over_once_the_route_has_another() {
    let scene = Scene::set().await;
    let Scene { app, lou, kim, routes, .. } = &scene;
    let (admin, dana) = (app.admin(), app.site.coordinator);
    for (id, owner, _) in routes.iter().filter(|(_, owner, backup)| [owner, backup].contains(&&dana)) {
        scene.leave(&json!({"reassign_to": dana})).await.expect_problem(409, "open_work");
        let place = if *owner == dana { "owner_id" } else { "backup_owner_id" };
        admin.patch(&format!("/v1/routes/{id}"), "*", &json!({place: kim})).await.expect(200);
    }
    scene.leave(&json!({"reassign_to": dana})).await.expect(200);
    let same = "SELECT count(*) FROM handoff_routes WHERE owner_id = backup_owner_id";
    let left = format!("SELECT count(*) FROM handoff_routes WHERE '{lou}' IN (owner_id, backup_owner_id)");
    assert_eq!((app.db.count(same), app.db.count(&left), db_violations(app)), (0, 0, 0));
    let taken = format!("SELECT count(*) FROM referrals WHERE owner_id = '{dana}' AND status <> 'closed'");
    assert_eq!(app.db.count(&taken), i64::try_from(OPEN).unwrap());
}
