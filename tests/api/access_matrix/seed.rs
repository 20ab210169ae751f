//! Two sites whose rows are marked: every id, name, tag and reference says whose it is and who may see it.

mod language;
mod leavers;
mod rows;

pub use rows::Rows;

use diesel::connection::SimpleConnection as _;
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _};
use handoff::auth::{Actor, StaffActor};
use handoff::db::in_site;
use handoff::domain::boundaries::BoundariesPatch;
use handoff::domain::ids::MemberId;
use handoff::domain::route_config::RouteChannel;
use handoff::domain::vocabulary::{Channel, DuplicatePolicy, Role};
use handoff::ops::Context;
use handoff::ops::create_route::{self, NewRoute};
use handoff::ops::create_study::{self, NewStudy};
use serde_json::json;

use crate::support::App;
use crate::support::app::beginning;
use crate::support::make::{Partner, Site, referral_with};
use crate::support::onboard::{self, People};

/// Who may see a mark, beside belonging to its site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Keys: admins alone.
    AdminOnly,
    /// The site's people and settings: whoever reads its configuration.
    SiteOnly,
    /// The site's people: its admins and coordinators, and no key.
    People,
    /// The owner of referrals, who stands on each of them.
    OwnerOfReferrals,
    /// What a referral repeats of its partner, study and route: whoever may see that, or referrals.
    SharedWithReferrals,
    /// A partner and its routes: it, and whoever reads the configuration.
    Shared,
    /// The ids of a partner, a study and a route: those, and whoever follows the feed.
    Ids,
    /// The id of a live referral: whoever sees it, and whoever follows the feed.
    LiveId,
    /// A live referral: its partner, and whoever reads referrals.
    Live,
    /// What of a live referral is the site's alone.
    LiveSiteOnly,
    /// What was sealed with a live referral: whoever reads sealed details, and not its partner, who sent it.
    Details,
    /// A test referral: test keys alone.
    Test,
    /// What of a test referral is the site's alone.
    TestSiteOnly,
}

/// A text that must not stand in an answer to the wrong caller.
#[derive(Debug, Clone)]
pub struct Mark {
    pub away: bool,
    /// Of which partner, if of one: `true` for the sibling.
    pub of_sibling: Option<bool>,
    pub class: Class,
    /// Stored, and shown by no operation to anybody.
    pub kept_inside: bool,
    pub text: String,
}

/// A partner's rows.
#[derive(Debug, Clone)]
pub struct Own {
    /// A member who owns nothing.
    pub member_id: String,
    /// An absence of that member.
    pub window_id: String,
    /// A review of the partner.
    pub partner_review_id: String,
    /// A member who was deactivated.
    pub left_member_id: String,
    pub partner_id: String,
    pub partner_code: String,
    pub study_id: String,
    pub study_code: String,
    pub route_id: String,
    pub key_id: String,
    pub source_tag: String,
    pub referral_id: String,
    /// Another referral of the study.
    pub unpaired_referral_id: String,
    /// A review of the first referral and a third one.
    pub review_id: String,
    /// An alert of the coordinator.
    pub alert_id: String,
    /// An endpoint for events.
    pub endpoint_id: String,
    pub import_id: String,
    /// Of the study's language, in review.
    pub version_id: String,
    /// Of the study's language, approved and acknowledged by the partner.
    pub current_version_id: String,
    pub process_id: String,
    /// Open, on the route.
    pub test_run_id: String,
    pub partner_reference: String,
    pub test_referral_id: String,
    pub test_reference: String,
    pub owner_id: String,
    pub backup_owner_id: String,
}

impl Own {
    /// Well-formed ids and codes that nobody has.
    pub fn nobody() -> Self {
        let id = |number: u128| uuid::Uuid::from_u128(0x0199_aa10_7c1e_7b52_9f0e_0000_0000_0000 + number).to_string();
        Self {
            member_id: id(8),
            window_id: id(12),
            partner_review_id: id(13),
            left_member_id: id(9),
            partner_id: id(1),
            partner_code: "nowhere-partner".into(),
            study_id: id(2),
            study_code: "nowhere-study".into(),
            route_id: id(3),
            key_id: id(8),
            source_tag: "nowhere.tag".into(),
            referral_id: id(4),
            unpaired_referral_id: id(10),
            review_id: id(11),
            alert_id: id(13),
            endpoint_id: id(17),
            import_id: id(18),
            version_id: id(13),
            current_version_id: id(14),
            process_id: id(15),
            test_run_id: id(16),
            partner_reference: "nowhere-ref".into(),
            test_referral_id: id(5),
            test_reference: "nowhere-test".into(),
            owner_id: id(6),
            backup_owner_id: id(7),
        }
    }
}

/// One site's rows.
#[derive(Debug)]
pub struct Half {
    pub own: Own,
    pub sibling: Own,
}

/// Both sites' rows and every mark in them.
#[derive(Debug)]
pub struct World {
    pub home: Half,
    pub away: Half,
    pub marks: Vec<Mark>,
    pub deactivated: MemberId,
    pub ended_key: String,
}

#[derive(QueryableByName)]
struct Text {
    #[diesel(sql_type = diesel::sql_types::Text)]
    text: String,
}

fn one(conn: &mut PgConnection, query: &str) -> String {
    diesel::sql_query(query).get_result::<Text>(conn).unwrap_or_else(|error| panic!("{query}: {error}")).text
}

/// Sows both sites.
pub async fn sow(app: &App) -> World {
    let mut marks = Vec::new();
    let home = half(app, &app.site, false, &mut marks).await;
    let away = half(app, &app.other_site, true, &mut marks).await;
    let (deactivated, ended_key) = leavers::leavers(app);
    // So that feed and audit trail have something to show.
    app.sequence().await;
    World { home, away, marks, deactivated, ended_key }
}

async fn half(app: &App, site: &Site, away: bool, marks: &mut Vec<Mark>) -> Half {
    let own = own(app, site, &site.partner, away, false, marks).await;
    let sibling = self::own(app, site, &site.sibling, away, true, marks).await;
    let place = if away { "away" } else { "home" };
    let mut conn = app.db.superuser();
    conn.batch_execute(&format!(
        "UPDATE sites SET name = 'zq-{place}-site' WHERE site_id = '{id}';
         UPDATE members SET display_name = 'zq-' || left(email, 3) || '-{place}-member', email = left(email, 3) || '@zq-{place}-mail.example'
          WHERE site_id = '{id}'",
        id = site.id
    ))
    .unwrap();
    let hook = json!({"url": format!("https://zq-{place}-hook.example/x")});
    app.member(site, site.admin).put("/v1/alert-webhook", "*", &hook).await.expect(201);
    marks.push(Mark { away, of_sibling: None, class: Class::AdminOnly, kept_inside: false, text: format!("zq-{place}-hook") });
    // Both partners' referrals have the one as owner, and what nobody referred has the other, who is site lead.
    for owner in [site.coordinator, site.admin] {
        let text = owner.to_string();
        marks.push(Mark { away, of_sibling: None, class: Class::OwnerOfReferrals, kept_inside: false, text });
    }
    for text in [format!("zq-{place}-site"), site.id.to_string()] {
        marks.push(Mark { away, of_sibling: None, class: Class::SiteOnly, kept_inside: false, text });
    }
    for text in [site.viewer.to_string(), format!("-{place}-member"), format!("zq-{place}-mail")] {
        marks.push(Mark { away, of_sibling: None, class: Class::People, kept_inside: false, text });
    }
    Half { own, sibling }
}

/// A study, a route and referrals that only this partner has, all marked.
async fn own(app: &App, site: &Site, partner: &Partner, away: bool, is_sibling: bool, marks: &mut Vec<Mark>) -> Own {
    let place = format!("{}-{}", if away { "away" } else { "home" }, if is_sibling { "sib" } else { "own" });
    let source_tag = format!("zq-{place}-tag");
    let (study, study_code, route) = in_site(&mut app.db.app(), site.id, |conn, scope| {
        let actor = Actor::Staff(StaffActor { member: site.admin, role: Role::Admin });
        let context = Context { actor, ..Context::of_operator(*scope, beginning() - chrono::Duration::days(1)) };
        let code = format!("zq-{place}-study");
        let new = NewStudy {
            code: code.parse().unwrap(),
            public_name: format!("zq-{place}-public").parse().unwrap(),
            short_description: format!("zq-{place}-description").parse().unwrap(),
            protocol_code: format!("zq-{place}-protocol").parse().unwrap(),
            registry_id: Some(if is_sibling { "NCT11110001" } else { "NCT11110000" }.parse().unwrap()),
        };
        let study = create_study::run(conn, &context, new)?.id;
        let new = NewRoute {
            partner: partner.code.parse().unwrap(),
            study: code.parse().unwrap(),
            channels: RouteChannel::each(&[Channel::SecureForm], &format!("zq-{place}-instruction").parse().unwrap()),
            source_tag: source_tag.parse().unwrap(),
            intake_url: Some(format!("https://zq-{place}-intake.example/start").parse().unwrap()),
            owner_id: site.coordinator,
            backup_owner_id: site.admin,
            duplicate_policy: DuplicatePolicy::ReviewAll,
            approval_reference: Some(format!("zq-{place}-approval").parse().unwrap()),
            acknowledge_due_hours: None,
            contact_due_hours: None,
            follow_up_due_hours: None,
            monthly_capacity: None,
            boundaries: BoundariesPatch::default(),
        };
        let route = create_route::run(conn, &context, new)?.route.id;
        onboard::live(conn, scope, People { admin: site.admin, coordinator: site.coordinator }, route, context.now)?;
        Ok((study, code, route))
    })
    .unwrap();

    let words = language::words(app, site, partner, &study_code, &place).await;
    let reference = format!("zq-{place}-ref");
    let details = json!({"age_band": "from_80", "sealed_note": format!("zq-{place}-sealed-note")});
    let body = referral_with(json!({"study": study_code, "partner_reference": reference, "details": details}));
    let live = app.person(&partner.key).post("/v1/referrals", &body).await.expect(201);
    let live_id = live.id();
    let test_id = uuid::Uuid::from_u128(uuid::Uuid::parse_str(&live_id).unwrap().as_u128() ^ 0xffff_ffff).to_string();
    let another = referral_with(json!({"study": study_code}));
    // Ids of one moment have no order, and the newer one of a pair is held.
    app.clock.advance(chrono::Duration::seconds(1));
    let unpaired_id = app.person(&partner.key).post("/v1/referrals", &another).await.expect(201).id();
    let paired_id = app.person(&partner.key).post("/v1/referrals", &another).await.expect(201).id();
    let pair = json!({"referral_ids": [live_id, paired_id]});
    let review_id = app.member(site, site.coordinator).post("/v1/duplicate-reviews", &pair).await.expect(201).id();
    let test_alert = format!("/v1/members/{}/test-alert", site.coordinator);
    let hook = json!({"url": format!("https://zq-{place}-hook.example/events")});
    let endpoint_id = app.member(site, site.admin).post("/v1/webhook-endpoints", &hook).await.expect(201).id();
    let import_id = crate::imports::waiting(&app.member(site, site.admin)).await;
    let alert_id = app.member(site, site.admin).post_without_body(&test_alert).await.expect(201).id();
    let runs = format!("/v1/routes/{route}/test-referrals");
    let test_run_id = app.member(site, site.coordinator).post(&runs, &json!({})).await.expect(201).id();
    // Codes are shared words between the two sites' partners from `make`; here each is its own.
    let partner_code = format!("zq-{place}-partner");
    let mut conn = app.db.superuser();
    conn.batch_execute(&format!(
        "UPDATE partners SET code = '{partner_code}', name = 'zq-{place}-name' WHERE id = '{partner}';
         UPDATE language_versions SET where_to_go = 'zq-{place}-approved-words' WHERE id = '{current}';
         UPDATE referrals SET external_ref = 'zq-{place}-external', blocker = 'awaiting_partner_completion', handoff_issues = '{{materials_unclear}}' WHERE id = '{live_id}';
         INSERT INTO referrals SELECT (jsonb_populate_record(r, jsonb_build_object('id', '{test_id}', 'is_test', true, 'escalate_at', null,
             'partner_reference', 'zq-{place}-testref', 'external_ref', 'zq-{place}-testext',
             'handoff_code', translate(reverse(r.handoff_code), '0123456789', '9876543210')))).* FROM referrals r WHERE r.id = '{live_id}'",
        partner = partner.id,
        current = words.current,
    ))
    .unwrap();
    let handoff_code =
        |conn: &mut PgConnection, id: &str| one(conn, &format!("SELECT handoff_code AS text FROM referrals WHERE id = '{id}'"));
    let key_id =
        one(&mut conn, &format!("SELECT id::text AS text FROM api_keys WHERE partner_id = '{}' AND NOT is_test", partner.id));
    conn.batch_execute(&format!("UPDATE api_keys SET name = 'zq-{place}-key' WHERE id = '{key_id}'")).unwrap();
    let (live_code, test_code) = (handoff_code(&mut conn, &live_id), handoff_code(&mut conn, &test_id));

    // Two more of the site's people, for each partner: one who owns nothing, and one who has left.
    let [member, left] = [1_u128, 2].map(|number| uuid::Uuid::from_u128(route.0.as_u128() ^ number).to_string());
    for (id, active) in [(&member, true), (&left, false)] {
        conn.batch_execute(&format!(
            "INSERT INTO members (site_id, id, display_name, email, role, is_site_lead, active, version, created_at, updated_at)
             VALUES ('{}', '{id}', 'x', '{}{}-{place}@x.example', 'coordinator', false, {active}, 1, now(), now())",
            site.id,
            // The first three letters are what `half` leaves of an address.
            if is_sibling { "s" } else { "o" },
            if active { "in" } else { "ex" },
        ))
        .unwrap();
    }

    let window = uuid::Uuid::from_u128(route.0.as_u128() ^ 3).to_string();
    conn.batch_execute(&format!(
        "INSERT INTO away_windows VALUES ('{}', '{window}', '{member}', '2026-07-06', '2026-07-20', 1, now(), now())",
        site.id
    ))
    .unwrap();
    let review = json!({"decision": "continue", "reason": "routine"});
    let reviews = format!("/v1/partners/{}/reviews", partner.id);
    let partner_review_id = app.member(site, site.admin).post(&reviews, &review).await.expect(201).id();

    let mut mark = |class, text: String| marks.push(Mark { away, of_sibling: Some(is_sibling), class, kept_inside: false, text });
    for word in ["public", "description", "protocol", "name"] {
        mark(Class::Shared, format!("zq-{place}-{word}"));
    }
    for word in ["study", "partner", "tag", "intake", "instruction"] {
        mark(Class::SharedWithReferrals, format!("zq-{place}-{word}"));
    }
    for id in [partner.id.to_string(), study.to_string()] {
        mark(Class::Ids, id);
    }
    mark(Class::Ids, route.to_string());
    mark(Class::Shared, test_run_id.clone());
    mark(Class::LiveId, live_id.clone());
    mark(Class::SiteOnly, format!("zq-{place}-approval"));
    // Words are a partner's once they are approved; what is being written, and what is opened, is the site's.
    mark(Class::Shared, format!("zq-{place}-approved-words"));
    for text in
        [format!("zq-{place}-review-words"), words.in_review.clone(), format!("zq-{place}-process"), words.process.clone()]
    {
        mark(Class::SiteOnly, text);
    }
    for text in [format!("zq-{place}-key"), key_id.clone()] {
        mark(Class::AdminOnly, text);
    }
    for text in [reference.clone(), live_code] {
        mark(Class::Live, text);
    }
    mark(Class::LiveSiteOnly, format!("zq-{place}-external"));
    mark(Class::Details, format!("zq-{place}-sealed-note"));
    for text in [format!("zq-{place}-testref"), test_id.clone(), test_code] {
        mark(Class::Test, text);
    }
    mark(Class::TestSiteOnly, format!("zq-{place}-testext"));
    for id in [&member, &left, &window, &alert_id, &review_id, &partner_review_id] {
        mark(Class::People, id.clone());
    }
    Own {
        member_id: member,
        window_id: window,
        partner_review_id,
        left_member_id: left,
        partner_id: partner.id.to_string(),
        partner_code,
        study_id: study.to_string(),
        study_code,
        route_id: route.to_string(),
        key_id,
        source_tag,
        referral_id: live_id,
        unpaired_referral_id: unpaired_id,
        review_id,
        alert_id,
        endpoint_id,
        import_id,
        version_id: words.in_review,
        current_version_id: words.current,
        process_id: words.process,
        test_run_id,
        partner_reference: reference,
        test_referral_id: test_id,
        test_reference: format!("zq-{place}-testref"),
        owner_id: site.coordinator.to_string(),
        backup_owner_id: site.admin.to_string(),
    }
}
