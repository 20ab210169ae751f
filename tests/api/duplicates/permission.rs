//! Of two records the strictest permission to contact counts.

use serde_json::json;

use super::{find, pair, resolve, review};
use crate::contact_withdrawals::{go, refer, seen, state, withdraw};
use crate::support::{App, make};

const CLOSED: &str = "closed person_requested_no_contact";

#[actix_web::test]
async fn a_merge_with_somebody_who_withdrew_ends_what_is_open_and_holds_what_comes_later_over_either_detail() {
    let app = App::start().await;
    let (email, phone) = (json!({"email": "ana@mail.example"}), json!({"phone": "+1 415 555 2671"}));
    let gone = refer(&app.partner(), email.clone()).await.expect(201).id();
    go(&app, &gone, json!({"to": "closed", "reason": "person_requested_no_contact"})).await.expect(200);
    let open = refer(&app.sibling_partner(), phone.clone()).await.expect(201).id();
    let made = pair(&app, &gone, &open).await.expect(201);
    resolve(&app, &made.body, json!({"resolution": "same"})).await.expect(200);
    assert_eq!((state(&app, &open).await.as_str(), state(&app, &gone).await.as_str()), (CLOSED, CLOSED));
    for details in [email, phone] {
        let later = refer(&app.partner(), details).await.expect(201).id();
        assert_eq!(state(&app, &later).await, "quarantined contact_withdrawn");
    }
    // The control: without a withdrawal nothing ends.
    let (one, other) = (make::sent(&app.partner()).await.id(), make::sent(&app.sibling_partner()).await.id());
    let made = pair(&app, &one, &other).await.expect(201);
    let merged = resolve(&app, &made.body, json!({"resolution": "same"})).await.expect(200);
    assert_eq!(state(&app, merged.body["kept_referral_id"].as_str().unwrap()).await, "received");
}

#[actix_web::test]
async fn a_held_referral_and_a_digest_that_was_withdrawn_count_as_well() {
    let app = App::start().await;
    let ana = json!({"email": "ana@mail.example"});
    withdraw(&app.coordinator(), ana.clone()).await.expect(201);
    let held = refer(&app.partner(), ana.clone()).await.expect(201).id();
    let open = make::sent(&app.sibling_partner()).await.id();
    // A person let it go on, and then finds that it is somebody else's referral too.
    go(&app, &held, json!({"to": "received"})).await.expect(200);
    let made = pair(&app, &held, &open).await.expect(201);
    let merged = resolve(&app, &made.body, json!({"resolution": "same"})).await.expect(200);
    assert_eq!(state(&app, merged.body["kept_referral_id"].as_str().unwrap()).await, CLOSED);
}

/// The person who goes on is one: a later withdrawal by a detail of either record ends it.
#[actix_web::test]
async fn a_later_withdrawal_by_the_merged_records_detail_ends_the_one_that_goes_on() {
    let app = App::start().await;
    for by_hand in [false, true] {
        let (email, phone) = (format!("ana-{by_hand}@mail.example"), if by_hand { "+1 415 555 2671" } else { "+1 415 555 2389" });
        let first = refer(&app.partner(), json!({"email": email})).await.expect(201).id();
        app.clock.advance(chrono::Duration::hours(1));
        let second = refer(&app.sibling_partner(), json!({"phone": phone})).await.expect(201).id();
        let made = pair(&app, &first, &second).await.expect(201);
        resolve(&app, &made.body, json!({"resolution": "same"})).await.expect(200);
        if by_hand {
            go(&app, &first, json!({"to": "closed", "reason": "person_requested_no_contact"})).await.expect(200);
        } else {
            let done = withdraw(&app.coordinator(), json!({"phone": phone})).await.expect(201);
            assert_eq!(done.body["closed_referrals"], json!([first]));
        }
        assert_eq!(state(&app, &first).await, CLOSED);
        let later = refer(&app.partner(), json!({"phone": phone})).await.expect(201).id();
        assert_eq!(state(&app, &later).await, "quarantined contact_withdrawn");
    }
}

#[actix_web::test]
async fn the_stricter_ground_of_contact_counts() {
    let app = App::start().await;
    let ana = json!({"email": "ana@mail.example"});
    let first = refer(&app.sibling_partner(), ana.clone()).await.expect(201).id();
    app.clock.advance(chrono::Duration::hours(1));
    let signed = make::referral_with(json!({"match": ana, "contact_basis": "hipaa_authorization"}));
    let second = app.partner().post("/v1/referrals", &signed).await.expect(201).id();
    find(&app).await;
    resolve(&app, &review(&app).await, json!({"resolution": "same"})).await.expect(200);
    let bases = [seen(&app, &first).await["contact_basis"].clone(), seen(&app, &second).await["contact_basis"].clone()];
    assert_eq!(bases, [json!("hipaa_authorization"), json!("hipaa_authorization")]);
}
