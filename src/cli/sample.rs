//! The sample site: made through the same operations as everything else, over the last sixty days.

use chrono::{DateTime, Duration, Utc};
use secrecy::SecretString;

mod language;

use super::Failure;
use crate::auth::{Actor, SiteScope, StaffActor};
use crate::db::{self, Conn};
use crate::domain::boundaries::BoundariesPatch;
use crate::domain::ids::{LanguageVersionId, MemberId, SiteId};
use crate::domain::referral_state::{Request, TransitionReason};
use crate::domain::route_config::RouteChannel;
use crate::domain::text::Code;
use crate::domain::vocabulary::{
    Blocker, Channel, ContactBasis, ContactPath, DuplicatePolicy, PartnerStatus, PartnerType, QuarantineReason, ReferralStatus,
    RemunerationBasis, Role, Scope,
};
use crate::error::AppError;
use crate::ops::add_member::{self, NewMember};
use crate::ops::create_partner::{self, NewPartner};
use crate::ops::create_referral::{self, Keys, NewReferral};
use crate::ops::create_route::{self, NewRoute};
use crate::ops::create_site::{self, FirstAdmin, NewSite};
use crate::ops::create_study::{self, NewStudy};
use crate::ops::issue_key::{self, Holder, Issued, NewKey};
use crate::ops::{Context, Expected, launch_sample_route, move_partner, transition_referral};
use crate::privacy::keys::MasterKey;

/// The study that the printed lines use.
pub(super) const FIRST_STUDY: &str = "heart-2026";
const REFERRALS: i32 = 200;
const DAYS: i64 = 60;

const STUDIES: [(&str, &str, &str, &str, &str); 2] = [
    (
        FIRST_STUDY,
        "Heart Rhythm Study",
        "A study of two approaches to heart rhythm care. The study team explains who may take part.",
        "HRT-2026-01",
        "NCT01234567",
    ),
    (
        "breathe-2026",
        "Breathe Study",
        "A study about everyday life with breathing difficulties. The study team explains who may take part.",
        "BRT-2026-02",
        "NCT07654321",
    ),
];

/// Code, name, type, jurisdiction, remuneration, studies.
type SamplePartner = (&'static str, &'static str, PartnerType, &'static str, RemunerationBasis, &'static [&'static str]);
const PARTNERS: [SamplePartner; 4] = [
    (
        "lakeside-cardiology",
        "Lakeside Cardiology",
        PartnerType::SpecialtyClinic,
        "US-NY",
        RemunerationBasis::None,
        &[FIRST_STUDY, "breathe-2026"],
    ),
    ("open-heart-voices", "Open Heart Voices", PartnerType::AdvocacyGroup, "US-NJ", RemunerationBasis::None, &[FIRST_STUDY]),
    (
        "northside-community",
        "Northside Community Center",
        PartnerType::CommunityOrganisation,
        "US-NY",
        RemunerationBasis::Flat,
        &["breathe-2026"],
    ),
    (
        "clear-path-recruitment",
        "Clear Path Recruitment",
        PartnerType::RecruitmentVendor,
        "US-CT",
        RemunerationBasis::Hourly,
        &[FIRST_STUDY, "breathe-2026"],
    ),
];

/// What is needed to try the sample site.
pub(super) struct Sample {
    pub site: SiteId,
    pub admin: MemberId,
    pub coordinator: MemberId,
    pub partner_key: SecretString,
    pub site_key: SecretString,
}

/// Loads the sample site in one transaction: all of it, or nothing.
pub(super) fn load(conn: &mut Conn, master: &MasterKey, now: DateTime<Utc>) -> Result<Sample, Failure> {
    let site = SiteId::at(now);
    let keys = Keys::of(master, site);
    let start = now - Duration::days(DAYS);
    Ok(db::in_site(conn, site, |conn, scope| fill(conn, scope, &keys, start, now))?)
}

/// The sample's own texts are constants that fit; one that did not would be a fault of ours.
fn text<T: std::str::FromStr<Err = crate::domain::OutOfBounds>>(text: &str) -> Result<T, AppError> {
    text.parse().map_err(AppError::internal)
}

fn fill(conn: &mut Conn, scope: &SiteScope, keys: &Keys, start: DateTime<Utc>, now: DateTime<Utc>) -> Result<Sample, AppError> {
    let new = NewSite {
        name: text("Riverside Clinical Research (sample)")?,
        time_zone: chrono_tz::America::New_York,
        default_phone_region: text("US")?,
        intake_url: text("https://intake.riverside.example/start")?,
        is_sample: true,
    };
    let first = FirstAdmin { display_name: text("Robin Admin")?, email: text("robin@riverside.example")?, identity: None };
    let admin = create_site::run(conn, &Context::of_operator(*scope, start), new, &first)?;
    let mut add = |name, email, role| {
        let new = NewMember { display_name: text(name)?, email: text(email)?, role, is_site_lead: false, identity: None };
        add_member::run(conn, &Context::of_operator(*scope, start), new)
    };
    let coordinator = add("Dana Coordinator", "dana@riverside.example", Role::Coordinator)?;
    add("Sam Viewer", "sam@riverside.example", Role::Viewer)?;
    let context =
        |member, role, at| Context { actor: Actor::Staff(StaffActor { member, role }), ..Context::of_operator(*scope, at) };
    let as_admin = context(admin, Role::Admin, start);

    let mut words: Vec<(&str, LanguageVersionId)> = Vec::new();
    let as_coordinator = context(coordinator, Role::Coordinator, start);
    for (code, public_name, short_description, protocol_code, registry_id) in STUDIES {
        let study = NewStudy {
            code: text(code)?,
            public_name: text(public_name)?,
            short_description: text(short_description)?,
            protocol_code: text(protocol_code)?,
            registry_id: Some(text(registry_id)?),
        };
        create_study::run(conn, &as_admin, study)?;
        let names = (public_name, short_description);
        words.push((code, language::approve(conn, &as_coordinator, &as_admin, code, names, start)?));
    }
    let (mut routes, mut partner_key): (Vec<(Code, Code)>, _) = (Vec::new(), None);
    for (code, name, partner_type, jurisdiction, remuneration_basis, studies) in PARTNERS {
        let new = NewPartner {
            code: text(code)?,
            name: text(name)?,
            partner_type,
            jurisdiction: text(jurisdiction)?,
            remuneration_basis,
        };
        let partner = create_partner::run(conn, &as_admin, new)?;
        let step = |conn: &mut Conn, to| move_partner::run(conn, &as_admin, partner.id, &Expected::Any, to).map(drop);
        step(conn, PartnerStatus::LanguagePending)?;
        let mut made = Vec::new();
        for study in studies {
            made.push(create_route::run(conn, &as_admin, sample_route(code, study, coordinator, admin)?)?.route.id);
            routes.push((text(code)?, text(study)?));
        }
        let operator = Context::of_operator(*scope, start);
        let key = sample_key(conn, &operator, &format!("{name} portal (sample)"), Holder::Partner(text(code)?))?;
        let of_partner: Vec<_> = words.iter().filter(|(study, _)| studies.contains(study)).map(|(_, id)| *id).collect();
        language::acknowledge(conn, &operator, partner.id, key.key.key.id, &of_partner)?;
        step(conn, PartnerStatus::TestPending)?;
        for route in made {
            launch_sample_route::run(conn, &as_admin, route)?;
        }
        step(conn, PartnerStatus::Active)?;
        partner_key.get_or_insert(key.secret);
    }
    for number in 0..REFERRALS {
        let at = start + Duration::minutes(DAYS * 24 * 60 * i64::from(number) / i64::from(REFERRALS));
        let route = usize::try_from(number).ok().and_then(|number| routes.get(number % routes.len()));
        let Some((partner, study)) = route else { continue };
        let new = sample_referral(number, partner.clone(), study.clone())?;
        let as_coordinator = context(coordinator, Role::Coordinator, at);
        let (taken, _) = create_referral::run(conn, &as_coordinator, keys, &new)?;
        for (step, request) in (1..).zip(story(number)) {
            let at = (at + Duration::hours(5 * step)).min(now);
            let context = context(coordinator, Role::Coordinator, at);
            transition_referral::run(conn, &context, taken.referral.id, &Expected::Any, &request)?;
        }
    }
    let site_scopes = vec![
        Scope::ReferralsRead,
        Scope::ReferralsWrite,
        Scope::ImportWrite,
        Scope::EventsRead,
        Scope::WebhooksManage,
        Scope::ConfigRead,
    ];
    let operator = Context::of_operator(*scope, now);
    Ok(Sample {
        site: scope.site(),
        admin,
        coordinator,
        partner_key: partner_key.ok_or_else(|| AppError::internal("a sample without partners"))?,
        site_key: sample_key(conn, &operator, "Site CRM (sample)", Holder::Site(site_scopes))?.secret,
    })
}

fn sample_key(conn: &mut Conn, operator: &Context, name: &str, holder: Holder) -> Result<Issued, AppError> {
    let new = NewKey { name: text(name)?, holder, is_test: false, expires_at: None };
    issue_key::run(conn, operator, new)
}

fn on(channel: Channel, instruction: &str) -> Result<RouteChannel, AppError> {
    Ok(RouteChannel { channel, instruction: text(instruction)? })
}

fn sample_route(partner: &str, study: &str, owner: MemberId, backup: MemberId) -> Result<NewRoute, AppError> {
    Ok(NewRoute {
        partner: text(partner)?,
        study: text(study)?,
        channels: vec![
            on(Channel::SecureForm, "Give the person the code and the intake address. The study team answers all questions.")?,
            on(Channel::SelfReferral, "Point the person to the intake address. The study team answers all questions.")?,
            on(Channel::PhoneHandoff, "Call the site's coordinator while the person is on the line, and read out the code.")?,
        ],
        source_tag: text(&format!("{partner}.{study}"))?,
        intake_url: None,
        owner_id: owner,
        backup_owner_id: backup,
        duplicate_policy: DuplicatePolicy::ReviewAll,
        approval_reference: None,
        acknowledge_due_hours: None,
        contact_due_hours: None,
        follow_up_due_hours: None,
        monthly_capacity: None,
        boundaries: BoundariesPatch::default(),
    })
}

fn sample_referral(number: i32, partner: Code, study: Code) -> Result<NewReferral, AppError> {
    Ok(NewReferral {
        partner: Some(partner),
        study,
        channel: if number % 5 == 0 { Channel::PhoneHandoff } else { Channel::SecureForm },
        contact_basis: ContactBasis::PermissionToContact,
        contact_path: ContactPath::PersonUsesIntake,
        partner_reference: Some(text(&format!("SAMPLE-{number:04}"))?),
        external_ref: None,
        late_reason: None,
        received_at: None,
        source_tag: None,
        email: None,
        phone: None,
        details: None,
        quarantine: (number % 40 == 39).then_some(QuarantineReason::ContactWithdrawn),
    })
}

/// What happened to a sample referral, step by step: every state is the end of some story.
fn story(number: i32) -> Vec<Request> {
    use ReferralStatus::{Acknowledged, Closed, Connected, Contacting, HandedOff, OnHold};
    let to = |to| Request { to, reason: None, blocker: None };
    let close = |reason| Request { to: Closed, reason: Some(reason), blocker: None };
    let hold = |blocker| Request { to: OnHold, reason: None, blocker: Some(blocker) };
    if number % 40 == 39 {
        return Vec::new();
    }
    match number % 10 {
        0 => vec![],
        1 => vec![to(Acknowledged)],
        2 => vec![to(Acknowledged), to(Contacting)],
        3 => vec![to(Contacting), to(Connected)],
        4 => vec![to(Contacting), to(Connected), to(HandedOff)],
        5 => vec![to(Contacting), hold(Blocker::AwaitingPersonReply)],
        6 => vec![to(Acknowledged), hold(Blocker::AwaitingPartnerCompletion)],
        7 => vec![to(Contacting), close(TransitionReason::NoLongerInterested)],
        8 => vec![close(TransitionReason::WrongStudy)],
        _ => vec![to(Contacting), to(Connected), to(HandedOff), close(TransitionReason::HandoffComplete)],
    }
}
