//! The narrative guard on any text.
#![no_main]

use handoff::privacy::guard::{Profile, Registered, check};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let once = check(text, Profile::Strict, &Registered::NONE);
    let again = check(text, Profile::Strict, &Registered::NONE);
    assert_eq!(format!("{once:?}"), format!("{again:?}"), "a verdict is one");
});
