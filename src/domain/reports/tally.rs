//! Sums by number, few of which are not zero: packed for keeping, spread out for adding up.

use std::collections::BTreeMap;

use super::figures::{FIGURES, Key, WIDTH};
use super::times::CLASSES;

/// A sparse sum: how much is counted under each number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<u16, i64>);

/// A packed sum that cannot be read, or one that would be negative. The rollup that meets one makes all sums anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a sum of the reports is broken")
    }
}

impl std::error::Error for Broken {}

impl Tally {
    /// Counts `count` more under a key.
    pub fn add(&mut self, key: impl Into<Key>, count: i64) {
        *self.0.entry(key.into().number()).or_default() += count;
    }

    /// Adds another sum `times` times: with -1 it is taken away.
    pub fn merge(&mut self, other: &Self, times: i64) {
        for (number, count) in &other.0 {
            *self.0.entry(*number).or_default() += times * count;
        }
    }

    /// What of it is counted under figures.
    #[must_use]
    pub fn figures(&self) -> Self {
        Self(self.0.range(..FIGURES).map(|(number, count)| (*number, *count)).collect())
    }

    /// Whether nothing is counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.values().all(|count| *count == 0)
    }

    /// How much is counted under a key.
    #[must_use]
    pub fn of(&self, key: impl Into<Key>) -> i64 {
        self.0.get(&key.into().number()).copied().unwrap_or(0)
    }

    /// Packs it: for each number in ascending order its distance from the one before and its count, both as LEB128.
    ///
    /// # Errors
    /// When a count is negative, which no sum over referrals is.
    pub fn pack(&self) -> Result<Vec<u8>, Broken> {
        let (mut bytes, mut before) = (Vec::with_capacity(self.0.len() * 2), 0);
        for (number, count) in self.0.iter().filter(|(_, count)| **count != 0) {
            write(&mut bytes, u64::from(number - before));
            write(&mut bytes, u64::try_from(*count).map_err(|_| Broken)?);
            before = *number;
        }
        Ok(bytes)
    }

    /// Reads what [`Tally::pack`] wrote.
    ///
    /// # Errors
    /// When it is something else.
    pub fn unpack(bytes: &[u8]) -> Result<Self, Broken> {
        let mut tally = Self::default();
        each(bytes, |number, count| {
            tally.0.insert(number, count);
        })?;
        Ok(tally)
    }
}

/// A dense sum: many packed ones are added up in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sums(Vec<i64>);

impl Default for Sums {
    fn default() -> Self {
        Self(vec![0; WIDTH])
    }
}

impl Sums {
    /// Adds a packed sum.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn absorb(&mut self, packed: &[u8]) -> Result<(), Broken> {
        each(packed, |number, count| {
            if let Some(sum) = self.0.get_mut(usize::from(number)) {
                *sum += count;
            }
        })
    }

    /// Adds a sparse sum `times` times.
    pub fn merge(&mut self, tally: &Tally, times: i64) {
        for (number, count) in &tally.0 {
            if let Some(sum) = self.0.get_mut(usize::from(*number)) {
                *sum += times * count;
            }
        }
    }

    /// Adds another one.
    pub fn add(&mut self, other: &Self) {
        for (sum, count) in self.0.iter_mut().zip(&other.0) {
            *sum += count;
        }
    }

    /// How much is counted under a key.
    #[must_use]
    pub fn of(&self, key: impl Into<Key>) -> i64 {
        self.0.get(usize::from(key.into().number())).copied().unwrap_or(0)
    }

    /// Counts by class of time until the first action.
    #[must_use]
    pub fn first_action(&self) -> &[i64] {
        self.classes(Key::FirstAction(0))
    }

    /// Counts by class of time until the person was reached.
    #[must_use]
    pub fn connection(&self) -> &[i64] {
        self.classes(Key::Connection(0))
    }

    fn classes(&self, first: Key) -> &[i64] {
        let first = usize::from(first.number());
        self.0.get(first..first + usize::from(CLASSES)).unwrap_or_default()
    }

    /// The same as a sparse sum, without what is not above zero.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let counted = self.0.iter().zip(0_u16..).filter(|(count, _)| **count > 0);
        Tally(counted.map(|(count, number)| (number, *count)).collect())
    }
}

fn write(bytes: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or(0);
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

fn read(bytes: &mut &[u8]) -> Result<u64, Broken> {
    let (mut value, mut shift) = (0_u64, 0);
    loop {
        let (first, rest) = bytes.split_first().ok_or(Broken)?;
        *bytes = rest;
        value |= u64::from(first & 0x7f).checked_shl(shift).ok_or(Broken)?;
        if first & 0x80 == 0 {
            return Ok(value);
        }
        shift += 7;
        if shift > 56 {
            return Err(Broken);
        }
    }
}

fn each(mut bytes: &[u8], mut take: impl FnMut(u16, i64)) -> Result<(), Broken> {
    let mut number = 0_u64;
    while !bytes.is_empty() {
        number += read(&mut bytes)?;
        let count = read(&mut bytes)?;
        take(u16::try_from(number).map_err(|_| Broken)?, i64::try_from(count).map_err(|_| Broken)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_is_read_as_it_was(counts in proptest::collection::btree_map(0_u16..1_300, 1_i64..4_000_000_000, 0..80)) {
            let tally = Tally(counts);
            let packed = tally.pack().unwrap();
            prop_assert_eq!(&Tally::unpack(&packed).unwrap(), &tally);
            let mut sums = Sums::default();
            sums.absorb(&packed).unwrap();
            sums.merge(&tally, -1);
            prop_assert_eq!(sums, Sums::default());
        }

        #[test]
        fn bytes_of_any_kind_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(tally) = Tally::unpack(&bytes) {
                prop_assert!(tally.pack().is_ok());
            }
        }
    }

    #[test]
    fn a_negative_sum_is_not_kept() {
        let mut tally = Tally::default();
        tally.add(super::super::Figure::Volume, -1);
        assert_eq!(tally.pack(), Err(Broken));
        tally.add(super::super::Figure::Volume, 1);
        assert!(tally.is_empty() && tally.pack().unwrap().is_empty());
    }
}
