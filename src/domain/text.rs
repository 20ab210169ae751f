//! Bounded texts of the contract. Codes have a restricted alphabet, so that they cannot carry a sentence; registered
//! text (names, descriptions, instructions) is written by staff only.

bounded_text! {
    /// Site-unique code of a study or partner: lower case, digits and hyphens.
    pub struct Code { length: 2..=40, pattern: r"^[a-z0-9][a-z0-9-]{1,39}$", guard: "copy", example: "heart-2026" }
}
bounded_text! {
    /// An opaque reference: letters, digits and `. _ : -`, at most 64. Never a name, a date of birth or a record number.
    pub struct Reference { length: 1..=64, pattern: r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$", guard: "code", example: "REF-2026-00017" }
}
bounded_text! {
    /// Tag of a route or a campaign: where somebody came from. It may be called after an illness, and carries no message.
    pub struct SourceTag { length: 1..=64, pattern: r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$", guard: "tag", example: "lakeside.heart" }
}
bounded_text! {
    /// Name of the site, a study or a partner, as shown to people.
    pub struct PublicName { length: 1..=200, guard: "copy", example: "Heart Rhythm Study" }
}
bounded_text! {
    /// Name of a member, as shown to colleagues.
    pub struct DisplayName { length: 1..=120, guard: "copy", example: "Dana Coordinator" }
}
bounded_text! {
    /// Name of an API key, as admins tell keys apart. Never the key, and never a person's name.
    pub struct KeyName { length: 1..=80, guard: "copy", example: "Lakeside portal" }
}
bounded_text! {
    /// A short public description of a study, approved for use with partners.
    pub struct ShortDescription { length: 1..=2000, guard: "copy", example: "A study of two approaches to heart rhythm care. The study team explains who may take part." }
}
bounded_text! {
    /// The sponsor's protocol code.
    pub struct ProtocolCode { length: 1..=64, pattern: r"^[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,63}$", guard: "copy", example: "HRT-2026-01" }
}
bounded_text! {
    /// Id in a public registry (ClinicalTrials.gov, EU CTIS, ISRCTN).
    pub struct RegistryId { length: 4..=32, pattern: r"^[A-Z0-9][A-Z0-9-]{3,31}$", guard: "copy", example: "NCT01234567" }
}
bounded_text! {
    /// Approval reference of the ethics board (IRB or REC).
    pub struct ApprovalReference { length: 1..=64, pattern: r"^[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,63}$", guard: "copy", example: "IRB-2026-114" }
}
bounded_text! {
    /// Country (ISO 3166-1 alpha-2), or country and subdivision (ISO 3166-2).
    pub struct Jurisdiction { length: 2..=6, pattern: r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$", example: "US-CA" }
}
bounded_text! {
    /// An absolute https (or, for local development, http) address.
    pub struct WebUrl { length: 10..=500, pattern: r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~!$&'()*+,;=:@%/?#-]*)?$", format: "uri", example: "https://site.example/intake" }
}
bounded_text! {
    /// IANA time zone.
    pub struct TimeZoneName { length: 2..=64, pattern: r"^[A-Za-z][A-Za-z0-9_+/-]{1,63}$", example: "America/New_York" }
}
bounded_text! {
    /// A period of the week in which the site works, on its wall clock: a weekday and from when to when. `24:00` is the end of the day.
    pub struct OpeningHours { length: 18..=21, pattern: r"^(monday|tuesday|wednesday|thursday|friday|saturday|sunday) ([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", example: "monday 08:00-17:00" }
}
bounded_text! {
    /// A date of the site's calendar (ISO 8601).
    pub struct CalendarDate { length: 10..=10, pattern: r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", format: "date", example: "2026-12-25" }
}
bounded_text! {
    /// ISO 3166 region in which telephone numbers without a country code are read.
    pub struct PhoneRegion { length: 2..=2, pattern: r"^[A-Z]{2}$", example: "US" }
}
bounded_text! {
    /// What the partner tells the person to do on a channel, in the site's approved words.
    pub struct Instruction { length: 1..=500, guard: "copy", example: "Give the person the code and the intake address. The study team answers all questions." }
}
bounded_text! {
    /// Hash of a route's configuration: SHA-256, in hexadecimal.
    pub struct ConfigurationHash { length: 64..=64, pattern: r"^[0-9a-f]{64}$", example: "9d60413d49651f5d294b489ca4e4fae538847ae4fee3d2e1fa96e8e4f61023a4" }
}

impl ConfigurationHash {
    /// The hexadecimal form of a digest.
    #[must_use]
    pub fn of(digest: &[u8; 32]) -> Self {
        Self(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

bounded_text! {
    /// Handoff code for the person to give at the site's intake: ten characters without I, L, O and U.
    pub struct HandoffCode { length: 10..=10, pattern: r"^[0-9A-HJKMNP-TV-Z]{10}$", example: "7Q2MZK4R9D" }
}
bounded_text! {
    /// E-mail address of a member, for alerts.
    pub struct MemberEmail { length: 3..=254, pattern: r"^[^@ ]+@[^@ ]+[.][^@ ]+$", format: "email", guard: "never", example: "dana@site.example" }
}

impl MemberEmail {
    /// The address as it is kept: in lower case, so that one mailbox is one member.
    #[must_use]
    pub fn lower_cased(&self) -> Self {
        Self(self.0.to_ascii_lowercase())
    }
}

bounded_text! {
    /// The issuer of an identity provider's tokens, compared character by character with their `iss`.
    pub struct IssuerUrl { length: 10..=500, pattern: r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?$", format: "uri", guard: "never", example: "https://login.site.example/realms/research" }
}
bounded_text! {
    /// Who a person is to an identity provider: the `sub` of its tokens, compared character by character. Some providers put an
    /// e-mail address there, so it is treated as personal.
    pub struct Subject { length: 1..=255, pattern: r"^[!-~]([ -~]{0,253}[!-~])?$", guard: "never", example: "5f2c8f0e-8f1d-4d52-9a5e-1b8f6c1f7a11" }
}
bounded_text! {
    /// The language that a text is in, as a BCP 47 tag: a language, or a language and a region.
    pub struct Locale { length: 2..=5, pattern: r"^[a-z]{2}(-[A-Z]{2})?$", example: "en-US" }
}
bounded_text! {
    /// A part of a study's language, in approved words: one paragraph.
    pub struct LanguageText { length: 1..=1000, guard: "copy", example: "The study team answers all questions about taking part." }
}
transient_text! {
    /// A handoff code as a person typed it or read it out: in any case, with spaces or hyphens between its groups. Looked up and
    /// dropped: whatever else somebody types there is not kept.
    pub struct SpokenCode { length: 1..=40, pattern: r"^[0-9A-Za-z][0-9A-Za-z -]{0,39}$", example: "7Q2M-ZK4R-9D" }
}
transient_text! {
    /// An e-mail address, for matching only: turned into a keyed digest at once, never stored, logged or echoed.
    pub struct EmailAddress { length: 3..=254, pattern: r"^[^@ ]+@[^@ ]+[.][^@ ]+$", format: "email", guard: "never", example: "person@mail.example" }
}
transient_text! {
    /// A telephone number, for matching only: read in the site's default region unless it begins with `+`, turned into a keyed
    /// digest at once, never stored, logged or echoed.
    pub struct PhoneNumber { length: 3..=40, pattern: r"^[0-9+()./ -]{3,40}$", guard: "never", example: "+1 202 555 0123" }
}
transient_text! {
    /// Columns of a file, with commas between: their names as in its header, or `#7` for the seventh. Compared and dropped.
    pub struct ColumnNames { length: 1..=4000, guard: "never", example: "Notes,Medical history" }
}

impl ColumnNames {
    /// Each of them, in lower case and without the spaces around it.
    pub fn each(&self) -> impl Iterator<Item = String> {
        self.0.split(',').map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty())
    }
}

transient_text! {
    /// A draft for the public: read once in memory for the language check, never stored, logged or echoed. Line breaks of both kinds and tabs
    /// are taken; NUL and other control characters, invisible and direction characters are not (`forbidden_character`).
    pub struct DraftText { length: 1..=20000, multiline: "crlf", guard: "never", example: "The Heart Rhythm Study is looking for adults. You qualify! Call now." }
}

transient_text! {
    /// A text that the guard is asked about, up to 4,000 characters; read in memory, kept nowhere.
    pub struct GuardedText { length: 1..=4000, multiline: "crlf", guard: "never", example: "Moved the call to Tuesday." }
}
