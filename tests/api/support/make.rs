//! Things to make: a site with its people, bodies, referrals.

use diesel::connection::SimpleConnection as _;
use handoff::auth::{Actor, StaffActor, operator_scope};
use handoff::db::in_site;
use handoff::domain::boundaries::BoundariesPatch;
use handoff::domain::ids::{MemberId, PartnerId, RouteId, SiteId, StudyId};
use handoff::domain::route_config::RouteChannel;
use handoff::domain::vocabulary::{Channel, DuplicatePolicy, PartnerType, RemunerationBasis, Role, Scope};
use handoff::ops::Context;
use handoff::ops::add_member::{self, NewMember};
use handoff::ops::create_partner::{self, NewPartner};
use handoff::ops::create_route::{self, NewRoute};
use handoff::ops::create_site::{self, FirstAdmin, NewSite};
use handoff::ops::create_study::{self, NewStudy};
use handoff::ops::issue_key::{self, Holder, NewKey};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::app::{App, beginning};
use super::callers::{Answer, Person};
use super::db::Database;
use super::onboard::{self, People};

/// The study that both partners refer to.
pub const STUDY: &str = "heart-2026";

/// A site as tests know it.
#[derive(Debug, Clone)]
pub struct Site {
    pub id: SiteId,
    pub admin: MemberId,
    pub coordinator: MemberId,
    pub viewer: MemberId,
    pub study: StudyId,
    pub partner: Partner,
    pub sibling: Partner,
    /// A site key with the scopes `referrals:read`, `referrals:write` and `config:read`.
    pub key: String,
    /// A site key that can do none of it: `events:read` alone.
    pub narrow_key: String,
}

/// A partner as tests know it, with its launched route.
#[derive(Debug, Clone)]
pub struct Partner {
    pub id: PartnerId,
    pub code: &'static str,
    pub route: RouteId,
    pub key: String,
    pub test_key: String,
}

/// A site with an admin, a coordinator and a viewer; a study; two active partners with launched routes; keys.
pub fn db_site(db: &Database, name: &str) -> Site {
    let now = beginning() - chrono::Duration::days(30);
    let id = SiteId::at(now);
    in_site(&mut db.app(), id, |conn, scope| {
        let new = NewSite {
            name: name.parse().unwrap(),
            time_zone: chrono_tz::America::New_York,
            default_phone_region: "US".parse().unwrap(),
            intake_url: format!("https://intake.{name}.example/start").parse().unwrap(),
            is_sample: false,
        };
        let first = FirstAdmin {
            display_name: "Robin Admin".parse().unwrap(),
            email: format!("robin@{name}.example").parse().unwrap(),
            identity: None,
        };
        let admin = create_site::run(conn, &Context::of_operator(*scope, now), new, &first)?;
        let mut add = |member: &str, role| {
            let email = format!("{member}@{name}.example").parse().unwrap();
            let new = NewMember { display_name: member.parse().unwrap(), email, role, is_site_lead: false, identity: None };
            add_member::run(conn, &Context::of_operator(*scope, now), new)
        };
        let coordinator = add("dana", Role::Coordinator)?;
        let viewer = add("sam", Role::Viewer)?;
        let actor = Actor::Staff(StaffActor { member: admin, role: Role::Admin });
        let context = Context { actor, ..Context::of_operator(operator_scope(id), now) };
        let study = NewStudy {
            code: STUDY.parse().unwrap(),
            public_name: "Heart Rhythm Study".parse().unwrap(),
            short_description: "A study of two approaches to heart rhythm care.".parse().unwrap(),
            protocol_code: "HRT-2026-01".parse().unwrap(),
            registry_id: Some("NCT01234567".parse().unwrap()),
        };
        let study = create_study::run(conn, &context, study)?.id;
        let mut partner = |code: &'static str, partner_type| {
            let new = NewPartner {
                code: code.parse().unwrap(),
                name: code.parse().unwrap(),
                partner_type,
                jurisdiction: "US-NY".parse().unwrap(),
                remuneration_basis: RemunerationBasis::None,
            };
            let partner = create_partner::run(conn, &context, new)?;
            let new = NewRoute {
                partner: code.parse().unwrap(),
                study: STUDY.parse().unwrap(),
                channels: RouteChannel::each(
                    &[Channel::SecureForm, Channel::SelfReferral],
                    &"Give the person the code and the intake address.".parse().unwrap(),
                ),
                source_tag: format!("{code}.heart").parse().unwrap(),
                intake_url: None,
                owner_id: coordinator,
                backup_owner_id: admin,
                duplicate_policy: DuplicatePolicy::ReviewAll,
                approval_reference: None,
                acknowledge_due_hours: None,
                contact_due_hours: None,
                follow_up_due_hours: None,
                monthly_capacity: None,
                boundaries: BoundariesPatch::default(),
            };
            let route = create_route::run(conn, &context, new)?.route.id;
            let mut key = |is_test| {
                let holder = Holder::Partner(code.parse().unwrap());
                let new = NewKey { name: code.parse().unwrap(), holder, is_test, expires_at: None };
                issue_key::run(conn, &Context::of_operator(*scope, now), new)
                    .map(|issued| issued.secret.expose_secret().to_owned())
            };
            let (live_key, test_key) = (key(false)?, key(true)?);
            onboard::live(conn, scope, People { admin, coordinator }, route, now)?;
            Ok::<_, handoff::error::AppError>(Partner { id: partner.id, code, route, key: live_key, test_key })
        };
        let own = partner("lakeside", PartnerType::SpecialtyClinic)?;
        let sibling = partner("voices", PartnerType::AdvocacyGroup)?;
        let mut key = |name: &str, scopes: &[Scope]| {
            let holder = Holder::Site(scopes.to_vec());
            let new = NewKey { name: name.parse().unwrap(), holder, is_test: false, expires_at: None };
            issue_key::run(conn, &Context::of_operator(*scope, now), new).map(|issued| issued.secret.expose_secret().to_owned())
        };
        let wide = key("crm", &[Scope::ReferralsRead, Scope::ReferralsWrite, Scope::ConfigRead])?;
        let narrow = key("narrow", &[Scope::EventsRead])?;
        Ok(Site { id, admin, coordinator, viewer, study, partner: own, sibling, key: wide, narrow_key: narrow })
    })
    .unwrap()
}

/// One more key of a site, of a name that no other has.
pub fn db_key(db: &Database, site: &Site, holder: &Holder, is_test: bool) -> String {
    let name = format!("more {}", super::callers::fresh_key()).parse().unwrap();
    let new = NewKey { name, holder: holder.clone(), is_test, expires_at: None };
    in_site(&mut db.app(), site.id, |conn, scope| issue_key::run(conn, &Context::of_operator(*scope, beginning()), new))
        .unwrap()
        .secret
        .expose_secret()
        .to_owned()
}

/// The id of a partner's live key.
pub fn db_key_id(db: &Database, partner: &Partner) -> String {
    let sql = format!("SELECT id::text AS text FROM api_keys WHERE partner_id = '{}' AND NOT is_test ORDER BY id", partner.id);
    crate::tenancy::texts(&mut db.superuser(), &sql).remove(0)
}

/// A test referral beside this live one, as like it as one can be; its id. Test runs make them, not requests.
pub fn db_test_twin(db: &Database, live: &str) -> String {
    let test = uuid::Uuid::from_u128(uuid::Uuid::parse_str(live).unwrap().as_u128() ^ 1).to_string();
    let insert = format!(
        "INSERT INTO referrals SELECT (jsonb_populate_record(r, jsonb_build_object('id', '{test}', 'is_test', true, 'escalate_at', null,
             'handoff_code', translate(reverse(r.handoff_code), '0123456789', '9876543210')))).* FROM referrals r WHERE r.id = '{live}'"
    );
    db.superuser().batch_execute(&insert).unwrap();
    test
}

/// A partner of this type, active, with a launched route for the study. Answers the partner's id and the route's path.
pub async fn active_partner(app: &App, site: &Site, code: &str, partner_type: &str) -> (PartnerId, String) {
    let admin = app.member(site, site.admin);
    let body = json!({
        "code": code, "name": code, "partner_type": partner_type, "jurisdiction": "US-NY", "remuneration_basis": "none",
    });
    let partner = admin.post("/v1/partners", &body).await.expect(201).id();
    let route = admin.post("/v1/routes", &route(site, code)).await.expect(201).id();
    onboard::db_live_at(app, site, &route);
    (partner.parse().unwrap(), format!("/v1/routes/{route}"))
}

/// Each of these channels with this instruction.
pub fn channels(channels: &[&str], instruction: &str) -> Value {
    channels.iter().map(|channel| json!({"channel": channel, "instruction": instruction})).collect()
}

/// A route of this partner for the study, as an admin configures it.
pub fn route(site: &Site, partner: &str) -> Value {
    json!({
        "partner": partner, "study": STUDY, "channels": channels(&["secure_form", "self_referral"], "Give the person the code."),
        "source_tag": format!("{partner}.heart"), "owner_id": site.coordinator, "backup_owner_id": site.admin,
        "duplicate_policy": "review_all",
    })
}

/// A referral as a partner sends it.
pub fn referral() -> Value {
    json!({
        "study": STUDY, "channel": "secure_form", "contact_basis": "permission_to_contact", "contact_path": "person_uses_intake",
    })
}

/// A referral with some fields replaced or added.
pub fn referral_with(changes: Value) -> Value {
    let mut body = referral();
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// A referral as the site records it for a partner.
pub fn referral_of(partner: &str) -> Value {
    referral_with(json!({"partner": partner}))
}

/// A referral that this caller sent.
pub async fn sent(person: &Person) -> Answer {
    person.post("/v1/referrals", &referral()).await.expect(201)
}
