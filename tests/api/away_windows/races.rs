//! Two plans at once, where each is harmless alone.

use serde_json::json;

use super::{delete, july, listed, own_path, plan, times};
use crate::support::App;
use crate::support::callers::together;

/// How many pairs of a member's absences overlap.
const OVERLAPS: &str =
    "SELECT count(*) FROM away_windows a JOIN away_windows b ON a.site_id = b.site_id AND a.member_id = b.member_id
    AND a.id < b.id AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at";

#[actix_web::test]
async fn of_overlapping_absences_at_once_one_is_planned() {
    let app = App::start().await;
    let neighbour = app.another_server();
    let member = app.site.coordinator;
    let mut refused = 0;
    for round in 0..12_u32 {
        let callers = (0..8_u32).map(|number| {
            let who = if number % 2 == 0 { app.coordinator() } else { app.admin().at(neighbour.address) };
            // Each overlaps each: all of them are there at noon of the tenth.
            async move { plan(&who, member, &july(1 + number, 11 + number)).await }
        });
        let answers = together(callers).await;
        let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
        assert_eq!(made.len(), 1, "round {round}");
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            match (answer.status, answer.code()) {
                (409, "away_window_overlaps") => refused += 1,
                (503, "overloaded") => {}
                _ => panic!("{}", answer.text),
            }
        }
        assert_eq!((app.db.count(OVERLAPS), listed(&app.coordinator(), member).await), (0, vec![made[0].id()]));
        delete(&app.coordinator(), &own_path(made[0]), "*").await.expect(204);
    }
    println!("absences that overlap, 8 at once on two servers, 12 rounds: 12 planned, {refused} refused, 0 overlaps");
    assert!(refused > 0, "the race was run");
}

#[actix_web::test]
async fn of_two_absences_that_move_together_at_once_one_moves() {
    let app = App::start().await;
    let (dana, member) = (app.coordinator(), app.site.coordinator);
    let early = own_path(&plan(&dana, member, &july(1, 5)).await.expect(201));
    let late = own_path(&plan(&dana, member, &july(20, 25)).await.expect(201));
    for round in 0..10 {
        let moves = [
            (early.clone(), json!({"ends_at": "2026-07-12T12:00:00Z"})),
            (late.clone(), json!({"starts_at": "2026-07-11T12:00:00Z"})),
        ];
        let answers = together(moves.map(|(window, body)| {
            let who = app.coordinator();
            async move { who.patch(&window, "*", &body).await }
        }))
        .await;
        let mut codes: Vec<(u16, &str)> = answers.iter().map(|answer| (answer.status, answer.code())).collect();
        codes.sort_unstable();
        assert_eq!(codes, [(200, ""), (409, "away_window_overlaps")], "round {round}");
        assert_eq!(app.db.count(OVERLAPS), 0);
        dana.patch(&early, "*", &july(1, 5)).await.expect(200);
        dana.patch(&late, "*", &july(20, 25)).await.expect(200);
    }
    // Of changes on one version one is made.
    let etag = dana.get(&early).await.expect(200).etag();
    let answers =
        together(
            (0..8_u32).map(|number| {
                let (who, window, etag) = (app.coordinator(), early.clone(), etag.clone());
                let body = times(&format!("2026-07-01T12:00:{:02}Z", number + 1), "2026-07-05T12:00:00Z");
                async move {
                    if number % 4 == 3 { delete(&who, &window, &etag).await } else { who.patch(&window, &etag, &body).await }
                }
            }),
        )
        .await;
    let made = answers.iter().filter(|answer| answer.status == 200 || answer.status == 204).count();
    assert_eq!(made, 1);
    for answer in answers.iter().filter(|answer| answer.status >= 400) {
        assert!(
            matches!((answer.status, answer.code()), (412, "stale_version") | (404, "not_found") | (503, "overloaded")),
            "{}",
            answer.text
        );
    }
}

/// A plan beside the leave of its member comes before it, and goes with it, or is refused.
#[actix_web::test]
async fn nothing_is_planned_for_a_member_who_leaves_beside_it() {
    const ROUNDS: u64 = 16;
    let app = App::start().await;
    let kim = super::join(&app, "kim").await;
    let (mut before, mut after) = (0, 0);
    for round in 0..ROUNDS {
        let (planner, leaver) = (app.admin(), app.admin());
        // The first is planned after the leave, the last before it, and those between meet it.
        let wait = |millis| actix_web::rt::time::sleep(std::time::Duration::from_millis(millis));
        let first = actix_web::rt::spawn(async move {
            wait(if round == 0 { 300 } else { 0 }).await;
            plan(&planner, kim, &july(6, 20)).await
        });
        let left = actix_web::rt::spawn(async move {
            wait(if round == ROUNDS - 1 { 300 } else { round }).await;
            leaver.post_on(&format!("/v1/members/{kim}/deactivate"), "*", &json!({})).await
        });
        left.await.unwrap().expect(200);
        match first.await.unwrap() {
            answer if answer.status == 201 => before += 1,
            answer => {
                answer.expect_problem(409, "state_conflict");
                after += 1;
            }
        }
        assert_eq!(app.db.count("SELECT count(*) FROM away_windows"), 0, "round {round}");
        let back = app.admin().request(reqwest::Method::POST, &format!("/v1/members/{kim}/reactivate")).header("If-Match", "*");
        crate::support::callers::send(back).await.expect(200);
    }
    println!("a plan beside the leave of its member: {before} before it, {after} refused after it, 0 left behind");
    assert!(before > 0 && after > 0, "the race was run");
}

/// The control of the count: rows that overlap are seen.
#[actix_web::test]
async fn the_count_of_overlaps_sees_one() {
    use diesel::connection::SimpleConnection as _;
    let app = App::start().await;
    plan(&app.coordinator(), app.site.coordinator, &july(6, 20)).await.expect(201);
    let twin = "INSERT INTO away_windows SELECT site_id, gen_random_uuid(), member_id, starts_at - interval '1 day', starts_at + interval '1 microsecond',
                       1, now(), now() FROM away_windows";
    app.db.superuser().batch_execute(twin).unwrap();
    assert_eq!(app.db.count(OVERLAPS), 1);
}
