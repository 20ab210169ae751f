//! Ways to the study team: web addresses, e-mail addresses, telephone numbers, handles; which are approved, and whether one is there.

use std::sync::LazyLock;

use regex::Regex;

use super::vocabulary::{FindingSeverity, LanguageRule};
use super::{Approved, Finding};

/// Public registries: the study's own entry there, or the registry itself, may be named.
const REGISTRIES: &[&str] = &["clinicaltrials.gov", "euclinicaltrials.eu", "isrctn.com", "clinicaltrialsregister.eu"];

/// One alternation, so that a text is read once. A bare name counts as an address only under a domain that people use in print.
const PATTERN: &str = r"(?x)
    (?P<email> [A-Za-z0-9._%+-]+ @ [A-Za-z0-9-]+ (?: \. [A-Za-z0-9-]+ )+ )
  | (?P<handle> \B @ [A-Za-z][A-Za-z0-9_.]{2,} )
  | (?P<web> (?i: https?:// | www\. ) [^\s<>\x22]+
      | \b (?i: [a-z0-9] [a-z0-9-]* \. )+ (?i: com | org | net | edu | gov | io | co | info | health | care | clinic | us | uk | eu | de | ca | au
        | ie | nz | in | app | me | ly | link | page | site | online | example | study | science | bio | gl | gle ) \b (?: / [^\s<>\x22]* )? )
  | (?P<phone> \+ \d [\d\s().-]{6,17} \d
      | (?: \b 1 [\s.-]? )? (?: \( \d{3} \) \s? | \b \d{3} [\s.-]? ) \d{3} [\s.-]? \d{4} \b
      | \b \d{3} [.-] \d{4} \b
      | \b 0 \d{2,4} [\s-] \d{3,4} [\s-] \d{3,4} \b
      | \b (?: 1 [\s.-] )? 8\d\d [\s.-] [A-Z0-9]{3} -? [A-Z0-9]{4} \b )
";

static CONTACTS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(PATTERN).ok());

#[derive(Debug, PartialEq, Eq)]
enum Contact {
    Email(String),
    Handle,
    /// Host and path, without what says nothing.
    Web(String, String),
    Phone(String),
}

/// Every contact of a text with its place in bytes.
fn contacts(text: &str) -> Vec<(Contact, usize, usize)> {
    let Some(pattern) = CONTACTS.as_ref() else { return Vec::new() };
    let mut found = Vec::new();
    for captures in pattern.captures_iter(text) {
        let named = |name| captures.name(name).map(|part| (part.as_str().trim_end_matches(CLOSING), part.start()));
        let contact = if let Some((email, at)) = named("email") {
            (Contact::Email(email.to_lowercase()), at, email.len())
        } else if let Some((handle, at)) = named("handle") {
            (Contact::Handle, at, handle.len())
        } else if let Some((address, at)) = named("web") {
            let (host, path) = parts(address);
            (Contact::Web(host, path), at, address.len())
        } else if let Some((number, at)) = named("phone") {
            (Contact::Phone(digits(number)), at, number.len())
        } else {
            continue;
        };
        found.push((contact.0, contact.1, contact.1 + contact.2));
    }
    found
}

/// What ends a sentence and no address.
const CLOSING: &[char] = &['.', ',', ';', ':', '!', '?', ')', '\'', '"', '\u{2019}', '\u{201d}', '*'];

fn parts(address: &str) -> (String, String) {
    let bare = address.split_once("://").map_or(address, |(_, rest)| rest);
    let (host, path) = bare.split_at(bare.find(['/', '?', '#']).unwrap_or(bare.len()));
    let host = host.to_lowercase();
    (host.strip_prefix("www.").unwrap_or(&host).to_owned(), path.trim_end_matches('/').to_owned())
}

/// The last ten digits, letters of a vanity number among them: the rest is how one dials from elsewhere.
fn digits(number: &str) -> String {
    const KEYS: [(&str, char); 8] =
        [("ABC", '2'), ("DEF", '3'), ("GHI", '4'), ("JKL", '5'), ("MNO", '6'), ("PQRS", '7'), ("TUV", '8'), ("WXYZ", '9')];
    let key = |letter: char| KEYS.iter().find(|(letters, _)| letters.contains(letter)).map(|(_, digit)| *digit);
    let all: Vec<char> = number.chars().filter_map(|c| if c.is_ascii_digit() { Some(c) } else { key(c) }).collect();
    all.iter().skip(all.len().saturating_sub(10)).collect()
}

/// Whether a contact is approved; if not, how grave that is.
fn judge(contact: &Contact, approved: &Approved, known: &[Contact]) -> Option<FindingSeverity> {
    let wrong = Some(LanguageRule::ContactNotApproved.severity());
    let Contact::Web(host, path) = contact else {
        return if known.contains(contact) { None } else { wrong };
    };
    if REGISTRIES.contains(&host.as_str()) {
        let own = approved.registry_id.as_deref().is_some_and(|id| path.contains(id));
        return if path.is_empty() || own { None } else { wrong };
    }
    let same_host = |known: &&Contact| matches!(known, Contact::Web(other, _) if other == host);
    let below = |known: &Contact| match known {
        Contact::Web(_, approved) => {
            path.strip_prefix(approved.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
        }
        _ => false,
    };
    let mut on_host = known.iter().filter(same_host).peekable();
    match (on_host.peek().is_some(), on_host.any(below)) {
        (_, true) => None,
        (true, false) => Some(FindingSeverity::Review),
        _ => wrong,
    }
}

pub(super) fn read(text: &str, approved: &Approved, findings: &mut Vec<Finding>) {
    let sources = approved.addresses.iter().chain(&approved.texts).chain(&approved.where_to_go);
    let known: Vec<Contact> = sources.flat_map(|text| contacts(text)).map(|(contact, ..)| contact).collect();
    let where_to_go = where_to_go(approved);
    let (mut is_there, mut place, mut counted) = (false, 0, 0);
    for (contact, start, end) in contacts(text) {
        let Some(severity) = judge(&contact, approved, &known) else {
            // The registry says what the study is, and not where to go.
            is_there |= !matches!(&contact, Contact::Web(host, _) if REGISTRIES.contains(&host.as_str()));
            continue;
        };
        let count = |from: usize, to: usize| text.get(from..to).map_or(0, |part| part.chars().count());
        place += count(counted, start);
        counted = start;
        let mut finding = Finding::new(LanguageRule::ContactNotApproved, place, place + count(start, end));
        finding.severity = severity;
        findings.push(match &where_to_go {
            Some(way) => finding.suggesting(format!("Name the approved contact only. {way}")),
            None => finding,
        });
    }
    if let (false, Some(way)) = (is_there, where_to_go) {
        let finding =
            Finding::new(LanguageRule::MissingWhereToGo, 0, 0).suggesting(format!("Say where interested people go. {way}"));
        findings.push(Finding { span: None, ..finding });
    }
}

/// Where interested people go: the approved words, or the first approved address.
fn where_to_go(approved: &Approved) -> Option<String> {
    let words = approved.where_to_go.as_ref().map(|words| format!("In the approved words: \u{201c}{words}\u{201d}"));
    words.or_else(|| approved.addresses.first().map(|address| format!("The approved address: {address}")))
}
