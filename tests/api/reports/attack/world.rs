//! A site at work: two partners refer, staff works what they sent, and the calendar goes on. What happens to each partner's referrals is drawn
//! from a stream of its own, so that the one's run is the same whatever the other does.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Duration, NaiveDate};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use serde_json::{Value, json};

use super::FIGURES;
use crate::reports::{close, roll};
use crate::support::App;
use crate::support::callers::Person;
use crate::support::make;

/// Everything that can happen to a referral here.
pub const MOVES: [&str; 14] = [
    "marked",
    "connected",
    "handed off",
    "sent back",
    "closed",
    "blocked",
    "completed",
    "fell through",
    "credited",
    "ended well",
    "reopened",
    "refused",
    "late",
    "withdrawn",
];

/// The codes of the partners, the attacker first.
pub const PARTNERS: [&str; 2] = ["lakeside", "voices"];

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }
}

pub struct World {
    random: [Random; 2],
    /// How many referrals a day each partner sends at the most.
    pace: [u64; 2],
    open: [Vec<String>; 2],
    /// Those that ended and may be opened again.
    closed: [Vec<String>; 2],
    /// The thresholds that the site's admin sets, and on which day: a period is shown by the one of its closing.
    thresholds: Vec<(u32, i64)>,
    /// The attacking partner's, in order.
    pub own: Vec<String>,
    /// Those that their partner took back: it knows that nobody worked them.
    pub withdrawn: BTreeSet<String>,
    /// Those that their partner completed: its own act may change their tag.
    pub completed: BTreeSet<String>,
    recorded: BTreeMap<String, NaiveDate>,
    pub day: u32,
    /// What happened at all, of [`MOVES`].
    pub moves: BTreeSet<&'static str>,
    /// By last day of the period and figure: what was true of the attacking partner's referrals when it was closed.
    pub truth: BTreeMap<(String, String), i64>,
    /// The same of every partner's, by `partner/figure`.
    pub shared: BTreeMap<(String, String), i64>,
}

#[derive(QueryableByName)]
struct Closed {
    #[diesel(sql_type = diesel::sql_types::Text)]
    from: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    until: String,
}

impl World {
    pub fn new(seed: u64, sibling_busy: bool) -> Self {
        let mut mixed = Random(0x9E37_79B9_7F4A_7C15 ^ (seed + 1).wrapping_mul(0xBF58_476D_1CE4_E5B9));
        mixed.below(2);
        let paces = [1 + mixed.below(3), 1 + mixed.below(2)];
        let pace = [paces[0], if sibling_busy { paces[1] } else { 0 }];
        Self {
            random: [Random(mixed.0 ^ 0xA5A5), Random(mixed.0 ^ 0x5A5A_0000)],
            pace,
            open: [Vec::new(), Vec::new()],
            closed: [Vec::new(), Vec::new()],
            thresholds: if seed % 3 == 1 { vec![(40, 21), (100, 14)] } else { Vec::new() },
            own: Vec::new(),
            withdrawn: BTreeSet::new(),
            completed: BTreeSet::new(),
            recorded: BTreeMap::new(),
            day: 0,
            moves: BTreeSet::new(),
            truth: BTreeMap::new(),
            shared: BTreeMap::new(),
        }
    }

    pub fn is_recorded_in(&self, id: &str, from: &str, until: &str) -> bool {
        let day = self.recorded[id].to_string();
        from <= day.as_str() && day.as_str() <= until
    }

    pub async fn live_a_day(&mut self, app: &App) {
        let staff = app.coordinator();
        if let Some((_, threshold)) = self.thresholds.iter().find(|(day, _)| *day == self.day) {
            app.admin().patch("/v1/site", "*", &json!({"suppression_threshold": threshold})).await.expect(200);
        }
        for (which, person) in [app.partner(), app.sibling_partner()].iter().enumerate() {
            let sent = if self.pace[which] == 0 { 0 } else { self.random[which].below(self.pace[which] + 2) };
            for _ in 0..sent {
                self.refer(app, which, person).await;
            }
            let steps = self.random[which].below(4);
            for _ in 0..steps {
                self.work(&staff, person, which).await;
            }
        }
        self.wait_a_day(app).await;
    }

    async fn refer(&mut self, app: &App, which: usize, person: &Person) {
        // Some people are referred by both partners.
        let email = format!("person-{}@mail.example", self.random[which].below(60));
        let mut body = make::referral_with(json!({"match": {"email": email}}));
        body.as_object_mut().unwrap().remove("partner_reference");
        // What is refused counts nowhere but as refused.
        if self.random[which].below(6) == 0 {
            body["diagnosis"] = json!("x");
            person.post("/v1/referrals", &body).await.expect_problem(422, "sensitive_field");
            self.moves.insert("refused");
            return;
        }
        // Some come by telephone, and staff enters them later.
        let is_late = self.random[which].below(8) == 0;
        let id = if is_late {
            body["partner"] = json!(PARTNERS[which]);
            body["late_reason"] = json!("phone_handoff_logged_late");
            self.moves.insert("late");
            app.coordinator().post("/v1/referrals", &body).await.expect(201).id()
        } else {
            person.post("/v1/referrals", &body).await.expect(201).id()
        };
        self.recorded.insert(id.clone(), app.clock.now().date_naive());
        if which == 0 {
            self.own.push(id.clone());
        }
        // What it sends only to make its numbers look larger, it takes back at once.
        if !is_late && self.random[which].below(5) == 0 {
            person.post_on(&format!("/v1/referrals/{id}/withdraw"), "*", &json!({})).await.expect(200);
            self.withdrawn.insert(id);
            self.moves.insert("withdrawn");
        } else {
            self.open[which].push(id);
        }
        app.clock.advance(Duration::seconds(7));
    }

    /// Does something to one of the partner's referrals; what its state does not allow is not done.
    async fn work(&mut self, staff: &Person, person: &Person, which: usize) {
        if self.open[which].is_empty() {
            return;
        }
        if self.random[which].below(10) == 0 {
            self.open_again(staff, which).await;
        }
        let drawn = self.random[which].below(self.open[which].len() as u64);
        let place = usize::try_from(drawn).unwrap();
        let path = format!("/v1/referrals/{}", self.open[which][place]);
        let codes = ["expectation_payment", "expectation_timing", "materials_unclear", "wrong_study", "incomplete_handoff"];
        let reasons = [
            "no_longer_interested",
            "unreachable_after_attempts",
            "wrong_study",
            "incomplete_handoff",
            "wrong_site",
            "study_team_closed",
        ];
        let choice = self.random[which].below(16);
        let pick = usize::try_from(self.random[which].below(30)).unwrap();
        let path_to = |end: &str| format!("{path}/{end}");
        let mark = |code: &str| (path_to("issues"), json!({"code": code}));
        let go = |body: Value| (path_to("transitions"), body);
        let (kind, answer) = match choice {
            0..=5 => {
                let (path, body) = mark(codes[pick % 2]);
                ("marked", staff.post_on(&path, "*", &body).await)
            }
            6 => {
                let (path, body) = mark(codes[pick % codes.len()]);
                ("marked", staff.post_on(&path, "*", &body).await)
            }
            7 => {
                let (path, body) = go(json!({"to": "connected"}));
                ("connected", staff.post_on(&path, "*", &body).await)
            }
            8 => {
                let (path, body) = go(json!({"to": "handed_off"}));
                ("handed off", staff.post_on(&path, "*", &body).await)
            }
            9 => ("sent back", staff.patch(&path, "*", &json!({"blocker": "awaiting_partner_completion"})).await),
            10 => {
                let (path, body) = go(json!({"to": "closed", "reason": reasons[pick % reasons.len()]}));
                ("closed", staff.post_on(&path, "*", &body).await)
            }
            11 => ("blocked", staff.patch(&path, "*", &json!({"blocker": "awaiting_records"})).await),
            // The partner answers on the same day.
            12 => {
                drop(staff.patch(&path, "*", &json!({"blocker": "awaiting_partner_completion"})).await);
                ("completed", person.post_on(&path_to("complete"), "*", &json!({})).await)
            }
            // A handoff that fell through.
            13 => {
                let (path, body) = go(json!({"to": "handed_off"}));
                drop(staff.post_on(&path, "*", &body).await);
                let (path, body) = go(json!({"to": "connected"}));
                ("fell through", staff.post_on(&path, "*", &body).await)
            }
            // The attacker's goes to the other one or to nobody, and the other one's to nobody: what the attacker gets is its own alone.
            14 => {
                let credited = if which == 0 && pick % 2 == 0 { json!(PARTNERS[1]) } else { Value::Null };
                let body = json!({"partner": credited, "reason": "tag_mistyped"});
                ("credited", staff.post_on(&path_to("attribution"), "*", &body).await)
            }
            _ => {
                for to in ["connected", "handed_off"] {
                    let (path, body) = go(json!({"to": to}));
                    drop(staff.post_on(&path, "*", &body).await);
                }
                let (path, body) = go(json!({"to": "closed", "reason": "handoff_complete"}));
                ("ended well", staff.post_on(&path, "*", &body).await)
            }
        };
        if answer.status != 200 {
            return;
        }
        self.moves.insert(kind);
        match kind {
            "completed" => drop(self.completed.insert(self.open[which][place].clone())),
            "closed" | "ended well" => {
                let ended = self.open[which].swap_remove(place);
                self.closed[which].push(ended);
            }
            "credited" => drop(self.open[which].swap_remove(place)),
            _ => {}
        }
    }

    /// Somebody who had ended returned.
    async fn open_again(&mut self, staff: &Person, which: usize) {
        if self.closed[which].is_empty() {
            return;
        }
        let drawn = self.random[which].below(self.closed[which].len() as u64);
        let id = self.closed[which].swap_remove(usize::try_from(drawn).unwrap());
        let body = json!({"to": "received", "reason": "person_returned"});
        if staff.post_on(&format!("/v1/referrals/{id}/transitions"), "*", &body).await.status == 200 {
            self.open[which].push(id);
            self.moves.insert("reopened");
        }
    }

    /// Goes on to noon of the next day, counts, and closes what may be closed.
    pub async fn wait_a_day(&mut self, app: &App) {
        self.day += 1;
        let noon = crate::support::app::beginning() + Duration::days(i64::from(self.day)) + Duration::hours(3);
        app.clock.advance(noon - app.clock.now());
        roll(app).await;
        if close(app).await > 0 {
            self.note_truth(app);
            app.db.superuser().batch_execute("DELETE FROM idempotency_keys").unwrap();
        }
    }

    fn note_truth(&mut self, app: &App) {
        let site = app.site.id;
        let periods = |audience: &str, whose: &str| -> Vec<Closed> {
            let sql = format!(
                "SELECT r.starts_on::text AS from, r.ends_on::text AS until FROM report_releases r LEFT JOIN partners p ON p.site_id = r.site_id AND p.id = r.partner_id
                  WHERE r.site_id = '{site}' AND r.audience = '{audience}' AND r.released_at = (SELECT max(released_at) FROM report_releases)
                    AND p.code IS NOT DISTINCT FROM {whose}"
            );
            diesel::sql_query(sql).load(&mut app.db.superuser()).unwrap()
        };
        let count = |period: &Closed, partner: &str, holds: &str| {
            let Closed { from, until } = period;
            app.db.count(&format!(
                "SELECT count(*) AS count FROM referrals r JOIN partners p ON p.site_id = r.site_id AND p.id = r.partner_id
                  WHERE r.site_id = '{site}' AND p.code = '{partner}' AND NOT r.is_test AND ({holds})
                    AND (r.recorded_at AT TIME ZONE 'America/New_York')::date BETWEEN '{from}' AND '{until}'"
            ))
        };
        for period in periods("partner", "'lakeside'") {
            for (figure, _, holds) in FIGURES {
                let truth = count(&period, "lakeside", &format!("r.partner_withdrawn_at IS NULL AND ({holds})"));
                self.truth.entry((period.until.clone(), (*figure).to_owned())).or_insert(truth);
            }
        }
        for period in periods("sponsor", "NULL") {
            for partner in PARTNERS {
                let more = [
                    ("volume", "true"),
                    ("connected", "r.connected_at IS NOT NULL"),
                    ("handed_off", "r.handed_off_at IS NOT NULL"),
                ];
                let figures = FIGURES.iter().map(|(figure, _, holds)| (*figure, *holds)).chain(more);
                for (figure, holds) in figures {
                    let truth = count(&period, partner, holds);
                    self.shared.entry((period.until.clone(), format!("{partner}/{figure}"))).or_insert(truth);
                }
                let refused = app.db.count(&format!(
                    "SELECT coalesce(sum(r.refused), 0)::bigint AS count FROM refusals r JOIN partners p ON p.site_id = r.site_id AND p.id = r.partner_id
                      WHERE r.site_id = '{site}' AND p.code = '{partner}' AND r.code IN ('sensitive_field', 'sensitive_content')
                        AND r.day BETWEEN '{}' AND '{}'",
                    period.from, period.until
                ));
                let name = format!("{partner}/refused_for_sensitive_content");
                self.shared.entry((period.until.clone(), name)).or_insert(refused);
            }
        }
    }
}
