//! The word lists made ready for look-up, and the phrases found among words. How a written word finds its
//! entry is `spelling`'s business.

mod spelling;

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Category;
use super::tokens;
use super::words::{ENDINGS, SAME_WORD, STEMS, health, person, phrases, plain};

/// What a word contributes to the meaning of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Sensitive in any company.
    Strong(Category),
    /// Sensitive unless an operational word stands beside it.
    Weak(Category),
    /// Sensitive alone, or beside a person or health word.
    Lone(Category),
    Person,
    SoftPerson,
    Operational,
    Decoration,
    /// An ordinary word, or one that is in no list.
    Ordinary,
}

/// A word of a name: its list form and what it contributes.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) role: Role,
    pub(super) attribute: Option<Category>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phrase {
    Sensitive(Category),
    Operational,
}

pub(super) struct Lexicon {
    roles: HashMap<String, Role>,
    attributes: HashMap<String, Category>,
    phrases: HashMap<String, Phrase>,
    /// Words long enough for a slip, by length in bytes.
    by_length: HashMap<usize, Vec<String>>,
    stems: Vec<(Category, String)>,
    endings: Vec<(Category, String)>,
}

/// Little words inside phrases.
const STOP_WORDS: &[&str] = &[
    "of", "de", "del", "la", "le", "les", "du", "des", "der", "die", "das", "do", "da", "dos", "the", "for", "in", "at", "on",
    "to", "and", "my", "their", "your", "is", "by", "with", "a", "et", "y", "e", "el", "au", "l", "d", "un", "una",
];

const MAX_PHRASE: usize = 4;
impl Lexicon {
    pub(super) fn get() -> &'static Lexicon {
        static LEXICON: LazyLock<Lexicon> = LazyLock::new(Lexicon::build);
        &LEXICON
    }

    pub(super) fn knows(&self, word: &str) -> bool {
        self.roles.contains_key(word)
    }

    fn build() -> Lexicon {
        let mut lexicon = Lexicon {
            roles: HashMap::new(),
            attributes: HashMap::new(),
            phrases: HashMap::new(),
            by_length: HashMap::new(),
            stems: forms(STEMS),
            endings: forms(ENDINGS),
        };
        // The first list that has a word decides, so the lists go in from narrow to wide.
        for (category, list) in health::STRONG.iter().chain(person::STRONG) {
            lexicon.add(list, Role::Strong(*category));
        }
        for (category, list) in health::WEAK.iter().chain(person::WEAK) {
            lexicon.add(list, Role::Weak(*category));
        }
        for (category, list) in person::LONE {
            lexicon.add(list, Role::Lone(*category));
        }
        for word in person::SOFT_PERSON {
            lexicon.add(word, Role::SoftPerson);
        }
        lexicon.add(person::PERSON, Role::Person);
        lexicon.add(plain::OPERATIONAL, Role::Operational);
        lexicon.add(plain::DECORATION, Role::Decoration);
        lexicon.add(plain::ORDINARY, Role::Ordinary);
        for (category, list) in person::ATTRIBUTE {
            lexicon.add(list, Role::Ordinary);
            for (_, word) in forms(&[(*category, *list)]) {
                lexicon.attributes.entry(word).or_insert(*category);
            }
        }
        lexicon.add_phrases(phrases::OPERATIONAL, Phrase::Operational);
        for (category, list) in phrases::SENSITIVE {
            lexicon.add_phrases(list, Phrase::Sensitive(*category));
        }
        for word in lexicon.roles.keys().filter(|word| word.len() >= 5) {
            lexicon.by_length.entry(word.len()).or_default().push(word.clone());
        }
        lexicon
    }

    fn add(&mut self, list: &str, role: Role) {
        for (_, word) in forms(&[(role, list)]) {
            self.roles.entry(word).or_insert(role);
        }
    }

    fn add_phrases(&mut self, list: &str, phrase: Phrase) {
        let role = match phrase {
            Phrase::Sensitive(category) => Role::Strong(category),
            Phrase::Operational => Role::Operational,
        };
        for text in list.split(',').map(str::trim) {
            let words: Vec<&str> = text.split_whitespace().collect();
            let spelt: Vec<&str> = words.iter().map(|word| same_word(word)).collect();
            self.phrases.entry(spelt.join(" ")).or_insert(phrase);
            if let [first, second] = spelt.as_slice() {
                self.phrases.entry(format!("{second} {first}")).or_insert(phrase);
            }
            for word in &words {
                self.roles.entry((*word).to_owned()).or_insert(Role::Ordinary);
            }
            let joined = words.concat();
            if joined.len() > 5 {
                self.roles.entry(joined).or_insert(role);
            }
        }
    }

    fn word(&self, text: &str) -> Option<Word> {
        self.roles.get(text).map(|role| Word {
            text: text.to_owned(),
            role: *role,
            attribute: self.attributes.get(text).copied(),
        })
    }

    /// The first sensitive phrase; words of operational phrases become operational, so that `max_age` is not
    /// an age.
    pub(super) fn take_phrases(&self, words: &mut [Word]) -> Option<Category> {
        let mut places: Vec<usize> = Vec::with_capacity(words.len());
        for (place, word) in words.iter().enumerate() {
            if !STOP_WORDS.contains(&word.text.as_str()) {
                places.push(place);
            }
        }
        let mut found = None;
        let mut at = 0;
        while at < places.len() {
            let longest = MAX_PHRASE.min(places.len() - at);
            let hit = (2..=longest).rev().find_map(|length| {
                let slice = places.get(at..at + length)?;
                let texts: Vec<&str> =
                    slice.iter().filter_map(|place| words.get(*place)).map(|word| same_word(&word.text)).collect();
                let phrase = self.phrases.get(&texts.join(" "))?;
                Some((length, *phrase))
            });
            match hit {
                Some((_, Phrase::Sensitive(category))) => {
                    found = found.or(Some(category));
                    at += 1;
                }
                Some((length, Phrase::Operational)) => {
                    for place in places.iter().skip(at).take(length) {
                        if let Some(word) = words.get_mut(*place) {
                            word.role = Role::Operational;
                            word.attribute = None;
                        }
                    }
                    at += length;
                }
                None => at += 1,
            }
        }
        found
    }
}

fn same_word(word: &str) -> &str {
    SAME_WORD.iter().find(|(spelling, _)| *spelling == word).map_or(word, |(_, same)| same)
}

/// The forms of listed words: without diacritics and, for German, with `ae`, `oe`, `ue`.
fn forms<K: Copy>(lists: &[(K, &str)]) -> Vec<(K, String)> {
    let mut forms = Vec::new();
    for (key, list) in lists {
        for word in list.split_whitespace() {
            forms.push((*key, tokens::plain(word)));
            if word.contains(['ä', 'ö', 'ü']) {
                let written = word.replace('ä', "ae").replace('ö', "oe").replace('ü', "ue");
                forms.push((*key, tokens::plain(&written)));
            }
        }
    }
    forms
}
