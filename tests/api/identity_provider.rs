//! Staff who sign in at an identity provider outside: its keys over real HTTP, real signatures, members bound by issuer and
//! subject.

mod callers;
mod command_line;
mod forgeries;
mod keys;
mod members;
mod outages;
mod rotation;
mod server;

use diesel::connection::SimpleConnection as _;
use handoff::auth::provider::{Issuer, SignatureAlgorithm};
use handoff::domain::ids::{MemberId, SiteId};
use serde_json::{Value, json};

use self::keys::Key;
use self::server::KeyServer;
use crate::support::App;
use crate::support::app::Setup;
use crate::support::callers::Answer;
use crate::support::make::Site;

const ISSUER: &str = "https://login.riverside.example/realms/research";
const AUDIENCE: &str = "handoff";
/// Who the site's admin is at the provider.
const ADMIN: &str = "5f2c8f0e-admin";

/// An issuer of the settings.
fn issuer(name: &str, server: &KeyServer, site: SiteId) -> Issuer {
    Issuer {
        issuer: name.parse().unwrap(),
        audience: AUDIENCE.into(),
        jwks_url: server.url().parse().unwrap(),
        site,
        algorithms: SignatureAlgorithm::ALL.to_vec(),
    }
}

/// Binds a member to a subject, as whoever administers members does.
fn db_bind(app: &App, site: &Site, member: MemberId, issuer: &str, subject: &str) {
    let sql = format!(
        "UPDATE members SET issuer = '{issuer}', subject = '{subject}' WHERE site_id = '{}' AND id = '{member}'",
        site.id
    );
    app.db.superuser().batch_execute(&sql).unwrap();
}

/// A server whose site trusts this provider, with its admin bound to [`ADMIN`].
async fn app_trusting(server: &KeyServer) -> App {
    app_trusting_with(server, Setup::default()).await
}

async fn app_trusting_with(server: &KeyServer, setup: Setup) -> App {
    let app = App::start_trusting(setup, |site, _| vec![issuer(ISSUER, server, site.id)]).await;
    db_bind(&app, &app.site, app.site.admin, ISSUER, ADMIN);
    app
}

/// The claims of a good token of the site's admin, made now and good for an hour.
fn claims(app: &App) -> Value {
    let now = app.clock.now().timestamp();
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": ADMIN, "exp": now + 3600, "nbf": now, "iat": now})
}

/// What an operation that every admin may call answers to this token.
async fn site_by(app: &App, token: &str) -> Answer {
    app.person(token).get("/v1/site").await
}

/// The same, of a good token of the admin by this key.
async fn site_by_key(app: &App, key: &Key) -> Answer {
    site_by(app, &key.token(&claims(app))).await
}
