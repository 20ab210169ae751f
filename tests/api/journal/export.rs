//! One referral's trail, printed for an inspector.

use serde_json::json;

use super::tampering::audit;
use crate::contact_withdrawals::{go, refer};
use crate::sealed_details::{process, read_for};
use crate::support::{App, make};

fn export(app: &App, id: &str) -> (bool, String) {
    audit(app, &["export", "--site", &app.site.id.to_string(), "--referral", id])
}

/// The part of each entry that begins with this word, in the order of the page.
fn lines<'a>(page: &'a str, word: &str) -> Vec<&'a str> {
    page.lines().filter_map(|line| line.strip_prefix("  ")?.strip_prefix(word)).map(str::trim).collect()
}

#[actix_web::test]
async fn a_referral_is_told_from_beginning_to_end_with_names_and_the_verdict_on_the_chain() {
    let app = App::start().await;
    process(&app, &["age_band"]).await;
    let body = json!({"details": {"age_band": "from_65_to_79"}, "match": {"email": "ana@mail.example"}});
    let id = app.partner().post("/v1/referrals", &make::referral_with(body)).await.expect(201).id();
    let other = refer(&app.partner(), json!({"email": "bo@mail.example"})).await.expect(201).id();
    read_for(&app.coordinator(), &id, json!({"purpose": "plan_visit"})).await.expect(200);
    go(&app, &id, json!({"to": "closed", "reason": "wrong_study"})).await.expect(200);
    app.sequence().await;

    let (succeeded, page) = export(&app, &id);
    assert!(succeeded, "{page}");
    assert!(page.contains("Chain       whole: ") && page.contains("Status now  closed, wrong_study"), "{page}");
    assert_eq!(lines(&page, "what"), ["create_referral", "read_sealed_details", "transition_referral"], "{page}");
    let who = lines(&page, "who");
    assert!(who[0].contains("(partner ") && who[0].contains("by its key") && who[2].contains("(member "), "{page}");
    assert!(who.iter().all(|who| !who.starts_with("unknown")), "{page}");
    assert_eq!(lines(&page, "why"), ["plan_visit", "wrong_study"], "{page}");
    assert!(lines(&page, "changed").contains(&"status: received -> closed"), "{page}");
    assert!(page.contains("2026-06-01 09:00:00.000000 UTC"), "the moment, in the site's time and in UTC: {page}");
    for told in ["ana@mail.example", "from_65_to_79", &other] {
        assert!(!page.contains(told), "{told} is not of this trail: {page}");
    }

    // Merged, each tells of both, and says which record a change is about.
    let pair = json!({"referral_ids": [id, other]});
    let review = app.coordinator().post("/v1/duplicate-reviews", &pair).await.expect(201);
    let same = json!({"resolution": "same", "keep": other});
    app.coordinator().post_on(&format!("/v1/duplicate-reviews/{}/resolve", review.id()), "*", &same).await.expect(200);
    app.sequence().await;
    let (_, page) = export(&app, &other);
    assert_eq!(lines(&page, "what").iter().filter(|what| **what == "create_referral").count(), 2, "{page}");
    assert!(page.contains(&format!("With        {id}")) && page.contains("the other record"), "{page}");

    assert!(export(&app, &uuid::Uuid::nil().to_string()).1.contains("no such referral"));
    let of_another = audit(&app, &["export", "--site", &app.other_site.id.to_string(), "--referral", &id]);
    assert!(!of_another.0 && of_another.1.contains("no such referral"), "{}", of_another.1);
}

#[actix_web::test]
async fn a_broken_chain_is_said_on_the_page_and_fails() {
    use diesel::connection::SimpleConnection as _;
    let app = App::start().await;
    let id = make::sent(&app.partner()).await.id();
    app.sequence().await;
    app.db
        .superuser()
        .batch_execute("SET session_replication_role = replica; UPDATE audit_entries SET reason = 'wrong_study'")
        .unwrap();
    let (succeeded, page) = export(&app, &id);
    assert!(!succeeded && page.contains("Chain       BROKEN at position 1"), "{page}");
}
