//! API keys as they are presented.
#![no_main]

use handoff::auth::api_key;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if api_key::parse(text).is_some() {
        // Nothing else than what is issued has this form.
        assert!(text.is_ascii() && text.starts_with("hk_"));
    }
});
