//! Limits of how much is asked: by key, then site, then address, told to the caller as far as they are its own.

use handoff::state::PerMinute;
use reqwest::Method;
use serde_json::json;

use crate::contract::witness::Witness;
use crate::support::App;
use crate::support::app::Setup;
use crate::support::callers::{Answer, send};
use crate::support::make;

async fn limited(per_minute: PerMinute) -> App {
    App::start_with(Setup { per_minute, ..Setup::default() }).await
}

fn left(answer: &Answer) -> (&str, &str) {
    (answer.header("ratelimit").unwrap(), answer.header("ratelimit-policy").unwrap())
}

/// What is taken grows back all the time: a slow machine may have one or two more left.
fn remaining(answer: &Answer) -> u32 {
    left(answer).0.split("r=").nth(1).unwrap().split(';').next().unwrap().parse().unwrap()
}

#[actix_web::test]
async fn a_key_that_asks_too_much_waits_and_nobody_else_does() {
    let app = limited(PerMinute { key: 4, ..PerMinute::NONE }).await;
    let mut witness = Witness::new();
    for expected in [3, 2, 1, 0] {
        let answer = witness.call(&app.partner(), Method::GET, "/v1/referrals", |request| request).await.expect(200);
        assert!((expected..=expected + 2).contains(&remaining(&answer)), "{:?}", left(&answer));
        assert_eq!(left(&answer).1, "\"key\";q=4;w=60");
    }
    let mut refused = witness.call(&app.partner(), Method::GET, "/v1/referrals", |request| request).await;
    for _ in 0..3 {
        if refused.status == 429 {
            break;
        }
        refused = witness.call(&app.partner(), Method::GET, "/v1/referrals", |request| request).await;
    }
    let refused = refused.expect_problem(429, "rate_limited");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=15).contains(&wait), "{wait}");
    assert_eq!(remaining(&refused), 0);
    // A body is not read, and nothing is kept.
    let before = app.db.count("SELECT count(*) AS count FROM referrals");
    app.partner().post("/v1/referrals", &make::referral()).await.expect_problem(429, "rate_limited");
    assert_eq!(app.db.count("SELECT count(*) AS count FROM referrals"), before);
    // Everybody else goes on, errors tell what is left too, and strangers have no key to tell of.
    app.sibling_partner().get("/v1/referrals").await.expect(200);
    let unknown = app.coordinator().get("/v1/no-such-thing").await.expect_problem(404, "not_found");
    assert!(remaining(&unknown) <= 3);
    let stranger = app.stranger().get("/v1/referrals").await.expect_problem(401, "unauthenticated");
    assert!(stranger.header("ratelimit").is_none() && stranger.header("ratelimit-policy").is_none());
}

#[actix_web::test]
async fn a_site_has_a_limit_of_its_own_which_no_header_tells() {
    let app = limited(PerMinute { key: 100, site: 6, address: 0 }).await;
    let one = app.partner().get("/v1/referrals").await.expect(200);
    let (mut answer, mut asked) = (app.sibling_partner().get("/v1/referrals").await, 2);
    while answer.status == 200 && asked < 12 {
        // What the sibling does shows nowhere in what the partner is told.
        assert!(left(&answer).0.starts_with("\"key\"") && !left(&answer).1.contains("site"));
        answer = app.sibling_partner().get("/v1/referrals").await;
        asked += 1;
    }
    assert!((7..=9).contains(&asked), "{asked}");
    answer.expect_problem(429, "rate_limited");
    let own = app.partner().get("/v1/referrals").await.expect_problem(429, "rate_limited");
    assert!(remaining(&own) <= remaining(&one), "its own quota is there still: {:?}", left(&own));
    app.member(&app.other_site, app.other_site.coordinator).get("/v1/site").await.expect(200);
}

#[actix_web::test]
async fn whoever_guesses_keys_is_slowed_down_by_address_whatever_it_claims_to_be() {
    let app = limited(PerMinute { key: 0, site: 0, address: 3 }).await;
    let guess = |forwarded: &'static str| {
        let guesser = app.person("hk_live_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa000000");
        send(guesser.request(Method::GET, "/v1/site").header("X-Forwarded-For", forwarded))
    };
    let mut statuses = Vec::new();
    for claim in ["6.6.6.1, 203.0.113.9", "6.6.6.2, 203.0.113.9", "6.6.6.3, 203.0.113.9", "6.6.6.4, 203.0.113.9", "203.0.113.9"] {
        statuses.push(guess(claim).await.status);
    }
    assert_eq!(statuses[..3], [401, 401, 401]);
    assert!(statuses[3..].contains(&429), "{statuses:?}");
    // Behind the same proxy another address is another one.
    assert_eq!(guess("203.0.113.10").await.status, 401);
    let told = guess("203.0.113.9").await;
    if told.status == 429 {
        assert!(told.header("ratelimit").is_none() && told.header("retry-after").is_some());
    }
}

#[actix_web::test]
async fn without_limits_nobody_is_told_of_any() {
    let app = App::start().await;
    for _ in 0..50 {
        let answer = app.partner().get("/v1/referrals").await.expect(200);
        assert!(answer.header("ratelimit").is_none() && answer.header("ratelimit-policy").is_none());
    }
    // And what was asked is counted, by route and never by path.
    app.partner()
        .post("/v1/referrals", &make::referral_with(json!({"diagnosis": "x"})))
        .await
        .expect_problem(422, "sensitive_field");
    app.partner().get("/v1/referrals/0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48").await.expect_problem(404, "not_found");
    let text = app.state.requests.render();
    for line in [
        "handoff_http_requests_total{method=\"GET\",route=\"/v1/referrals\",status=\"200\"} 50",
        "handoff_http_requests_total{method=\"GET\",route=\"/v1/referrals/{id}\",status=\"404\"} 1",
        "handoff_http_problems_total{code=\"sensitive_field\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(!text.contains("0199aa10"), "{text}");
}
