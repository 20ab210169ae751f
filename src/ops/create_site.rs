//! Setting up a site with its first admin, who is its site lead.

use super::add_member::{self, Identity, NewMember};
use super::record::{Change, record};
use super::{Context, facts};
use crate::db::Conn;
use crate::domain::CodeList;
use crate::domain::ids::MemberId;
use crate::domain::journal::SubjectKind;
use crate::domain::text::{DisplayName, MemberEmail, PhoneRegion, PublicName, TimeZoneName, WebUrl};
use crate::domain::vocabulary::Role;
use crate::error::AppError;
use crate::store;
use crate::store::sites::SiteRow;

/// A site to be set up.
#[derive(Debug)]
pub struct NewSite {
    /// Its name.
    pub name: PublicName,
    /// IANA time zone.
    pub time_zone: chrono_tz::Tz,
    /// ISO 3166 region of telephone numbers without a country code.
    pub default_phone_region: PhoneRegion,
    /// Where a person gives details.
    pub intake_url: WebUrl,
    /// Whether it is the sample site.
    pub is_sample: bool,
}

/// The first member of a site.
#[derive(Debug)]
pub struct FirstAdmin {
    /// What colleagues call it.
    pub display_name: DisplayName,
    /// Where alerts go.
    pub email: MemberEmail,
    /// Who it is to the site's identity provider.
    pub identity: Option<Identity>,
}

/// Sets up the site of the context's scope with its first admin; answers the admin's id.
///
/// # Errors
/// A database failure.
pub fn run(conn: &mut Conn, context: &Context, new: NewSite, admin: &FirstAdmin) -> Result<MemberId, AppError> {
    let site = SiteRow {
        site_id: context.scope.site(),
        name: new.name,
        time_zone: TimeZoneName::parse(new.time_zone.name()).map_err(AppError::internal)?,
        default_phone_region: new.default_phone_region,
        intake_url: new.intake_url,
        acknowledge_due_hours: 24,
        contact_due_hours: 72,
        follow_up_due_hours: 120,
        suppression_threshold: 11,
        is_sample: new.is_sample,
        version: 1,
        created_at: context.now,
        updated_at: context.now,
        business_hours: CodeList(Vec::new()),
        holidays: CodeList(Vec::new()),
        escalation_hours: 8,
        sealed_details_retention_days: 30,
        contact_digests_retention_days: 730,
    };
    store::sites::insert(conn, &site)?;
    record(conn, context, [Change::made("create_site", SubjectKind::Site, site.site_id.0, facts::of_site(&site))])?;
    let lead = NewMember {
        display_name: admin.display_name.clone(),
        email: admin.email.clone(),
        role: Role::Admin,
        is_site_lead: true,
        identity: admin.identity.clone(),
    };
    add_member::run(conn, context, lead)
}
