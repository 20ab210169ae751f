//! Everybody who calls: each kind of credentials, at home and at the other site, good and no longer good.

use chrono::Duration;
use diesel::connection::SimpleConnection as _;
use handoff::auth::token;
use handoff::domain::vocabulary::Scope;
use handoff::ops::issue_key::Holder;

use super::seed::{Class, Mark, World};
use crate::support::app::App;
use crate::support::callers;
use crate::support::make::{self, Site};

/// A caller of the matrix.
pub struct Person {
    pub name: &'static str,
    pub caller: callers::Person,
    /// Role, scopes, or `partner`.
    pub carries: &'static [&'static str],
    /// The code of the 401, when the credentials are not good.
    pub refused: Option<&'static str>,
    pub is_test: bool,
    /// Whether home is `app.other_site`.
    pub away: bool,
    /// Whether "own" is the second partner's.
    pub is_sibling: bool,
}

impl Person {
    pub fn is_partner(&self) -> bool {
        self.carries.contains(&"partner")
    }

    /// Whether a mark may stand in an answer to this caller.
    pub fn may_see(&self, mark: &Mark) -> bool {
        if self.refused.is_some() || mark.away != self.away {
            return false;
        }
        let carries = |what: &str| self.carries.contains(&what);
        let staff = carries("admin") || carries("coordinator");
        let config = staff || carries("config:read");
        // Whoever may only write them is answered with what was written.
        let referrals = staff || carries("referrals:read") || carries("referrals:write") || carries("intake:write");
        let follows = carries("events:read");
        let reads_details = staff || carries("details:read");
        let own = self.is_partner() && mark.of_sibling == Some(self.is_sibling);
        match mark.class {
            Class::AdminOnly => carries("admin"),
            Class::SiteOnly => config,
            Class::People => staff,
            Class::OwnerOfReferrals => config || referrals,
            Class::Shared => config || own,
            Class::SharedWithReferrals => config || referrals || own,
            Class::Ids => config || referrals || own || follows,
            Class::LiveId => !self.is_test && (referrals || own || follows || reads_details),
            Class::Live => !self.is_test && (referrals || own),
            Class::LiveSiteOnly => !self.is_test && referrals,
            Class::Details => !self.is_test && reads_details,
            Class::Test => self.is_test && (referrals || own),
            Class::TestSiteOnly => self.is_test && referrals,
        }
    }
}

const CRM: &[&str] = &["referrals:read", "referrals:write", "config:read"];

/// The kinds of caller, in the order of the table.
pub async fn people(app: &App, world: &World) -> Vec<Person> {
    let key = |site: &Site, holder: Holder, is_test: bool| make::db_key(&app.db, site, &holder, is_test);
    let crm = || Holder::Site(vec![Scope::ReferralsRead, Scope::ReferralsWrite, Scope::ConfigRead]);
    let [reads, writes, configures, takes_in, posts, opens, imports] = [
        Scope::ReferralsRead,
        Scope::ReferralsWrite,
        Scope::ConfigRead,
        Scope::IntakeWrite,
        Scope::WebhooksManage,
        Scope::DetailsRead,
        Scope::ImportWrite,
    ]
    .map(|scope| key(&app.site, Holder::Site(vec![scope]), false));
    let test_key = key(&app.site, crm(), true);
    let away_test_key = key(&app.other_site, crm(), true);
    let revoked = key(&app.site, crm(), false);
    let lapsed = key(&app.site, crm(), false);
    let hash = |key: &str| {
        let hash = handoff::auth::api_key::parse(key).unwrap().hash;
        hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let mut superuser = app.db.superuser();
    for (column, key) in [("revoked_at", &revoked), ("expires_at", &lapsed)] {
        let sql = format!("UPDATE api_keys SET {column} = '2026-06-01T08:00:00Z' WHERE key_hash = '\\x{}'", hash(key));
        superuser.batch_execute(&sql).unwrap();
    }
    let issue = |site: &Site, member, hours| {
        let at = app.clock.now() - Duration::hours(hours);
        app.person(&token::create(&app.master, site.id, member, Duration::hours(1), at).unwrap())
    };
    let mut typo = app.site.key.clone();
    typo.replace_range(12..13, if &typo[12..13] == "a" { "b" } else { "a" });

    let home =
        |name, caller, carries| Person { name, caller, carries, refused: None, is_test: false, away: false, is_sibling: false };
    let out = |name, caller, code| Person { refused: Some(code), ..home(name, caller, &[]) };
    vec![
        out("nobody", app.stranger(), "unauthenticated"),
        home("admin", app.admin(), &["admin"]),
        home("coordinator", app.coordinator(), &["coordinator"]),
        home("viewer", app.viewer(), &["viewer"]),
        home("site key", app.site_key(), CRM),
        home("key that reads referrals", app.person(&reads), &["referrals:read"]),
        home("key that writes referrals", app.person(&writes), &["referrals:write"]),
        home("key that reads configuration", app.person(&configures), &["config:read"]),
        home("key that takes people in", app.person(&takes_in), &["intake:write"]),
        home("key that imports", app.person(&imports), &["import:write"]),
        home("key that manages webhooks", app.person(&posts), &["webhooks:manage"]),
        home("key that reads details", app.person(&opens), &["details:read"]),
        home("narrow site key", app.person(&app.site.narrow_key), &["events:read"]),
        Person { is_test: true, ..home("test site key", app.person(&test_key), CRM) },
        home("partner", app.partner(), &["partner"]),
        Person { is_sibling: true, ..home("sibling partner", app.sibling_partner(), &["partner"]) },
        Person { is_test: true, ..home("partner's test key", app.person(&app.site.partner.test_key), &["partner"]) },
        Person { away: true, ..home("admin of the other site", app.member(&app.other_site, app.other_site.admin), &["admin"]) },
        Person { away: true, ..home("key of the other site", app.person(&app.other_site.key), CRM) },
        Person { away: true, is_test: true, ..home("test key of the other site", app.person(&away_test_key), CRM) },
        Person { away: true, ..home("partner of the other site", app.person(&app.other_site.partner.key), &["partner"]) },
        out("expired token", issue(&app.site, app.site.admin, 3), "expired_credentials"),
        out("token from the future", issue(&app.site, app.site.admin, -3), "invalid_credentials"),
        out("token of the other site's admin", issue(&app.site, app.other_site.admin, 0), "invalid_credentials"),
        out("deactivated member", issue(&app.site, world.deactivated, 0), "invalid_credentials"),
        out("revoked key", app.person(&revoked), "invalid_credentials"),
        out("expired key", app.person(&lapsed), "expired_credentials"),
        out("mistyped key", app.person(&typo), "invalid_credentials"),
        out("key of an ended partner", app.person(&world.ended_key), "invalid_credentials"),
    ]
}
