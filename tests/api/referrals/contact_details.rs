//! Contact details travel in `match` only, and become digests at once.

use handoff::privacy::digests;
use handoff::privacy::keys::Purpose;
use serde_json::{Value, json};

use super::sending::send;
use crate::support::App;

#[actix_web::test]
async fn contact_details_become_digests_and_are_nowhere() {
    let app = App::start().await;
    let key = app.master.derive(Purpose::ContactDigest, app.site.id);
    let details = json!({"match": {"email": "Quillon.Vasterby@Mail.Example", "phone": "(415) 555-2671"}});
    let sent = send(&app.partner(), details).await.expect(201);
    let again = json!({"match": {"email": "quillon.vasterby@mail.example", "phone": "+1 415 555 2671"}});
    let second = send(&app.sibling_partner(), again).await.expect(201);
    let digest = |kind: &str, bytes: [u8; 32]| {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        app.db.count(&format!("SELECT count(*) FROM referral_digests WHERE kind = '{kind}' AND digest = decode('{hex}', 'hex')"))
    };
    assert_eq!(digest("email", digests::of_email(&key, "quillon.vasterby@mail.example").unwrap().digest), 2);
    assert_eq!(digest("phone", digests::of_phone(&key, "+14155552671", "US").unwrap().digest), 2);
    let everywhere = app.db.dump().to_lowercase() + &sent.text.to_lowercase() + &second.text.to_lowercase();
    for raw in ["vasterby", "quillon", "mail.example", "4155552671", "5552671", "555-2671", "555 2671"] {
        assert!(!crate::support::traces::holds(&everywhere, raw), "{raw}");
    }
    assert!(everywhere.contains(&sent.id()), "the control: what is kept is found");
    // That the person was known does not show.
    let shape = |answer: &Value| answer.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!((shape(&sent.body), &sent.body["status"]), (shape(&second.body), &second.body["status"]));
}

#[actix_web::test]
async fn a_detail_that_is_none_is_refused_at_its_place() {
    let app = App::start().await;
    for (details, fault) in [
        (json!({}), "/match inconsistent"),
        (json!({"email": null, "phone": null}), "/match inconsistent"),
        (json!({"email": "nobody"}), "/match/email bad_format"),
        (json!({"email": "two@@mail.example"}), "/match/email bad_format"),
        (json!({"email": "a@b"}), "/match/email bad_format"),
        (json!({"phone": "555"}), "/match/phone bad_format"),
        (json!({"phone": "+1 000 000 0000"}), "/match/phone bad_format"),
        (json!({"phone": "call me"}), "/match/phone bad_format"),
    ] {
        let refused = send(&app.partner(), json!({"match": details.clone()})).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), [fault], "{details}");
    }
    assert_eq!(app.db.count("SELECT count(*) FROM referrals"), 0);
}
