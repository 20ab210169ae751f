//! Looking words up.

use super::{Class, Classes, Lexicon};
use crate::privacy::guard::Registered;
use crate::privacy::guard::training::compile;
use crate::privacy::guard::words;

const LISTS: &[&str] = &["# words\n[condition] asthma diabet* *itis heart_attack\n[medication] metformin\n[plain] visit"];

fn classes(text: &str) -> Vec<Class> {
    let table = compile(LISTS).unwrap();
    words::read(text, Lexicon::new(&table), &Registered::NONE).iter().map(|word| word.class).collect()
}

#[test]
fn words_are_found_whole_by_stem_and_by_ending() {
    assert_eq!(classes("ASTHMA diabetics Gastritis visit itis"), {
        use Class::*;
        [Condition, Condition, Condition, Plain, Plain]
    });
}

#[test]
fn letters_out_of_order_are_a_slip() {
    assert_eq!(classes("metofrmin metformni"), [Class::Medication, Class::Plain]);
}

#[test]
fn a_phrase_outweighs_its_words() {
    assert_eq!(classes("heart attack, heart"), [Class::Condition, Class::Condition, Class::Plain]);
}

#[test]
fn a_number_stands_apart_from_its_unit() {
    assert_eq!(classes("500mg a1c 8F3"), [Class::Number, Class::Plain, Class::Plain, Class::Plain]);
}

#[test]
fn a_list_that_is_none_is_reported() {
    assert!(compile(&["asthma"]).is_err());
    assert!(compile(&["[nothing] asthma"]).is_err());
    assert!(compile(&["[condition] a_b_c_d"]).is_err());
}

#[test]
fn classes_survive_their_bits() {
    for (place, class) in Class::ALL.iter().enumerate() {
        assert_eq!(*class as usize, place);
        assert_eq!(Class::from_bits(place as u32), *class);
    }
    assert!(!Classes::of(&[Class::Plain]).contains(Class::Condition));
}
