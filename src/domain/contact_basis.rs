//! Which ground of contact a partner may state, by its type (PRODUCT.md, "contact basis by partner type"), and which of two is the
//! stricter one.

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

/// How strict a ground is, as a number that only compares. From what the person did themselves to what others may do for them:
/// they came (`self_referral`), they said they may be contacted (`permission_to_contact`), they signed for a named disclosure
/// (`hipaa_authorization`), the site's own staff know them from care (`site_workforce`), a board allowed a first contact without
/// them (`irb_partial_waiver`).
const fn strictness(basis: ContactBasis) -> u8 {
    match basis {
        ContactBasis::SelfReferral => 0,
        ContactBasis::PermissionToContact => 1,
        ContactBasis::HipaaAuthorization => 2,
        ContactBasis::SiteWorkforce => 3,
        ContactBasis::IrbPartialWaiver => 4,
    }
}

/// The ground on which a person may be contacted whom two records state different grounds for: the stricter one. It was stated
/// rightly on its own record, so that it is not checked against the other's partner again.
#[must_use]
pub const fn stricter(one: ContactBasis, other: ContactBasis) -> ContactBasis {
    if strictness(one) >= strictness(other) { one } else { other }
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

    #[test]
    fn of_two_bases_the_stricter_one_counts_whichever_comes_first() {
        use ContactBasis::{HipaaAuthorization, IrbPartialWaiver, PermissionToContact, SelfReferral, SiteWorkforce};
        let order = [SelfReferral, PermissionToContact, HipaaAuthorization, SiteWorkforce, IrbPartialWaiver];
        assert_eq!(order.len(), ContactBasis::ALL.len());
        for (place, basis) in order.iter().enumerate() {
            for other in order.iter().take(place + 1) {
                assert_eq!((stricter(*basis, *other), stricter(*other, *basis)), (*basis, *basis));
            }
        }
    }
}
