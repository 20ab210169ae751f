//! Who is there no more.

use handoff::auth::{Actor, StaffActor, operator_scope};
use handoff::db::in_site;
use handoff::domain::ids::MemberId;
use handoff::domain::vocabulary::{PartnerStatus, PartnerType, RemunerationBasis, Role};
use handoff::ops::create_partner::{self, NewPartner};
use handoff::ops::issue_key::{self, Holder, NewKey};
use handoff::ops::{Context, Expected, move_partner};
use handoff::store::members::{self, NewMember};
use secrecy::ExposeSecret as _;

use crate::support::App;
use crate::support::app::beginning;

/// A member who was deactivated and a partner that has ended: their credentials are good no more.
pub fn leavers(app: &App) -> (MemberId, String) {
    let now = beginning();
    in_site(&mut app.db.app(), app.site.id, |conn, scope| {
        let actor = Actor::Staff(StaffActor { member: app.site.admin, role: Role::Admin });
        let context = Context { actor, ..Context::of_operator(operator_scope(app.site.id), now) };
        let id = MemberId::at(now);
        members::insert(
            conn,
            &NewMember {
                site_id: scope.site(),
                id,
                display_name: "Left".parse().unwrap(),
                email: "left@riverside.example".parse().unwrap(),
                role: Role::Admin,
                is_site_lead: false,
                active: false,
                version: 1,
                created_at: now,
                updated_at: now,
                issuer: None,
                subject: None,
            },
        )?;
        let new = NewPartner {
            code: "ended".parse().unwrap(),
            name: "Ended".parse().unwrap(),
            partner_type: PartnerType::Registry,
            jurisdiction: "US-NY".parse().unwrap(),
            remuneration_basis: RemunerationBasis::None,
        };
        let partner = create_partner::run(conn, &context, new)?.id;
        let holder = Holder::Partner("ended".parse().unwrap());
        let new = NewKey { name: "ended".parse().unwrap(), holder, is_test: false, expires_at: None };
        let key = issue_key::run(conn, &context, new)?.secret.expose_secret().to_owned();
        move_partner::run(conn, &context, partner, &Expected::Any, PartnerStatus::Ended)?;
        Ok((id, key))
    })
    .unwrap()
}
