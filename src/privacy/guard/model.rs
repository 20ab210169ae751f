//! The compiled model, read in place: lexicon, dense and sparse weights, thresholds.
//!
//! Layout, little-endian: magic; `f32` bias, sparse scale, dense scale, strict threshold, copy threshold; `u32` number of
//! lexicon slots; slots; `DENSE` weights of 16 bits; `SPARSE` weights of 8 bits.

use super::features::{self, DENSE, SPARSE, Sink, Summary};
use super::lexicon::Lexicon;
use super::words::Word;

/// The bytes a model begins with; the digit changes with the layout.
pub const MAGIC: [u8; 8] = *b"hguard02";
/// Bytes before the lexicon.
pub const HEADER: usize = 8 + 5 * 4 + 4;

static COMPILED: &[u8] = include_bytes!("model/guard.bin");

/// A model over its bytes.
#[derive(Clone, Copy)]
pub struct Model<'a> {
    /// The word table.
    pub lexicon: Lexicon<'a>,
    /// Log-odds from which a partner's text is sensitive.
    pub strict: f32,
    /// The same for registered copy.
    pub copy: f32,
    bias: f32,
    sparse_scale: f32,
    dense_scale: f32,
    dense: &'a [[u8; 2]],
    sparse: &'a [u8],
}

impl Model<'static> {
    /// The model this build carries.
    pub fn compiled() -> Self {
        Self::from_bytes(COMPILED).unwrap_or(Model::EMPTY)
    }
}

impl<'a> Model<'a> {
    /// Knows nothing: no words, no weights, no score above its thresholds.
    pub const EMPTY: Model<'static> = Model {
        lexicon: Lexicon::EMPTY,
        strict: 1.0,
        copy: 1.0,
        bias: 0.0,
        sparse_scale: 0.0,
        dense_scale: 0.0,
        dense: &[],
        sparse: &[],
    };

    /// Reads the header; `None` for bytes of another layout.
    pub fn from_bytes(bytes: &'a [u8]) -> Option<Model<'a>> {
        let rest = bytes.strip_prefix(&MAGIC)?;
        let (header, rest) = rest.split_at_checked(HEADER - MAGIC.len())?;
        let (numbers, _) = header.as_chunks::<4>();
        let [bias, sparse_scale, dense_scale, strict, copy, slots] = numbers else { return None };
        let slots = u32::from_le_bytes(*slots) as usize;
        let (lexicon, rest) = rest.split_at_checked(slots.checked_mul(4)?)?;
        let (dense, sparse) = rest.split_at_checked(DENSE * 2)?;
        (sparse.len() == SPARSE).then_some(Model {
            lexicon: Lexicon::new(lexicon),
            strict: f32::from_le_bytes(*strict),
            copy: f32::from_le_bytes(*copy),
            bias: f32::from_le_bytes(*bias),
            sparse_scale: f32::from_le_bytes(*sparse_scale),
            dense_scale: f32::from_le_bytes(*dense_scale),
            dense: dense.as_chunks::<2>().0,
            sparse,
        })
    }

    /// The same model without its words, for negative controls.
    pub fn without_lexicon(self) -> Self {
        Self { lexicon: Lexicon::EMPTY, ..self }
    }

    /// Log-odds of a sum of sparse weights and a summary.
    fn score(&self, sum: &Sum<'_>, summary: &Summary) -> f32 {
        let sparse = sum.weight as f32 * self.sparse_scale / (sum.features.max(1) as f32).sqrt();
        let mut dense = 0.0;
        summary.dense(|index, value| {
            let weight = self.dense.get(index).map_or(0, |bytes| i16::from_le_bytes(*bytes));
            dense += f32::from(weight) * value;
        });
        self.bias + sparse + dense * self.dense_scale
    }

    /// Scores the parts of a text: one sentence of narrative among others counts for itself.
    pub fn read(&self, words: &[Word<'_>], mut take: impl FnMut(f32, &Summary)) {
        features::read(words, || Sum::new(self.sparse), |_, sum, summary| take(self.score(sum, summary), summary));
    }
}

/// Adds up sparse weights.
struct Sum<'a> {
    weights: &'a [u8],
    weight: i32,
    features: u32,
}

impl<'a> Sum<'a> {
    fn new(weights: &'a [u8]) -> Self {
        Self { weights, weight: 0, features: 0 }
    }
}

impl Sink for Sum<'_> {
    fn sparse(&mut self, index: u32) {
        let weight = self.weights.get(index as usize).map_or(0, |byte| byte.cast_signed());
        self.weight += i32::from(weight);
        self.features += 1;
    }

    fn merge(&mut self, other: &Self) {
        self.weight = self.weight.saturating_add(other.weight);
        self.features = self.features.saturating_add(other.features);
    }
}
