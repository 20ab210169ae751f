//! Which ground of contact a partner may state, by its type (PRODUCT.md, "contact basis by partner type").

use super::vocabulary::{ContactBasis, PartnerType};

/// Who states the ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatedBy {
    /// A member of the site.
    Staff,
    /// A system of the site or the partner.
    Machine,
}

/// Why a stated ground is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The partner's type does not carry this ground.
    PartnerType,
    /// Only staff may state it.
    StaffOnly,
    /// A partial waiver needs the approval reference on the route.
    ApprovalReferenceMissing,
}

impl Refused {
    /// What to do, as a sentence for an integrator.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::PartnerType => {
                "This partner type cannot state this contact basis. Use `self_referral` or `permission_to_contact`."
            }
            Self::StaffOnly => "Only site staff can state `site_workforce`. Use `self_referral` or `permission_to_contact`.",
            Self::ApprovalReferenceMissing => {
                "`irb_partial_waiver` needs an approval reference on the handoff route. Ask the site to record it."
            }
        }
    }
}

/// Decides whether this ground may be stated here.
///
/// # Errors
/// The reason of the refusal.
pub fn check(
    basis: ContactBasis,
    partner_type: PartnerType,
    stated_by: StatedBy,
    route_has_approval_reference: bool,
) -> Result<(), Refused> {
    use PartnerType::{PrimaryCare, RecruitmentVendor, Registry, SpecialtyClinic};
    match basis {
        ContactBasis::SelfReferral | ContactBasis::PermissionToContact => Ok(()),
        ContactBasis::HipaaAuthorization => match partner_type {
            SpecialtyClinic | PrimaryCare | Registry => Ok(()),
            _ => Err(Refused::PartnerType),
        },
        ContactBasis::IrbPartialWaiver => match partner_type {
            SpecialtyClinic | PrimaryCare | Registry | RecruitmentVendor if route_has_approval_reference => Ok(()),
            SpecialtyClinic | PrimaryCare | Registry | RecruitmentVendor => Err(Refused::ApprovalReferenceMissing),
            _ => Err(Refused::PartnerType),
        },
        ContactBasis::SiteWorkforce => match stated_by {
            StatedBy::Staff => Ok(()),
            StatedBy::Machine => Err(Refused::StaffOnly),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_bases_and_partner_types_is_the_specified_one() {
        let mut table = String::new();
        for basis in ContactBasis::ALL {
            let may: Vec<&str> = PartnerType::ALL
                .iter()
                .filter(|kind| check(*basis, **kind, StatedBy::Machine, true).is_ok())
                .map(|kind| kind.as_str())
                .collect();
            table.push_str(&format!("{basis}: {}\n", may.join(" ")));
        }
        let all = "specialty_clinic primary_care advocacy_group community_organisation recruitment_vendor registry";
        assert_eq!(
            table,
            format!(
                "self_referral: {all}\npermission_to_contact: {all}\nhipaa_authorization: specialty_clinic primary_care registry\n\
                 irb_partial_waiver: specialty_clinic primary_care recruitment_vendor registry\nsite_workforce: \n"
            )
        );
        assert_eq!(
            check(ContactBasis::IrbPartialWaiver, PartnerType::Registry, StatedBy::Machine, false),
            Err(Refused::ApprovalReferenceMissing)
        );
        assert_eq!(check(ContactBasis::SiteWorkforce, PartnerType::AdvocacyGroup, StatedBy::Staff, false), Ok(()));
    }
}
