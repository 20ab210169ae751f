//! The registry of problem codes: each has one status, one title and one sentence that says what to do.

/// Declares the registry; the order is that of the document.
macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal, $status:literal, $title:literal;)+) => {
        /// Stable code of a problem; the `type` URI is `urn:handoff:problem:<code>`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorCode { $($(#[doc = $doc])+ $variant),+ }

        impl ErrorCode {
            /// Every code, in documented order.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$variant),+];

            /// The code as it stands in a problem body.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $code),+ } }

            /// The HTTP status it answers with.
            #[must_use]
            pub const fn status(self) -> u16 { match self { $(Self::$variant => $status),+ } }

            /// The short title, the same for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str { match self { $(Self::$variant => $title),+ } }

            /// What happened and what to do, for the caller and for the document.
            #[must_use]
            pub const fn guidance(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii()),+ }
            }
        }
    };
}

error_codes! {
    /// The body is not valid JSON. Send one JSON object, UTF-8, RFC 8259.
    MalformedJson = "malformed_json", 400, "Malformed JSON";
    /// The file is not what its `Content-Type` says, or it broke off; `detail` says where. Nothing of it was kept.
    MalformedFile = "malformed_file", 400, "Malformed file";
    /// The body nests deeper than 16 levels. Send the flat object that the contract describes.
    JsonTooDeep = "json_too_deep", 400, "JSON too deep";
    /// The body is not a JSON object. Send one object, not an array, a string or a number.
    NotAnObject = "not_an_object", 400, "Not an object";
    /// A query parameter is unknown, repeated or outside its bounds; `errors` says which rule. Nothing was read.
    InvalidParameter = "invalid_parameter", 400, "Invalid query parameter";
    /// The cursor is not one that this list gave to this caller for these filters, or it is older than 24 hours. Start again without `cursor`.
    InvalidCursor = "invalid_cursor", 400, "Invalid cursor";
    /// This operation creates something: send an `Idempotency-Key` header (8 to 128 of `A-Z a-z 0-9 . _ : -`), a new one per intent, the same one per retry.
    IdempotencyKeyRequired = "idempotency_key_required", 400, "Idempotency-Key required";
    /// The `Idempotency-Key` header is outside its form: 8 to 128 of `A-Z a-z 0-9 . _ : -`.
    IdempotencyKeyInvalid = "idempotency_key_invalid", 400, "Idempotency-Key invalid";
    /// A header is outside its form. `detail` names the header.
    InvalidHeader = "invalid_header", 400, "Invalid header";
    /// No credentials. Send `Authorization: Bearer` with an API key or a staff token.
    Unauthenticated = "unauthenticated", 401, "Not authenticated";
    /// The credentials are not valid: unknown, mistyped, revoked, or of a member or partner that is no longer active. Ask the site's admin for new ones.
    InvalidCredentials = "invalid_credentials", 401, "Credentials not valid";
    /// The credentials have expired. Take a new token, or ask the site's admin for a new key.
    ExpiredCredentials = "expired_credentials", 401, "Credentials expired";
    /// You are known, but your role or the kind of your credentials does not carry this operation. `detail` says who may.
    Forbidden = "forbidden", 403, "Not permitted";
    /// Your key is known, but lacks the scope. `detail` names the scope to ask for.
    InsufficientScope = "insufficient_scope", 403, "Insufficient scope";
    /// A test key acts on an open test run only, and none is open for this route. Ask the site to open one.
    NoOpenTestRun = "no_open_test_run", 403, "No open test run";
    /// Nobody approves their own words: you wrote this version, or changed it last. Another admin has to approve it.
    FourEyesRequired = "four_eyes_required", 403, "Four eyes required";
    /// There is no such thing here for you: it does not exist, or it belongs to somebody else. Both answer alike.
    NotFound = "not_found", 404, "Not found";
    /// The path exists, this method on it does not. `Allow` lists the methods.
    MethodNotAllowed = "method_not_allowed", 405, "Method not allowed";
    /// This operation answers `application/json`. Send an `Accept` header that takes it, or none.
    NotAcceptable = "not_acceptable", 406, "Not acceptable";
    /// The same idempotency key is being worked on now. Send the same request again after `Retry-After`.
    IdempotencyInFlight = "idempotency_in_flight", 409, "Same key in flight";
    /// The state does not allow this move. `allowed_actions` lists what may be done now.
    IllegalTransition = "illegal_transition", 409, "Move not allowed";
    /// You already used this `partner_reference`; `referral_id` is the referral that carries it. Nothing was created.
    PartnerReferenceUsed = "partner_reference_used", 409, "Partner reference already used";
    /// This name, code or tag is taken within the site. Choose another; `errors` points at it.
    AlreadyExists = "already_exists", 409, "Already exists";
    /// This key is being rotated already: two keys of its name are active. Use the newer one, or revoke one of the two and rotate again.
    RotationInProgress = "rotation_in_progress", 409, "Rotation in progress";
    /// The route takes no referrals now: it is not launched, was changed since its test, or is paused or retired. Ask the site; nothing was created.
    RouteNotLaunched = "route_not_launched", 409, "Route not launched";
    /// The study is not open: it takes no referrals, and while it is paused none goes on. Ask the site, or open the study; nothing was changed.
    StudyNotOpen = "study_not_open", 409, "Study not open";
    /// The partner is not active, so it cannot refer. Ask the site; nothing was created.
    PartnerNotActive = "partner_not_active", 409, "Partner not active";
    /// The language that the partner acknowledged for this study is not the current approved one. Acknowledge the current version, or ask the site for it; nothing was created.
    LanguageLapsed = "language_lapsed", 409, "Language lapsed";
    /// The route has taken as many referrals this calendar month as the site can handle. Send again next month, or ask the site; nothing was created.
    RouteAtCapacity = "route_at_capacity", 409, "Route at capacity";
    /// The referral of this handoff code carries another `external_ref`; `referral_id` is that referral. Nothing was changed: the person is known there. Send its reference, or change it with `update_referral` first.
    ExternalRefDiffers = "external_ref_differs", 409, "Another external reference";
    /// The route is not ready; `launch_blockers` lists every check that does not hold, and what to do about each. `GET /v1/routes/{id}/launch-check` lists them all at any time. Nothing was changed.
    LaunchBlocked = "launch_blocked", 409, "Launch blocked";
    /// The state of this resource does not allow the change. `detail` says why.
    StateConflict = "state_conflict", 409, "State conflict";
    /// The member is away at this time already: its other window overlaps this one. Change or delete that one, or plan another time.
    AwayWindowOverlaps = "away_window_overlaps", 409, "Away window overlaps";
    /// The site would be left without an active admin. Make another member admin first, or reactivate one.
    LastAdmin = "last_admin", 409, "Last admin";
    /// The site would be left without a site lead. Name another active member with role `admin` or `coordinator` first: with `is_site_lead` on that member, or with `new_site_lead` when you deactivate.
    SiteLeadRequired = "site_lead_required", 409, "Site lead required";
    /// The member still owns open referrals, or is owner or backup owner of routes that are not retired; `open_work` lists them. Nothing was changed. Deactivate with `reassign_to`, or give the work to others first.
    OpenWork = "open_work", 409, "Open work";
    /// The two referrals are for different studies. One person may be referred to two: only records for one study are duplicates.
    AcrossStudies = "across_studies", 409, "Across studies";
    /// Only a draft is changed. Send a version in review back to draft, or write a new version.
    VersionNotDraft = "version_not_draft", 409, "Version not a draft";
    /// The draft lacks what a reviewer decides by; `errors` lists what. Add it, and submit it again.
    LanguageIncomplete = "language_incomplete", 409, "Language incomplete";
    /// The last day of this approval is over. Send the version back to draft and give it the dates of an approval that still holds.
    ApprovalExpired = "approval_expired", 409, "Approval expired";
    /// Another approved version of this study and locale takes effect on the same day, or is in force and took effect later. Give this one a later effective date, or retire the other one.
    LanguageOverlaps = "language_overlaps", 409, "Language overlaps";
    /// This version does not count: it was superseded or retired, or its approval is over. `current_version_id` is the one that does, if there is one. Read that one, and acknowledge it.
    VersionNotCurrent = "version_not_current", 409, "Version not current";
    /// The study has no approved language that counts today, or none in this locale, or none that is scheduled if you asked for that. Ask the site.
    NoApprovedLanguage = "no_approved_language", 409, "No approved language";
    /// The resource has changed since you read it. Read it again and repeat the change with its new `ETag`.
    StaleVersion = "stale_version", 412, "Stale version";
    /// The body is larger than this operation takes (32 KiB). Nothing was kept of it. Shorten it, or send it in several requests.
    BodyTooLarge = "body_too_large", 413, "Body too large";
    /// Send the body as `Content-Type: application/json` (UTF-8); a PATCH may say `application/merge-patch+json`.
    UnsupportedMediaType = "unsupported_media_type", 415, "Unsupported media type";
    /// The body breaks the contract; `errors` lists every place. Nothing was kept of it. Correct all of them and send it again.
    InvalidBody = "invalid_body", 422, "Body outside the contract";
    /// The body carries a field that the contract does not have; `errors` lists every place. Nothing was kept of it. Send the contract's fields only; details of a person belong to the site's intake, `intake_url`.
    UnknownField = "unknown_field", 422, "Unknown field";
    /// The body carries a field that looks like personal or medical information. It was refused whole and nothing of it was kept. Do not send it here: the person gives such details at the site's intake, `intake_url`.
    SensitiveField = "sensitive_field", 422, "Sensitive field refused";
    /// The body carries a value that looks like personal or medical information, or that hides what it says; `errors` lists every place with its category and rule. It was refused whole and nothing of it was kept. Send codes only: the person gives such details at the site's intake, `intake_url`.
    SensitiveContent = "sensitive_content", 422, "Sensitive content refused";
    /// The same idempotency key was used with another body. Use a new key for a new intent, or send the first body again.
    IdempotencyKeyReused = "idempotency_key_reused", 422, "Idempotency-Key reused";
    /// Send `If-Match` with the `ETag` of the version that you read, so that nobody's change is lost.
    IfMatchRequired = "if_match_required", 428, "If-Match required";
    /// This key, its site or this address has sent more requests in a minute than it may. Nothing was done; send it again after `Retry-After`, and spread requests out by what `RateLimit` says is left.
    RateLimited = "rate_limited", 429, "Too many requests";
    /// Something failed on our side. Nothing of this request was kept; `request_id` finds it in the log.
    Internal = "internal", 500, "Internal error";
    /// More requests are under way than the server takes at once. Nothing was done; send it again after `Retry-After`.
    Overloaded = "overloaded", 503, "Busy";
    /// The report's sums are being made anew, after a large import or a change of the site's time zone. Ask again after `Retry-After`.
    ReportNotReady = "report_not_ready", 503, "Report not ready";
    /// The deadline of the request passed before its answer was certain. Send it again after `Retry-After`, with the same idempotency key.
    DeadlineExceeded = "deadline_exceeded", 503, "Deadline exceeded";
    /// The database cannot be reached. Send the request again after `Retry-After`, with the same idempotency key.
    DatabaseUnavailable = "database_unavailable", 503, "Database unavailable";
    /// The site's identity provider cannot be reached, and the key of this token is not known yet. Nothing was done; send the request again after `Retry-After`.
    IdentityProviderUnavailable = "identity_provider_unavailable", 503, "Identity provider unavailable";
}

impl ErrorCode {
    /// The stable URI of the problem type, documented in the contract.
    #[must_use]
    pub fn type_uri(self) -> String {
        format!("urn:handoff:problem:{}", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_snake_case_and_their_guidance_is_a_sentence() {
        let mut seen = std::collections::BTreeSet::new();
        for code in ErrorCode::ALL {
            assert!(seen.insert(code.as_str()), "{code:?} twice");
            assert!(code.as_str().chars().all(|c| c.is_ascii_lowercase() || c == '_'));
            assert!(code.guidance().ends_with('.') && code.guidance().len() > 20, "{code:?}");
            assert!((400..600).contains(&code.status()));
        }
    }
}
