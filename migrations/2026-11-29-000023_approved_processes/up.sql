-- A recorded exception: for this study, and this partner or all of its partners, these extra coded fields may be sent, for this purpose,
-- under this approval, within these days of the site's calendar. Whether it is open follows from its dates and its revocation.
CREATE TABLE approved_processes (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    id uuid NOT NULL,
    study_id uuid NOT NULL,
    -- NULL: every partner with a route for the study.
    partner_id uuid,
    fields text[] NOT NULL CONSTRAINT approved_processes_fields_vocabulary CHECK (fields <@ ARRAY
        ['preferred_contact_time', 'interpreter_language', 'age_band', 'sealed_note']),
    purpose text NOT NULL CONSTRAINT approved_processes_purpose_vocabulary CHECK (purpose IN
        ('contact_planning', 'language_access', 'recruitment_plan', 'warm_handoff')),
    approval_reference text NOT NULL CONSTRAINT approved_processes_approval_reference_length CHECK (char_length(approval_reference) BETWEEN 1 AND 64),
    approved_by uuid NOT NULL,
    valid_from date NOT NULL,
    -- The last day.
    valid_until date NOT NULL,
    revoked_at timestamptz,
    revoked_by uuid,
    revocation_reason text CONSTRAINT approved_processes_revocation_reason_vocabulary CHECK (revocation_reason IN
        ('approval_withdrawn', 'no_longer_needed', 'entered_in_error')),
    version integer NOT NULL CONSTRAINT approved_processes_version_positive CHECK (version > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (site_id, id),
    CONSTRAINT approved_processes_study_exists FOREIGN KEY (site_id, study_id) REFERENCES studies (site_id, id),
    CONSTRAINT approved_processes_partner_exists FOREIGN KEY (site_id, partner_id) REFERENCES partners (site_id, id),
    CONSTRAINT approved_processes_approver_exists FOREIGN KEY (site_id, approved_by) REFERENCES members (site_id, id),
    CONSTRAINT approved_processes_revoker_exists FOREIGN KEY (site_id, revoked_by) REFERENCES members (site_id, id),
    CONSTRAINT approved_processes_open_something CHECK (cardinality(fields) BETWEEN 1 AND 4),
    CONSTRAINT approved_processes_dates_in_order CHECK (valid_until >= valid_from),
    CONSTRAINT approved_processes_revoked_has_reason CHECK ((revoked_at IS NULL) = (revocation_reason IS NULL)
        AND (revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE INDEX approved_processes_by_study ON approved_processes (site_id, study_id, id);
ALTER TABLE approved_processes ENABLE ROW LEVEL SECURITY;
ALTER TABLE approved_processes FORCE ROW LEVEL SECURITY;
CREATE POLICY approved_processes_tenant ON approved_processes TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
-- A partner's request has to know what is open to it.
CREATE POLICY approved_processes_partner ON approved_processes AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL OR partner_id = (SELECT current_partner_id())
        OR (partner_id IS NULL AND EXISTS (SELECT 1 FROM handoff_routes r WHERE r.site_id = approved_processes.site_id
            AND r.study_id = approved_processes.study_id AND r.partner_id = (SELECT current_partner_id()))))
    WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE ON approved_processes TO handoff_app;
