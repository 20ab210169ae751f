//! The string formats of the contract, each as narrow as what the typed structs and Postgres take.

use chrono::{DateTime, Datelike, NaiveDate};
use url::Url;

use crate::domain::fault::FaultCode;

/// A `format` of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Uuid,
    DateTime,
    Date,
    Uri,
    Email,
    /// `password`: a display hint; the content is free within its length.
    Secret,
}

/// What is wrong with a text of some format.
pub(super) type FormatFault = (FaultCode, &'static str);

/// Years a referral can have to do with. Beyond them clients send placeholder dates, and Postgres and
/// chrono disagree about the ends of time.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=9999;
const YEARS_MESSAGE: &str = "Send a year from 1900 to 9999.";

impl Format {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "uuid" => Self::Uuid,
            "date-time" => Self::DateTime,
            "date" => Self::Date,
            "uri" => Self::Uri,
            "email" => Self::Email,
            "password" => Self::Secret,
            _ => return None,
        })
    }

    /// Whether the format itself bounds the length.
    pub(super) fn is_bounded(self) -> bool {
        matches!(self, Self::Uuid | Self::DateTime | Self::Date)
    }

    pub(super) fn check(self, text: &str) -> Result<(), FormatFault> {
        let bad = |message| Err((FaultCode::BadFormat, message));
        match self {
            Self::Uuid if !is_uuid(text) => bad("Send a UUID in its hyphenated form of 36 characters."),
            Self::DateTime => date_time(text),
            Self::Date => date(text),
            Self::Uri if !is_web_address(text) => bad("Send an absolute https or http address without user name or password."),
            Self::Email if !is_email(text) => bad("Send one e-mail address, such as a@b.example."),
            _ => Ok(()),
        }
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// RFC 3339 with `Z` or an offset. chrono also takes lower case, a space for `T` and leap seconds, which
/// other readers of the same body do not, so the layout is checked before the calendar.
fn date_time(text: &str) -> Result<(), FormatFault> {
    let bad = Err((FaultCode::BadFormat, "Send an RFC 3339 time with Z or an offset, such as 2026-01-31T09:30:00Z."));
    let Some((clock, rest)) = text.split_at_checked(19) else {
        return bad;
    };
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if !(1..=9).contains(&(fraction.len() - zone.len())) {
                return bad;
            }
            zone
        }
        None => rest,
    };
    let zoned = zone == "Z" || fits(zone, "+00:00") || fits(zone, "-00:00");
    if !(fits(clock, "0000-00-00T00:00:00") && zoned) || clock.ends_with("60") {
        return bad;
    }
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) if YEARS.contains(&time.to_utc().year()) => Ok(()),
        Ok(_) => Err((FaultCode::OutOfRange, YEARS_MESSAGE)),
        Err(_) => bad,
    }
}

fn date(text: &str) -> Result<(), FormatFault> {
    let parsed = fits(text, "0000-00-00").then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten();
    match parsed {
        Some(date) if YEARS.contains(&date.year()) => Ok(()),
        Some(_) => Err((FaultCode::OutOfRange, YEARS_MESSAGE)),
        None => Err((FaultCode::BadFormat, "Send an ISO 8601 date, such as 2026-01-31.")),
    }
}

/// Digits where the layout has `0`, the same byte elsewhere.
fn fits(text: &str, layout: &str) -> bool {
    text.len() == layout.len()
        && text.bytes().zip(layout.bytes()).all(|(byte, want)| if want == b'0' { byte.is_ascii_digit() } else { byte == want })
}

/// The WHATWG parser repairs (`https:\\host`, `https:///host`, tabs); an address that needs repair is refused.
fn is_web_address(text: &str) -> bool {
    let after_scheme = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    after_scheme.is_some_and(|rest| !rest.starts_with('/'))
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&byte))
        && Url::parse(text).is_ok_and(|url| {
            url.host_str().is_some_and(|host| !host.is_empty()) && url.username().is_empty() && url.password().is_none()
        })
}

/// A conservative address: dot-atom before the `@`, a dotted host name after it.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let atom = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c));
    let label = |part: &str| {
        (1..=63).contains(&part.len())
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    text.len() <= 254 && local.len() <= 64 && local.split('.').all(atom) && domain.contains('.') && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(format: Format, text: &str) -> Option<FaultCode> {
        format.check(text).err().map(|(code, _)| code)
    }

    #[test]
    fn times_are_rfc_3339_with_a_zone() {
        for good in [
            "2026-01-31T09:30:00Z",
            "2026-01-31T09:30:00.5Z",
            "2026-01-31T09:30:00.123456789+02:00",
            "1900-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "2024-02-29T00:00:00-00:00",
        ] {
            assert_eq!(verdict(Format::DateTime, good), None, "{good}");
        }
        for bad in [
            "",
            "2026-01-31",
            "2026-01-31T09:30:00",
            "2026-01-31 09:30:00Z",
            "2026-01-31t09:30:00z",
            "2026-01-31T09:30Z",
            "2026-01-31T09:30:60Z",
            "2026-01-31T24:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-31T09:30:00.Z",
            "2026-01-31T09:30:00.1234567890Z",
            "2026-01-31T09:30:00+0200",
            "2026-01-31T09:30:00+25:00",
            "+2026-01-31T09:30:00Z",
            "２026-01-31T09:30:00Z",
            "2026-01-31T09:30:00Z ",
            "1738315800",
        ] {
            assert_eq!(verdict(Format::DateTime, bad), Some(FaultCode::BadFormat), "{bad}");
        }
        for far in ["1899-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "1900-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"] {
            assert_eq!(verdict(Format::DateTime, far), Some(FaultCode::OutOfRange), "{far}");
        }
    }

    #[test]
    fn dates_are_calendar_dates() {
        assert_eq!(verdict(Format::Date, "2024-02-29"), None);
        for bad in ["2025-02-29", "2026-1-31", "20260131", "2026-01-31Z", " 2026-01-31"] {
            assert_eq!(verdict(Format::Date, bad), Some(FaultCode::BadFormat), "{bad}");
        }
        assert_eq!(verdict(Format::Date, "0001-01-01"), Some(FaultCode::OutOfRange));
    }

    #[test]
    fn uuids_are_hyphenated_hex() {
        assert_eq!(verdict(Format::Uuid, "019a2b3c-0000-7000-8000-00000000000A"), None);
        for bad in [
            "019a2b3c000070008000000000000000",
            "{019a2b3c-0000-7000-8000-000000000000}",
            "urn:uuid:019a2b3c-0000-7000-8000-000000000000",
            "019a2b3c-0000-7000-8000-00000000000g",
            "019a2b3c-0000-7000-80000-0000000000000",
        ] {
            assert_eq!(verdict(Format::Uuid, bad), Some(FaultCode::BadFormat), "{bad}");
        }
    }

    #[test]
    fn addresses_are_absolute_and_without_credentials() {
        for good in ["https://example.org", "http://127.0.0.1:9000/hook?a=b#c", "https://[::1]/x"] {
            assert_eq!(verdict(Format::Uri, good), None, "{good}");
        }
        for bad in [
            "example.org",
            "ftp://example.org",
            "https:example.org",
            "https://",
            "https:///x",
            "https:\\\\example.org",
            "https://u:p@example.org",
            "https://u@example.org",
            "https://exa mple.org",
            "javascript:alert(1)",
            "HTTPS://example.org",
            "https://example.org/ü",
            "https://[::1",
            "https://example.org:99999",
        ] {
            assert_eq!(verdict(Format::Uri, bad), Some(FaultCode::BadFormat), "{bad}");
        }
    }

    #[test]
    fn e_mail_addresses_are_single_and_dotted() {
        for good in ["a@b.example", "first.last+tag@sub.b-c.example", "müller@bücher.example"] {
            assert_eq!(verdict(Format::Email, good), None, "{good}");
        }
        for bad in [
            "",
            "a",
            "a@b",
            "@b.example",
            "a@",
            "a@.example",
            "a..b@c.example",
            "a@b.example, c@d.example",
            "A <a@b.example>",
            "a@-b.example",
            "a@b.example\n",
        ] {
            assert_eq!(verdict(Format::Email, bad), Some(FaultCode::BadFormat), "{bad}");
        }
    }
}
