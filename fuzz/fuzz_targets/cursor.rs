//! Cursors of lists: what nobody sealed opens for nobody.
#![no_main]

use handoff::api::cursor::Binding;
use handoff::auth::{Actor, operator_scope};
use handoff::domain::ids::SiteId;
use handoff::privacy::keys::MasterKey;
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

fuzz_target!(|text: &str| {
    let master = MasterKey::from_hex(&"77".repeat(32)).expect("a key");
    let (scope, now) = (operator_scope(SiteId(Uuid::from_u128(1))), chrono::DateTime::UNIX_EPOCH);
    let binding = Binding { operation: "list_referrals", actor: &Actor::Operator, scope: &scope, filters: "" };
    assert!(binding.open::<Uuid>(&master, text, now).is_err());
});
