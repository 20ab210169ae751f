//! Which characters a stored text may hold: those a reader can see and every program reads alike.

use unicode_normalization::is_nfc;

/// Whether a text may have several lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// One line: no line feed, no tab.
    One,
    /// Line feed and tab pass. Carriage returns do not: one way to end a line.
    Many,
    /// Carriage returns pass too: a text that is read once and kept nowhere may end its lines as it likes.
    ManyCrLf,
}

/// Why a text is not stored as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// A character that shows nothing, steers its neighbours or means nothing in public.
    Character,
    /// Not in Unicode normalisation form C; refused, because a repaired text is not the one that was sent.
    NotNormalized,
}

/// The first thing in a text that must not be stored: NUL and controls, direction marks, zero-width and
/// other invisible characters, tags, private use, noncharacters, U+FFFD; then form C.
pub fn forbidden_char(text: &str, lines: Lines) -> Option<Forbidden> {
    // Nearly every value is printable ASCII, where nothing can be wrong.
    if text.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
        return None;
    }
    if text.chars().any(|c| is_forbidden(c, lines)) {
        return Some(Forbidden::Character);
    }
    (!is_nfc(text)).then_some(Forbidden::NotNormalized)
}

fn is_forbidden(c: char, lines: Lines) -> bool {
    match c {
        '\n' | '\t' => lines == Lines::One,
        '\r' => lines != Lines::ManyCrLf,
        // C0, DEL and C1 controls (NUL among them: Postgres refuses it).
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => true,
        // Soft hyphen, grapheme joiner, Arabic letter mark, Hangul and Khmer fillers, Mongolian separators.
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{3164}'
        | '\u{ffa0}' => true,
        // Zero-width characters and direction marks; line and paragraph separators, embeddings; word
        // joiner, invisible operators, isolates, deprecated format characters.
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        // Variation selectors: text and emoji style (15, 16) are of everyday use; the other 254 are a
        // hidden alphabet.
        '\u{fe00}'..='\u{fe0d}' | '\u{e0100}'..='\u{e01ef}' => true,
        // Byte order mark, interlinear annotation, object replacement and replacement character.
        '\u{feff}' | '\u{fff9}'..='\u{fffd}' => true,
        // Musical format controls, tags, private use.
        '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e00ff}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' => true,
        // Noncharacters.
        '\u{fdd0}'..='\u{fdef}' => true,
        _ => (c as u32) & 0xfffe == 0xfffe,
    }
}
