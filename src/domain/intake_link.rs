//! The intake address with its source as campaign parameters, ready to be put on a page or in an e-mail: `utm_source` is the route's
//! source tag, `utm_medium` is `handoff`, `utm_campaign` the study's code. An intake that hands `utm_source` on as `source_tag` knows
//! whom a person came from.

use super::text::{Code, SourceTag, WebUrl};

/// The longest link: the longest address, and the parameters with every character of the tag escaped.
pub const MAX_CHARS: usize = 800;

const NAMES: [&str; 3] = ["utm_source", "utm_medium", "utm_campaign"];

/// The link. Whatever else the address asks for stays as it is; campaign parameters of its own are replaced, so that the source is
/// named once.
#[must_use]
pub fn of(intake_url: &WebUrl, source_tag: &SourceTag, study: &Code) -> String {
    let (address, fragment) = match intake_url.as_str().split_once('#') {
        Some((address, fragment)) => (address, Some(fragment)),
        None => (intake_url.as_str(), None),
    };
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let is_ours = |pair: &&str| NAMES.contains(&pair.split('=').next().unwrap_or_default());
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !is_ours(pair)).map(str::to_owned);
    let values = [source_tag.as_str(), "handoff", study.as_str()];
    let added = NAMES.iter().zip(values).map(|(name, value)| format!("{name}={}", escaped(value)));
    let query = kept.chain(added).collect::<Vec<_>>().join("&");
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    format!("{path}?{query}{fragment}")
}

/// As forms are encoded.
fn escaped(value: &str) -> String {
    url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn link(url: &str, tag: &str) -> String {
        of(&url.parse().unwrap(), &tag.parse().unwrap(), &"heart-2026".parse().unwrap())
    }

    #[test]
    fn the_address_keeps_its_query_and_its_fragment() {
        let ours = "utm_source=lake.side&utm_medium=handoff&utm_campaign=heart-2026";
        for (url, expected) in [
            ("https://x.example", format!("https://x.example?{ours}")),
            ("https://x.example/in", format!("https://x.example/in?{ours}")),
            ("https://x.example/in?", format!("https://x.example/in?{ours}")),
            ("https://x.example/in?form=a%20b&lang=en", format!("https://x.example/in?form=a%20b&lang=en&{ours}")),
            ("https://x.example/in?a=1#top?x", format!("https://x.example/in?a=1&{ours}#top?x")),
            ("https://x.example/#top", format!("https://x.example/?{ours}#top")),
            ("https://x.example/?utm_source=old&utm_term=t", format!("https://x.example/?utm_term=t&{ours}")),
        ] {
            assert_eq!(link(url, "lake.side"), expected);
        }
        assert!(link("https://x.example", "a:b").contains("utm_source=a%3Ab&"));
    }

    proptest! {
        #[test]
        fn whoever_reads_the_link_finds_source_and_study_and_what_was_there(
            tag in "[A-Za-z0-9][A-Za-z0-9._:-]{0,63}",
            query in "(\\?([a-z]{1,5}=[A-Za-z0-9%&=+]{0,20}))?",
            fragment in "(#[a-z?=&]{0,9})?",
        ) {
            let url = format!("https://x.example/in{query}{fragment}");
            let link = link(&url, &tag);
            let read = |text: &str| -> Vec<(String, String)> { url::Url::parse(text).unwrap().query_pairs().into_owned().collect() };
            let ours = [("utm_source", &*tag), ("utm_medium", "handoff"), ("utm_campaign", "heart-2026")];
            let ours = ours.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let before: Vec<_> = read(&url);
            prop_assert_eq!(read(&link), before.into_iter().chain(ours).collect::<Vec<_>>());
            prop_assert_eq!(link.split_once('#').map(|parts| parts.1), url.split_once('#').map(|parts| parts.1));
            prop_assert!(link.len() <= MAX_CHARS);
        }
    }
}
