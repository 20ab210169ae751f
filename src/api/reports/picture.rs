//! An SVG picture of banded counts: horizontal bars, solid up to the least and outlined up to the most that a count can be.
//!
//! It stands alone: no script, no reference to anything outside, no fetched font; and equal input gives equal bytes. Whoever
//! cannot see it is read the same figures from its description. Without fonts nothing can be measured: widths are guessed wide.

use std::fmt;

use plotters::backend::SVGBackend;
use plotters::drawing::{DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBColor, TextStyle, WHITE};

/// A picture of banded counts.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Title, one line, at most 120 characters (longer is cut with an ellipsis).
    pub title: String,
    /// Second line: which period, which study, how released.
    pub note: String,
    /// Names of the series, in the order of their colours: at most 6.
    pub series: Vec<String>,
    /// Groups from top to bottom, at most 40.
    pub groups: Vec<Group>,
}

/// What is counted under one label.
#[derive(Debug, Clone)]
pub struct Group {
    /// What stands left of the axis (cut there when it is long, and whole in the description).
    pub label: String,
    /// One per series: the least and the most that the count can be, both included; `None` where there is no figure.
    pub bands: Vec<Option<(i64, i64)>>,
}

/// Why a picture was not drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawError(String);

impl fmt::Display for DrawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the picture was not drawn: {}", self.0)
    }
}

impl std::error::Error for DrawError {}

/// Okabe and Ito's colours, less those that are too pale on white (under 3:1). The sixth is their orange, darkened until it stays
/// apart from the vermilion for every kind of colour vision.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0x00, 0x00, 0x00),
    RGBColor(0x6B, 0x4C, 0x00),
];
const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
const GRID: RGBColor = RGBColor(0xDD, 0xDD, 0xDD);
const EMPTY: &str = "Nothing has been released for this period yet.";
const MOST_GROUPS: usize = 40;
/// Beyond this a JSON number is no longer exact, and the axis could overflow.
const MOST_COUNTED: i64 = 9_007_199_254_740_991;

// All in pixels.
const WIDTH: i32 = 960;
const MARGIN: i32 = 24;
const AXIS: i32 = 280;
const BAR: i32 = 16;
const ROW: i32 = 19;
const GAP: i32 = 14;
const HEADING: i32 = 20;
const TEXT: i32 = 14;

/// What the sheet holds, collected first because the height is known only at the end.
enum Mark {
    Box([(i32, i32); 2], RGBColor),
    Text(String, (i32, i32), HPos, i32),
}

/// The picture as an SVG document.
///
/// # Errors
/// When there are too many series or groups, or groups but no series; a group has not one band per series; a band is negative,
/// reversed or beyond what JSON holds exactly; or the drawing itself fails.
pub fn svg(picture: &Picture) -> Result<String, DrawError> {
    check(picture)?;
    let title = fit(&clean(&picture.title), 120, i32::MAX, HEADING);
    let (marks, height) = lay_out(picture, &title);
    let drawn = draw(marks, height).map_err(|error| DrawError(error.to_string()))?;
    // plotters knows nothing of accessibility: the root's attributes and its first two children are put in afterwards.
    let (root, rest) = drawn.split_once('>').ok_or_else(|| DrawError("no root element was drawn".to_owned()))?;
    let (title, desc) = (escape(&title), escape(&description(picture)));
    let names = format!("<title id=\"title\">{title}</title><desc id=\"desc\">{desc}</desc>");
    Ok(format!("{root} role=\"img\" aria-labelledby=\"title desc\">{names}{rest}"))
}

fn check(picture: &Picture) -> Result<(), DrawError> {
    let (series, groups) = (picture.series.len(), picture.groups.len());
    if series > COLOURS.len() || groups > MOST_GROUPS || (series == 0 && groups > 0) {
        return Err(DrawError(format!("{series} series (1 to {}) in {groups} groups (at most {MOST_GROUPS})", COLOURS.len())));
    }
    if picture.groups.iter().any(|group| group.bands.len() != series) {
        return Err(DrawError("a group has not one band per series".to_owned()));
    }
    let mut bands = picture.groups.iter().flat_map(|group| group.bands.iter().flatten());
    let odd = bands.find(|(least, most)| *least < 0 || least > most || *most > MOST_COUNTED);
    odd.map_or(Ok(()), |(least, most)| Err(DrawError(format!("no band reaches from {least} to {most}"))))
}

fn draw(marks: Vec<Mark>, height: i32) -> Result<String, DrawingAreaErrorKind<std::io::Error>> {
    let mut drawn = String::new();
    let root = SVGBackend::with_string(&mut drawn, (WIDTH.unsigned_abs(), height.unsigned_abs())).into_drawing_area();
    root.draw(&Rectangle::new([(0, 0), (WIDTH, height)], WHITE.filled()))?;
    for mark in marks {
        match mark {
            Mark::Box(corners, colour) => root.draw(&Rectangle::new(corners, colour.filled()))?,
            Mark::Text(words, at, anchor, size) => {
                // plotters writes 1/1.24 of the size that it is given.
                let style = TextStyle::from(("sans-serif", f64::from(size) * 1.24).into_font()).color(&INK);
                root.draw(&Text::new(words, at, style.pos(Pos::new(anchor, VPos::Center))))?;
            }
        }
    }
    root.present()?;
    drop(root);
    Ok(drawn)
}

fn lay_out(picture: &Picture, title: &str) -> (Vec<Mark>, i32) {
    let (mut marks, mut y) = (Vec::new(), MARGIN);
    let note = fit(&clean(&picture.note), 500, i32::MAX, TEXT);
    for (text, size) in [(title, HEADING), (note.as_str(), TEXT)] {
        for line in wrap(text, WIDTH - 2 * MARGIN, size) {
            marks.push(Mark::Text(line, (MARGIN, y), HPos::Left, size));
            y += size + 7;
        }
    }
    if picture.groups.is_empty() {
        marks.push(Mark::Text(EMPTY.to_owned(), (WIDTH / 2, y + 50), HPos::Center, TEXT + 2));
        return (marks, y + 120);
    }
    if picture.series.len() > 1 {
        y = legend(&picture.series, y + 6, &mut marks);
    }
    y = bars(picture, y + 4, &mut marks);
    (marks, y)
}

/// Writes which colour is which series, and tells where that ends.
fn legend(series: &[String], mut y: i32, marks: &mut Vec<Mark>) -> i32 {
    // Colour is not the only sign: the bars of a group stand in the order of the legend.
    let order = "Bars from the top:";
    marks.push(Mark::Text(order.to_owned(), (MARGIN, y), HPos::Left, TEXT));
    let first = MARGIN + width(order, TEXT) + 8;
    let mut x = first;
    for (name, colour) in series.iter().zip(COLOURS) {
        let name = fit(&clean(name), 48, 400, TEXT);
        let wide = 20 + width(&name, TEXT);
        if x + wide > WIDTH - MARGIN {
            (x, y) = (first, y + 22);
        }
        marks.push(Mark::Box([(x, y - 7), (x + 14, y + 7)], colour));
        marks.push(Mark::Text(name, (x + 20, y), HPos::Left, TEXT));
        x += wide + 16;
    }
    y + 22
}

/// Draws grid, bars and axis, and tells where they end.
fn bars(picture: &Picture, top: i32, marks: &mut Vec<Mark>) -> i32 {
    let rows = picture.series.iter().map(|_| ROW).sum::<i32>();
    let bottom = picture.groups.iter().fold(top, |y, _| y + rows + GAP);
    let bands = || picture.groups.iter().flat_map(|group| &group.bands);
    let most = bands().flatten().map(|band| band.1).max().unwrap_or(0).max(1);
    let room = bands().map(|band| width(&reading(*band), TEXT)).max().unwrap_or(0);
    let plot = WIDTH - MARGIN - AXIS - room - 16;
    let step = step(most, i64::from(plot / (width(&thousands(most), TEXT) + 24)));
    let end = (most + step - 1) / step * step;
    let at = |count: i64| AXIS + i32::try_from(i128::from(count) * i128::from(plot) / i128::from(end)).unwrap_or(plot);

    for tick in (0..=end / step).map(|n| n * step) {
        marks.push(Mark::Box([(at(tick), top), (at(tick) + 1, bottom + 5)], if tick == 0 { INK } else { GRID }));
        marks.push(Mark::Text(thousands(tick), (at(tick), bottom + 16), HPos::Center, TEXT));
    }
    marks.push(Mark::Text("referrals, in bands".to_owned(), (AXIS + plot / 2, bottom + 40), HPos::Center, TEXT));

    let mut y = top + GAP / 2;
    for group in &picture.groups {
        let label = fit(&clean(&group.label), 28, AXIS - MARGIN - 10, TEXT);
        marks.push(Mark::Text(label, (AXIS - 10, y + rows / 2), HPos::Right, TEXT));
        let mut upper = y + 1;
        for (band, colour) in group.bands.iter().zip(COLOURS) {
            let (right, words) = (band.map_or(AXIS, |band| bar(band, upper, colour, at, marks)), reading(*band));
            // No grid line strikes the figure through.
            marks.push(Mark::Box([(right + 6, upper), (right + 8 + width(&words, TEXT), upper + BAR)], WHITE));
            marks.push(Mark::Text(words, (right + 8, upper + BAR / 2), HPos::Left, TEXT));
            upper += ROW;
        }
        y += rows + GAP;
    }
    bottom + 62
}

/// Draws one bar, and tells where it ends.
fn bar((least, most): (i64, i64), upper: i32, colour: RGBColor, at: impl Fn(i64) -> i32, marks: &mut Vec<Mark>) -> i32 {
    if most == 0 {
        return AXIS;
    }
    // The pale part lies inside a box of the full colour: a stroke would straddle the pixels and come out blurred. On a long axis
    // a band is thinner than its own outline, and gets a few pixels more than its share, for else it would not show at all.
    let inside = at(least).max(AXIS + 2);
    let right = if least == most { inside } else { at(most).max(inside + 6) };
    marks.push(Mark::Box([(AXIS, upper), (right, upper + BAR)], colour));
    if least < most {
        let pale = |part: u8| 255 - (255 - part) / 10 * 3;
        let pale = RGBColor(pale(colour.0), pale(colour.1), pale(colour.2));
        marks.push(Mark::Box([(inside, upper + 2), (right - 2, upper + BAR - 2)], pale));
    }
    right
}

/// The least of 1, 2, 5, 10, 20, ... that needs at most so many steps to reach the end.
fn step(end: i64, most: i64) -> i64 {
    let mut steps = (0..18).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_i64.pow(power)));
    steps.find(|step| end / step < most.min(9)).unwrap_or(end)
}

fn reading(band: Option<(i64, i64)>) -> String {
    band.map_or_else(|| "no figure".to_owned(), |(least, most)| format!("{}–{}", thousands(least), thousands(most)))
}

fn thousands(count: i64) -> String {
    if count < 1000 { count.to_string() } else { format!("{},{:03}", thousands(count / 1000), count % 1000) }
}

/// All that the picture shows, in words.
fn description(picture: &Picture) -> String {
    let read = |group: &Group| {
        let named = picture.series.iter().zip(&group.bands);
        let bands: Vec<String> = named.map(|(name, band)| format!("{} {}", clean(name), reading(*band))).collect();
        format!("{}: {}", clean(&group.label), bands.join(", "))
    };
    let groups: Vec<String> = picture.groups.iter().map(read).collect();
    let figures = if groups.is_empty() { EMPTY.to_owned() } else { format!("{}.", groups.join("; ")) };
    let note = clean(&picture.note);
    let stop = if note.is_empty() || note.ends_with('.') { "" } else { "." };
    format!("{note}{stop} {figures}").trim_start().to_owned()
}

/// One line, without what XML forbids and without marks that turn the reading direction of what follows.
fn clean(text: &str) -> String {
    let bad = |c: char| c.is_control() || matches!(u32::from(c), 0xFFFE | 0xFFFF | 0x202A..=0x202E | 0x2066..=0x2069);
    text.replace(bad, " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// For what is put in here; the text that plotters draws it escapes itself.
fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&apos;")
}

/// About how wide a text is, in hundredths of its size by the widest of the usual sans-serif fonts (`DejaVu Sans`), rounded up.
fn width(text: &str, size: i32) -> i32 {
    let hundredths = text.chars().map(|c| match c {
        ' ' | ',' | '.' | ':' | ';' | '!' | '|' | '\'' | '/' | '(' | ')' | '-' | 'i' | 'j' | 'l' | 'I' | 'f' | 'r' | 't' => 42,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' | '—' => 100,
        'a'..='z' | '0'..='9' | '–' => 64,
        ' '..='~' | '\u{80}'..='\u{10FF}' => 84,
        _ => 110,
    });
    hundredths.sum::<i32>() * size / 100
}

/// The text, cut with an ellipsis to so many characters and pixels.
fn fit(text: &str, chars: usize, pixels: i32, size: i32) -> String {
    let mut kept: String = text.chars().take(chars).collect();
    if kept.len() == text.len() && width(&kept, size) <= pixels {
        return kept;
    }
    kept.pop();
    while !kept.is_empty() && width(&kept, size) + size > pixels {
        kept.pop();
    }
    format!("{}…", kept.trim_end())
}

/// The text in lines of so many pixels; only a word that is itself longer is cut.
fn wrap(text: &str, pixels: i32, size: i32) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if width(line, size) + width(word, size) + size / 2 <= pixels => *line = format!("{line} {word}"),
            _ => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| fit(line, usize::MAX, pixels, size)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(series: &[&str], labels: &[&str], band: Option<(i64, i64)>) -> Picture {
        let series: Vec<String> = series.iter().map(|name| (*name).to_owned()).collect();
        let groups = labels.iter().map(|label| Group { label: (*label).to_owned(), bands: vec![band; series.len()] }).collect();
        Picture { title: "Referrals by county".to_owned(), note: "2024, released in bands".to_owned(), series, groups }
    }

    fn attribute<'a>(tag: &'a str, name: &str) -> &'a str {
        tag.split(&format!(" {name}=\"")).nth(1).and_then(|rest| rest.split('"').next()).unwrap()
    }

    #[test]
    fn hostile_text_stays_text() {
        let hostile = "<script>x</script> & \"a\" 'b' ]]>\u{0}\u{202E}\nc";
        let mut it = picture(&[hostile, "&amp;"], &[hostile, "<i> & \"'"], Some((1, 5)));
        (it.title, it.note) = (hostile.to_owned(), hostile.to_owned());
        let svg = svg(&it).unwrap();
        assert!(!["<script", "<i>", "]]>", "\u{0}", "\u{202E}"].iter().any(|bad| svg.contains(bad)), "{svg}");
        let whole = "&lt;script&gt;x&lt;/script&gt; &amp; &quot;a&quot; &apos;b&apos; ]]&gt; c";
        assert!(svg.contains(&format!("<title id=\"title\">{whole}</title><desc id=\"desc\">{whole}. {whole}: ")));
        assert!(
            svg.contains(">\n&lt;i&gt; &amp; &quot;&apos;\n<") && svg.contains(">\n&amp;amp;\n<"),
            "what plotters draws: {svg}"
        );
        let known = |rest: &str| ["amp;", "lt;", "gt;", "quot;", "apos;"].iter().any(|name| rest.starts_with(name));
        assert!(svg.split('&').skip(1).all(known), "{svg}");
    }

    #[test]
    fn equal_input_gives_equal_bytes_and_the_description_reads_all() {
        let mut it = picture(&["sent", "done"], &["North", "South"], Some((0, 10)));
        it.groups[1].bands = vec![Some((14_201, 14_210)), None];
        let svg = svg(&it).unwrap();
        assert_eq!(svg, super::svg(&it.clone()).unwrap());
        let desc = "2024, released in bands. North: sent 0–10, done 0–10; South: sent 14,201–14,210, done no figure.";
        assert!(svg.contains(&format!("<desc id=\"desc\">{desc}</desc>")), "{svg}");
        assert!(svg.starts_with("<svg ") && svg.contains(" role=\"img\" aria-labelledby=\"title desc\"><title id="));
        for drawn in ["0–10", "14,201–14,210", "no figure", "referrals, in bands", "Bars from the top:"] {
            assert!(svg.contains(&format!(">\n{drawn}\n<")), "{drawn}");
        }
    }

    #[test]
    fn nothing_leaves_the_largest_picture() {
        for band in [None, Some((0, 0)), Some((3, 3)), Some((0, 10)), Some((14_201, 14_210)), Some((1, MOST_COUNTED))] {
            let mut it = picture(&["A series whose name is WIDER than what the legend holds"; 6], &["W W"; 40], band);
            it.groups[7].label = "診".repeat(60);
            (it.title, it.note) = ("Wm ".repeat(50), "診 W".repeat(400));
            let svg = svg(&it).unwrap();
            let number = |tag: &str, name| attribute(tag, name).parse::<f64>().unwrap();
            for tag in svg.split("<text").skip(1) {
                let (x, y, size) = (number(tag, "x"), number(tag, "y"), number(tag, "font-size"));
                let long = f64::from(width(tag.split('\n').nth(1).unwrap(), 100)) * size / 100.0;
                let anchors = [("start", 0.0), ("middle", 0.5), ("end", 1.0)];
                let left = x - long * anchors.iter().find(|(name, _)| *name == attribute(tag, "text-anchor")).unwrap().1;
                assert!(left >= 0.0 && left + long <= number(&svg, "width"), "{tag}");
                assert!(y >= size && y + size <= number(&svg, "height"), "{tag}");
            }
        }
    }

    #[test]
    fn an_empty_picture_says_so_and_what_cannot_be_drawn_is_refused() {
        assert_eq!(svg(&picture(&["sent"], &[], None)).unwrap().matches(EMPTY).count(), 2, "drawn and described");
        for (series, groups, band) in [(0, 1, None), (7, 1, None), (1, 41, None), (1, 1, Some((5, 4))), (1, 1, Some((-1, 4)))] {
            assert!(svg(&picture(&vec!["a"; series], &vec!["b"; groups], band)).is_err(), "{series} {groups} {band:?}");
        }
        let mut it = picture(&["a", "b"], &["c"], Some((0, i64::MAX)));
        assert!(svg(&it).unwrap_err().to_string().contains("9223372036854775807"));
        it.groups[0].bands.pop();
        assert!(svg(&it).unwrap_err().to_string().contains("one band per series"));
    }
}
