//! Characters that do not show, letters that look like others, and marks where none belong.

use std::cell::LazyCell;
use std::ops::Deref;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::kinds::Kinds;
use crate::privacy::guard::vocabulary::{Rule, Set};

pub(super) fn inspect(text: &str, kinds: Kinds, rules: &mut Set<Rule>) {
    if kinds.intersects(Kinds::CONTROL) {
        rules.insert(Rule::HiddenCharacter);
    }
    if !kinds.intersects(Kinds::OTHER) {
        return;
    }
    let is_cjk = |letter| matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}');
    let has_cjk = LazyCell::new(|| text.chars().any(is_cjk));
    let mut regional = 0_u32;
    for (at, letter) in text.char_indices().filter(|(_, letter)| !letter.is_ascii()) {
        let (before, from) = text.split_at_checked(at).unwrap_or_default();
        if is_hidden(before, letter, from.get(letter.len_utf8()..).unwrap_or_default()) {
            rules.insert(Rule::HiddenCharacter);
        }
        if is_styled(letter, &has_cjk) {
            rules.insert(Rule::StyledLetters);
        }
        regional += u32::from(matches!(letter, '\u{1f1e6}'..='\u{1f1ff}'));
    }
    // Flags are pairs of these; more than a few spell something.
    if regional > 6 {
        rules.insert(Rule::StyledLetters);
    }
    inspect_scripts(text, rules);
    // Composing costs more than all the rest, and only loose marks need it.
    if text.chars().any(is_latin_mark) {
        inspect_marks(text.nfc(), rules);
    } else {
        inspect_marks(text.chars(), rules);
    }
}

/// Format characters, but for the joiners that emoji and some scripts are written with.
fn is_hidden(before: &str, letter: char, after: &str) -> bool {
    let before = || before.chars().next_back().unwrap_or(' ');
    let after = || after.chars().next();
    match letter {
        '\u{200d}' => {
            let joins = |part: char| is_pictograph(part) || part == '\u{fe0f}' || is_joining_script(part);
            !(joins(before()) && after().is_some_and(joins))
        }
        '\u{200c}' => !(is_joining_script(before()) && after().is_some_and(is_joining_script)),
        '\u{fe0e}' | '\u{fe0f}' => !(is_pictograph(before()) || matches!(before(), '0'..='9' | '#' | '*')),
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{e000}'..='\u{f8ff}'
        | '\u{fe00}'..='\u{fe0d}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{ffff}'
        | '\u{13430}'..='\u{13455}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'.. => true,
        _ => false,
    }
}

const fn is_pictograph(letter: char) -> bool {
    matches!(letter, '\u{a9}' | '\u{ae}' | '\u{203c}'..='\u{3299}' | '\u{1f000}'..='\u{1faff}')
}

/// Arabic, Syriac and the Indic scripts join and separate letters by format characters.
const fn is_joining_script(letter: char) -> bool {
    matches!(letter, '\u{600}'..='\u{8ff}' | '\u{900}'..='\u{dff}' | '\u{fb50}'..='\u{fdff}')
}

/// Letters of another style: full-width, mathematical, enclosed, raised, small capitals, phonetic.
fn is_styled(letter: char, has_cjk: &impl Deref<Target = bool>) -> bool {
    match letter {
        '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}' => true,
        '\u{ff10}'..='\u{ff19}' => !**has_cjk,
        '\u{250}'..='\u{2af}'
        | '\u{2b0}'..='\u{2b8}'
        | '\u{1d00}'..='\u{1dbf}'
        | '\u{2071}'
        | '\u{207f}'
        | '\u{2090}'..='\u{209c}'
        | '\u{249c}'..='\u{24e9}'
        | '\u{a730}'..='\u{a731}'
        | '\u{1d400}'..='\u{1d7ff}'
        | '\u{1f110}'..='\u{1f16b}'
        | '\u{1f170}'..='\u{1f189}' => true,
        _ => false,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    /// Scripts with letters that look Latin.
    Lookalike(u8),
    Other,
}

fn script(letter: char) -> Option<Script> {
    match letter {
        'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Some(Script::Latin),
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Some(Script::Lookalike(1)),
        '\u{400}'..='\u{52f}' | '\u{1c80}'..='\u{1c8f}' | '\u{2de0}'..='\u{2dff}' => Some(Script::Lookalike(2)),
        '\u{530}'..='\u{58f}' => Some(Script::Lookalike(3)),
        '\u{13a0}'..='\u{13ff}' | '\u{ab70}'..='\u{abbf}' => Some(Script::Lookalike(4)),
        '\u{a4d0}'..='\u{a4ff}' => Some(Script::Lookalike(5)),
        '\u{2c80}'..='\u{2cff}' => Some(Script::Lookalike(6)),
        _ if letter.is_alphabetic() => Some(Script::Other),
        _ => None,
    }
}

/// Cyrillic and Greek letters that pass for Latin ones.
const LOOK_LATIN: &str = "аеорсухіјѕһԁԛԝɡүвкмнтАВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧοανικρυχ";

/// Looks marks up for other letters alone: most are ASCII.
fn is_between_words(letter: char) -> bool {
    if letter.is_ascii() { !letter.is_ascii_alphanumeric() } else { !letter.is_alphanumeric() && !is_combining_mark(letter) }
}

fn inspect_scripts(text: &str, rules: &mut Set<Rule>) {
    let (mut latin_words, mut disguised_words, mut foreign_words) = (0_u32, 0_u32, 0_u32);
    for word in text.split(is_between_words) {
        if word.is_ascii() {
            latin_words += u32::from(word.bytes().any(|byte| byte.is_ascii_alphabetic()));
            continue;
        }
        let scripts = || word.chars().filter_map(script);
        let has_latin = scripts().any(|script| script == Script::Latin);
        let lookalike = scripts().find(|script| matches!(script, Script::Lookalike(_)));
        let Some(lookalike) = lookalike else {
            latin_words += u32::from(has_latin);
            continue;
        };
        let is_mixed = has_latin || scripts().any(|script| matches!(script, Script::Lookalike(_)) && script != lookalike);
        if is_mixed && !is_notation(word) {
            rules.insert(Rule::MixedScript);
        } else if !is_mixed && word.chars().count() > 1 && word.chars().all(|letter| LOOK_LATIN.contains(letter)) {
            disguised_words += 1;
        } else if !is_mixed {
            foreign_words += 1;
        }
    }
    // A word of look-alikes stands among Latin words, and no other word of its script beside it.
    if disguised_words > 0 && latin_words > 0 && foreign_words == 0 {
        rules.insert(Rule::MixedScript);
    }
}

/// Units and molecules: one Greek letter at the edge of a short or capital name, as in `TNFα`, `μg`, `IFNγ1`.
fn is_notation(word: &str) -> bool {
    const NOTATION: &str = "αβγδεκλμωΔΩ";
    let is_greek = |letter: &char| NOTATION.contains(*letter);
    let at_edge = word.chars().next().is_some_and(|first| is_greek(&first))
        || word.trim_end_matches(|last: char| last.is_ascii_digit()).chars().next_back().is_some_and(|last| is_greek(&last));
    let others = || word.chars().filter(|letter| !is_greek(letter));
    at_edge
        && word.chars().filter(is_greek).count() == 1
        && others().all(|letter| letter.is_ascii_alphanumeric())
        && (others().count() <= 2 || others().all(|letter| !letter.is_ascii_lowercase()))
}

/// Marks that no orthography stacks so. Vietnamese composes to one letter; a single mark left over is tolerated.
fn inspect_marks(text: impl Iterator<Item = char>, rules: &mut Set<Rule>) {
    let (mut left_over, mut run, mut letters, mut marked) = (0_u32, 0_u32, 0_u32, 0_u32);
    let mut before = ' ';
    for part in text {
        if part.is_ascii() {
            run = 0;
            letters += u32::from(part.is_ascii_alphabetic());
            before = part;
            continue;
        }
        if is_latin_mark(part) {
            run += 1;
            left_over += u32::from(before.is_ascii_alphanumeric() || run > 1);
            let is_overlay = matches!(part, '\u{332}'..='\u{338}' | '\u{20d0}'..='\u{20df}' | '\u{20e1}'..='\u{20ff}');
            let is_keycap = part == '\u{20e3}' && before.is_ascii_digit();
            if run > 2 || (is_overlay && !is_keycap) {
                rules.insert(Rule::CombiningMarks);
            }
            continue;
        }
        run = 0;
        if script(part) == Some(Script::Latin) {
            letters += 1;
            marked += u32::from(std::iter::once(part).nfd().nth(1).is_some());
        }
        if part != '\u{fe0f}' {
            before = part;
        }
    }
    if left_over > 1 || (letters >= 6 && marked * 10 > letters * 6) {
        rules.insert(Rule::CombiningMarks);
    }
}

const fn is_latin_mark(part: char) -> bool {
    part >= '\u{300}'
        && matches!(part, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}
