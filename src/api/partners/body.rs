//! What goes in and out of the partner endpoints.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use crate::api::extract::contract;
use crate::api::views::{PartnerTag, SiteTag};
use crate::domain::boundaries::{self, PartnerFlag};
use crate::domain::ids::PartnerId;
use crate::domain::text::{Code, Jurisdiction, PublicName};
use crate::domain::vocabulary::{PartnerStatus, PartnerType, RemunerationBasis, SuspensionReason};
use crate::store::partners::PartnerRow;

/// A partner to register.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "code": "lakeside-cardiology", "name": "Lakeside Cardiology", "partner_type": "specialty_clinic", "jurisdiction": "US-NY",
    "remuneration_basis": "none"
}))]
pub struct CreatePartner {
    /// Site-unique code. It never changes.
    pub code: Code,
    /// What people call it.
    pub name: PublicName,
    /// What kind of organisation it is; the grounds of contact it may state follow from it.
    pub partner_type: PartnerType,
    /// Where it is established.
    pub jurisdiction: Jurisdiction,
    /// How it is remunerated, if at all.
    pub remuneration_basis: RemunerationBasis,
}
contract!(CreatePartner);

/// A change to a partner (JSON Merge Patch): absent leaves a field.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Lakeside Cardiology Group"}))]
pub struct UpdatePartner {
    /// What people call it.
    #[schema(nullable = false)]
    pub name: Option<PublicName>,
    /// What kind of organisation it is.
    #[schema(nullable = false)]
    pub partner_type: Option<PartnerType>,
    /// Where it is established.
    #[schema(nullable = false)]
    pub jurisdiction: Option<Jurisdiction>,
    /// How it is remunerated, if at all.
    #[schema(nullable = false)]
    pub remuneration_basis: Option<RemunerationBasis>,
}
contract!(UpdatePartner);

/// Where to move a partner.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to": "language_pending"}))]
pub struct TransitionPartner {
    /// The state to move to; `suspended` is set by a guard alone.
    pub to: PartnerStatus,
}
contract!(TransitionPartner);

/// A partner as the site sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "view": "site", "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "code": "clear-path", "name": "Clear Path Recruitment",
    "partner_type": "recruitment_vendor", "jurisdiction": "US-NY", "remuneration_basis": "per_referral", "status": "active", "suspension_reason": null,
    "flags": ["remuneration_per_referral"]
}))]
pub struct PartnerView {
    /// Always `site`.
    pub view: SiteTag,
    /// Id of the partner.
    pub id: PartnerId,
    /// Site-unique code.
    pub code: Code,
    /// What people call it.
    pub name: PublicName,
    /// What kind of organisation it is.
    pub partner_type: PartnerType,
    /// Where it is established.
    pub jurisdiction: Jurisdiction,
    /// How it is remunerated, if at all.
    pub remuneration_basis: RemunerationBasis,
    /// Where it stands.
    pub status: PartnerStatus,
    /// Why a guard suspended it; `null` unless it is `suspended`.
    pub suspension_reason: Option<SuspensionReason>,
    /// What to look at before working with it: pay that depends on how many people come, or stay.
    #[schema(max_items = 2)]
    pub flags: Vec<PartnerFlag>,
}

impl From<PartnerRow> for PartnerView {
    fn from(row: PartnerRow) -> Self {
        Self {
            view: SiteTag::Site,
            id: row.id,
            code: row.code,
            name: row.name,
            partner_type: row.partner_type,
            jurisdiction: row.jurisdiction,
            remuneration_basis: row.remuneration_basis,
            status: row.status,
            suspension_reason: row.suspension_reason,
            flags: boundaries::flags(row.remuneration_basis),
        }
    }
}

/// A partner as it sees itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "view": "partner", "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "code": "lakeside-cardiology", "name": "Lakeside Cardiology",
    "partner_type": "specialty_clinic", "jurisdiction": "US-NY", "remuneration_basis": "none", "status": "active",
    "suspension_reason": null
}))]
pub struct PartnerOwnView {
    /// Always `partner`.
    pub view: PartnerTag,
    /// Your id.
    pub id: PartnerId,
    /// Your code at the site.
    pub code: Code,
    /// What people call you.
    pub name: PublicName,
    /// What kind of organisation you are.
    pub partner_type: PartnerType,
    /// Where you are established.
    pub jurisdiction: Jurisdiction,
    /// How you are remunerated, if at all.
    pub remuneration_basis: RemunerationBasis,
    /// Where you stand.
    pub status: PartnerStatus,
    /// Why you are suspended; `null` unless you are. `language_lapsed`: acknowledge the current language (`create_acknowledgement`), and
    /// you go on at once.
    pub suspension_reason: Option<SuspensionReason>,
}

impl From<PartnerRow> for PartnerOwnView {
    fn from(row: PartnerRow) -> Self {
        Self {
            view: PartnerTag::Partner,
            id: row.id,
            code: row.code,
            name: row.name,
            partner_type: row.partner_type,
            jurisdiction: row.jurisdiction,
            remuneration_basis: row.remuneration_basis,
            status: row.status,
            suspension_reason: row.suspension_reason,
        }
    }
}

/// A partner, in the caller's view; `view` tells which.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(discriminator(property_name = "view", mapping(
    ("site" = "#/components/schemas/PartnerView"),
    ("partner" = "#/components/schemas/PartnerOwnView")
)))]
pub enum PartnerBody {
    /// The site's view: staff and site keys.
    Site(PartnerView),
    /// The partner's view of itself.
    Partner(PartnerOwnView),
}

/// A page of partners.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartnerPage {
    /// The partners, in the order in which they were registered.
    #[schema(max_items = 200)]
    pub data: Vec<PartnerBody>,
    /// Send it as `cursor` for the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}

/// Which partners to list.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListPartners {
    /// Only partners in this state.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub status: Option<PartnerStatus>,
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before, with the same filters.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListPartners);
