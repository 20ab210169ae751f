//! What kinds of bytes a text has: one reading, so that no search is begun that cannot find anything.

/// A set of kinds of bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Kinds(u16);

impl Kinds {
    /// Control characters that belong into no text.
    pub(super) const CONTROL: Kinds = Kinds(1);
    /// `&`, as a character reference begins.
    pub(super) const AMPERSAND: Kinds = Kinds(1 << 1);
    /// `%` and `\`, as escapes begin, and the `+` of `U+`.
    pub(super) const ESCAPE: Kinds = Kinds(1 << 2);
    /// Digits.
    pub(super) const DIGIT: Kinds = Kinds(1 << 3);
    /// ASCII letters.
    pub(super) const LETTER: Kinds = Kinds(1 << 4);
    /// Signs that stand for letters.
    pub(super) const SIGN: Kinds = Kinds(1 << 5);
    /// Marks that part a word.
    pub(super) const MARK: Kinds = Kinds(1 << 6);
    /// What stands between encoded runs, and padding.
    pub(super) const BETWEEN: Kinds = Kinds(1 << 7);
    /// What stands between spelt codes.
    pub(super) const CODE_END: Kinds = Kinds(1 << 8);
    /// Parts of letters that are not ASCII.
    pub(super) const OTHER: Kinds = Kinds(1 << 9);

    /// The kinds of a byte.
    pub(super) fn of(byte: u8) -> Kinds {
        TABLE.get(usize::from(byte)).copied().unwrap_or(Kinds(0))
    }

    const fn written(byte: u8) -> Kinds {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => Self::LETTER,
            b'0'..=b'9' => Self::DIGIT,
            b' ' | b',' | b':' => Self::BETWEEN.or(Self::CODE_END),
            b'.' | b'\'' => Self::BETWEEN.or(Self::MARK),
            b'-' => Self::MARK.or(Self::CODE_END),
            b'\n' | b'\t' | b';' | b'"' | b'(' | b')' | b'=' => Self::BETWEEN,
            b'_' | b'*' | b'|' | b'~' | b'^' => Self::MARK,
            b'@' | b'$' | b'!' => Self::SIGN,
            b'%' | b'\\' | b'+' => Self::ESCAPE,
            b'&' => Self::AMPERSAND,
            b'\r' => Kinds(0),
            0x80.. => Self::OTHER,
            control if control.is_ascii_control() => Self::CONTROL,
            _ => Kinds(0),
        }
    }

    /// The kinds of all bytes of a text.
    pub(super) fn all(bytes: &[u8]) -> Kinds {
        bytes.iter().fold(Kinds(0), |found, byte| found.or(Kinds::of(*byte)))
    }

    /// The kinds of both sets.
    pub(super) const fn or(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    /// Whether the sets share a kind.
    pub(super) const fn intersects(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }
}

/// `Kinds::written` of each byte: it is asked some four times for each byte of a text.
#[allow(clippy::indexing_slicing, reason = "indexed by the compiler alone")]
static TABLE: [Kinds; 256] = {
    let mut table = [Kinds(0); 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = Kinds::written(byte as u8);
        byte += 1;
    }
    table
};
