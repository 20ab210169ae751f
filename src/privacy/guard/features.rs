//! The features of a text, one reading for the check and for training.
//!
//! Sparse: hashed character n-grams of words, words and word pairs, with every digit as `0`. Dense: which
//! classes of the lexicon are present, how often, which together and which side by side, and how the text is
//! written (length, capitals). All add up, so that a sentence is the sum of its clauses, and a text of its sentences.

use super::lexicon::{Class, Classes};
use super::words::Word;

/// Bits of a sparse index.
pub const SPARSE_BITS: u32 = 18;
/// Number of sparse features.
pub const SPARSE: usize = 1 << SPARSE_BITS;
/// Number of dense features.
pub const DENSE: usize = COUNTS + 2 * PAIRS + SHAPES + SITUATIONS + SHARES;

const COUNTS: usize = 32 * 3;
const PAIRS: usize = 32 * 32;
const SHAPES: usize = 64;
const SITUATIONS: usize = 3 * 4 * 2 * 2 * 2;
const SHARES: usize = 5 * 5 * 4 * 2;

/// Says more than any single class.
const SITUATION_VALUE: f32 = 4.0;

/// As the situation.
const SHARE_VALUE: f32 = 2.0;

/// Longer words are read up to here: what follows is no word.
const MAX_WORD: usize = 28;

/// Takes sparse features as they are found.
pub trait Sink {
    /// A sparse feature occurs.
    fn sparse(&mut self, index: u32);
    /// Another part of the same text is added.
    fn merge(&mut self, other: &Self);
}

/// The dense side of a clause, a sentence or a text.
#[derive(Clone, Default)]
pub struct Summary {
    /// The classes present.
    pub classes: Classes,
    counts: [u8; 32],
    follows: [u32; 32],
    words: u32,
    long_words: u32,
    capitals: u32,
    begins_small: bool,
}

impl Summary {
    fn add(&mut self, class: Class, previous: Class) {
        self.classes.insert(class);
        if let Some(count) = self.counts.get_mut(class as usize) {
            *count = count.saturating_add(1);
        }
        if class != Class::Plain
            && let Some(follows) = self.follows.get_mut(previous as usize)
        {
            *follows |= 1 << class as u32;
        }
    }

    /// Adds another part of the same text.
    pub fn merge(&mut self, other: &Summary) {
        self.classes.0 |= other.classes.0;
        for (sum, count) in self.counts.iter_mut().zip(&other.counts) {
            *sum = sum.saturating_add(*count);
        }
        for (sum, follows) in self.follows.iter_mut().zip(&other.follows) {
            *sum |= follows;
        }
        if self.words == 0 {
            self.begins_small = other.begins_small;
        }
        self.words += other.words;
        self.long_words += other.long_words;
        self.capitals += other.capitals;
    }

    /// Number of words.
    pub fn words(&self) -> u32 {
        self.words
    }

    /// Calls `take` with the index and the value of each dense feature.
    pub fn dense(&self, mut take: impl FnMut(usize, f32)) {
        for class in bits(self.classes.0) {
            let count = self.counts.get(class).copied().unwrap_or_default();
            for step in 0..usize::from(count.min(3)) {
                take(class * 3 + step, 1.0);
            }
        }
        let present = self.classes.0.count_ones().max(1);
        let value = 2.0 / (present as f32).max(2.0);
        for first in bits(self.classes.0) {
            for second in bits(self.classes.0 & !((2_u32 << first).wrapping_sub(1))) {
                take(COUNTS + first * 32 + second, value);
            }
        }
        let following: u32 = self.follows.iter().map(|follows| follows.count_ones()).sum();
        let value = 1.0 / (following.max(1) as f32).sqrt();
        for (previous, follows) in self.follows.iter().enumerate() {
            for class in bits(*follows) {
                take(COUNTS + PAIRS + previous * 32 + class, value);
            }
        }
        take(COUNTS + 2 * PAIRS + self.shape(), 1.0);
        take(COUNTS + 2 * PAIRS + SHAPES + self.situation(), SITUATION_VALUE);
        take(COUNTS + 2 * PAIRS + SHAPES + SITUATIONS + self.share(), SHARE_VALUE);
    }

    /// Who is spoken of, how much health is in it, and what else it is about, in one index: pairs of classes cannot say
    /// that something is absent.
    fn situation(&self) -> usize {
        let has = |set: Classes| self.classes.intersects(set);
        let somebody = match (has(Classes::SOMEBODY), has(Classes::INDIVIDUAL)) {
            (true, _) => 2,
            (false, true) => 1,
            _ => 0,
        };
        let health: u32 = bits(self.classes.0 & Classes::HEALTH.0)
            .map(|class| u32::from(self.counts.get(class).copied().unwrap_or_default()))
            .sum();
        let mut index = somebody * 4 + health.min(3) as usize;
        for is_so in [has(Classes::PUBLIC) || self.classes.contains(Class::Population), has(Classes::WORK), self.is_title()] {
            index = index * 2 + usize::from(is_so);
        }
        index
    }

    /// Most long words are capitalised, and the first is not small: `on Januvia and Lasix` is no title.
    fn is_title(&self) -> bool {
        !self.begins_small && self.capitals > 1 && self.capitals * 3 > self.long_words * 2
    }

    /// How much of the text is about health, how much of it about work, and how long it is: a fragment that names nothing but a
    /// disease is a finding, a long sentence that names one among other things need not be.
    fn share(&self) -> usize {
        let part = |set: Classes| {
            let count: u32 =
                bits(self.classes.0 & set.0).map(|class| u32::from(self.counts.get(class).copied().unwrap_or_default())).sum();
            match (count * 12).checked_div(self.words).unwrap_or_default() {
                _ if count == 0 => 0,
                0..3 => 1,
                3..5 => 2,
                5..8 => 3,
                _ => 4,
            }
        };
        let length = match self.words {
            0..2 => 0,
            2..4 => 1,
            4..8 => 2,
            _ => 3,
        };
        ((part(Classes::HEALTH) * 5 + part(Classes::BUSINESS)) * 4 + length) * 2 + usize::from(self.is_title())
    }

    /// Length and capitals in one index: titles are long and capitalised, narrative is neither.
    fn shape(&self) -> usize {
        let length = (u32::BITS - self.words.leading_zeros()).min(6) as usize;
        let capitals = match (self.long_words, self.capitals) {
            (0, _) => 0,
            (_, 0) => 1,
            (all, some) if some * 3 <= all => 2,
            (all, some) if some * 3 <= all * 2 => 3,
            (all, some) if some < all => 4,
            _ => 5,
        };
        length * 8 + capitals
    }
}

/// The bits of a set, lowest first.
fn bits(mut set: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = (set != 0).then(|| set.trailing_zeros() as usize)?;
        set &= set - 1;
        Some(lowest)
    })
}

/// How much of a text a reading covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A clause of a sentence about work, where a remark about somebody is lost in the sum.
    Clause,
    /// A sentence or line.
    Sentence,
    /// A text of several sentences.
    Whole,
}

/// Reads a text and hands over its parts: clauses, sentences, and the whole if it has several.
pub fn read<S: Sink>(words: &[Word<'_>], new: impl Fn() -> S, mut take: impl FnMut(Scope, &S, &Summary)) {
    let (mut whole, mut summary, mut sentences) = (new(), Summary::default(), 0);
    let mut clauses = Vec::new();
    for sentence in words.split_inclusive(|word| word.ends_sentence) {
        let (mut sum, mut joined) = (new(), Summary::default());
        let mut reader = Reader::of(sentence);
        clauses.clear();
        for clause in sentence.split_inclusive(|word| word.ends_clause) {
            let mut part = new();
            let read = reader.read(clause, &mut part);
            sum.merge(&part);
            joined.merge(&read);
            clauses.push((part, read));
        }
        if clauses.len() > 1 && joined.classes.intersects(Classes::DAILY) && !joined.is_title() {
            for (part, read) in &clauses {
                take(Scope::Clause, part, read);
            }
        }
        take(Scope::Sentence, &sum, &joined);
        whole.merge(&sum);
        summary.merge(&joined);
        sentences += 1;
    }
    if sentences > 1 {
        take(Scope::Whole, &whole, &summary);
    }
}

/// Reads the clauses of a sentence. Registered words are left out where nobody in particular is spoken of.
struct Reader {
    is_individual: bool,
    previous: Class,
    previous_hash: u32,
}

impl Reader {
    fn of(sentence: &[Word<'_>]) -> Self {
        let is_individual = sentence.iter().any(|word| Classes::INDIVIDUAL.contains(word.class));
        Self { is_individual, previous: Class::Plain, previous_hash: 1 }
    }

    fn read(&mut self, clause: &[Word<'_>], sink: &mut impl Sink) -> Summary {
        let mut summary = Summary::default();
        for word in clause {
            if summary.words == 0 {
                summary.begins_small = word.bytes.first().is_some_and(u8::is_ascii_lowercase);
            }
            summary.words += 1;
            // Abbreviations are capitals in any company.
            if word.bytes.len() > 3 && !word.bytes.iter().take(3).all(u8::is_ascii_uppercase) {
                summary.long_words += 1;
                summary.capitals += u32::from(word.is_capitalised());
            }
            if word.is_registered && !self.is_individual {
                (self.previous, self.previous_hash) = (Class::Plain, 2);
                continue;
            }
            summary.add(word.class, self.previous);
            let hash = if word.class == Class::Number { 3 } else { word.hash };
            read_word(word.bytes, sink);
            sink.sparse(index(u64::from(hash), 7));
            sink.sparse(index(u64::from(hash) | u64::from(self.previous_hash) << 32, 11));
            (self.previous, self.previous_hash) = (word.class, hash);
        }
        summary
    }
}

/// Character n-grams of three to five bytes, with the word's edges.
fn read_word(word: &[u8], sink: &mut impl Sink) {
    let mut window = u64::from(EDGE);
    let inner = word.iter().take(MAX_WORD).map(|byte| fold_byte(*byte));
    for (at, byte) in inner.chain(std::iter::once(EDGE)).enumerate() {
        window = window << 8 | u64::from(byte);
        if at >= 1 {
            sink.sparse(index(window & 0xff_ffff, 3));
        }
        if at >= 2 {
            sink.sparse(index(window & 0xffff_ffff, 4));
        }
        if at >= 3 {
            sink.sparse(index(window & 0xff_ffff_ffff, 5));
        }
    }
}

const EDGE: u8 = b'^';

const fn fold_byte(byte: u8) -> u8 {
    if byte.is_ascii_digit() { b'0' } else { byte.to_ascii_lowercase() }
}

fn index(key: u64, kind: u64) -> u32 {
    let mixed = (key ^ kind << 56).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (mixed >> (64 - SPARSE_BITS)) as u32
}
