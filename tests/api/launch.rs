//! How a partner gets to its first live referral: language, acknowledgement, test referral, launch, all over HTTP and by the real way,
//! with a real SMTP server for alerts and a real page behind the intake link.

mod failing;
mod hidden;
mod lapsing;
mod proof;
mod refused;
mod runs;

use std::sync::Arc;
use std::time::Duration;

use handoff::domain::ids::MemberId;
use handoff::domain::vocabulary::Scope;
use handoff::domain::webhooks::Schedule;
use handoff::jobs::{alert_delivery, language, match_duplicates, test_runs};
use handoff::ops::issue_key::Holder;
use handoff::outbound::http::{LookedUp, Timeouts};
use handoff::outbound::{Allow, Http, Mailer, Outbound, SmtpSettings};
use serde_json::{Value, json};

use crate::language::draft_with;
use crate::support::App;
use crate::support::callers::{Answer, Person};
use crate::support::make;
use crate::support::smtp::{PASSWORD, Secured, SmtpServer};
use crate::support::webhook::Receiver;

const STUDY: &str = "rest-2026";
const TAG: &str = "harbour.rest";

/// A site, a study of its own and a partner that begins.
pub struct Scene {
    pub app: App,
    pub smtp: SmtpServer,
    /// What stands behind the intake link.
    pub page: Receiver,
    pub study: String,
    pub partner_path: String,
    pub route: String,
    /// The partner's portal.
    pub partner: Person,
    /// The partner's portal with its test key.
    pub test: Person,
    /// The site's system, which follows the feed.
    pub feed: Person,
}

fn outbound(smtp: &SmtpServer) -> Outbound {
    let settings = SmtpSettings::parse(&smtp.url(PASSWORD), None, "Handoff <handoff@riverside.example>").unwrap();
    let timeouts = Timeouts { connect: Duration::from_secs(1), total: Duration::from_millis(1_500) };
    let look_up = Arc::new(|_| Box::pin(async { Ok(vec!["127.0.0.1".parse().unwrap()]) }) as LookedUp);
    Outbound {
        http: Http::resolving(Allow::parse("127.0.0.0/8").unwrap(), timeouts, look_up),
        mailer: Some(Mailer::new(settings).trusting(smtp.authority.clone()).within(Duration::from_secs(3))),
        public_url: None,
        schedule: Schedule::default(),
    }
}

impl Scene {
    /// The study and the partner are there; nothing else is.
    pub async fn set() -> Self {
        let smtp = SmtpServer::start(Secured::StartTls).await;
        let app = App::start_sending(outbound(&smtp)).await;
        let page = Receiver::start();
        let admin = app.admin();
        let study = json!({"code": STUDY, "public_name": "Rest Study", "short_description": "Rest.", "protocol_code": "RST-1"});
        let study = admin.post("/v1/studies", &study).await.expect(201).id();
        let partner = json!({
            "code": "harbour", "name": "Harbour Clinic", "partner_type": "specialty_clinic", "jurisdiction": "US-NY",
            "remuneration_basis": "none",
        });
        let partner_path = format!("/v1/partners/{}", admin.post("/v1/partners", &partner).await.expect(201).id());
        let mut route = make::route(&app.site, "harbour");
        route["study"] = json!(STUDY);
        route["source_tag"] = json!(TAG);
        route["intake_url"] = json!(format!("http://localhost:{}/in", page.address.port()));
        let route = format!("/v1/routes/{}", admin.post("/v1/routes", &route).await.expect(201).id());
        let holder = Holder::Partner("harbour".parse().unwrap());
        let [partner, test] = [false, true].map(|is_test| app.person(&make::db_key(&app.db, &app.site, &holder, is_test)));
        let feed = Holder::Site(vec![Scope::EventsRead, Scope::ReferralsRead, Scope::ConfigRead]);
        let feed = app.person(&make::db_key(&app.db, &app.site, &feed, false));
        Self { app, smtp, page, study: format!("/v1/studies/{study}"), partner_path, route, partner, test, feed }
    }

    /// Language is approved and acknowledged, and the partner waits for its test.
    pub async fn with_language() -> Self {
        let scene = Self::set().await;
        scene.step("language_pending").await.expect(200);
        scene.approve(json!({"effective_on": "2026-06-01"})).await;
        scene.acknowledge().await.expect(201);
        scene.step("test_pending").await.expect(200);
        scene
    }

    /// The route is launched and the partner active.
    pub async fn launched() -> Self {
        let scene = Self::with_language().await;
        scene.prove().await;
        scene.launch().await.expect(200);
        scene.step("active").await.expect(200);
        scene
    }

    pub async fn step(&self, to: &str) -> Answer {
        self.app.admin().post_on(&format!("{}/transitions", self.partner_path), "*", &json!({"to": to})).await
    }

    /// A language version that the coordinator wrote and the admin approved; its id.
    pub async fn approve(&self, changes: Value) -> String {
        let mut draft = draft_with(changes);
        draft["study"] = json!(STUDY);
        let author = self.app.coordinator();
        let id = author.post("/v1/language-versions", &draft).await.expect(201).id();
        for (who, step) in [(author, "submit"), (self.app.admin(), "approve")] {
            who.post_on(&format!("/v1/language-versions/{id}/{step}"), "*", &json!({})).await.expect(200);
        }
        id
    }

    /// The partner reads what counts and accepts it.
    pub async fn acknowledge(&self) -> Answer {
        let current = self.partner.get(&format!("/v1/language/current?study={STUDY}")).await.expect(200);
        self.partner.post("/v1/language/acknowledgements", &json!({"version_id": current.body["version_id"]})).await
    }

    pub async fn open_run(&self, persona: Option<&str>) -> String {
        let body = persona.map_or(json!({}), |persona| json!({"persona": persona}));
        let run = self.app.coordinator().post(&format!("{}/test-referrals", self.route), &body).await.expect(201);
        format!("/v1/test-runs/{}", run.id())
    }

    /// What the partner sends in its test: the route's tag, and details of its own.
    pub fn referral(&self) -> Value {
        make::referral_with(json!({"study": STUDY, "source_tag": TAG, "match": {"email": "try@harbour.example"}}))
    }

    pub async fn send_test(&self, changes: Value) -> Answer {
        let mut body = self.referral();
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
            if value.is_null() {
                body.as_object_mut().unwrap().remove(name);
            }
        }
        self.test.post("/v1/referrals", &body).await
    }

    /// Everything that the server does by itself, until nothing more comes of it.
    pub async fn let_jobs_run(&self) {
        let app = &self.app;
        for _ in 0..3 {
            match_duplicates::pass(&app.state).await.unwrap();
            test_runs::pass(&app.state).await.unwrap();
            alert_delivery::pass(&app.state).await.unwrap();
        }
        test_runs::pass(&app.state).await.unwrap();
    }

    pub async fn language_job(&self) -> usize {
        language::pass(&self.app.state).await.unwrap()
    }

    /// The member says that it has the alerts of tests that wait for it.
    pub async fn confirm_alert(&self, member: MemberId) {
        let who = self.app.member(&self.app.site, member);
        let alerts = who.get("/v1/alerts").await.expect(200).body["data"].clone();
        let of_tests = alerts.as_array().unwrap().iter().filter(|alert| alert["kind"] == "test_run");
        let waiting: Vec<&str> =
            of_tests.filter(|alert| alert["confirmed_at"].is_null()).map(|alert| alert["id"].as_str().unwrap()).collect();
        assert!(!waiting.is_empty(), "an alert of a test");
        for id in waiting {
            who.post_without_body(&format!("/v1/alerts/{id}/confirm")).await.expect(200);
        }
    }

    /// A test from its beginning to its end.
    pub async fn prove(&self) -> String {
        let run = self.open_run(None).await;
        self.send_test(json!({})).await.expect(201);
        self.send_test(json!({})).await.expect(201);
        self.let_jobs_run().await;
        self.confirm_alert(self.app.site.coordinator).await;
        self.let_jobs_run().await;
        assert_eq!(self.read(&run).await["status"], "passed", "{}", self.read(&run).await);
        run
    }

    pub async fn launch(&self) -> Answer {
        self.app.admin().post_on(&format!("{}/launch", self.route), "*", &json!({})).await
    }

    pub async fn read(&self, path: &str) -> Value {
        self.app.admin().get(path).await.expect(200).body
    }

    /// What came of each step of a run, as `step result` or `step failure`.
    pub async fn steps(&self, run: &str) -> Vec<String> {
        let steps = self.read(run).await["steps"].clone();
        let told = |step: &Value| {
            let what = step["failure"].as_str().or(step["result"].as_str()).unwrap();
            format!("{} {what}", step["step"].as_str().unwrap())
        };
        steps.as_array().unwrap().iter().map(told).collect()
    }

    /// The checks that keep the route from its launch.
    pub async fn missing(&self) -> Vec<String> {
        let checks = self.read(&format!("{}/launch-check", self.route)).await["checks"].clone();
        let failing = checks.as_array().unwrap().iter().filter(|check| check["passed"] == false);
        failing.map(|check| check["check"].as_str().unwrap().to_owned()).collect()
    }

    /// A live referral of the partner.
    pub async fn refer(&self) -> Answer {
        self.partner.post("/v1/referrals", &make::referral_with(json!({"study": STUDY}))).await
    }

    /// Whether the partner would be taken now, as it is told before it sends anybody.
    pub async fn preflight(&self) -> String {
        let question = json!({"study": STUDY, "channel": "secure_form"});
        self.partner.post("/v1/routes/preflight", &question).await.expect(200).body["state"].as_str().unwrap().to_owned()
    }

    /// The types of all events of the route and the partner that the site's feed tells of.
    pub async fn events(&self) -> Vec<String> {
        self.app.sequence().await;
        let page = self.feed.get("/v1/events?limit=200").await.expect(200);
        assert!(page.body["data"].as_array().unwrap().len() < 200);
        let of_scene = |event: &&Value| {
            [&self.route, &self.partner_path].iter().any(|path| event.to_string().contains(path.rsplit('/').next().unwrap()))
        };
        let events = page.body["data"].as_array().unwrap().iter().filter(of_scene);
        events.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }
}
