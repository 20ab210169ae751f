//! The scenario of a weekend on which the clocks go back: Friday, 30 October 2026, in New York.

use super::{alerts, db_away, db_office, events, go_to, join, pass, sent, staff, standing};
use crate::support::App;

#[actix_web::test]
async fn owner_and_backup_are_away_over_a_weekend_and_a_clock_change() {
    let app = App::start().await;
    // Due after one working hour, and the next step after two.
    db_office(&app.db, &app.site, 1, 2);
    // Friday, 15:00 of New York's summer time.
    go_to(&app, "2026-10-30T19:00:00Z");
    let (robin, dana) = (app.site.admin, app.site.coordinator);
    let [kim, lee, pat] = [join(&app, "kim").await, join(&app, "lee").await, join(&app, "pat").await];
    staff(&app, app.site.partner.route, dana, kim).await;
    staff(&app, app.site.sibling.route, lee, pat).await;
    // Kim comes back on Monday at ten, Lee and Pat on Tuesday.
    db_away(&app, kim, "2026-10-30T18:00:00Z", "2026-11-02T15:00:00Z");
    // They leave when they have taken what came in: what comes in later goes past them.
    db_away(&app, lee, "2026-10-30T19:30:00Z", "2026-11-03T14:00:00Z");
    db_away(&app, pat, "2026-10-30T19:30:00Z", "2026-11-03T14:00:00Z");
    let (here, away) = (sent(&app.partner()).await, sent(&app.sibling_partner()).await);
    // A third one is given to Dana by hand, with Pat behind her.
    let given = sent(&app.sibling_partner()).await;
    let body = serde_json::json!({"owner_id": dana, "reason": "absence"});
    app.coordinator().patch(&format!("/v1/referrals/{given}"), "*", &body).await.expect(200);
    assert_eq!(standing(&app, &here), format!("- {dana} 10-30 20:00 v1"));

    go_to(&app, "2026-10-30T19:59:59Z");
    assert_eq!(pass(&app).await, 0, "nothing is due");
    go_to(&app, "2026-10-30T20:00:00Z");
    assert_eq!(pass(&app).await, 3);
    // Two working hours: one on Friday, and one on Monday, when ten o'clock is 15:00 and no more 14:00 UTC.
    assert_eq!(standing(&app, &here), format!("reminder {dana} 11-02 15:00 v2"));
    assert_eq!(standing(&app, &given), format!("reminder {dana} 11-02 15:00 v3"));
    // Nobody is there to be reminded, and nobody behind: the lead has it at once, and that is all.
    assert_eq!(standing(&app, &away), format!("site_lead {robin} never v2"));
    assert_eq!(pass(&app).await, 0, "the same moment again does nothing");

    for quiet in ["2026-10-31T15:00:00Z", "2026-11-01T12:00:00Z", "2026-11-02T14:00:00Z", "2026-11-02T14:59:59Z"] {
        go_to(&app, quiet);
        assert_eq!(pass(&app).await, 0, "{quiet}");
    }
    go_to(&app, "2026-11-02T15:00:00Z");
    assert_eq!(pass(&app).await, 2);
    // Kim is back at this very moment; Pat is not.
    assert_eq!(standing(&app, &here), format!("backup_owner {kim} 11-02 17:00 v3"));
    assert_eq!(standing(&app, &given), format!("site_lead {robin} never v4"));
    go_to(&app, "2026-11-02T17:00:00Z");
    assert_eq!(pass(&app).await, 1);
    assert_eq!(standing(&app, &here), format!("site_lead {robin} never v4"));
    go_to(&app, "2026-12-24T17:00:00Z");
    assert_eq!(pass(&app).await, 0, "the lead is the last");

    assert_eq!(alerts(&app, &here), [format!("action_due {dana}"), format!("escalated {kim}"), format!("escalated {robin}")]);
    assert_eq!(alerts(&app, &given), [format!("action_due {dana}"), format!("escalated {robin}")]);
    assert_eq!(alerts(&app, &away), [format!("escalated {robin}")]);
    assert_eq!(
        events(&app, &here),
        [
            "referral.received 1",
            "referral.escalated 2",
            "referral.reassigned 3",
            "referral.escalated 3",
            "referral.reassigned 4",
            "referral.escalated 4"
        ]
    );
    app.sequence().await;
    let path = format!("/v1/audit?subject_id={here}");
    let trail = app.admin().get(&path).await.expect(200).body;
    let told: Vec<(&str, &str)> = trail["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["operation"] == "escalate_referral")
        .map(|entry| (entry["actor"]["kind"].as_str().unwrap(), entry["changes"][0]["after"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("system", "site_lead"), ("system", "backup_owner"), ("system", "reminder")], "the newest first");
}
