//! Lists: every row once and in order, and cursors that are good for nothing else.

mod plan;

use chrono::Duration;
use diesel::connection::SimpleConnection as _;
use handoff::ops::issue_key::Holder;
use serde_json::{Value, json};

use crate::support::callers::{Answer, Person, together};
use crate::support::{App, make};

fn ids(answer: &Answer) -> Vec<String> {
    answer.body["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// Every id of a list, page by page as `Link` leads.
async fn crawl(person: &Person, first: &str) -> Vec<String> {
    let (mut all, mut next) = (Vec::new(), Some(first.to_owned()));
    while let Some(path) = next {
        let page = person.get(&path).await.expect(200);
        all.extend(ids(&page));
        assert!(all.len() < 1_000, "a crawl that does not end");
        next = page.header("link").map(|link| link.split(['<', '>']).nth(1).unwrap().to_owned());
        let cursor = page.body["next_cursor"].as_str();
        assert_eq!(cursor.is_some(), next.is_some(), "header and body agree");
        assert!(cursor.is_none_or(|cursor| next.as_ref().unwrap().ends_with(&format!("cursor={cursor}"))));
    }
    all
}

async fn send_many(app: &App, count: usize) -> Vec<String> {
    let partner = app.partner();
    let mut sent = Vec::new();
    for _ in 0..count {
        sent.push(make::sent(&partner).await.id());
        app.clock.advance(Duration::milliseconds(1));
    }
    sent
}

#[actix_web::test]
async fn pages_of_any_size_cover_every_row_once_newest_first() {
    let app = App::start().await;
    let mut sent = send_many(&app, 23).await;
    // Many in one millisecond too.
    let partner = app.partner();
    let burst = together((0..8).map(|_| {
        let partner = partner.clone();
        async move { make::sent(&partner).await.id() }
    }));
    sent.extend(burst.await);
    make::sent(&app.person(&app.other_site.partner.key)).await;
    let mut expected = sent;
    expected.sort();
    expected.reverse();
    for person in [app.coordinator(), app.partner(), app.site_key()] {
        for limit in [1, 7, 30, 31, 200] {
            assert_eq!(crawl(&person, &format!("/v1/referrals?limit={limit}")).await, expected, "limit {limit}");
        }
        assert_eq!(crawl(&person, "/v1/referrals").await, expected);
    }
    assert_eq!(crawl(&app.sibling_partner(), "/v1/referrals?limit=5").await, Vec::<String>::new());
}

#[actix_web::test]
async fn rows_that_arrive_while_somebody_pages_neither_repeat_nor_hide_any() {
    let app = App::start().await;
    let mut expected = send_many(&app, 20).await;
    expected.reverse();
    let coordinator = app.coordinator();
    let (mut seen, mut path) = (Vec::new(), Some("/v1/referrals?limit=3".to_owned()));
    while let Some(next) = path {
        let page = coordinator.get(&next).await.expect(200);
        seen.extend(ids(&page));
        send_many(&app, 2).await;
        // One that is on a later page moves on meanwhile.
        let moved = format!("/v1/referrals/{}/transitions", expected[expected.len() - 1]);
        coordinator.post_on(&moved, "*", &json!({"to": "on_hold", "blocker": "awaiting_records"})).await;
        path = page.body["next_cursor"].as_str().map(|cursor| format!("/v1/referrals?limit=3&cursor={cursor}"));
    }
    assert_eq!(seen, expected, "those that were there, once each; those that came later are on a fresh first page");
    assert_eq!(crawl(&coordinator, "/v1/referrals?limit=3").await.len(), 34);
}

#[actix_web::test]
async fn configuration_is_listed_in_the_order_of_registration() {
    let app = App::start().await;
    let admin = app.admin();
    let (mut studies, mut partners) =
        (vec![app.site.study.to_string()], vec![app.site.partner.id.to_string(), app.site.sibling.id.to_string()]);
    for number in 0..5 {
        app.clock.advance(Duration::milliseconds(1));
        let code = format!("more-{number}");
        let study = json!({"code": code, "public_name": "S", "short_description": "S.", "protocol_code": "S"});
        studies.push(admin.post("/v1/studies", &study).await.expect(201).id());
        let partner =
            json!({"code": code, "name": "P", "partner_type": "registry", "jurisdiction": "US", "remuneration_basis": "none"});
        partners.push(admin.post("/v1/partners", &partner).await.expect(201).id());
    }
    // The two partners of every test site were registered in one millisecond.
    partners[..2].sort();
    for limit in [1, 2, 6, 200] {
        assert_eq!(crawl(&admin, &format!("/v1/studies?limit={limit}")).await, studies);
        assert_eq!(crawl(&admin, &format!("/v1/partners?limit={limit}")).await, partners);
        assert_eq!(crawl(&admin, &format!("/v1/routes?limit={limit}")).await.len(), 2);
    }
    let draft = crawl(&admin, "/v1/partners?limit=2&status=draft").await;
    assert_eq!(draft, partners[2..]);
    assert_eq!(crawl(&admin, "/v1/studies?status=paused").await, Vec::<String>::new());
    assert_eq!(
        crawl(&admin, &format!("/v1/routes?partner={}", app.site.sibling.code)).await,
        [app.site.sibling.route.to_string()]
    );
    assert_eq!(crawl(&admin, "/v1/routes?partner=voices&status=paused").await, Vec::<String>::new());
}

#[actix_web::test]
async fn filters_select_alone_and_together_and_hold_over_pages() {
    let app = App::start().await;
    let (coordinator, partner, sibling) = (app.coordinator(), app.partner(), app.sibling_partner());
    let send = async |person: &Person, changes: Value| {
        person.post("/v1/referrals", &make::referral_with(changes)).await.expect(201).id()
    };
    let plain = send(&partner, json!({"partner_reference": "A-1"})).await;
    let by_form = send(&partner, json!({"channel": "self_referral"})).await;
    let siblings = send(&sibling, json!({"partner_reference": "A-1"})).await;
    let recorded = json!({"partner": "voices", "contact_path": "site_record", "external_ref": "EXT-9"});
    let recorded = send(&coordinator, recorded).await;
    coordinator.post_on(&format!("/v1/referrals/{by_form}/transitions"), "*", &json!({"to": "contacting"})).await.expect(200);
    let all = [&plain, &by_form, &siblings, &recorded];
    for (query, found) in [
        ("status=received", vec![&plain, &siblings, &recorded]),
        ("status=contacting", vec![&by_form]),
        ("status=closed", vec![]),
        ("study=heart-2026", all.to_vec()),
        ("study=other-2026", vec![]),
        ("partner=lakeside", vec![&plain, &by_form]),
        ("partner=voices&status=received", vec![&siblings, &recorded]),
        ("channel=self_referral", vec![&by_form]),
        ("partner_reference=A-1", vec![&plain, &siblings]),
        ("partner_reference=A-1&partner=voices", vec![&siblings]),
        ("external_ref=EXT-9", vec![&recorded]),
        ("external_ref=ext-9", vec![]),
        (&format!("owner_id={}", app.site.coordinator), all.to_vec()),
        (&format!("owner_id={}", app.site.admin), vec![]),
        (&format!("owner_id={}", app.other_site.admin), vec![]),
    ] {
        for limit in [1, 50] {
            let mut listed = crawl(&coordinator, &format!("/v1/referrals?{query}&limit={limit}")).await;
            let mut found: Vec<&str> = found.iter().map(|id| id.as_str()).collect();
            listed.sort();
            found.sort_unstable();
            assert_eq!(listed, found, "{query}");
        }
    }
    // A partner filters by what it sees; what would tell more is refused, every one of it.
    assert_eq!(crawl(&partner, "/v1/referrals?partner_reference=A-1&channel=secure_form&study=heart-2026").await, [plain]);
    let site_filters = format!("/v1/referrals?status=received&partner=lakeside&owner_id={}&external_ref=EXT-9", app.site.admin);
    let refused = partner.get(&site_filters).await.expect_problem(400, "invalid_parameter");
    assert_eq!(
        refused.faults(),
        ["status inconsistent", "partner inconsistent", "owner_id inconsistent", "external_ref inconsistent"]
    );
}

#[actix_web::test]
async fn a_limit_is_from_one_to_two_hundred_and_fifty_if_absent() {
    let app = App::start().await;
    send_many(&app, 3).await;
    // Copies of one of them, by the hundred: only their number matters here.
    let copy = "CREATE TEMP TABLE copies AS SELECT * FROM referrals LIMIT 1;
        UPDATE copies SET handoff_code = NULL, contact_path = 'sealed_details';
        DO $$ BEGIN FOR n IN 1..217 LOOP
            UPDATE copies SET id = gen_random_uuid();
            INSERT INTO referrals SELECT * FROM copies;
        END LOOP; END $$";
    app.db.superuser().batch_execute(copy).unwrap();
    let coordinator = app.coordinator();
    assert_eq!(ids(&coordinator.get("/v1/referrals").await.expect(200)).len(), 50);
    for (limit, count) in [("1", 1), ("200", 200)] {
        assert_eq!(ids(&coordinator.get(&format!("/v1/referrals?limit={limit}")).await.expect(200)).len(), count);
    }
    for limit in ["0", "201", "-1", "65536", "1.0", "ten", ""] {
        let refused = coordinator.get(&format!("/v1/referrals?limit={limit}")).await.expect_problem(400, "invalid_parameter");
        assert!(refused.faults()[0].starts_with("limit "), "{limit}");
    }
    assert_eq!(crawl(&coordinator, "/v1/referrals?limit=37").await.len(), 220);
}

#[actix_web::test]
async fn a_cursor_is_good_for_its_list_caller_filters_site_and_day_only() {
    let app = App::start().await;
    send_many(&app, 5).await;
    let coordinator = app.coordinator();
    let cursor = |answer: &Answer| answer.body["next_cursor"].as_str().unwrap().to_owned();
    let first = coordinator.get("/v1/referrals?limit=2").await.expect(200);
    let own = cursor(&first);
    let second = coordinator.get(&format!("/v1/referrals?limit=2&cursor={own}")).await.expect(200);
    assert_eq!(ids(&second).len(), 2, "the control");
    assert_eq!(
        ids(&coordinator.get(&format!("/v1/referrals?limit=1&cursor={own}")).await.expect(200)),
        ids(&second)[..1],
        "a limit is no filter"
    );

    let filtered = cursor(&coordinator.get("/v1/referrals?limit=2&status=received").await.expect(200));
    let partners = cursor(&app.admin().get("/v1/partners?limit=1").await.expect(200));
    let foreign = app.member(&app.other_site, app.other_site.coordinator);
    let tampered: Vec<String> = (0..own.len())
        .step_by(5)
        .map(|at| {
            let mut bytes = own.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8(bytes).unwrap()
        })
        .collect();
    let mut strange: Vec<(&Person, String)> = Vec::new();
    let (admin, partner, site_key) = (app.admin(), app.partner(), app.site_key());
    for person in [&admin, &partner, &site_key, &foreign] {
        strange.push((person, format!("/v1/referrals?limit=2&cursor={own}")));
    }
    strange.push((&coordinator, format!("/v1/referrals?status=received&cursor={own}")));
    strange.push((&coordinator, format!("/v1/referrals?cursor={filtered}")));
    strange.push((&coordinator, format!("/v1/referrals?status=closed&cursor={filtered}")));
    strange.push((&coordinator, format!("/v1/studies?cursor={own}")));
    strange.push((&admin, format!("/v1/routes?cursor={partners}")));
    strange.push((&admin, format!("/v1/referrals?cursor={partners}")));
    strange.push((&coordinator, format!("/v1/referrals?cursor={}", &own[..own.len() - 4])));
    strange.push((&coordinator, format!("/v1/referrals?cursor={own}AAAA")));
    strange.extend(tampered.into_iter().map(|cursor| (&coordinator, format!("/v1/referrals?cursor={cursor}"))));
    for (person, path) in &strange {
        person.get(path).await.expect_problem(400, "invalid_cursor");
    }
    println!("listing: {} strange cursors, all refused", strange.len());

    app.clock.advance(Duration::hours(24));
    let later = app.coordinator();
    assert_eq!(later.get(&format!("/v1/referrals?limit=2&cursor={own}")).await.expect(200).text, {
        // The page is the same; its own next cursor is a new one.
        let again = later.get(&format!("/v1/referrals?limit=2&cursor={own}")).await.expect(200);
        assert_eq!(ids(&again), ids(&second));
        again.text
    });
    app.clock.advance(Duration::seconds(1));
    app.coordinator().get(&format!("/v1/referrals?limit=2&cursor={own}")).await.expect_problem(400, "invalid_cursor");
}

#[actix_web::test]
async fn a_rotation_of_keys_breaks_no_crawl() {
    let app = App::start().await;
    send_many(&app, 3).await;
    let cursor = app.partner().get("/v1/referrals?limit=1").await.expect(200).body["next_cursor"].as_str().unwrap().to_owned();
    let rotated = app.person(&make::db_key(&app.db, &app.site, &Holder::Partner("lakeside".parse().unwrap()), false));
    assert_eq!(ids(&rotated.get(&format!("/v1/referrals?limit=5&cursor={cursor}")).await.expect(200)).len(), 2);
    // A test key of the same partner is another caller: it sees other rows.
    let test = app.person(&app.site.partner.test_key);
    test.get(&format!("/v1/referrals?cursor={cursor}")).await.expect_problem(400, "invalid_cursor");
}

#[actix_web::test]
async fn an_unknown_or_repeated_parameter_is_refused_on_every_list() {
    let app = App::start().await;
    let admin = app.admin();
    for list in ["/v1/referrals", "/v1/studies", "/v1/partners", "/v1/routes", "/v1/api-keys"] {
        for (query, fault) in [
            ("offset=10", "?#0 unknown_field"),
            ("limit=5&page=2", "?#1 unknown_field"),
            ("Limit=5", "?#0 unknown_field"),
            ("sort=id", "?#0 unknown_field"),
            ("medical_history=x", "?#0 unknown_field"),
            ("limit=5&limit=5", "limit#1 duplicate_field"),
            ("status=", "status unknown_value"),
        ] {
            let refused = admin.get(&format!("{list}?{query}")).await.expect_problem(400, "invalid_parameter");
            assert_eq!(refused.faults(), [fault], "{list}?{query}");
        }
        admin.get(&format!("{list}?")).await.expect(200);
        assert_eq!(admin.get(list).await.expect(200).header("cache-control"), Some("no-store"));
    }
}
