//! Imports of referrals: their words, what a column may be, and which row is which.

use sha2::{Digest as _, Sha256};

use super::ids::SiteId;
use super::text::Reference;

text_enum! {
    /// Where an import stands: its file is coming in (`receiving`), it waits (`queued`), its rows are being done (`running`), all of them
    /// are (`completed`), somebody ended it (`cancelled`), or it could not go on (`stopped`, with `stop_reason`).
    pub enum ImportStatus {
        Receiving = "receiving", Queued = "queued", Running = "running", Completed = "completed", Cancelled = "cancelled", Stopped = "stopped",
    }
}

impl ImportStatus {
    /// Whether nothing more happens.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Stopped)
    }
}

text_enum! {
    /// Why an import was stopped: whoever imports was deactivated in the middle of it, or their key revoked with no other left to their system
    /// (`caller_revoked`); or contact details were digested before the server's master key was rotated (`master_key_rotated`): send the file
    /// again.
    pub enum ImportStopReason { CallerRevoked = "caller_revoked", MasterKeyRotated = "master_key_rotated" }
}

text_enum! {
    /// What kind of file it is.
    pub enum ImportFormat { Csv = "csv", Ndjson = "ndjson" }
}

text_enum! {
    /// What stands between the cells of a CSV file.
    pub enum ImportDelimiter { Comma = "comma", Semicolon = "semicolon", Tab = "tab", Pipe = "pipe" }
}

impl ImportDelimiter {
    /// The byte itself.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Pipe => b'|',
        }
    }
}

text_enum! {
    /// What became of a row: a referral was created, it had been imported before (`unchanged`), or it was refused. In a dry run: what would
    /// become of it.
    pub enum ImportOutcome { Created = "created", Unchanged = "unchanged", Refused = "refused" }
}

text_enum! {
    /// What a column of a file is read as: a field of the contract.
    pub enum ImportField {
        RowKey = "row_key",
        Partner = "partner",
        Study = "study",
        Channel = "channel",
        ContactBasis = "contact_basis",
        ContactPath = "contact_path",
        PartnerReference = "partner_reference",
        ExternalRef = "external_ref",
        LateReason = "late_reason",
        ReceivedAt = "received_at",
        SourceTag = "source_tag",
        MatchEmail = "match.email",
        MatchPhone = "match.phone",
    }
}

impl ImportField {
    /// Those that every file has.
    pub const REQUIRED: [Self; 5] = [Self::Partner, Self::Study, Self::Channel, Self::ContactBasis, Self::ContactPath];
    /// Those that tell rows apart; a file has one of them at least, and each row a value in one.
    pub const TELLING_APART: [Self; 3] = [Self::RowKey, Self::ExternalRef, Self::PartnerReference];

    /// The field that a column header names, in any case and with spaces, hyphens or dots for underscores.
    #[must_use]
    pub fn of_header(header: &str) -> Option<Self> {
        let plain = |text: &str| -> String {
            text.trim().chars().map(|c| if matches!(c, ' ' | '-' | '.') { '_' } else { c.to_ascii_lowercase() }).collect()
        };
        let header = plain(header);
        Self::ALL.iter().copied().find(|field| plain(field.as_str()) == header)
    }

    /// The field at this pointer of a row.
    #[must_use]
    pub fn at(pointer: &str) -> Option<Self> {
        Self::from_code(&pointer.trim_start_matches('/').replace('/', "."))
    }
}

text_enum! {
    /// Why a row was refused as a whole: it is no JSON, or no object; it has another number of cells than the header; its key was imported
    /// before with other content; or what `create_referral` would answer.
    pub enum RowRefusal {
        MalformedJson = "malformed_json",
        NotAnObject = "not_an_object",
        JsonTooDeep = "json_too_deep",
        RowWidth = "row_width",
        RowKeyUsed = "row_key_used",
        PartnerReferenceUsed = "partner_reference_used",
        RouteNotLaunched = "route_not_launched",
        StudyNotOpen = "study_not_open",
        PartnerNotActive = "partner_not_active",
        LanguageLapsed = "language_lapsed",
        RouteAtCapacity = "route_at_capacity",
    }
}

/// One reason why a row was refused: the column, where it lies in one, and a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFault {
    /// The column; `None`: the row as a whole.
    pub column: Option<ImportField>,
    /// A code of a place of a body, or of [`RowRefusal`].
    pub code: String,
}

impl RowFault {
    /// A fault in a column.
    pub fn in_column(column: Option<ImportField>, code: impl Into<String>) -> Self {
        Self { column, code: code.into() }
    }

    /// A fault of the whole row.
    #[must_use]
    pub fn of_row(refusal: RowRefusal) -> Self {
        Self { column: None, code: refusal.as_str().to_owned() }
    }

    /// Many faults as they are kept: `column code;column code`.
    #[must_use]
    pub fn to_text(faults: &[Self]) -> String {
        let one = |fault: &Self| format!("{} {}", fault.column.map_or("", ImportField::as_str), fault.code);
        faults.iter().map(one).collect::<Vec<_>>().join(";")
    }

    /// Faults that were kept.
    #[must_use]
    pub fn from_text(text: &str) -> Vec<Self> {
        let one = |fault: &str| {
            let (column, code) = fault.split_once(' ')?;
            Some(Self { column: ImportField::from_code(column), code: code.to_owned() })
        };
        text.split(';').filter_map(one).collect()
    }
}

/// Sixteen bytes that stand for a row, or for what it says.
pub type RowDigest = [u8; 16];

/// Which row it is, whatever file it stands in: its own key, or else the site's reference, or else the partner's, each within partner and
/// study; `None`: it has none of them.
#[must_use]
pub fn row_key(
    site: SiteId,
    key: Option<&Reference>,
    (partner, study): (&str, &str),
    external_ref: Option<&Reference>,
    partner_reference: Option<&Reference>,
) -> Option<RowDigest> {
    let text = |reference: &Reference| reference.as_str().to_owned();
    let parts: [String; 4] = match (key, external_ref, partner_reference) {
        (Some(key), ..) => ["row_key".into(), String::new(), String::new(), text(key)],
        (None, Some(reference), _) => ["external_ref".into(), partner.into(), study.into(), text(reference)],
        (None, None, Some(reference)) => ["partner_reference".into(), partner.into(), study.into(), text(reference)],
        (None, None, None) => return None,
    };
    Some(digest(site, parts.iter().map(String::as_str)))
}

/// A digest of parts that cannot be mistaken for one another.
pub fn digest<'a>(site: SiteId, parts: impl IntoIterator<Item = &'a str>) -> RowDigest {
    let mut hash = Sha256::new();
    hash.update(site.0.as_bytes());
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_people_write_them_and_only_whole() {
        for (header, field) in [
            ("study", ImportField::Study),
            (" Contact Basis ", ImportField::ContactBasis),
            ("CONTACT-PATH", ImportField::ContactPath),
            ("match_email", ImportField::MatchEmail),
            ("Match.Phone", ImportField::MatchPhone),
        ] {
            assert_eq!(ImportField::of_header(header), Some(field), "{header}");
        }
        for header in ["", "studies", "study name", "e-mail", "email", "notes", "ſtudy"] {
            assert_eq!(ImportField::of_header(header), None, "{header}");
        }
        assert_eq!(ImportField::at("/match/email"), Some(ImportField::MatchEmail));
        assert_eq!(ImportField::at("/study"), Some(ImportField::Study));
        assert_eq!(ImportField::at(""), None);
    }

    #[test]
    fn faults_are_kept_and_read_again() {
        let faults = vec![
            RowFault::in_column(Some(ImportField::MatchEmail), "bad_format"),
            RowFault::of_row(RowRefusal::RouteNotLaunched),
            RowFault::in_column(None, "sensitive_content"),
        ];
        let text = RowFault::to_text(&faults);
        assert_eq!(text, "match.email bad_format; route_not_launched; sensitive_content");
        assert_eq!(RowFault::from_text(&text), faults);
    }

    #[test]
    fn a_row_is_known_by_its_key_and_then_by_its_references() {
        let site = SiteId(uuid::Uuid::from_u128(1));
        let reference = |text: &str| Reference::parse(text).unwrap();
        let (a, b) = (reference("A-1"), reference("B-1"));
        let of = |key, external, partner| row_key(site, key, ("clinic", "heart"), external, partner);
        assert_eq!(of(Some(&a), Some(&b), None), row_key(site, Some(&a), ("other", "study"), None, None));
        assert_ne!(of(Some(&a), None, None), of(None, Some(&a), None));
        assert_ne!(of(None, Some(&a), None), of(None, None, Some(&a)));
        assert_ne!(of(None, Some(&a), None), row_key(site, None, ("clinic", "lung"), Some(&a), None));
        assert_ne!(row_key(site, None, ("ab", "c"), Some(&a), None), row_key(site, None, ("a", "bc"), Some(&a), None));
        assert_ne!(
            of(Some(&a), None, None),
            row_key(SiteId(uuid::Uuid::from_u128(2)), Some(&a), ("clinic", "heart"), None, None)
        );
        assert_eq!(of(None, None, None), None);
    }
}
