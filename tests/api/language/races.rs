//! Two at once: exactly one version counts, and an acknowledgement beside a supersession is of what counted.

use serde_json::json;

use super::{acknowledge, approved, in_review, second_admin, step};
use crate::support::callers::together;

/// Approved versions of the study that are in force on 1 June 2026, and have no successor that is.
const CURRENT: &str = "SELECT count(*) FROM language_versions WHERE status = 'approved' AND in_force_on <= '2026-06-01'";

#[actix_web::test]
async fn of_two_versions_that_two_admins_approve_at_once_exactly_one_counts() {
    let app = super::start().await;
    let alex = second_admin(&app).await;
    let (mut refused, mut superseded) = (0, 0);
    for round in 0..6 {
        let locale = ["en", "es", "fr", "de", "it", "pt"][round];
        // In even rounds for one day, so that the second is refused; in odd ones for two, so that the later one wins.
        let days = if round % 2 == 0 { ["2026-06-01", "2026-06-01"] } else { ["2026-05-30", "2026-06-01"] };
        let one = in_review(&app, json!({"locale": locale, "effective_on": days[0]})).await;
        let two = in_review(&app, json!({"locale": locale, "effective_on": days[1]})).await;
        let both = [(app.admin(), one), (alex.clone(), two)].map(|(who, id)| async move {
            for _ in 0..50 {
                let answer = step(&who, &id, "approve", json!({})).await;
                if answer.status != 503 {
                    return answer;
                }
            }
            panic!("always too busy");
        });
        for answer in together(both).await {
            match answer.status {
                200 => {}
                409 => {
                    answer.expect_problem(409, "language_overlaps");
                    refused += 1;
                }
                status => panic!("{status}: {}", answer.text),
            }
        }
        let of_locale = |condition: &str| app.db.count(&format!("{condition} AND locale = '{locale}'"));
        assert_eq!(of_locale(CURRENT), 1, "round {round}");
        superseded += of_locale("SELECT count(*) FROM language_versions WHERE status = 'superseded'");
    }
    println!("two approvals at once: 6 rounds, {refused} refused, {superseded} superseded, one counts each time");
    assert!(refused >= 3 && refused + superseded == 6, "{refused} and {superseded}");
}

#[actix_web::test]
async fn an_acknowledgement_beside_a_supersession_is_kept_or_refused_and_never_of_what_did_not_count() {
    let app = super::start().await;
    let mut seen = std::collections::BTreeMap::new();
    for round in 0..6 {
        let code = format!("race-{round}");
        let study = json!({"code": code, "public_name": "S", "short_description": "S.", "protocol_code": "S-1"});
        app.admin().post("/v1/studies", &study).await.expect(201);
        let mut route = crate::support::make::route(&app.site, "lakeside");
        route["study"] = json!(code);
        route["source_tag"] = json!(format!("lakeside.{code}"));
        app.admin().post("/v1/routes", &route).await.expect(201);
        let old = approved(&app, json!({"study": code, "effective_on": "2026-05-30"})).await;
        let new = in_review(&app, json!({"study": code, "effective_on": "2026-06-01"})).await;
        let (admin, partner, of_old) = (app.admin(), app.partner(), old.clone());
        let approval = actix_web::rt::spawn(async move { step(&admin, &new, "approve", json!({})).await.status });
        let answer = acknowledge(&partner, &of_old).await;
        let approved = approval.await.unwrap();
        assert!(matches!(approved, 200 | 503), "{approved}");
        assert!(matches!(answer.status, 201 | 409 | 503), "{}", answer.text);
        if answer.status == 409 {
            assert_eq!(answer.code(), "version_not_current");
        }
        *seen.entry(answer.status).or_insert(0) += 1;
        let kept = app.db.count(&format!("SELECT count(*) FROM language_acknowledgements WHERE version_id = '{old}'"));
        assert_eq!(kept, i64::from(answer.status == 201));
        // Kept after the version had ended: none.
        let late = format!(
            "SELECT count(*) FROM language_acknowledgements a JOIN language_versions v ON v.id = a.version_id
              WHERE v.id = '{old}' AND v.status = 'superseded' AND a.acknowledged_at > v.updated_at"
        );
        assert_eq!(app.db.count(&late), 0);
    }
    println!("acknowledgement beside a supersession: {seen:?}");
}
