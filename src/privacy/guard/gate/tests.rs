//! Disguise and what only looks like it.

use crate::privacy::guard::{Profile, Registered, Rule, check};

fn rules(text: &str) -> Vec<Rule> {
    check(text, Profile::Copy, &Registered::NONE).rules.iter().filter(|rule| rule.is_obfuscation()).collect()
}

#[test]
fn disguised_text_is_refused() {
    for (text, rule) in [
        ("dia\u{200b}betes", Rule::HiddenCharacter),
        ("asth\u{ad}ma", Rule::HiddenCharacter),
        ("\u{202e}amhtsa", Rule::HiddenCharacter),
        ("call back\u{e0068}\u{e0069}", Rule::HiddenCharacter),
        ("call\u{0}back", Rule::HiddenCharacter),
        ("dіabetes", Rule::MixedScript),
        ("has сору today", Rule::MixedScript),
        ("ａｓｔｈｍａ", Rule::StyledLetters),
        ("𝐚𝐬𝐭𝐡𝐦𝐚", Rule::StyledLetters),
        ("a\u{336}s\u{336}t\u{336}h\u{336}m\u{336}a\u{336}", Rule::CombiningMarks),
        ("ẗöäd̈ b̈ëẗë", Rule::CombiningMarks),
        ("&#97;sthma", Rule::HtmlEntity),
        ("%61%73thma", Rule::EscapeSequence),
        (r"\u0061\u0073thma", Rule::EscapeSequence),
        ("aGFzIGFzdGhtYSBhbmQgbHVwdXM=", Rule::EncodedText),
        ("68617320617374686d61", Rule::EncodedText),
        ("a s t h m a", Rule::SpacedLetters),
        ("H I V", Rule::SpacedLetters),
        ("l.u.p.u.s", Rule::SpacedLetters),
        ("4s7hm4", Rule::Leetspeak),
        ("h4s 4 b4d h34r7", Rule::Leetspeak),
    ] {
        assert!(rules(text).contains(&rule), "{rule:?}");
    }
}

#[test]
fn ordinary_text_of_any_language_passes() {
    for text in [
        "Café Santé, Überweisung, Łódź, São Paulo, Dvořák",
        "Nghiên cứu lâm sàng tại Hà Nội được mở lại",
        "Клинический центр «Надежда», отделение 3",
        "Κέντρο Κλινικών Μελετών",
        "北京协和医院，第３相試験",
        "مركز الأبحاث السريرية",
        "می\u{200c}خواهم",
        "임상시험 안내문",
        "अनुसंधान केंद्र",
        "See you 👩\u{200d}⚕\u{fe0f} 🎉 ✅ 🇺🇸 1\u{fe0f}\u{20e3}",
        "TNFα, IFNγ1, 500 μg, β-blocker",
        "Cafe\u{301} Re\u{301}union",
        "AT&amp;T &nbsp; utm_source=a&utm_medium=b",
        "utm_content=fall%20copd%2Fb",
        "3f2b6c1e-7a44-4d1c-9a5b-0c7f2f9e1b11",
        "Wed 3pm to 4pm, J. R. R. Smith, U.S.A.",
        "asthma1 covid19 h1n1 b2b k8s lead-8F3A21 TPN171H",
        "ClinicalTrialsIdentifierNumber DeploymentPipeline",
    ] {
        assert_eq!(rules(text), Vec::new(), "{text}");
    }
}
