//! What is refused, and what is only passed through, is nowhere afterwards (QUALITY.md S9, G8).

use chrono::Duration;
use diesel::connection::SimpleConnection as _;
use handoff::auth::token;
use reqwest::Method;
use serde_json::{Value, json};

use crate::bad_input::{BodyRoute, body_routes};
use crate::support::callers::{Answer, fresh_key, send};
use crate::support::db::Database;
use crate::support::traces::holds;
use crate::support::{App, log, make};

/// What somebody might send, and the traces by which it would be found again: no other test uses any of them.
struct Canary {
    sent: String,
    traces: Vec<String>,
}

impl Canary {
    fn new(sent: &str, traces: &[&str]) -> Self {
        let traces = std::iter::once(sent).chain(traces.iter().copied()).map(str::to_lowercase).collect();
        Self { sent: sent.to_owned(), traces }
    }
}

fn canaries(app: &App) -> Vec<Canary> {
    let token = token::create(&app.master, app.site.id, app.site.viewer, Duration::hours(2), app.clock.now()).unwrap();
    let (head, tail) = token.rsplit_once('.').unwrap();
    vec![
        Canary::new("brunhilde.kanarienvogel@mail.example", &["kanarienvogel@", "brunhilde.k"]),
        Canary::new("+1 415 555 2389", &["4155552389", "5552389", "555-2389"]),
        Canary::new("Brunhilde Kanarienvogel", &["brunhilde", "kanarienvogel"]),
        Canary::new("Admitted with crushing chest pain, on warfarin-kanari", &["crushing chest", "warfarin-kanari"]),
        Canary::new("born 02/03/1957 (kanari)", &["02/03/1957"]),
        Canary::new(&app.site.sibling.key, &[&app.site.sibling.key[8..30]]),
        Canary::new(&token, &[head.rsplit_once('.').unwrap().1, tail]),
    ]
}

/// Everything that the system said or keeps, lower-cased: what a search for traces looks through.
pub struct Everything {
    answers: String,
    database: String,
    log: String,
    server_log: String,
    files: String,
}

impl Everything {
    pub fn gather(app: &App, answers: &[Answer]) -> Self {
        let answers: String = answers.iter().map(|answer| format!("{:?}\n{}\n", answer.headers, answer.text)).collect();
        Self {
            answers: answers.to_lowercase(),
            database: app.db.dump().to_lowercase(),
            log: log::lines().join("\n").to_lowercase(),
            server_log: Database::server_log().unwrap_or_default().to_lowercase(),
            files: String::new(),
        }
    }

    /// The same with the files of the database: they have what was rolled back and what was overwritten too.
    pub fn gather_with_files(app: &App, answers: &[Answer]) -> Self {
        let files = app.db.files().unwrap_or_default();
        Self { files: String::from_utf8_lossy(&files).to_lowercase(), ..Self::gather(app, answers) }
    }

    /// Where this text is, in plain and as the hexadecimal of its bytes.
    pub fn places(&self, trace: &str) -> Vec<&'static str> {
        let hex: String = trace.bytes().map(|byte| format!("{byte:02x}")).collect();
        let all = [
            ("answers", &self.answers),
            ("database", &self.database),
            ("log", &self.log),
            ("server log", &self.server_log),
            ("files", &self.files),
        ];
        all.into_iter().filter(|(_, text)| holds(text, trace) || text.contains(&hex)).map(|(place, _)| place).collect()
    }
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The canary in every place of a request that can carry it.
async fn spread(app: &App, routes: &[BodyRoute], canary: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    for route in routes {
        let mut bodies = Vec::new();
        for pointer in route.fields.keys() {
            for value in [json!(canary), json!([{ canary: canary }])] {
                let mut body = route.harmless.clone();
                match pointer.split('/').skip(1).collect::<Vec<_>>().as_slice() {
                    [parent, name] => body[*parent] = json!({*name: value}),
                    names => body[names[0]] = value,
                }
                bodies.push(body.to_string());
            }
        }
        for (name, value) in [(canary, json!(1)), ("notes", json!(canary)), ("extra", json!({"deep": [{canary: canary}]}))] {
            let mut body = route.harmless.clone();
            body[name] = value;
            bodies.push(body.to_string());
        }
        bodies.extend([
            canary.to_owned(),
            format!("[\"{canary}\"]"),
            format!("{{\"{canary}"),
            format!("{{\"notes\": {canary}}}"),
        ]);
        for body in bodies {
            answers.push(route.send(body).await);
        }
        // As a header of a request with a body, and under another media type.
        for header in ["Idempotency-Key", "If-Match", "Content-Type", "Content-Encoding"] {
            answers.push(send(route.caller.request(route.method.clone(), &route.path).header(header, canary).body("{}")).await);
        }
        answers.push(send(route.request().header("Content-Type", "text/csv").body(canary.to_owned())).await);
    }
    let path = escaped(canary);
    for person in [app.partner(), app.coordinator(), app.viewer(), app.stranger()] {
        for target in [
            format!("/v1/referrals/{path}"),
            format!("/v1/{path}"),
            format!("/{path}"),
            format!("/v1/studies/{path}/{path}"),
            format!("/docs/{path}"),
            format!("/v1/referrals?{path}={path}"),
            format!("/v1/referrals?study={path}"),
            format!("/v1/referrals?partner={path}&external_ref={path}"),
            format!("/v1/referrals?limit={path}"),
            format!("/v1/referrals?cursor={path}"),
            format!("/openapi.json?{path}"),
            format!("/healthz?q={path}"),
        ] {
            answers.push(person.get(&target).await);
            answers.push(send(person.request(Method::DELETE, &target)).await);
        }
        for header in
            ["X-Request-Id", "Accept", "User-Agent", "Referer", "Cookie", "X-Forwarded-For", "X-Patient-Name", "Origin", "Range"]
        {
            answers.push(send(person.request(Method::GET, "/v1/referrals").header(header, canary)).await);
        }
    }
    for credentials in [format!("Bearer {canary}"), format!("Basic {canary}"), canary.to_owned()] {
        answers.push(send(app.stranger().request(Method::GET, "/v1/site").header("Authorization", credentials)).await);
    }
    if let Ok(method) = Method::from_bytes(canary.to_uppercase().as_bytes()) {
        answers.push(send(app.partner().request(method, "/v1/referrals")).await);
    }
    answers
}

/// Whether staff register texts of their own there: names of studies, partners and people, language, routes, settings.
fn registers(path: &str) -> bool {
    const FIRST: [&str; 9] = [
        "site",
        "studies",
        "partners",
        "members",
        "routes",
        "language-versions",
        "api-keys",
        "approved-processes",
        "alert-webhook",
    ];
    path.split('/').nth(2).is_some_and(|resource| FIRST.contains(&resource))
}

#[actix_web::test]
async fn a_canary_sent_in_every_field_name_header_path_and_query_is_found_nowhere() {
    let app = App::start().await;
    let canaries = canaries(&app);
    let mut answers = Vec::new();
    let routes = body_routes(&app).await;
    // What staff register may be a name, and a registration that is refused for its code leaves it in a page of its table: those routes
    // come after the files were searched.
    let (registering, others): (Vec<BodyRoute>, Vec<BodyRoute>) = routes.into_iter().partition(|route| registers(&route.path));
    assert!(others.len() > 10 && registering.len() > 10, "{} and {}", others.len(), registering.len());
    for canary in &canaries {
        answers.extend(spread(&app, &others, &canary.sent).await);
    }
    let files = Everything::gather_with_files(&app, &[]);
    for canary in &canaries {
        answers.extend(spread(&app, &registering, &canary.sent).await);
    }
    // Where contact details may travel, they are digested: the referral is taken, and they are gone all the same.
    let details = json!({"match": {"email": canaries[0].sent, "phone": canaries[1].sent}});
    let taken = app.partner().post_with_key("/v1/referrals", &fresh_key(), &make::referral_with(details)).await.expect(201);
    answers.push(taken);
    let withdrawal = json!({"match": {"email": canaries[0].sent, "phone": canaries[1].sent}});
    let withdrawn = app.coordinator().post("/v1/contact-withdrawals", &withdrawal).await.expect(201);
    assert_eq!(withdrawn.body["closed_referrals"].as_array().unwrap().len(), 1, "the control: it was digested, and recognised");
    answers.push(withdrawn);
    assert!(answers.iter().all(|answer| answer.status < 500));

    let everything = Everything::gather(&app, &answers);
    let traces: Vec<&String> = canaries.iter().flat_map(|canary| &canary.traces).collect();
    for trace in &traces {
        let places = [everything.places(trace), files.places(trace)].concat();
        assert!(places.is_empty(), "{trace} is in {places:?}");
    }
    println!(
        "privacy: {} requests with {} canaries, 0 of {} traces found in answers, database, its files, log and server log",
        answers.len(),
        canaries.len(),
        traces.len()
    );
}

#[actix_web::test]
async fn the_search_finds_what_is_allowed_to_be_there() {
    let app = App::start().await;
    let reference = "kontroll-vogel-1";
    let body = make::referral_with(json!({"partner_reference": reference}));
    let kept = app.partner().post("/v1/referrals", &body).await.expect(201);
    let logged = send(app.partner().request(Method::GET, "/v1/referrals").header("X-Request-Id", "kontroll-vogel-2")).await;
    app.db.superuser().batch_execute("DO $$ BEGIN RAISE LOG 'kontroll-vogel-3'; END $$").unwrap();
    let panicked = std::panic::catch_unwind(|| panic!("kontroll-vogel-4"));
    assert!(panicked.is_err());
    let everything = Everything::gather(&app, &[kept, logged]);
    assert_eq!(everything.places(reference), ["answers", "database"]);
    assert_eq!(everything.places("kontroll-vogel-2"), ["answers", "log"]);
    assert_eq!(everything.places("kontroll-vogel-4"), ["log"]);
    if Database::server_log().is_some() {
        assert_eq!(everything.places("kontroll-vogel-3"), ["server log"]);
    }
    app.db.superuser().batch_execute("BEGIN; UPDATE sites SET name = 'kontroll-vogel-5'; ROLLBACK").unwrap();
    let everything = Everything::gather_with_files(&app, &[]);
    assert_eq!(everything.places(reference), ["database", "files"]);
    assert_eq!(everything.places("kontroll-vogel-5"), ["files"]);
}

/// S9's control: one `debug!` of what came in, and the search is red. It stands in this binary, since what it logs must not be shipped.
#[actix_web::test]
async fn one_debug_line_of_a_body_is_found() {
    let app = App::start().await;
    let body = make::referral_with(json!({"notes": "Kleiber climbs down the trunk"}));
    let refused = app.partner().post("/v1/referrals", &body).await.expect_problem(422, "sensitive_field");
    assert_eq!(Everything::gather(&app, &[refused]).places("kleiber climbs"), [] as [&str; 0]);
    ::log::debug!(target: "handoff::api::extract::body", "read {body}");
    assert_eq!(Everything::gather(&app, &[]).places("kleiber climbs"), ["log"]);
}

#[actix_web::test]
async fn a_violated_constraint_leaves_no_value_in_any_log() {
    let app = App::start().await;
    let study = json!({
        "code": "doppel-vogel", "public_name": "S", "short_description": "S.", "protocol_code": "S-1", "registry_id": "DOPPEL-VOGEL-9",
    });
    app.admin().post("/v1/studies", &study).await.expect(201);
    let refused = app.admin().post("/v1/studies", &study).await.expect_problem(409, "already_exists");
    let everything = Everything::gather(&app, &[refused]);
    assert_eq!(everything.places("doppel-vogel"), ["database"]);
}

#[actix_web::test]
async fn refusals_are_counted_by_partner_day_and_code_without_content() {
    let app = App::start().await;
    let with = |name: &str| {
        let mut body = make::referral();
        body[name] = json!("zählvogel");
        body
    };
    let (sensitive, unknown) = (with("diagnosis"), with("favourite_colour"));
    let refuse = async |person: &crate::support::callers::Person, body: &Value, times: usize| {
        for _ in 0..times {
            person.post("/v1/referrals", body).await.expect(422);
        }
    };
    refuse(&app.partner(), &sensitive, 3).await;
    refuse(&app.partner(), &unknown, 2).await;
    refuse(&app.sibling_partner(), &sensitive, 1).await;
    refuse(&app.coordinator(), &unknown, 1).await;
    // Neither who is not known, nor who may not, nor another kind of fault counts.
    app.stranger().post("/v1/referrals", &sensitive).await.expect(401);
    app.viewer().post("/v1/referrals", &sensitive).await.expect(403);
    app.partner().post("/v1/referrals", &make::referral_with(json!({"channel": "pigeon"}))).await.expect(422);
    // Past midnight at the site.
    app.clock.advance(Duration::hours(20));
    refuse(&app.partner(), &sensitive, 2).await;

    let counted = |partner: &str, day: &str, code: &str| {
        let sql = format!(
            "SELECT coalesce(sum(refused), 0)::bigint AS count FROM refusals
              WHERE partner_id IS NOT DISTINCT FROM {partner} AND day = '{day}' AND code = '{code}'"
        );
        app.db.count(&sql)
    };
    let own = format!("'{}'", app.site.partner.id);
    let sibling = format!("'{}'", app.site.sibling.id);
    assert_eq!(counted(&own, "2026-06-01", "sensitive_field"), 3);
    assert_eq!(counted(&own, "2026-06-01", "unknown_field"), 2);
    assert_eq!(counted(&sibling, "2026-06-01", "sensitive_field"), 1);
    assert_eq!(counted("NULL", "2026-06-01", "unknown_field"), 1);
    assert_eq!(counted(&own, "2026-06-02", "sensitive_field"), 2);
    assert_eq!(app.db.count("SELECT count(*) FROM refusals"), 5);
    let dump = app.db.dump();
    assert!(!dump.contains("zählvogel") && !dump.contains("diagnosis") && !dump.contains("favourite_colour"));
    assert_eq!(app.db.count("SELECT count(*) FROM referrals"), 0);
}

#[actix_web::test]
async fn a_refused_body_is_pointed_to_the_sites_intake() {
    let app = App::start().await;
    let mut body = make::referral();
    body["date_of_birth"] = json!("1957-03-02");
    for (person, intake) in [
        (app.partner(), "https://intake.riverside.example/start"),
        (app.person(&app.other_site.partner.key), "https://intake.elsewhere.example/start"),
    ] {
        let refused = person.post("/v1/referrals", &body).await.expect_problem(422, "sensitive_field");
        assert_eq!(refused.body["intake_url"], intake);
        assert_eq!(refused.faults(), ["#3 sensitive_field"]);
        assert!(refused.body["errors"][0]["category"].is_string());
        let unknown = person.post("/v1/referrals", &make::referral_with(json!({"colour": "x"}))).await;
        assert_eq!(unknown.expect_problem(422, "unknown_field").body["intake_url"], intake);
    }
}
