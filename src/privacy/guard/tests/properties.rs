//! What holds for any text.

use proptest::prelude::*;

use crate::privacy::guard::{Profile, Registered, check};

proptest! {
    #[test]
    fn any_text_gets_a_verdict(text in any::<String>()) {
        for profile in [Profile::Strict, Profile::Copy] {
            let verdict = check(&text, profile, &Registered::NONE);
            prop_assert!((0.0..=1.0).contains(&verdict.score));
            prop_assert_eq!(verdict.sensitive, !verdict.rules.is_empty());
            prop_assert_eq!(verdict.sensitive, !verdict.categories.is_empty());
        }
    }

    #[test]
    fn space_around_a_text_changes_nothing(
        text in "[a-z0-9 .,:@+()éß-]{0,80}",
        before in "[ \t\r\n]{0,3}",
        after in "[ \t\r\n]{0,3}",
    ) {
        let bare = check(&text, Profile::Strict, &Registered::NONE);
        let spaced = check(&format!("{before}{text}{after}"), Profile::Strict, &Registered::NONE);
        prop_assert_eq!(bare, spaced);
    }

    #[test]
    fn a_hidden_character_is_refused_anywhere(text in "[a-z ]{0,40}", at in 0_usize..40) {
        let mut hidden = text.clone();
        hidden.insert(at.min(text.len()), '\u{200b}');
        prop_assert!(check(&hidden, Profile::Copy, &Registered::NONE).sensitive);
    }

    #[test]
    fn a_registered_name_never_makes_a_text_worse(text in "[a-z ]{0,60}") {
        let registered = Registered::new([text.as_str()]);
        let known = check(&text, Profile::Copy, &registered).sensitive;
        prop_assert!(!known || check(&text, Profile::Copy, &Registered::NONE).sensitive);
    }
}
