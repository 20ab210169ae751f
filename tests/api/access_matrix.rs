//! Who may do what: every operation of the document × every kind of caller × whose rows are meant, against the permission
//! table of PRODUCT.md, written down by hand in `expectations`. What a caller must not see is marked in the rows and looked for
//! in every answer. The answers are one committed table.

mod expectations;
mod people;
mod requests;
mod seed;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use diesel::connection::SimpleConnection as _;
use serde_json::Value;

use crate::support::App;
use crate::support::callers::{Answer, send};
use crate::support::onboard;
use crate::tenancy::texts;
use expectations::{Expected, expected};
use people::{Person, people};
use requests::{TARGETS, Target, prepare};
use seed::{Mark, Rows, World};

/// One request of the matrix and its answer.
#[derive(Clone)]
struct Cell {
    operation: String,
    person: &'static str,
    target: Target,
    answer: Answer,
}

/// An operation of the committed document.
struct Operation {
    id: String,
    method: String,
    path: String,
    needs_version: bool,
}

/// The committed document and not the running code: what integrators read is what is walked.
fn operations() -> Vec<Operation> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/openapi.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            found.push(Operation {
                id: operation["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase(),
                path: path.clone(),
                needs_version: parameters.iter().any(|parameter| parameter["name"] == "If-Match"),
            });
        }
    }
    let order: Vec<&str> = handoff::routes::operations().into_iter().map(|(id, _)| id).collect();
    found.sort_by_key(|operation| order.iter().position(|id| *id == operation.id));
    found
}

/// Sends the whole matrix; after every write that worked, the rows are as they were.
async fn walk(world: &World, people: &[Person], rows: &mut Rows) -> Vec<Cell> {
    let mut cells = Vec::new();
    for operation in operations() {
        for person in people {
            for target in TARGETS {
                let Some(request) = prepare(&operation, person, target, world) else { continue };
                let answer = send(request).await;
                if operation.method != "GET" && answer.status < 300 {
                    rows.restore();
                }
                cells.push(Cell { operation: operation.id.clone(), person: person.name, target, answer });
            }
        }
    }
    cells
}

/// An answer without what differs between any two answers. `connection` is the hop's: a refusal that needs no body closes the
/// connection when the body is still under way, whatever is refused.
fn comparable(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let id = answer.header("x-request-id").unwrap_or_default();
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "x-request-id" | "date" | "connection"))
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    headers.sort();
    let text = if id.is_empty() { answer.text.clone() } else { answer.text.replace(id, "REQUEST-ID") };
    (answer.status, headers, text)
}

/// Everything an answer says: body and headers, without the random id of the request.
fn said(answer: &Answer) -> String {
    let (_, headers, text) = comparable(answer);
    headers.into_iter().fold(text, |said, (name, value)| said + "\n" + &name + ": " + &value)
}

/// What is wrong with the cells, in sentences: outcomes against the table by hand, foreign against unknown, marks that leak.
fn judge(cells: &[Cell], people: &[Person], marks: &[Mark]) -> Vec<String> {
    let mut faults = Vec::new();
    for cell in cells {
        let person = people.iter().find(|person| person.name == cell.person).unwrap();
        let place = format!("{} as {} on {:?}", cell.operation, cell.person, cell.target);
        let expected = expected(&cell.operation, person, cell.target);
        if !expected.admits(&cell.answer) {
            faults.push(format!("{place}: {} {}, expected {expected:?}", cell.answer.status, cell.answer.code()));
        }
        if !matches!(expected, Expected::Done(_)) {
            let shown = comparable(&cell.answer);
            let unknown = cells.iter().find(|other| {
                other.operation == cell.operation && other.person == cell.person && other.target == Target::Unknown
            });
            if let Some(unknown) = unknown.map(|unknown| comparable(&unknown.answer)).filter(|unknown| *unknown != shown) {
                faults.push(format!("{place}: differs from the answer to an unknown id: {shown:?} and {unknown:?}"));
            }
        }
        let mut said = said(&cell.answer);
        // Each row is named as it was sent: that is no news to whoever sent it.
        for row in cell.answer.body["results"].as_array().into_iter().flatten() {
            said = said.replace(row["id"].as_str().unwrap_or_default(), "");
        }
        for mark in marks.iter().filter(|mark| !person.may_see(mark) && said.contains(&mark.text)) {
            faults.push(format!("{place}: leaks {mark:?}"));
        }
    }
    faults
}

/// The table: per operation, callers with the same answers share a line.
fn table(cells: &[Cell]) -> String {
    let mut text = String::new();
    for operation in operations() {
        let mut lines: Vec<(Vec<String>, Vec<&str>)> = Vec::new();
        let targets: Vec<Target> = TARGETS
            .into_iter()
            .filter(|target| cells.iter().any(|cell| cell.operation == operation.id && cell.target == *target))
            .collect();
        let mut by_person: BTreeMap<usize, (&str, Vec<String>)> = BTreeMap::new();
        let mut order: Vec<&str> = Vec::new();
        for cell in cells.iter().filter(|cell| cell.operation == operation.id) {
            let at = order.iter().position(|name| *name == cell.person).unwrap_or_else(|| {
                order.push(cell.person);
                order.len() - 1
            });
            let shown = format!("{} {}", cell.answer.status, outcome(&cell.answer));
            by_person.entry(at).or_insert((cell.person, Vec::new())).1.push(shown.trim().to_owned());
        }
        for (person, answers) in by_person.into_values() {
            match lines.iter_mut().find(|(shown, _)| *shown == answers) {
                Some((_, people)) => people.push(person),
                None => lines.push((answers, vec![person])),
            }
        }
        let _ = writeln!(text, "{} {}  ({})", operation.method, operation.path, operation.id);
        let heads: Vec<String> = targets.iter().map(|target| format!("{target:?}").to_lowercase()).collect();
        let widths: Vec<usize> = (0..heads.len())
            .map(|column| lines.iter().map(|(shown, _)| shown[column].len()).chain([heads[column].len()]).max().unwrap())
            .collect();
        let row = |shown: &[String]| {
            shown.iter().zip(&widths).map(|(shown, width)| format!("{shown:width$}")).collect::<Vec<_>>().join(" | ")
        };
        let _ = writeln!(text, "    {}", row(&heads).trim_end());
        for (shown, people) in lines {
            let _ = writeln!(text, "    {} | {}", row(&shown), people.join(", "));
        }
        text.push('\n');
    }
    text
}

/// The code of a refusal; for a list how many it showed.
fn outcome(answer: &Answer) -> String {
    match answer.body["data"].as_array() {
        Some(data) => format!("({})", data.len()),
        None if answer.status >= 400 => answer.code().to_owned(),
        None => String::new(),
    }
}

#[actix_web::test]
async fn every_operation_answers_every_caller_as_the_permission_table_says_and_leaks_nothing() {
    let app = App::start().await;
    let world = seed::sow(&app).await;
    let people = people(&app, &world).await;
    assert!(people.len() >= 11, "{} kinds of caller", people.len());
    let mut rows = Rows::keep(&app.db);
    let cells = walk(&world, &people, &mut rows).await;

    let faults = judge(&cells, &people, &world.marks);
    let leaks = faults.iter().filter(|fault| fault.contains(": leaks ")).count();
    println!(
        "access matrix: {} cells ({} operations, {} callers, {} marks), {leaks} leaks",
        cells.len(),
        operations().len(),
        people.len(),
        world.marks.len()
    );
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));

    // The positive control of the marks: one that nobody ever sees would prove nothing by its absence.
    let seen_by_somebody = |mark: &Mark| {
        cells.iter().any(|cell| {
            let person = people.iter().find(|person| person.name == cell.person).unwrap();
            person.may_see(mark) && said(&cell.answer).contains(&mark.text)
        })
    };
    let unseen: Vec<&Mark> = world.marks.iter().filter(|mark| !mark.kept_inside && !seen_by_somebody(mark)).collect();
    assert!(unseen.is_empty(), "marks that no answer shows to anybody: {unseen:?}");
    insta::assert_snapshot!("answers", table(&cells));

    // The negative controls: each kind of fault, put into a copy of the real answers, is found.
    let alter = |operation: &str, person: &str, target: Target, change: &dyn Fn(&mut Answer)| {
        let mut cells = cells.clone();
        let found = |cell: &&mut Cell| cell.operation == operation && cell.person == person && cell.target == target;
        change(&mut cells.iter_mut().find(found).expect("a cell").answer);
        judge(&cells, &people, &world.marks)
    };
    let foreign = cells
        .iter()
        .find(|cell| (cell.operation.as_str(), cell.person, cell.target) == ("get_referral", "sibling partner", Target::Own));
    let foreign = foreign.unwrap().answer.clone();
    let faults = alter("get_referral", "partner", Target::Sibling, &|answer| *answer = foreign.clone());
    for kind in ["expected", "differs from the answer to an unknown id", "leaks"] {
        assert!(faults.iter().any(|fault| fault.contains(kind)), "a sibling's referral shown to a partner: {kind} in {faults:?}");
    }
    let faults = alter("get_route", "admin", Target::Foreign, &|answer| answer.text.push(' '));
    assert_eq!(faults.len(), 1, "one more byte for a foreign id: {faults:?}");
    let faults = alter("get_route", "admin", Target::Foreign, &|answer| {
        answer.headers.insert("etag", "\"1\"".parse().unwrap());
    });
    assert_eq!(faults.len(), 1, "a header more for a foreign id: {faults:?}");
    let faults = alter("launch_route", "coordinator", Target::Own, &|answer| answer.status = 200);
    assert!(faults.iter().any(|fault| fault.contains("expected")), "a coordinator who launches: {faults:?}");
    let faults = alter("get_site", "admin", Target::All, &|answer| answer.status = 403);
    assert!(faults.iter().any(|fault| fault.contains("expected")), "an admin who is refused: {faults:?}");
}

/// The store's promise: "every query also filters by its site", and by the partner that asks. Here every policy is open, and the
/// same matrix must hold by the queries alone.
#[actix_web::test]
async fn with_every_policy_open_the_queries_alone_keep_sites_and_partners_apart() {
    let app = App::start().await;
    let world = seed::sow(&app).await;
    let mut people = people(&app, &world).await;
    people.retain(|person| person.refused.is_none());
    let mut conn = app.db.superuser();
    for policy in texts(&mut conn, "SELECT polname || ' ON ' || polrelid::regclass AS text FROM pg_policy") {
        conn.batch_execute(&format!("ALTER POLICY {policy} USING (true) WITH CHECK (true)")).unwrap();
    }
    let cells = walk(&world, &people, &mut Rows::keep(&app.db)).await;
    let faults = judge(&cells, &people, &world.marks);
    println!("access matrix without policies: {} cells, {} faults", cells.len(), faults.len());
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
    // The control: they are open. Without a context, every site's rows are there.
    assert_eq!(texts(&mut app.db.app(), "SELECT count(DISTINCT site_id)::text AS text FROM referrals"), ["2"]);
}

#[actix_web::test]
async fn a_foreign_id_inside_a_body_or_a_filter_answers_like_an_unknown_one() {
    let app = App::start().await;
    let world = seed::sow(&app).await;
    let (foreign, unknown) = (app.other_site.coordinator.to_string(), uuid::Uuid::from_u128(77).to_string());
    let route = format!("/v1/routes/{}", app.site.partner.route);
    let mut answers = Vec::new();
    for owner in [&foreign, &unknown] {
        let changed = app.admin().patch(&route, "*", &serde_json::json!({"owner_id": owner})).await.expect(422);
        let listed = app.admin().get(&format!("/v1/referrals?owner_id={owner}")).await.expect(200);
        answers.push((comparable(&changed), comparable(&listed)));
    }
    assert_eq!(answers[0], answers[1]);
    // A tag, a code and a reference that only the other site uses are free here.
    let away = &world.away.own;
    let study = serde_json::json!({
        "code": away.study_code, "public_name": "Another", "short_description": "Another study.", "protocol_code": "P-9",
    });
    app.admin().post("/v1/studies", &study).await.expect(201);
    let patch = serde_json::json!({"source_tag": away.source_tag});
    onboard::edit(&app, &route, patch).await;
    let own = serde_json::json!({"partner_reference": away.partner_reference});
    app.partner().post("/v1/referrals", &crate::support::make::referral_with(own)).await.expect(201);
    // The control: within the site the same tag is taken.
    let patch = serde_json::json!({"source_tag": world.home.sibling.source_tag});
    app.admin().patch(&route, "*", &patch).await.expect_problem(409, "already_exists");
}

#[actix_web::test]
async fn a_cursor_is_good_for_nobody_else() {
    let app = App::start().await;
    let world = seed::sow(&app).await;
    let people = people(&app, &world).await;
    let call = |name: &str| people.iter().find(|person| person.name == name).unwrap().caller.clone();
    let first = call("admin").get("/v1/studies?limit=1").await.expect(200);
    let path = format!("/v1/studies?limit=1&cursor={}", first.body["next_cursor"].as_str().unwrap());
    call("admin").get(&path).await.expect(200);
    for other in ["coordinator", "site key", "partner", "admin of the other site", "partner of the other site"] {
        call(other).get(&path).await.expect_problem(400, "invalid_cursor");
    }
}

#[test]
fn every_operation_has_a_row_in_the_request_maker_and_in_the_permission_table() {
    let documented: BTreeSet<String> = operations().into_iter().map(|operation| operation.id).collect();
    let routed: BTreeSet<String> = handoff::routes::operations().into_iter().map(|(id, _)| id.to_owned()).collect();
    assert_eq!(documented, routed, "the committed document and the route table differ: run `handoff openapi`");
    for id in &documented {
        assert!(requests::covers(id), "`{id}` is not in requests::body: say how it is called");
        assert!(expectations::may(id).is_some(), "`{id}` is not in expectations::TABLE: say who may call it");
    }
    for (id, _) in expectations::TABLE {
        assert!(documented.contains(*id), "`{id}` is in the permission table and not in the document");
    }
    assert!(!requests::covers("launch_rocket") && expectations::may("launch_rocket").is_none(), "the control");
}
