//! Sixteen clients at two servers, who read and then write what they think best, while the study pauses and members come and go.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use handoff::domain::ids::MemberId;
use handoff::domain::referral_state::{self, State};
use handoff::domain::vocabulary::{CloseReason, ReferralStatus};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::judge::{Attempt, Outcome};
use crate::support::App;
use crate::support::callers::{Answer, Person, send};

pub const CLIENTS: usize = 16;

/// Who and what is raced for.
pub struct Field {
    pub servers: [SocketAddr; 2],
    pub referrals: Vec<String>,
    /// Who may be given work; the last two come and go.
    pub owners: Vec<MemberId>,
    pub study: String,
}

/// What the clients did, all together.
#[derive(Default)]
pub struct Tally {
    pub attempts: RefCell<Vec<Attempt>>,
    /// By kind of act, status and code.
    pub answers: RefCell<BTreeMap<(&'static str, u16, String), usize>>,
    pub rounds: Cell<usize>,
    pub over: Cell<bool>,
}

impl Tally {
    fn answered(&self, kind: &'static str, answer: &Answer) {
        let busy = answer.status == 503 && answer.header("retry-after").is_some();
        assert!(answer.status < 500 || busy, "{kind}: {} {}", answer.status, answer.text);
        *self.answers.borrow_mut().entry((kind, answer.status, answer.code().to_owned())).or_insert(0) += 1;
    }

    /// How many acts of a kind were answered with this status.
    pub fn count(&self, kind: &str, status: u16) -> usize {
        self.answers.borrow().iter().filter(|((of, with, _), _)| *of == kind && *with == status).map(|(_, count)| count).sum()
    }
}

/// A generator of one's own, so that a run can be told by its seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }
}

/// A referral as it was read.
struct Seen {
    id: String,
    version: i32,
    body: Value,
}

fn version(answer: &Answer) -> i32 {
    answer.etag().trim_matches('"').parse().unwrap()
}

/// One of those who race.
pub struct Client {
    own: Person,
    /// Who acts this time: somebody else, while oneself is deactivated.
    who: Person,
    relief: Person,
    partners: [Person; 2],
    field: Rc<Field>,
    tally: Rc<Tally>,
    dice: Dice,
}

impl Client {
    pub fn new(app: &App, number: usize, seed: u64, field: &Rc<Field>, tally: &Rc<Tally>) -> Self {
        let server = field.servers[number % 2];
        let own = match number % 4 {
            0 => app.admin(),
            1 => app.coordinator(),
            2 => app.site_key(),
            // Comes and goes.
            _ => app.member(&app.site, *field.owners.last().unwrap()),
        };
        let (own, relief) = (own.at(server), app.coordinator().at(server));
        let partners = [app.partner(), app.sibling_partner()].map(|partner| partner.at(server));
        let dice = Dice(seed.wrapping_mul(1000).wrapping_add(u64::try_from(number).unwrap()));
        Self { who: own.clone(), own, relief, partners, field: field.clone(), tally: tally.clone(), dice }
    }

    pub async fn run(mut self, rounds: usize) {
        for _ in 0..rounds {
            self.who = self.own.clone();
            let id = self.dice.pick(&self.field.referrals).clone();
            match self.dice.roll(100) {
                0..45 => self.transition(id).await,
                45..75 => self.patch(id).await,
                75..90 => self.bulk().await,
                _ => self.withdraw(id).await,
            }
            self.tally.rounds.set(self.tally.rounds.get() + 1);
        }
    }

    async fn read(&mut self, id: &str) -> Option<Seen> {
        let path = format!("/v1/referrals/{id}");
        let mut answer = self.who.get(&path).await;
        self.tally.answered("read", &answer);
        if answer.status == 401 {
            self.who = self.relief.clone();
            answer = self.who.get(&path).await;
            self.tally.answered("read", &answer);
        }
        (answer.status == 200).then(|| Seen { id: id.to_owned(), version: version(&answer), body: answer.body })
    }

    /// Sends a write under an id by which the trail knows it.
    async fn write(&self, kind: &'static str, request: RequestBuilder) -> (String, Answer) {
        let id = Uuid::now_v7().to_string();
        let answer = send(request.header("X-Request-Id", &id)).await;
        self.tally.answered(kind, &answer);
        (id, answer)
    }

    fn note(&self, request: String, seen: &Seen, answer: &Answer) {
        let outcome = match answer.status {
            200 => Outcome::Done(Some(version(answer))),
            503 => Outcome::Busy,
            _ => Outcome::Refused,
        };
        let attempt = Attempt { request, referral: seen.id.clone(), read: Some(seen.version), outcome };
        self.tally.attempts.borrow_mut().push(attempt);
    }

    /// A move that the state allows as it was read; now and then any.
    fn a_move(&mut self, seen: &Seen) -> Value {
        let word = |field: &str| seen.body[field].as_str();
        let state = State {
            status: word("status").and_then(ReferralStatus::from_code).unwrap(),
            held_status: word("held_status").and_then(ReferralStatus::from_code),
            close_reason: word("close_reason").and_then(CloseReason::from_code),
            is_test: false,
            is_merged: false,
        };
        let allowed = referral_state::allowed(&state);
        if allowed.is_empty() || self.dice.roll(10) == 0 {
            return json!({"to": self.dice.pick(ReferralStatus::ALL).as_str()});
        }
        let chosen = self.dice.pick(&allowed).clone();
        let mut body = json!({"to": chosen.to.as_str()});
        if chosen.to == ReferralStatus::Closed {
            // Ends that may be opened again, so that the race goes on.
            body["reason"] = json!(self.dice.pick(&["no_longer_interested", "site_capacity", "wrong_study"]));
        } else if !chosen.reasons.is_empty() {
            body["reason"] = json!(self.dice.pick(&chosen.reasons).as_str());
        }
        if chosen.blocker_required {
            body["blocker"] = json!(self.dice.pick(&["awaiting_records", "awaiting_partner_completion", "scheduling_capacity"]));
        }
        body
    }

    async fn transition(&mut self, id: String) {
        let Some(seen) = self.read(&id).await else { return };
        let body = self.a_move(&seen);
        let request = self.who.request(Method::POST, &format!("/v1/referrals/{id}/transitions"));
        let request = request.header("If-Match", format!("\"{}\"", seen.version)).json(&body);
        let (request, answer) = self.write("transition", request).await;
        self.note(request, &seen, &answer);
    }

    async fn patch(&mut self, id: String) {
        let Some(seen) = self.read(&id).await else { return };
        let number = self.dice.roll(1000);
        let body = match number % 4 {
            0 => json!({"owner_id": self.dice.pick(&self.field.owners), "reason": "workload"}),
            1 => {
                json!({"next_action": self.dice.pick(&["attempt_contact", "reroute", "arrange_handoff"]), "reason": "better_placed"})
            }
            2 => json!({"blocker": self.dice.pick(&[None, Some("awaiting_records"), Some("route_broken")])}),
            _ => json!({"external_ref": format!("CRM-{number}")}),
        };
        let request = self.who.request(Method::PATCH, &format!("/v1/referrals/{id}"));
        let request = request.header("If-Match", format!("\"{}\"", seen.version)).json(&body);
        let (request, answer) = self.write("patch", request).await;
        self.note(request, &seen, &answer);
    }

    async fn bulk(&mut self) {
        let (first, many) = (self.dice.roll(self.field.referrals.len()), 2 + self.dice.roll(3));
        let mut seen = Vec::new();
        for number in 0..many {
            let id = self.field.referrals[(first + number) % self.field.referrals.len()].clone();
            seen.extend(self.read(&id).await);
        }
        let Some(example) = seen.first() else { return };
        let (name, action) = match self.dice.roll(2) {
            0 => ("reassign", json!({"owner_id": self.dice.pick(&self.field.owners), "reason": "absence"})),
            _ => ("transition", self.a_move(example)),
        };
        let rows: Vec<Value> = seen.iter().map(|seen| json!({"id": seen.id, "version": seen.version})).collect();
        let request = self.who.request(Method::POST, "/v1/bulk-actions").json(&json!({name: action, "referrals": rows}));
        let (request, answer) = self.write("bulk", request).await;
        for (number, seen) in seen.iter().enumerate() {
            let row = &answer.body["results"][number];
            let outcome = match (answer.status, row["outcome"].as_str()) {
                (200, Some("done")) => Outcome::Done(row["version"].as_i64().and_then(|made| i32::try_from(made).ok())),
                (503, _) => Outcome::Busy,
                _ => Outcome::Refused,
            };
            let (request, referral) = (request.clone(), seen.id.clone());
            self.tally.attempts.borrow_mut().push(Attempt { request, referral, read: Some(seen.version), outcome });
        }
    }

    /// A partner reads its own view, and withdraws on that.
    async fn withdraw(&self, id: String) {
        let path = format!("/v1/referrals/{id}");
        let number = self.field.referrals.iter().position(|own| *own == id).unwrap() % 2;
        let seen = self.partners[number].get(&path).await;
        self.tally.answered("read", &seen);
        if seen.status != 200 {
            return;
        }
        let request = self.partners[number].request(Method::POST, &format!("{path}/withdraw")).header("If-Match", seen.etag());
        let (request, answer) = self.write("withdraw", request).await;
        let outcome = match answer.status {
            200 => Outcome::Done(None),
            503 => Outcome::Busy,
            _ => Outcome::Refused,
        };
        self.tally.attempts.borrow_mut().push(Attempt { request, referral: id, read: None, outcome });
    }
}

impl Tally {
    /// Waits until so many more rounds are over; says whether the race goes on.
    async fn after(&self, rounds: usize) -> bool {
        let until = self.rounds.get() + rounds;
        while !self.over.get() && self.rounds.get() < until {
            actix_web::rt::time::sleep(Duration::from_millis(2)).await;
        }
        !self.over.get()
    }

    /// Reads a thing and acts on what was read, until it is done: also once the race is over, so that all is as it was.
    async fn insist(&self, kind: &'static str, who: &Person, (thing, act): (&str, &str), body: Option<&Value>) {
        for _ in 0..400 {
            let etag = who.get(thing).await.expect(200).etag();
            let request = who.request(Method::POST, &format!("{thing}/{act}")).header("If-Match", etag);
            let answer = send(match body {
                Some(body) => request.json(body),
                None => request,
            })
            .await;
            self.answered(kind, &answer);
            match answer.status {
                200 => return,
                412 | 503 => actix_web::rt::time::sleep(Duration::from_millis(20)).await,
                _ => panic!("{kind}: {}", answer.text),
            }
        }
        panic!("{kind}: four hundred times busy")
    }

    /// Pauses and opens the study.
    pub async fn pause_and_open(self: Rc<Self>, who: Person, field: Rc<Field>) {
        while self.after(60).await {
            for to in ["paused", "open"] {
                self.insist("study", &who, (&field.study, "transitions"), Some(&json!({"to": to}))).await;
                self.after(15).await;
            }
        }
    }

    /// The last two owners leave in turn, each giving its work to the other, and come back.
    pub async fn leave_and_return(self: Rc<Self>, who: Person, field: Rc<Field>) {
        let [.., kim, lee] = field.owners[..] else { return };
        let mut turn = [kim, lee];
        while self.after(30).await {
            let [leaver, heir] = turn;
            let member = format!("/v1/members/{leaver}");
            self.insist("deactivate", &who, (&member, "deactivate"), Some(&json!({"reassign_to": heir}))).await;
            self.after(10).await;
            self.insist("reactivate", &who, (&member, "reactivate"), None).await;
            turn.reverse();
        }
    }
}
