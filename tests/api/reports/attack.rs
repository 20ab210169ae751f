//! What an attacker makes of everything that one partner, and one viewer, are ever answered: statuses day by day, entity tags, feedback and
//! summaries as JSON, tables and pictures, over 90 days of work and until the last month is closed.
//!
//! The partner knows its own referrals and, at every moment, their classes. What it must not learn is what the site noted inside
//! `accepted_for_review` and `closed`, and anything about others: no such count exactly, and no interval narrower than ten values beyond what its own
//! submissions and classes imply. The viewer knows nothing before.

mod intervals;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use chrono::Datelike as _;
use handoff::privacy::suppression::Gate;
use serde_json::{Value, json};

use crate::support::App;
use crate::support::callers::send;
use intervals::{Interval, Knowledge, WIDTH};
use world::{MOVES, World};

/// What the partner sees of one referral at one moment.
#[derive(Clone, PartialEq)]
struct Seen {
    class: String,
    code: Option<String>,
    etag: String,
    rest: Value,
}

/// All that the partner was answered.
#[derive(Default)]
struct Partner {
    /// By referral and day.
    days: BTreeMap<String, Vec<(chrono::NaiveDate, Seen)>>,
    /// Every feedback that differed from the one before, with the day.
    feedback: Vec<(chrono::NaiveDate, Value)>,
}

/// The figures that partners are told, with the class or code that tells one already, and the truth in SQL.
const FIGURES: &[(&str, &str, &str)] = &[
    (
        "incomplete",
        "incomplete_handoff",
        "r.handoff_issues && ARRAY['incomplete_handoff', 'missing_source_tag'] OR coalesce(r.close_reason = 'incomplete_handoff', false) OR coalesce(coalesce(r.held_blocker, r.blocker) = 'awaiting_partner_completion', false)",
    ),
    ("wrong_study", "wrong_study", "'wrong_study' = ANY (r.handoff_issues) OR coalesce(r.close_reason = 'wrong_study', false)"),
    ("expectation_payment", "", "'expectation_payment' = ANY (r.handoff_issues)"),
    ("expectation_timing", "", "'expectation_timing' = ANY (r.handoff_issues)"),
    ("materials_unclear", "", "'materials_unclear' = ANY (r.handoff_issues)"),
];

/// The figures that viewers are told of each source.
const FIGURES_OF_SOURCES: [&str; 6] =
    ["volume", "incomplete", "wrong_study", "connected", "handed_off", "refused_for_sensitive_content"];

fn band(told: &Value) -> Interval {
    Interval { least: told["at_least"].as_i64().unwrap(), most: told["at_most"].as_i64().unwrap() }
}

fn told(period: &Value, figure: &str) -> Interval {
    let issue = period["issues"].as_array().unwrap().iter().find(|issue| issue["issue"] == figure);
    band(issue.map_or(&period[figure]["count"], |issue| &issue["referrals"]))
}

impl Partner {
    async fn look(&mut self, app: &App) {
        let today = app.clock.now().date_naive();
        let mut path = "/v1/referrals?limit=200".to_owned();
        loop {
            let page = app.partner().get(&path).await.expect(200).body;
            for referral in page["data"].as_array().unwrap() {
                let id = referral["id"].as_str().unwrap().to_owned();
                let mut rest = referral.clone();
                for own in ["id", "partner_reference", "received_at", "recorded_at", "handoff", "status", "not_accepted_reason"] {
                    rest.as_object_mut().unwrap().remove(own);
                }
                let seen = Seen {
                    class: referral["status"].as_str().unwrap().to_owned(),
                    code: referral["not_accepted_reason"].as_str().map(str::to_owned),
                    etag: String::new(),
                    rest,
                };
                self.days.entry(id).or_default().push((today, seen));
            }
            match page["next_cursor"].as_str() {
                Some(cursor) => path = format!("/v1/referrals?limit=200&cursor={cursor}"),
                None => break,
            }
        }
        // The tag of one referral a day: the oldest that is open for it, of which most is hidden.
        let is_open = |(day, seen): &(chrono::NaiveDate, Seen)| *day == today && seen.class == "accepted_for_review";
        if let Some((id, days)) = self.days.iter_mut().find(|(_, days)| is_open(days.last().unwrap())) {
            days.last_mut().unwrap().1.etag = app.partner().get(&format!("/v1/referrals/{id}")).await.expect(200).etag();
        }
        let feedback = app.partner().get("/v1/feedback").await.expect(200).body;
        if self.feedback.last().is_none_or(|(_, last)| *last != feedback) {
            self.feedback.push((today, feedback));
        }
    }

    /// Statuses tell their class and nothing besides.
    fn classes_are_all_that_statuses_tell(&self, world: &World) {
        let mut rest: BTreeMap<(&str, Option<&str>), &Value> = BTreeMap::new();
        for (id, days) in &self.days {
            let (first, _) = days[0];
            let (mut tag, mut before) = (String::new(), "");
            for (day, seen) in days {
                let same = rest.entry((&seen.class, seen.code.as_deref())).or_insert(&seen.rest);
                assert_eq!(**same, seen.rest, "within a class all look alike");
                if seen.class == "closed" && before != "closed" && !before.is_empty() {
                    assert_eq!(day.day(), 1, "an end shows at the start of a month");
                    assert!((*day - first).num_days() >= 30);
                }
                if !seen.etag.is_empty() {
                    assert!(
                        tag.is_empty() || before != seen.class || tag == seen.etag || world.completed.contains(id),
                        "a tag that changes tells that something did"
                    );
                    tag.clone_from(&seen.etag);
                }
                before = &seen.class;
            }
        }
    }

    /// What each released figure leaves open of what the partner does not know; as a control with other bands than the released ones, made
    /// from the truth.
    fn learns(&self, world: &World, instead: Option<fn(i64) -> Interval>) -> Vec<String> {
        let mut learnt = Vec::new();
        let mut periods = BTreeMap::new();
        for (day, feedback) in &self.feedback {
            for period in feedback["periods"].as_array().unwrap() {
                let until = period["until"].as_str().unwrap().to_owned();
                let (_, first) = periods.entry(until).or_insert((*day, period.clone()));
                assert_eq!(first, period, "a released period never changes");
            }
        }
        for (until, (day, period)) in periods {
            let own: Vec<&Seen> = self
                .days
                .iter()
                .filter(|(id, _)| {
                    !world.withdrawn.contains(*id) && world.is_recorded_in(id, period["from"].as_str().unwrap(), &until)
                })
                .filter_map(|(_, days)| days.iter().find(|(at, _)| *at == day).map(|(_, seen)| seen))
                .collect();
            for (figure, code, _) in FIGURES {
                let known = |seen: &&&Seen| {
                    !code.is_empty() && seen.code.as_deref() == Some(*code)
                        || *figure == "incomplete" && seen.class == "needs_partner_action"
                };
                let certain = i64::try_from(own.iter().filter(known).count()).unwrap();
                let open = i64::try_from(own.len()).unwrap() - certain;
                let truth = world.truth[&(until.clone(), (*figure).to_owned())];
                let mut band = told(&period, figure);
                assert!(band.holds(truth), "{figure} until {until}: {band:?} for {truth}");
                if let Some(instead) = instead {
                    band = instead(truth);
                }
                let left = band.less(certain).within(Interval { least: 0, most: open });
                if left.width() < WIDTH && left.width() < open + 1 {
                    learnt.push(format!("{figure} until {until}: {left:?} of {open}"));
                }
            }
        }
        learnt
    }
}

/// All that the viewer was answered: every period as it was first shown.
#[derive(Default)]
struct Viewer {
    periods: BTreeMap<String, Value>,
}

impl Viewer {
    async fn look(&mut self, app: &App) {
        let summary = app.viewer().get("/v1/reports/sponsor-summary?study=heart-2026").await.expect(200).body;
        for period in summary["periods"].as_array().unwrap() {
            let first = self.periods.entry(period["until"].as_str().unwrap().to_owned()).or_insert_with(|| period.clone());
            assert_eq!(first, period, "a released period never changes");
        }
    }

    /// What all figures of a period leave open together; with `totals`, exact ones are told beside them, as a control.
    fn learns(&self, world: &World, totals: bool) -> Vec<String> {
        let mut learnt = Vec::new();
        for (until, period) in &self.periods {
            let mut knowledge = Knowledge::default();
            let partners: Vec<&str> =
                period["sources"].as_array().unwrap().iter().map(|source| source["partner"].as_str().unwrap()).collect();
            for source in period["sources"].as_array().unwrap() {
                let partner = source["partner"].as_str().unwrap();
                for figure in FIGURES_OF_SOURCES {
                    let name = format!("{partner}/{figure}");
                    knowledge.knows(&name, band(&source[figure]));
                    let truth = world.shared[&(until.clone(), name.clone())];
                    assert!(band(&source[figure]).holds(truth), "{name} until {until}: {truth}");
                }
                for (part, whole) in
                    [("incomplete", "volume"), ("wrong_study", "volume"), ("connected", "volume"), ("handed_off", "connected")]
                {
                    knowledge.is_part(&format!("{partner}/{part}"), &[format!("{partner}/{whole}")]);
                }
            }
            knowledge.knows("completed", band(&period["movement"]["completed"]));
            let handed: Vec<String> = partners.iter().map(|partner| format!("{partner}/handed_off")).collect();
            knowledge.is_part("completed", &handed);
            // That a period is shown tells that it holds enough, from these sources and from nobody that is known.
            knowledge.knows("nobody/volume", Interval { least: 0, most: i64::from(u32::MAX) });
            let all: Vec<String> = partners.iter().chain(&["nobody"]).map(|partner| format!("{partner}/volume")).collect();
            knowledge.is_total(&all, Interval { least: 11, most: i64::from(u32::MAX) });
            if totals {
                for figure in ["volume", "connected"] {
                    let parts: Vec<String> = partners.iter().map(|partner| format!("{partner}/{figure}")).collect();
                    let total = parts.iter().map(|part| world.shared[&(until.clone(), part.clone())]).sum();
                    knowledge.is_total(&parts, Interval { least: total, most: total });
                }
            }
            knowledge.conclude();
            learnt.extend(knowledge.narrow().map(|(name, left)| format!("{name} until {until}: {left:?}")));
        }
        learnt
    }
}

/// Numbers of tables and pictures: none that the JSON does not tell as the end of a band.
async fn other_forms_tell_the_same(app: &App) {
    let ends = |value: &Value| {
        let (mut ends, mut waiting) = (BTreeSet::new(), vec![value.clone()]);
        while let Some(value) = waiting.pop() {
            match value {
                Value::Number(number) => drop(ends.insert(number.as_i64().unwrap())),
                Value::Array(items) => waiting.extend(items),
                Value::Object(members) => waiting.extend(members.into_iter().map(|(_, value)| value)),
                _ => {}
            }
        }
        ends
    };
    for (person, path) in [(app.partner(), "/v1/feedback"), (app.viewer(), "/v1/reports/sponsor-summary?study=heart-2026")] {
        let known = ends(&person.get(path).await.expect(200).body);
        let request = person.request(reqwest::Method::GET, path).header("Accept", "text/csv");
        let table = send(request).await.expect(200).text;
        let mut cells = table.lines().skip(1).flat_map(|line| line.split(',')).filter_map(|cell| cell.parse::<i64>().ok());
        assert!(cells.all(|number| known.contains(&number)));
    }
    let summary = app.viewer().get("/v1/reports/sponsor-summary?study=heart-2026").await.expect(200).body;
    let known = ends(&summary["periods"][0]);
    for picture in ["source_quality", "movement"] {
        let path = format!("/v1/reports/sponsor-summary?study=heart-2026&picture={picture}");
        let request = app.viewer().request(reqwest::Method::GET, &path).header("Accept", "image/svg+xml");
        let drawn = send(request).await.expect(200);
        assert_eq!(drawn.header("content-type"), Some("image/svg+xml"));
        let read = drawn.text.split("<desc id=\"desc\">").nth(1).unwrap().split("</desc>").next().unwrap().to_owned();
        let figures = read.split(['.', ';', ',', ':', ' ']).filter_map(|word| word.split_once('–'));
        let mut count = 0;
        for (least, most) in figures {
            count += 1;
            assert!(known.contains(&least.parse().unwrap()) && known.contains(&most.parse().unwrap()), "{least} to {most}");
        }
        assert!(count >= 3, "{read}");
    }
}

/// The band of a count without a thought for what its reader knows.
fn plain(truth: i64) -> Interval {
    let band = Gate::new(11).band(truth);
    Interval { least: band.at_least(), most: band.at_most() }
}

/// Runs one seed; answers what the partner was told, without ids, for the comparison with another run.
async fn attacked(seed: u64, sibling_busy: bool) -> (Value, [usize; 3], BTreeSet<&'static str>) {
    let app = App::start().await;
    let viewer = format!("/v1/members/{}", app.site.viewer);
    app.admin().patch(&viewer, "*", &json!({"studies": ["heart-2026"]})).await.expect(200);
    let (mut world, mut partner, mut watcher) = (World::new(seed, sibling_busy), Partner::default(), Viewer::default());
    for _ in 0..90 {
        world.live_a_day(&app).await;
        partner.look(&app).await;
        watcher.look(&app).await;
    }
    // Nobody works any more; the last months are closed.
    while watcher.periods.len() < 2 || world.day < 160 {
        world.wait_a_day(&app).await;
        partner.look(&app).await;
        watcher.look(&app).await;
    }
    partner.classes_are_all_that_statuses_tell(&world);
    assert_eq!(partner.learns(&world, None), Vec::<String>::new(), "seed {seed}");
    assert_eq!(watcher.learns(&world, false), Vec::<String>::new(), "seed {seed}");
    other_forms_tell_the_same(&app).await;
    let controls = [
        partner.learns(&world, Some(|truth| Interval { least: truth, most: truth })).len(),
        partner.learns(&world, Some(plain)).len(),
        watcher.learns(&world, true).len(),
    ];
    let statuses: Vec<Vec<(i64, &str)>> = world
        .own
        .iter()
        // What was credited to another one on the day on which it came, it never saw.
        .filter(|id| partner.days.contains_key(*id))
        .map(|id| {
            partner.days[id].iter().map(|(day, seen)| ((*day - partner.days[id][0].0).num_days(), seen.class.as_str())).collect()
        })
        .collect();
    let mut periods = partner.feedback.last().unwrap().1.clone();
    periods["periods"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .for_each(|period| drop(period.as_object_mut().unwrap().remove("released_at")));
    (json!({"statuses": statuses, "feedback": periods}), controls, world.moves)
}

async fn seeds_are_attacked(seeds: std::ops::Range<u64>) {
    let (mut learnt_by_control, mut moves) = ([0; 3], BTreeSet::new());
    for seed in seeds {
        let (told, controls, made) = attacked(seed, true).await;
        moves.extend(made);
        learnt_by_control.iter_mut().zip(controls).for_each(|(sum, count)| *sum += count);
        if seed % 8 == 0 {
            // Another partner that does nothing, and refers nobody whom this one refers too, changes nothing that this one is told.
            let alone = attacked(seed, false).await.0;
            assert_eq!(alone["feedback"], told["feedback"], "seed {seed}");
            for (alone, told) in alone["statuses"].as_array().unwrap().iter().zip(told["statuses"].as_array().unwrap()) {
                assert_eq!(alone, told, "seed {seed}");
            }
        }
    }
    // An attack on a world in which something never happens would show nothing of it.
    assert_eq!(moves, BTreeSet::from(MOVES));
    let [exact, plain, totals] = learnt_by_control;
    println!(
        "S8: nothing learnt; the partner learns {exact} figures from exact counts and {plain} from plain bands, the viewer {totals} from totals"
    );
    assert!(
        learnt_by_control.iter().all(|count| *count > 0),
        "the attacker sees what it should with exact totals: {learnt_by_control:?}"
    );
}

#[actix_web::test]
async fn an_attacker_learns_nothing_from_all_that_a_partner_and_a_viewer_are_answered() {
    seeds_are_attacked(0..1).await;
}

#[actix_web::test]
#[ignore = "ten minutes: cargo test --test api reports::attack -- --ignored"]
async fn an_attacker_learns_nothing_in_forty_seeds() {
    seeds_are_attacked(1..41).await;
}
