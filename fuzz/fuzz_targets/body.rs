//! The body of a referral: strict JSON, then the allowlist with the guard; what is let in is what the type takes.
#![no_main]

use handoff::api::extract::Contract as _;
use handoff::api::referrals::CreateReferral;
use handoff::privacy::guard::Registered;
use handoff::privacy::json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(node) = json::parse(bytes) else { return };
    let shape = CreateReferral::shape().expect("the schema is closed");
    if shape.check(&node, &Registered::NONE).is_empty() {
        serde_json::from_value::<CreateReferral>(node.to_json()).expect("schema and type agree");
    }
});
