//! Forged API keys: mistyped, of another kind, taken back, out of time, of another site.

use diesel::connection::SimpleConnection as _;
use handoff::auth::api_key;
use handoff::domain::vocabulary::Scope;
use handoff::ops::issue_key::Holder;
use secrecy::ExposeSecret as _;

use super::World;
use crate::support::make::db_key;

fn hash(key: &str) -> String {
    api_key::parse(key).unwrap().hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn add(world: &mut World<'_>) {
    let app = world.app;
    let site_key = |is_test| db_key(&app.db, &app.site, &Holder::Site(vec![Scope::ConfigRead]), is_test);
    let (good, test) = (site_key(false), site_key(true));
    let fresh = api_key::generate(false).unwrap();
    let swapped = |text: &str| -> String {
        let at = text[8..].find(|character: char| character.is_ascii_alphabetic()).unwrap() + 8;
        let other = text[at..=at].chars().map(|letter| (letter as u8 ^ 0x20) as char).collect::<String>();
        format!("{}{other}{}", &text[..at], &text[at + 1..])
    };
    let wrong_check = format!("{}{}", &good[..good.len() - 1], if good.ends_with('0') { "1" } else { "0" });
    for (name, forged) in [
        ("with a wrong checksum", wrong_check),
        ("with a letter in the other case", swapped(&good)),
        ("in upper case", good.to_uppercase()),
        ("with the test prefix on a live key", good.replacen("hk_live_", "hk_test_", 1)),
        ("with the live prefix on a test key", test.replacen("hk_test_", "hk_live_", 1)),
        ("cut by a character", good[..good.len() - 1].to_owned()),
        ("without its checksum", good[..good.len() - 6].to_owned()),
        ("a character longer", format!("{good}0")),
        ("twice", format!("{good}{good}")),
        ("the prefix alone", "hk_live_".to_owned()),
        ("of another kind", good.replacen("hk_live_", "hk_prod_", 1)),
        ("of zeros", format!("hk_live_{}", "0".repeat(38))),
        ("by its hash", format!("hk_live_{}", hash(&good))),
        ("with SQL", format!("{}' OR '1'='1", &good[..30])),
        ("well made and unknown", fresh.text.expose_secret().to_owned()),
    ] {
        world.add(format!("a key {name}"), forged, good.clone());
    }
    // Well made, once good, and good no more; the twin was made alike.
    let mut superuser = app.db.superuser();
    for (name, change) in [
        ("revoked", "UPDATE public.api_keys SET revoked_at = '2026-06-01T08:00:00Z'"),
        ("revoked in the future", "UPDATE public.api_keys SET revoked_at = '2026-06-02T08:00:00Z'"),
        ("expired", "UPDATE public.api_keys SET expires_at = '2026-06-01T09:00:00Z'"),
        ("of another hash in its row", "UPDATE public.api_keys SET key_hash = sha256('x')"),
    ] {
        let key = site_key(false);
        superuser.batch_execute(&format!("{change} WHERE key_hash = '\\x{}'", hash(&key))).unwrap();
        world.add(format!("a key {name}"), key, good.clone());
    }
    // The directory says which site a key is of; the site must have it too.
    let key = site_key(false);
    let other = app.other_site.id;
    let moved = format!("UPDATE directory.api_keys SET site_id = '{other}' WHERE key_hash = '\\x{}'", hash(&key));
    superuser.batch_execute(&moved).unwrap();
    world.add("a key that the directory gives to another site", key, good);
}
