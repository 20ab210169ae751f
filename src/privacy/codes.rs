//! Whether a code carries a message: a reference or a key names a record, and a sentence in its alphabet is no name.
//!
//! Counted are word-like runs of letters. Runs of hexadecimal letters are part of a number, and words that the site has registered
//! (its tags are made of them) say nothing. Further a code may hold no identifier of a person and no word for an illness or a drug. What a
//! machine has drawn (a UUID, a long hexadecimal number, alone or after a prefix) is not looked at: by chance it has the form of anything.

use std::borrow::Cow;

use uuid::Uuid;

use super::guard::{self, Category, Profile, Registered, Rule};

/// The rule's name in answers.
const RULE: &str = "message_in_code";
/// A code with a digit is a name up to this many words.
const MOST_WORDS: usize = 4;
/// A code without any digit is a name at this many words, and a sentence beyond.
const MOST_WORDS_WITHOUT_DIGIT: usize = 3;
/// Clients name their idempotency keys after what they do, and nobody keeps those in the clear: only a whole sentence is refused.
const MOST_WORDS_OF_KEY: usize = 6;

/// Why a code is refused, in the words of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The category of the content.
    pub category: &'static str,
    /// The rule that refuses it.
    pub rule: &'static str,
}

/// Judges a code that names a record: it is kept, and comes back in answers.
#[must_use]
pub fn refuse(code: &str, registered: &Registered) -> Option<Refused> {
    refuse_tag(code, registered).or_else(|| refuse_ailment(code, registered))
}

/// Judges the tag of a campaign: it may be called after an illness, as campaigns are, and says nothing of a person by that.
#[must_use]
pub fn refuse_tag(tag: &str, registered: &Registered) -> Option<Refused> {
    let most = if tag.bytes().any(|byte| byte.is_ascii_digit()) { MOST_WORDS } else { MOST_WORDS_WITHOUT_DIGIT };
    refuse_beyond(most, tag, registered)
}

/// Judges the key of a request.
#[must_use]
pub fn refuse_key(key: &str) -> Option<Refused> {
    refuse_beyond(MOST_WORDS_OF_KEY, key, &Registered::NONE).or_else(|| refuse_ailment(key, &Registered::NONE))
}

fn refuse_beyond(most_words: usize, code: &str, registered: &Registered) -> Option<Refused> {
    let code = &*without_drawn(code);
    let verdict = guard::check(code, Profile::Strict, registered);
    if let Some(rule) = verdict.rules.iter().find(|rule| !is_weighed(*rule)) {
        return Some(Refused { category: rule.category().as_str(), rule: rule.as_str() });
    }
    let words = runs(code).filter(|run| is_word(run) && !registered.knows(run)).count();
    (words > most_words).then_some(Refused { category: Category::Obfuscation.as_str(), rule: RULE })
}

fn refuse_ailment(code: &str, registered: &Registered) -> Option<Refused> {
    let category = guard::names_ailment(&without_drawn(code), registered)?;
    Some(Refused { category: category.as_str(), rule: Rule::ClinicalTerms.as_str() })
}

/// Hexadecimal digits in a row from which on nobody typed them, letters among them. A telephone number has none.
const DRAWN: usize = 12;
const UUID: usize = 36;

/// The code without what a machine has drawn.
fn without_drawn(code: &str) -> Cow<'_, str> {
    let (mut rest, mut kept) = (code, Cow::Borrowed(""));
    while let Some(first) = rest.chars().next() {
        let drawn = drawn(rest);
        if drawn == 0 {
            kept.to_mut().push(first);
        }
        rest = rest.get(drawn.max(first.len_utf8())..).unwrap_or_default();
    }
    if kept.len() == code.len() {
        return Cow::Borrowed(code);
    }
    // What stood beside it begins and ends where it did.
    Cow::Owned(kept.trim_matches(['.', '_', ':', '-', '/']).to_owned())
}

/// How many bytes at the beginning a machine has drawn: those of a UUID, or of a long hexadecimal number.
fn drawn(text: &str) -> usize {
    if text.get(..UUID).is_some_and(|start| Uuid::try_parse(start).is_ok()) {
        return UUID;
    }
    let digits = text.bytes().take_while(u8::is_ascii_hexdigit).count();
    let number = text.get(..digits).unwrap_or_default();
    let is_mixed = number.bytes().any(|byte| byte.is_ascii_digit()) && number.bytes().any(|byte| byte.is_ascii_alphabetic());
    if digits >= DRAWN && is_mixed { digits } else { 0 }
}

/// Rules that weigh a wording. They were learned from prose, and find some in any number beside a word.
const fn is_weighed(rule: Rule) -> bool {
    matches!(rule, Rule::NarrativeModel | Rule::ClinicalTerms | Rule::PersonWithClinical)
}

fn runs(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_ascii_alphabetic())
}

/// A run that reads like a word: two letters or more in the case of a word, a vowel among them, and no piece of a number.
fn is_word(run: &str) -> bool {
    let has_vowel = run.bytes().any(|byte| matches!(byte.to_ascii_lowercase(), b'a' | b'e' | b'i' | b'o' | b'u' | b'y'));
    let is_hexadecimal = run.bytes().all(|byte| byte.is_ascii_hexdigit());
    let rest = run.get(1..).unwrap_or_default();
    let is_cased_as_one = rest.bytes().all(|byte| byte.is_ascii_lowercase()) || run.bytes().all(|byte| byte.is_ascii_uppercase());
    (2..=24).contains(&run.len()) && has_vowel && !is_hexadecimal && is_cased_as_one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_keys_and_tags_are_codes_and_sentences_are_messages() {
        for code in [
            "LC-2026-00017",
            "REF:2026/00017",
            "hk-first-1795955000",
            "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48",
            "deadbeef-cafe-babe-face-feedfacebeef",
            "clear-path-recruitment.heart-2026",
            "lakeside.heart",
            "Zq8Kd0_aLpWm-Xc7Rt2",
            "mine.1_2-3",
            "2026-06-01T09.00.00Z-batch-12-row-3",
        ] {
            assert!(refuse(code, &Registered::NONE).is_none(), "{code}");
        }
        for message in [
            "she-wants-to-talk-after-five",
            "call.her.back.on.tuesday",
            "please_ring_after_5pm_not_before",
            "John-has-no-car-and-needs-a-ride-2026",
        ] {
            assert!(refuse(message, &Registered::NONE).is_some(), "{message}");
        }
    }

    #[test]
    fn words_that_the_site_registered_are_no_message() {
        let tag = "north-side-community-heart-center.walk-for-life-2026";
        assert!(refuse(tag, &Registered::NONE).is_some());
        let registered = Registered::new(["North Side Community Heart Center", "walk-for-life"]);
        assert_eq!(refuse(tag, &registered), None);
    }

    #[test]
    fn of_the_ids_that_machines_draw_hardly_any_is_refused() {
        let mut seed = 7_u64;
        let mut draw = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed >> 33
        };
        let alphabet: Vec<char> = ('a'..='z').chain('A'..='Z').chain('0'..='9').chain(['-', '_']).collect();
        let mut refused = 0;
        for _ in 0..2_000 {
            let bits = (u128::from(draw()) << 97) ^ (u128::from(draw()) << 66) ^ (u128::from(draw()) << 35) ^ u128::from(draw());
            let uuid = Uuid::from_u128(bits);
            assert_eq!(refuse(&uuid.to_string(), &Registered::NONE), None, "{uuid}");
            assert_eq!(refuse_key(&uuid.simple().to_string()), None, "{uuid}");
            for named in [format!("seed-{uuid}"), format!("order-17:{}", uuid.simple()), format!("{uuid}.retry")] {
                assert_eq!(refuse_key(&named).or(refuse(&named, &Registered::NONE)), None, "{named}");
            }
            let size = alphabet.len() as u64;
            let id: String = (0..21).filter_map(|_| alphabet.get(usize::try_from(draw() % size).ok()?)).collect();
            refused += usize::from(refuse(&id, &Registered::NONE).is_some());
        }
        assert!(refused <= 4, "{refused} of 2,000");
    }

    #[test]
    fn what_identifies_or_ails_a_person_is_refused_in_a_code_too() {
        for code in [
            "123-45-6789",
            "555-201-0142",
            "DOB-1961-04-12",
            "she-has-diabetes",
            "CRM-68-palpitations-on-apixaban",
            "lead_asthma_17",
            "asthma-0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48",
            "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48.555-201-0142",
        ] {
            assert!(refuse(code, &Registered::NONE).is_some(), "{code}");
            assert!(refuse_key(code).is_some(), "{code}");
        }
        assert_eq!(refuse("lead_asthma_17", &Registered::new(["Asthma Control Study"])), None);
        assert_eq!(refuse_tag("lead_asthma_17", &Registered::NONE), None, "a campaign may be called so");
        assert!(refuse_tag("555-201-0142", &Registered::NONE).is_some());
    }

    #[test]
    fn words_of_campaigns_and_systems_are_no_illness() {
        let words = "lead crm click landing flyer poster email spring fall winter cold call heart walk run drive launch test batch row import \
                     campaign clinic health care study trial wave phase pilot panel form web site north south lakeside harbor voices news radio \
                     print social facebook google event fair church school library retry queue partner portal intake stroke-free open close \
                     upsert sync mirror sequence create referral update kit booth banner market relay sunrise bridge";
        let hits: Vec<&str> =
            words.split_whitespace().filter(|word| refuse(&format!("{word}-2026-17"), &Registered::NONE).is_some()).collect();
        assert_eq!(hits, ["stroke-free"], "the last is one, and says so where no study is registered under it");
        for number in 0..20_000 {
            let key = format!("test-key-{number:06}");
            assert_eq!(refuse_key(&key), None, "{key}");
        }
    }
}
