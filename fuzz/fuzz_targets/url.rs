//! URLs that a site configures: what is let in without the operator's word goes over TLS, and to no address that is written out and private.
#![no_main]

use handoff::outbound::Allow;
use handoff::outbound::policy::check_url;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if check_url(text, &Allow::default()).is_ok() {
        let start = text.trim_start_matches(|c: char| c <= ' ').get(..5).unwrap_or_default();
        assert!(start.eq_ignore_ascii_case("https") || text.contains(['\t', '\n', '\r']));
    }
});
