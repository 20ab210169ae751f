//! The permission table of PRODUCT.md, written once: which kind of caller may do what.
//!
//! Extractors, the access matrix and the document's descriptions all read these rows.

use crate::auth::Actor;
use crate::domain::vocabulary::{Role, Scope};
use crate::error::{AppError, ErrorCode};

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Roles of members that carry it.
    pub roles: &'static [Role],
    /// The scope a site key needs; `None`: no site key may.
    pub scope: Option<Scope>,
    /// Whether a partner key may, within its own rows.
    pub partner: bool,
}

/// A permission that a handler names in its signature.
pub trait Permission: 'static {
    /// Its row of the table.
    const ROW: Row;
}

macro_rules! permissions {
    ($($(#[doc = $doc:literal])+ $name:ident: [$($role:ident)*], $scope:expr, $partner:literal;)+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug)]
            pub struct $name;
            impl Permission for $name {
                const ROW: Row = Row { roles: &[$(Role::$role),*], scope: $scope, partner: $partner };
            }
        )+
    };
}

permissions! {
    /// Read the site's settings.
    ReadSite: [Admin Coordinator], Some(Scope::ConfigRead), false;
    /// Change the site's settings: admins alone.
    ManageSite: [Admin], None, false;
    /// Read the site's members: staff alone. They are people, so no key reads them.
    ReadMembers: [Admin Coordinator], None, false;
    /// Add, change, deactivate and reactivate members: admins alone.
    ManageMembers: [Admin], None, false;
    /// Plan when members are away: admins for everybody, a coordinator for itself.
    PlanAbsences: [Admin Coordinator], None, false;
    /// Read studies, partners and routes; a partner reads its own.
    ReadConfiguration: [Admin Coordinator], Some(Scope::ConfigRead), true;
    /// Read what routes were before: the site alone.
    ReadRouteHistory: [Admin Coordinator], Some(Scope::ConfigRead), false;
    /// Create and change studies, partners and routes, and launch: admins alone.
    ManageConfiguration: [Admin], None, false;
    /// Review partners: admins alone.
    ReviewPartners: [Admin], None, false;
    /// Read what the site decided about its partners: staff alone.
    ReadPartnerReviews: [Admin Coordinator], None, false;
    /// Open, confirm and cancel test runs of routes: staff alone.
    TestRoutes: [Admin Coordinator], None, false;
    /// Read test runs; a partner its own that are open.
    ReadTestRuns: [Admin Coordinator], Some(Scope::ConfigRead), true;
    /// Read how often bodies were refused for what they held: the site alone.
    ReadRefusals: [Admin Coordinator], Some(Scope::ConfigRead), false;
    /// Ask the guard about a text: staff alone.
    AskGuard: [Admin Coordinator], None, false;
    /// Read the site's live, exact reports: the site alone.
    ReadReports: [Admin Coordinator], Some(Scope::ReferralsRead), false;
    /// Read what sponsors are told of a study: a viewer of the studies that it is assigned to, and staff what a viewer reads.
    ReadSponsorSummary: [Admin Coordinator Viewer], None, false;
    /// Read what partners are told of their referrals: a partner of its own, and staff what a partner reads.
    ReadFeedback: [Admin Coordinator], None, true;
    /// Issue, read, rotate and revoke API keys: admins alone.
    ManageApiKeys: [Admin], None, false;
    /// Create a referral; a partner creates its own.
    CreateReferrals: [Admin Coordinator], Some(Scope::ReferralsWrite), true;
    /// Read referrals; a partner reads its own.
    ReadReferrals: [Admin Coordinator], Some(Scope::ReferralsRead), true;
    /// See what may be done with a referral, and what is due: the site alone, since the moves and the queue tell the state.
    PlanReferrals: [Admin Coordinator], Some(Scope::ReferralsRead), false;
    /// Move and change referrals: the site alone.
    WorkReferrals: [Admin Coordinator], Some(Scope::ReferralsWrite), false;
    /// Read the sealed details of a person, each time for a stated purpose: staff who work referrals, and systems with the scope for it.
    ReadDetails: [Admin Coordinator], Some(Scope::DetailsRead), false;
    /// Purge the sealed details of a person before their time: admins alone.
    PurgeDetails: [Admin], None, false;
    /// Follow what happens at the site: admins, and systems with their scope.
    ReadEvents: [Admin], Some(Scope::EventsRead), false;
    /// Read who did what: admins alone.
    ReadAudit: [Admin], None, false;
    /// Complete or withdraw a referral: the partner that sent it.
    FollowUpReferrals: [], None, true;
    /// Record that a person does not want to be contacted: the site alone.
    RecordWithdrawals: [Admin Coordinator], Some(Scope::ReferralsWrite), false;
    /// Erase a person, for good: admins alone.
    ErasePersons: [Admin], None, false;
    /// Manage webhook endpoints and see what became of each event: admins, and the site's systems.
    ManageWebhooks: [Admin], Some(Scope::WebhooksManage), false;
    /// See alerts, confirm one's own, and try whether they arrive: admins those of everybody, a coordinator its own.
    FollowAlerts: [Admin Coordinator], None, false;
    /// Check a draft against the rules and the approved words of a study: people, and the partner that has a route for it.
    CheckLanguage: [Admin Coordinator], None, true;
    /// Take in whoever arrives at the site's intake: the site alone.
    TakeIntake: [Admin Coordinator], Some(Scope::IntakeWrite), false;
    /// Bring in files of referrals, and see what became of each row: the site alone.
    ImportReferrals: [Admin Coordinator], Some(Scope::ImportWrite), false;
    /// Correct whom a referral is credited to: staff alone, since it is a person's decision.
    CorrectAttribution: [Admin Coordinator], None, false;
    /// Read language versions, drafts among them: the site alone.
    ReadLanguageVersions: [Admin Coordinator], Some(Scope::ConfigRead), false;
    /// Write language versions and put them before a reviewer: staff alone, since words are a person's.
    DraftLanguage: [Admin Coordinator], None, false;
    /// Approve language versions, not one's own, and retire them: admins alone.
    ApproveLanguage: [Admin], None, false;
    /// Read the approved language that counts; a partner that of its studies.
    ReadLanguage: [Admin Coordinator], Some(Scope::ConfigRead), true;
    /// Acknowledge approved language: the partner itself.
    AcknowledgeLanguage: [], None, true;
    /// Read who acknowledged which language; a partner reads its own.
    ReadAcknowledgements: [Admin Coordinator], Some(Scope::ConfigRead), true;
    /// Read approved processes: the site alone.
    ReadApprovedProcesses: [Admin Coordinator], Some(Scope::ConfigRead), false;
    /// Record and revoke approved processes: admins alone.
    ManageApprovedProcesses: [Admin], None, false;
    /// See who may be the same person, and decide whether it is: staff alone, since a merge is a person's decision.
    ResolveDuplicates: [Admin Coordinator], None, false;
}

impl Row {
    /// Whether this caller may.
    ///
    /// # Errors
    /// 403, saying who may.
    pub fn check(&self, actor: &Actor) -> Result<(), AppError> {
        match actor {
            Actor::Staff(staff) if self.roles.contains(&staff.role) => Ok(()),
            Actor::Site(client) => match self.scope {
                Some(scope) if client.scopes.contains(&scope) => Ok(()),
                Some(scope) => Err(AppError::new(ErrorCode::InsufficientScope)
                    .with_detail(format!("This key lacks the scope `{scope}`. Ask the site's admin for a key that carries it."))),
                None => Err(self.forbidden()),
            },
            Actor::Partner(_) if self.partner => Ok(()),
            _ => Err(self.forbidden()),
        }
    }

    /// Who may, in words: for refusals and for the document.
    #[must_use]
    pub fn who(&self) -> String {
        let mut who: Vec<String> = self.roles.iter().map(|role| format!("staff with role `{role}`")).collect();
        if let Some(scope) = self.scope {
            who.push(format!("site keys with scope `{scope}`"));
        }
        if self.partner {
            who.push("partner keys".into());
        }
        who.join(", ")
    }

    fn forbidden(&self) -> AppError {
        AppError::new(ErrorCode::Forbidden)
            .with_detail(format!("Your credentials do not carry this operation. Who may: {}.", self.who()))
    }
}
