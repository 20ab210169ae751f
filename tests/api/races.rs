//! Two at once, where one decides what the other may do.

use serde_json::json;

use crate::support::{App, make};

/// A referral is admitted by the states of its route, study and partner: whatever closes while it is on its way, it either
/// came before (and is held with the others) or is refused.
#[actix_web::test]
async fn nothing_is_received_in_a_study_that_is_paused_beside_it() {
    let app = App::start().await;
    let study = format!("/v1/studies/{}", app.site.study);
    let transitions = format!("{study}/transitions");
    let (mut taken, mut refused) = (0, 0);
    for round in 0..12 {
        let send = |_| {
            let partner = app.partner();
            actix_web::rt::spawn(async move { partner.post("/v1/referrals", &make::referral()).await.status })
        };
        // Some are on their way before the pause, some come with it; each round they meet at another moment.
        let mut senders: Vec<_> = (0..round).map(send).collect();
        let (admin, path) = (app.admin(), transitions.clone());
        let pause = actix_web::rt::spawn(async move { admin.post_on(&path, "*", &json!({"to": "paused"})).await });
        senders.extend((0..12).map(send));
        pause.await.unwrap().expect(200);
        for sender in senders {
            match sender.await.unwrap() {
                201 => taken += 1,
                409 | 503 => refused += 1,
                status => panic!("{status}"),
            }
        }
        let left = app.db.count("SELECT count(*) FROM referrals WHERE status = 'received'");
        assert_eq!(left, 0, "a referral is received in a paused study");
        app.admin().post_on(&transitions, "*", &json!({"to": "open"})).await.expect(200);
    }
    println!("pause beside {} creates: {taken} taken, {refused} refused, 0 left behind", taken + refused);
    assert!(taken > 0 && refused > 0, "the race was run: {taken} taken, {refused} refused");
}
