//! What the allowlist costs on a whole referral body: strict parse, check against the contract, typed struct.
//!
//! `cargo bench --bench body_check`; the figure to reach is 20 µs for all three together (P5).
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing, missing_docs, reason = "a benchmark")]

use std::hint::black_box;
use std::time::Instant;

use handoff::api::extract::Contract as _;
use handoff::api::referrals::CreateReferral;
use handoff::privacy::guard::Registered;
use handoff::privacy::json;

const BODY: &[u8] = br#"{"study": "heart-2026", "channel": "secure_form", "contact_basis": "permission_to_contact",
    "contact_path": "person_uses_intake", "partner_reference": "LC-2026-00017", "received_at": "2026-06-01T09:00:00Z",
    "source_tag": "lakeside.heart", "match": {"email": "person@mail.example", "phone": "+1 202 555 0123"}}"#;
const REFUSED: &[u8] =
    br#"{"study": "heart-2026", "channel": "secure_form", "patientName": "x", "medical_history": "x", "notes": ["x"]}"#;
const ROUNDS: usize = 20_000;

fn main() {
    let shape = CreateReferral::shape().unwrap();
    assert!(shape.check(&json::parse(BODY).unwrap(), &Registered::NONE).is_empty(), "the body is inside the contract");
    assert!(!shape.check(&json::parse(REFUSED).unwrap(), &Registered::NONE).is_empty(), "the other one is not");
    let parsed = json::parse(BODY).unwrap();
    time("parse", || drop(black_box(json::parse(black_box(BODY)))));
    time("check", || drop(black_box(shape.check(black_box(&parsed), &Registered::NONE))));
    time("whole", || {
        let node = json::parse(black_box(BODY)).unwrap();
        assert!(shape.check(&node, &Registered::NONE).is_empty());
        drop(black_box(serde_json::from_value::<CreateReferral>(node.to_json()).unwrap()));
    });
    time("refused", || drop(black_box(shape.check(&json::parse(black_box(REFUSED)).unwrap(), &Registered::NONE))));
}

fn time(name: &str, mut work: impl FnMut()) {
    (0..ROUNDS / 10).for_each(|_| work());
    let mut nanos: Vec<u128> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_nanos()
        })
        .collect();
    nanos.sort_unstable();
    println!("{name:8} p50 {:>6} ns   p99 {:>6} ns", nanos[ROUNDS / 2], nanos[ROUNDS * 99 / 100]);
}
