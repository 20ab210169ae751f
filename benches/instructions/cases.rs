//! The functions that are counted, each with what it is given.

use std::hint::black_box;

use chrono::{DateTime, Utc};
use handoff::api::cursor::Binding;
use handoff::api::extract::Contract as _;
use handoff::api::referrals::{CreateReferral, PartnerReferralView, ReferralView};
use handoff::auth::{Actor, PartnerActor, api_key, operator_scope};
use handoff::domain::CodeList;
use handoff::domain::ids::{ApiKeyId, MemberId, PartnerId, ReferralId, RouteId, SiteId, StudyId};
use handoff::domain::referral_state::{self, Request, State, TransitionReason};
use handoff::domain::vocabulary::{Attribution, Channel, ContactBasis, ContactPath, NextAction, ReferralStatus};
use handoff::privacy::guard::Registered;
use handoff::privacy::keys::{MasterKey, Purpose};
use handoff::privacy::{digests, json};
use handoff::store::referrals::{CodedReferral, ReferralRow, RouteWords, Times};
use handoff::store::sites::SiteRow;
use secrecy::ExposeSecret as _;
use uuid::Uuid;

/// A name and the call.
pub type Case = (&'static str, Box<dyn Fn()>);

/// A referral with everything that a partner may send.
const BODY: &[u8] = br#"{"study": "heart-2026", "channel": "secure_form", "contact_basis": "permission_to_contact",
    "contact_path": "person_uses_intake", "partner_reference": "LC-2026-00017", "received_at": "2026-06-01T09:00:00Z",
    "source_tag": "lakeside.heart", "match": {"email": "person@mail.example", "phone": "+1 415 555 2671"}}"#;

/// Every function that is counted; `nothing` is the harness alone.
pub fn all() -> Vec<Case> {
    let mut cases: Vec<Case> = vec![(super::NOTHING, Box::new(|| ()))];
    cases.extend(body());
    cases.extend(credentials());
    cases.extend(contact_details());
    cases.extend(views());
    cases.push(("referral_state::decide", Box::new(decide)));
    cases
}

fn body() -> [Case; 3] {
    let shape = CreateReferral::shape().unwrap();
    let parsed = json::parse(BODY).unwrap();
    assert!(shape.check(&parsed, &Registered::NONE).is_empty(), "the body is inside the contract");
    [
        ("json::parse, a referral", Box::new(|| drop(black_box(json::parse(black_box(BODY)))))),
        ("shape.check, a referral", Box::new(move || drop(black_box(shape.check(black_box(&parsed), &Registered::NONE))))),
        (
            "parse, check and read, a referral",
            Box::new(|| {
                let node = json::parse(black_box(BODY)).unwrap();
                assert!(shape.check(&node, &Registered::NONE).is_empty());
                drop(black_box(serde_json::from_value::<CreateReferral>(node.to_json()).unwrap()));
            }),
        ),
    ]
}

fn credentials() -> [Case; 3] {
    let key = api_key::generate(false).unwrap();
    let now = now();
    let master = master();
    let actor = Actor::Partner(PartnerActor { key: ApiKeyId(id(1)), partner: PartnerId(id(2)), is_test: false });
    let scope = operator_scope(SiteId(id(3)));
    let sealed = {
        let (actor, master) = (actor.clone(), master.clone());
        move || binding(&actor, &scope).seal(black_box(&master), black_box(id(4)), now)
    };
    let cursor = sealed();
    [
        (
            "api_key::parse, with its hash",
            Box::new(move || assert!(black_box(api_key::parse(black_box(key.text.expose_secret()))).is_some())),
        ),
        ("cursor, seal", Box::new(move || drop(black_box(sealed())))),
        (
            "cursor, open",
            Box::new(move || {
                let opened = binding(&actor, &scope).open::<Uuid>(black_box(&master), black_box(&cursor), now);
                assert_eq!(opened.unwrap(), id(4));
            }),
        ),
    ]
}

fn binding<'a>(actor: &'a Actor, scope: &'a handoff::auth::SiteScope) -> Binding<'a> {
    Binding { operation: "list_referrals", actor, scope, filters: "{}" }
}

fn contact_details() -> [Case; 2] {
    let key = || master().derive(Purpose::ContactDigest, SiteId(id(3)));
    let (of_email, of_phone) = (key(), key());
    [
        (
            "digests::of_email",
            Box::new(move || assert!(black_box(digests::of_email(&of_email, black_box("person@mail.example"))).is_some())),
        ),
        (
            "digests::of_phone",
            Box::new(move || assert!(black_box(digests::of_phone(&of_phone, black_box("+1 415 555 2671"), "US")).is_some())),
        ),
    ]
}

fn views() -> [Case; 2] {
    let site = site();
    let site_view = ReferralView::new(referral(), &site, now());
    let partner_view = PartnerReferralView::new(referral().into(), &site, now());
    [
        (
            "to_string, a referral in the site's view",
            Box::new(move || drop(black_box(serde_json::to_string(black_box(&site_view)).unwrap()))),
        ),
        (
            "to_string, a referral in the partner's view",
            Box::new(move || drop(black_box(serde_json::to_string(black_box(&partner_view)).unwrap()))),
        ),
    ]
}

fn decide() {
    let state =
        State { status: ReferralStatus::Connected, held_status: None, close_reason: None, is_test: false, is_merged: false };
    let request = Request { to: ReferralStatus::Closed, reason: Some(TransitionReason::NoLongerInterested), blocker: None };
    assert!(black_box(referral_state::decide(black_box(&state), black_box(&request))).is_ok());
}

fn now() -> DateTime<Utc> {
    "2026-06-01T09:00:00Z".parse().unwrap()
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0199_aa10_7c1e_7b52_9f0e_3d6a_5b1c_0000 + number)
}

fn master() -> MasterKey {
    MasterKey::from_hex(&"5a".repeat(32)).unwrap()
}

fn site() -> SiteRow {
    SiteRow {
        site_id: SiteId(id(3)),
        name: "Riverside".parse().unwrap(),
        time_zone: "America/New_York".parse().unwrap(),
        default_phone_region: "US".parse().unwrap(),
        intake_url: "https://intake.riverside.example/start".parse().unwrap(),
        acknowledge_due_hours: 24,
        contact_due_hours: 72,
        follow_up_due_hours: 168,
        suppression_threshold: 11,
        is_sample: false,
        version: 1,
        created_at: now(),
        updated_at: now(),
        business_hours: CodeList(Vec::new()),
        holidays: CodeList(Vec::new()),
        escalation_hours: 8,
        sealed_details_retention_days: 30,
        contact_digests_retention_days: 730,
    }
}

/// A referral as it was just taken.
fn referral() -> CodedReferral {
    let referral = ReferralRow {
        site_id: SiteId(id(3)),
        id: ReferralId(id(4)),
        partner_id: Some(PartnerId(id(2))),
        study_id: StudyId(id(5)),
        route_id: Some(RouteId(id(6))),
        channel: Channel::SecureForm,
        source_tag: Some("lakeside.heart".parse().unwrap()),
        attribution: Attribution::Verified,
        contact_basis: ContactBasis::PermissionToContact,
        contact_path: ContactPath::PersonUsesIntake,
        handoff_code: Some("7Q2MZK4R9D".parse().unwrap()),
        partner_reference: Some("LC-2026-00017".parse().unwrap()),
        external_ref: None,
        late_reason: None,
        owner_id: MemberId(id(7)),
        status: ReferralStatus::Received,
        held_status: None,
        quarantine_reason: None,
        blocker: None,
        close_reason: None,
        reopen_reason: None,
        next_action: Some(NextAction::Acknowledge),
        handoff_issues: CodeList(Vec::new()),
        is_test: false,
        version: 1,
        received_at: now(),
        recorded_at: now(),
        held_blocker: None,
        escalation: None,
        merged_into_id: None,
        language_version_id: None,
        times: Times {
            next_action_due_at: Some(now()),
            clock_started_at: now(),
            acknowledged_at: None,
            contacting_at: None,
            connected_at: None,
            handed_off_at: None,
            partner_withdrawn_at: None,
            closed_at: None,
            updated_at: now(),
            blocked_since: None,
            first_due_at: Some(now()),
            first_due_by_receipt_at: Some(now()),
            escalate_at: Some(now()),
        },
    };
    CodedReferral {
        referral,
        partner_code: Some("lakeside-cardiology".parse().unwrap()),
        study_code: "heart-2026".parse().unwrap(),
        route: RouteWords {
            intake_url: None,
            instruction: Some("Give the person the code and the intake address.".parse().unwrap()),
        },
        has_sealed_details: false,
    }
}
