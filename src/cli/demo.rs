//! `handoff demo`: the sample site, and the lines to try it with.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use chrono::{DateTime, Duration, Utc};
use secrecy::ExposeSecret as _;

use super::Failure;
use super::backend::{Backend, write_private};
use super::sample::{self, Sample};
use crate::auth::token;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{self, Conn};
use crate::domain::ids::SiteId;
use crate::error::ErrorCode;
use crate::store;

/// What the lines are in, beside the data.
const LINES: &str = "demo.txt";
/// Says that the first start is over and no sample is wanted.
const DECLINED: &str = "no-demo";
/// How often, and how far apart, the sample site is tried to be removed beside a serving process.
const TRIES: u32 = 40;
const BETWEEN_TRIES: std::time::Duration = std::time::Duration::from_millis(100);
/// How long the printed tokens live.
const TOKEN_LIFE: Duration = Duration::hours(12);

pub(super) fn run(config: &Config, remove: bool) -> Result<(), Failure> {
    let backend = Backend::open(config)?;
    if remove { take_away(&backend) } else { load(&backend, config.listen) }
}

/// On the first start in embedded mode: loads the sample, unless it is declined, and says how to go on.
pub(super) fn first_start(backend: &Backend, data_dir: &Path, address: SocketAddr, declined: bool) -> Result<(), Failure> {
    println!("Handoff serves on http://{address} — documentation at http://{address}/docs/");
    println!("Data: {}", data_dir.display());
    let lines = data_dir.join(LINES);
    let mut conn = backend.connect()?;
    let first = !data_dir.join(DECLINED).exists() && sites(&mut conn)?.is_empty();
    if first && declined {
        write_private(&data_dir.join(DECLINED), "")?;
    } else if first {
        load(backend, address)?;
    } else if lines.exists() {
        println!("Keys and lines to try it with: {}", lines.display());
    }
    Ok(())
}

fn sites(conn: &mut Conn) -> Result<Vec<SiteId>, Failure> {
    Ok(db::in_directory(conn, |conn| Ok(store::sites::list_all(conn)?))?)
}

/// The sample site, if it is loaded.
fn find(conn: &mut Conn) -> Result<Option<SiteId>, Failure> {
    for site in sites(conn)? {
        if db::in_site(conn, site, |conn, scope| Ok(store::sites::current(conn, scope)?.is_sample))? {
            return Ok(Some(site));
        }
    }
    Ok(None)
}

fn load(backend: &Backend, address: SocketAddr) -> Result<(), Failure> {
    let mut conn = backend.connect()?;
    if find(&mut conn)?.is_some() {
        return Err("the sample site is loaded already; `handoff demo --remove` takes it away".into());
    }
    let now = Clock::System.now();
    let sample = sample::load(&mut conn, &backend.master, now)?;
    let text = lines(backend, &sample, address, now)?;
    print!("\n{text}");
    if let Some(data_dir) = &backend.data_dir {
        write_private(&data_dir.join(LINES), &text)?;
        // A sample that was asked for is no longer declined.
        let _ = fs::remove_file(data_dir.join(DECLINED));
        println!("\nThese lines are also in {}", data_dir.join(LINES).display());
    }
    Ok(())
}

fn take_away(backend: &Backend) -> Result<(), Failure> {
    let site = find(&mut backend.connect()?)?.ok_or("there is no sample site")?;
    // The app role deletes nothing: this is the owner's to do.
    let mut owner = backend.connect_owner()?;
    for left in (0..TRIES).rev() {
        match db::in_site(&mut owner, site, |conn, scope| Ok(store::sites::delete_sample(conn, scope)?)) {
            // A serving process works on it at this moment. Its jobs hold rows and wait for others that go, and so one of the two gives way.
            Err(error) if error.code == ErrorCode::Overloaded && left > 0 => std::thread::sleep(BETWEEN_TRIES),
            outcome => {
                outcome?;
                break;
            }
        }
    }
    if let Some(data_dir) = &backend.data_dir {
        write_private(&data_dir.join(DECLINED), "")?;
        let _ = fs::remove_file(data_dir.join(LINES));
    }
    println!("The sample site is removed, with everything in it.");
    Ok(())
}

/// Ready to paste into a POSIX shell, top to bottom.
fn lines(backend: &Backend, sample: &Sample, address: SocketAddr, now: DateTime<Utc>) -> Result<String, Failure> {
    let token = |member| token::create(&backend.master, sample.site, member, TOKEN_LIFE, now);
    let (coordinator, admin) = (token(sample.coordinator)?, token(sample.admin)?);
    let mut text = String::new();
    write!(
        text,
        r#"# The sample site: three members, two studies, four partners, launched routes, 200 referrals.
# A partner's key, a key of the site's own system, and tokens of a coordinator and an admin (12 hours; a new one:
#   handoff token create --member {coordinator_id} --ttl 12h     coordinator
#   handoff token create --member {admin_id} --ttl 12h     admin).
HANDOFF=http://{address}
PARTNER_KEY={partner_key}
SITE_KEY={site_key}
COORDINATOR_TOKEN={coordinator}
ADMIN_TOKEN={admin}

# 1. The partner sends a referral; the answer carries a handoff code for the person.
curl -s -X POST $HANDOFF/v1/referrals -H "Authorization: Bearer $PARTNER_KEY" -H "Content-Type: application/json" -H "Idempotency-Key: first-$(date +%s)" -d '{{"study": "{study}", "channel": "secure_form", "contact_basis": "permission_to_contact", "contact_path": "person_uses_intake"}}' | tee /tmp/handoff-first.json; echo

# 2. The coordinator moves it. "1" is the version that was just made.
REFERRAL=$(sed -E 's/.*"id":"([0-9a-f-]{{36}})".*/\1/' /tmp/handoff-first.json)
curl -s -X POST $HANDOFF/v1/referrals/$REFERRAL/transitions -H "Authorization: Bearer $COORDINATOR_TOKEN" -H "Content-Type: application/json" -H 'If-Match: "1"' -d '{{"to": "contacting"}}'; echo

# 3. The partner sees its own view of it, and nothing finer.
curl -s $HANDOFF/v1/referrals/$REFERRAL -H "Authorization: Bearer $PARTNER_KEY"; echo

# 4. What does not belong here is refused, whole, and nothing of it is kept.
curl -s -X POST $HANDOFF/v1/referrals -H "Authorization: Bearer $PARTNER_KEY" -H "Content-Type: application/json" -H "Idempotency-Key: refused-$(date +%s)" -d '{{"study": "{study}", "channel": "secure_form", "contact_basis": "permission_to_contact", "contact_path": "person_uses_intake", "medical_history": "…"}}'; echo

# 5. The site's own system reads the newest referrals.
curl -s "$HANDOFF/v1/referrals?limit=2" -H "Authorization: Bearer $SITE_KEY"; echo
"#,
        partner_key = sample.partner_key.expose_secret(),
        site_key = sample.site_key.expose_secret(),
        coordinator_id = sample.coordinator,
        admin_id = sample.admin,
        study = sample::FIRST_STUDY,
    )?;
    Ok(text)
}
