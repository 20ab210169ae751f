-- Approved language: what may be said of a study, as a board approved it. A version is written once; what is approved never changes,
-- so that an acknowledgement means the same words for ever. Dates are days of the site's calendar.
CREATE TABLE language_versions (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    id uuid NOT NULL,
    study_id uuid NOT NULL,
    locale text NOT NULL CONSTRAINT language_versions_locale_format CHECK (locale ~ '^[a-z]{2}(-[A-Z]{2})?$'),
    audience text NOT NULL CONSTRAINT language_versions_audience_vocabulary CHECK (audience IN
        ('general_public', 'patients_and_families', 'health_professionals')),
    public_name text NOT NULL CONSTRAINT language_versions_public_name_length CHECK (char_length(public_name) BETWEEN 1 AND 200),
    short_description text NOT NULL CONSTRAINT language_versions_short_description_length CHECK (char_length(short_description) BETWEEN 1 AND 2000),
    who_may_contact text NOT NULL CONSTRAINT language_versions_who_may_contact_length CHECK (char_length(who_may_contact) BETWEEN 1 AND 1000),
    what_site_reviews text NOT NULL CONSTRAINT language_versions_what_site_reviews_length CHECK (char_length(what_site_reviews) BETWEEN 1 AND 1000),
    what_not_to_promise text NOT NULL CONSTRAINT language_versions_what_not_to_promise_length CHECK (char_length(what_not_to_promise) BETWEEN 1 AND 1000),
    where_to_go text NOT NULL CONSTRAINT language_versions_where_to_go_length CHECK (char_length(where_to_go) BETWEEN 1 AND 1000),
    who_handles_questions text NOT NULL CONSTRAINT language_versions_who_handles_questions_length CHECK (char_length(who_handles_questions) BETWEEN 1 AND 1000),
    -- NULL while it is a draft: the board has not decided yet.
    approval_reference text CONSTRAINT language_versions_approval_reference_length CHECK (char_length(approval_reference) BETWEEN 1 AND 64),
    effective_on date,
    -- The last day of the approval.
    expires_on date,
    -- How long acknowledgements of the version before it still count once this one is in force.
    grace_days integer NOT NULL CONSTRAINT language_versions_grace_days_range CHECK (grace_days BETWEEN 0 AND 90),
    status text NOT NULL CONSTRAINT language_versions_status_vocabulary CHECK (status IN ('draft', 'in_review', 'approved', 'superseded', 'retired')),
    author_id uuid NOT NULL,
    last_editor_id uuid NOT NULL,
    submitted_at timestamptz,
    -- Why it last went back to draft.
    return_reason text CONSTRAINT language_versions_return_reason_vocabulary CHECK (return_reason IN
        ('wording_unclear', 'part_incomplete', 'promises_too_much', 'approval_not_matching', 'dates_wrong')),
    approved_by uuid,
    approved_at timestamptz,
    -- The first day on which it counts: the effective date, or the day of its approval where that came later.
    in_force_on date,
    superseded_by_id uuid,
    superseded_on date,
    retired_on date,
    retirement_reason text CONSTRAINT language_versions_retirement_reason_vocabulary CHECK (retirement_reason IN
        ('approval_withdrawn', 'study_ended', 'entered_in_error', 'expired')),
    version integer NOT NULL CONSTRAINT language_versions_version_positive CHECK (version > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (site_id, id),
    CONSTRAINT language_versions_study_exists FOREIGN KEY (site_id, study_id) REFERENCES studies (site_id, id),
    CONSTRAINT language_versions_author_exists FOREIGN KEY (site_id, author_id) REFERENCES members (site_id, id),
    CONSTRAINT language_versions_last_editor_exists FOREIGN KEY (site_id, last_editor_id) REFERENCES members (site_id, id),
    CONSTRAINT language_versions_approver_exists FOREIGN KEY (site_id, approved_by) REFERENCES members (site_id, id),
    CONSTRAINT language_versions_successor_exists FOREIGN KEY (site_id, superseded_by_id) REFERENCES language_versions (site_id, id),
    CONSTRAINT language_versions_dates_in_order CHECK (expires_on >= effective_on),
    CONSTRAINT language_versions_complete_from_review_on CHECK (status IN ('draft', 'retired')
        OR (approval_reference IS NOT NULL AND effective_on IS NOT NULL AND expires_on IS NOT NULL AND submitted_at IS NOT NULL)),
    -- Nobody approves their own words: the last line behind the rule.
    CONSTRAINT language_versions_four_eyes CHECK (approved_by <> author_id AND approved_by <> last_editor_id),
    CONSTRAINT language_versions_approved_is_signed CHECK ((approved_at IS NULL) = (approved_by IS NULL) AND (approved_at IS NULL) = (in_force_on IS NULL)
        AND (status NOT IN ('approved', 'superseded') OR approved_at IS NOT NULL)
        AND (status NOT IN ('draft', 'in_review') OR approved_at IS NULL)),
    CONSTRAINT language_versions_superseded_by_one CHECK ((status = 'superseded') = (superseded_on IS NOT NULL)
        AND (superseded_on IS NULL) = (superseded_by_id IS NULL)),
    CONSTRAINT language_versions_retired_has_reason CHECK ((status = 'retired') = (retired_on IS NOT NULL) AND (retired_on IS NULL) = (retirement_reason IS NULL))
);
-- Two approved versions that begin on one day would leave open which one counts.
CREATE UNIQUE INDEX language_versions_one_per_day ON language_versions (site_id, study_id, locale, effective_on) WHERE status = 'approved';
-- The list, the versions of a study, and what a job has to look at.
CREATE INDEX language_versions_by_study ON language_versions (site_id, study_id, id);
CREATE INDEX language_versions_approved ON language_versions (site_id, expires_on) WHERE status = 'approved';
ALTER TABLE language_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE language_versions FORCE ROW LEVEL SECURITY;
CREATE POLICY language_versions_tenant ON language_versions TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
-- A partner sees what was approved for a study that it has a route for; of what is being written, nothing.
CREATE POLICY language_versions_partner ON language_versions AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL OR (approved_at IS NOT NULL AND EXISTS (SELECT 1 FROM handoff_routes r
        WHERE r.site_id = language_versions.site_id AND r.study_id = language_versions.study_id AND r.partner_id = (SELECT current_partner_id()))))
    WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE ON language_versions TO handoff_app;

ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_subject_kind_vocabulary;
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_subject_kind_vocabulary CHECK (subject_kind IN
    ('site', 'member', 'api_key', 'study', 'partner', 'route', 'referral', 'contact_withdrawal', 'away_window', 'duplicate_review', 'alert',
     'language_version', 'approved_process'));
