//! What a word says: the compiled lexicon and its look-up.
//!
//! The word lists beside this file are compiled by the training command into one open-addressing table of
//! 32-bit slots (26 bits of hash, 6 of class) that is read in place. A word is looked up whole, with its inner
//! letters in any order (slips of the finger), by its beginnings and by its endings; up to three words as a phrase.

/// What a word contributes to the meaning of a text. The discriminants are part of the model file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Class {
    /// Nothing known.
    Plain = 0,
    /// He, her, ella.
    Pronoun = 1,
    /// The patient, in the singular.
    Patient = 2,
    /// Relatives of somebody.
    Family = 3,
    /// I, my.
    FirstPerson = 4,
    /// Sex and age of one person.
    Demographic = 5,
    /// People in the plural: whom a study is for.
    Population = 6,
    /// Diseases.
    Condition = 7,
    /// Mental health and substance use.
    Mental = 8,
    /// Symptoms and signs.
    Symptom = 9,
    /// Drugs.
    Medication = 10,
    /// Doses and their rhythm.
    Dosing = 11,
    /// Operations and treatments.
    Procedure = 12,
    /// Laboratory, imaging, vital signs, scores.
    Test = 13,
    /// Parts of the body.
    Anatomy = 14,
    /// The language of records: diagnosed, history of, denies.
    Record = 15,
    /// Stays and visits: admitted, inpatient.
    Care = 16,
    /// Habits and circumstances.
    Social = 17,
    /// Taking, stopping, switching.
    Intake = 18,
    /// Since, ago, last year.
    Since = 19,
    /// Work on referrals.
    Operation = 20,
    /// Studies and their titles.
    Study = 21,
    /// Organisations.
    Organization = 22,
    /// Software.
    Technology = 23,
    /// A site or study team speaking of itself.
    Site = 24,
    /// Names of identifiers: birth date, record number, address.
    Identity = 25,
    /// Numerals.
    Number = 26,
    /// Has, had, suffers.
    Having = 27,
    /// What a body can and cannot do.
    Function = 28,
    /// Invitations and information for everybody.
    Copy = 29,
    /// Months and days.
    Calendar = 30,
    /// No, not, without.
    Negation = 31,
}

/// Names in the word lists, by discriminant.
const NAMES: [&str; 32] = [
    "plain",
    "pronoun",
    "patient",
    "family",
    "first_person",
    "demographic",
    "population",
    "condition",
    "mental",
    "symptom",
    "medication",
    "dosing",
    "procedure",
    "test",
    "anatomy",
    "record",
    "care",
    "social",
    "intake",
    "since",
    "operation",
    "study",
    "organization",
    "technology",
    "site",
    "identity",
    "number",
    "having",
    "function",
    "copy",
    "calendar",
    "negation",
];

impl Class {
    /// Every class, by discriminant.
    pub const ALL: [Class; 32] = {
        use Class::*;
        [
            Plain,
            Pronoun,
            Patient,
            Family,
            FirstPerson,
            Demographic,
            Population,
            Condition,
            Mental,
            Symptom,
            Medication,
            Dosing,
            Procedure,
            Test,
            Anatomy,
            Record,
            Care,
            Social,
            Intake,
            Since,
            Operation,
            Study,
            Organization,
            Technology,
            Site,
            Identity,
            Number,
            Having,
            Function,
            Copy,
            Calendar,
            Negation,
        ]
    };

    /// The class of a slot's six bits.
    pub fn from_bits(bits: u32) -> Class {
        Self::ALL.get(bits as usize).copied().unwrap_or(Class::Plain)
    }

    /// The class a word list names.
    pub fn from_name(name: &str) -> Option<Class> {
        NAMES.iter().zip(Self::ALL).find(|(known, _)| **known == name).map(|(_, class)| class)
    }
}

/// A set of classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Classes(pub u32);

impl Classes {
    /// Health: what makes a text about somebody sensitive.
    pub const CLINICAL: Classes = Classes::of(&[
        Class::Condition,
        Class::Mental,
        Class::Symptom,
        Class::Medication,
        Class::Dosing,
        Class::Procedure,
        Class::Test,
        Class::Anatomy,
        Class::Care,
        Class::Social,
    ]);
    /// One particular person.
    pub const INDIVIDUAL: Classes =
        Classes::of(&[Class::Pronoun, Class::Patient, Class::Family, Class::FirstPerson, Class::Demographic]);
    /// Somebody spoken of by others.
    pub const SOMEBODY: Classes = Classes::of(&[Class::Pronoun, Class::Patient, Class::Family, Class::Demographic]);
    /// Words that are about health in any company.
    pub const HEALTH: Classes = Classes::of(&[
        Class::Condition,
        Class::Mental,
        Class::Symptom,
        Class::Medication,
        Class::Procedure,
        Class::Test,
        Class::Care,
        Class::Social,
    ]);
    /// The daily work on referrals and with software.
    pub const WORK: Classes = Classes::of(&[Class::Operation, Class::Technology]);
    /// A site, study or organisation speaking of itself.
    pub const PUBLIC: Classes = Classes::of(&[Class::Site, Class::Study, Class::Organization, Class::Copy]);

    /// The daily work, and those it is about: where a remark is lost in the sum.
    pub const DAILY: Classes = Classes(Self::WORK.0 | Self::SOMEBODY.0);

    /// What texts about nobody are about.
    pub const BUSINESS: Classes = Classes(Self::WORK.0 | Self::PUBLIC.0 | Classes::of(&[Class::Population]).0);

    /// The set of these classes.
    pub const fn of(classes: &[Class]) -> Classes {
        let (mut bits, mut at) = (0, 0);
        while let Some((class, _)) = classes.split_at(at).1.split_first() {
            bits |= 1 << *class as u32;
            at += 1;
        }
        Classes(bits)
    }

    /// Adds a class; `Plain` is nobody's member.
    pub fn insert(&mut self, class: Class) {
        self.0 |= (1 << class as u32) & !1;
    }

    /// Whether the class is in the set.
    pub const fn contains(self, class: Class) -> bool {
        self.0 & (1 << class as u32) != 0
    }

    /// Whether the sets share a class.
    pub const fn intersects(self, other: Classes) -> bool {
        self.0 & other.0 != 0
    }
}

/// How an entry is matched. Each has its own seed, so that they share one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// The whole word.
    Word,
    /// The whole word but for the order of its inner letters.
    Scrambled,
    /// The beginning of a word.
    Prefix,
    /// The end of a word.
    Suffix,
}

impl Match {
    const fn seed(self) -> u32 {
        match self {
            Match::Word => 0x811c_9dc5,
            Match::Scrambled => 0x3c6e_f372,
            Match::Prefix => 0x9e37_79b9,
            Match::Suffix => 0x1f83_d9ab,
        }
    }
}

/// Shortest beginning or ending that is looked up.
pub const MIN_STEM: usize = 3;
/// Longest of them.
pub const MAX_STEM: usize = 12;
/// Shortest word whose letters may be out of order.
pub const MIN_SCRAMBLED: usize = 6;

const fn step(hash: u32, byte: u8) -> u32 {
    (hash ^ byte.to_ascii_lowercase() as u32).wrapping_mul(0x0100_0193)
}

/// Spreads the bits of a running hash.
pub const fn finish(hash: u32) -> u32 {
    let hash = (hash ^ (hash >> 15)).wrapping_mul(0x2c1b_3c6d);
    let hash = (hash ^ (hash >> 12)).wrapping_mul(0x297a_2d39);
    hash ^ (hash >> 15)
}

/// The hash under which an entry of this kind is kept. ASCII letters count without case.
pub fn hash(kind: Match, word: &str) -> u32 {
    let bytes = word.as_bytes();
    finish(match kind {
        Match::Suffix => bytes.iter().rev().fold(kind.seed(), |hash, byte| step(hash, *byte)),
        Match::Scrambled => scrambled(bytes),
        Match::Word | Match::Prefix => bytes.iter().fold(kind.seed(), |hash, byte| step(hash, *byte)),
    })
}

/// The hash of words in a row.
pub const fn phrase(first: u32, second: u32) -> u32 {
    finish(first.rotate_left(11) ^ second.wrapping_mul(0x85eb_ca6b))
}

/// Letters but the first and the last, in any order.
fn scrambled(bytes: &[u8]) -> u32 {
    let [first, inner @ .., last] = bytes else { return 0 };
    let sum = inner.iter().fold(0_u32, |sum, byte| sum.wrapping_add(finish(step(Match::Scrambled.seed(), *byte))));
    step(step(sum, *first), *last) ^ bytes.len() as u32
}

/// The compiled table, read in place.
#[derive(Clone, Copy)]
pub struct Lexicon<'a> {
    slots: &'a [[u8; 4]],
}

impl<'a> Lexicon<'a> {
    /// No words.
    pub const EMPTY: Lexicon<'static> = Lexicon { slots: &[] };

    /// A table of a power of two of slots; of any other length it is empty.
    pub fn new(bytes: &'a [u8]) -> Self {
        let (slots, _) = bytes.as_chunks::<4>();
        Self { slots: if slots.len().is_power_of_two() { slots } else { &[] } }
    }

    /// The class kept under a hash.
    pub fn get(self, hash: u32) -> Option<Class> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        for _ in 0..self.slots.len() {
            let slot = u32::from_le_bytes(*self.slots.get(at)?);
            if slot == 0 {
                return None;
            }
            if (slot ^ hash) >> 6 == 0 {
                return Some(Class::from_bits(slot & 63));
            }
            at = (at + 1) & mask;
        }
        None
    }

    /// The class of a folded word and the hash it has in phrases.
    pub fn resolve(self, word: &[u8]) -> (Class, u32) {
        let mut whole = Match::Word.seed();
        let mut prefix = Match::Prefix.seed();
        let mut stem = None;
        for (at, byte) in word.iter().enumerate() {
            whole = step(whole, *byte);
            if at < MAX_STEM {
                prefix = step(prefix, *byte);
                if at + 1 >= MIN_STEM {
                    stem = self.get(finish(prefix)).or(stem);
                }
            }
        }
        let whole = finish(whole);
        let found = self.get(whole).or(stem).or_else(|| self.by_ending(word)).or_else(|| self.by_letters(word));
        (found.unwrap_or(Class::Plain), whole)
    }

    /// The longest ending, with at least two letters before it.
    fn by_ending(self, word: &[u8]) -> Option<Class> {
        let (mut suffix, mut found) = (Match::Suffix.seed(), None);
        for (at, byte) in word.iter().skip(2).rev().take(MAX_STEM).enumerate() {
            suffix = step(suffix, *byte);
            if at + 1 >= MIN_STEM {
                found = self.get(finish(suffix)).or(found);
            }
        }
        found
    }

    fn by_letters(self, word: &[u8]) -> Option<Class> {
        if word.len() < MIN_SCRAMBLED { None } else { self.get(finish(scrambled(word))) }
    }
}

#[cfg(test)]
mod tests;
