-- One person's operational record, without the person: codes, ids and times only. Contact details arrive as keyed
-- digests in a table of their own, so that no read of a referral can carry them.
CREATE TABLE referrals (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    id uuid NOT NULL,
    partner_id uuid NOT NULL,
    study_id uuid NOT NULL,
    route_id uuid NOT NULL,
    channel text NOT NULL CONSTRAINT referrals_channel_vocabulary CHECK (channel IN ('self_referral', 'secure_form', 'phone_handoff', 'coordinator_queue')),
    source_tag text NOT NULL CONSTRAINT referrals_source_tag_format CHECK (source_tag ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$'),
    attribution text NOT NULL CONSTRAINT referrals_attribution_vocabulary CHECK (attribution IN ('verified', 'unverified', 'corrected')),
    contact_basis text NOT NULL CONSTRAINT referrals_contact_basis_vocabulary CHECK (contact_basis IN
        ('self_referral', 'permission_to_contact', 'hipaa_authorization', 'irb_partial_waiver', 'site_workforce')),
    contact_path text NOT NULL CONSTRAINT referrals_contact_path_vocabulary CHECK (contact_path IN ('person_uses_intake', 'site_record', 'sealed_details')),
    handoff_code text CONSTRAINT referrals_handoff_code_format CHECK (handoff_code ~ '^[0-9A-HJKMNP-TV-Z]{10}$'),
    partner_reference text CONSTRAINT referrals_partner_reference_format CHECK (partner_reference ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$'),
    external_ref text CONSTRAINT referrals_external_ref_format CHECK (external_ref ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$'),
    late_reason text CONSTRAINT referrals_late_reason_vocabulary CHECK (late_reason IN ('phone_handoff_logged_late', 'system_outage', 'paper_backlog')),
    owner_id uuid NOT NULL,
    status text NOT NULL CONSTRAINT referrals_status_vocabulary CHECK (status IN
        ('quarantined', 'received', 'acknowledged', 'contacting', 'connected', 'handed_off', 'on_hold', 'closed')),
    -- The open state an on_hold referral returns to.
    held_status text CONSTRAINT referrals_held_status_vocabulary CHECK (held_status IN
        ('received', 'acknowledged', 'contacting', 'connected', 'handed_off')),
    quarantine_reason text CONSTRAINT referrals_quarantine_reason_vocabulary CHECK (quarantine_reason IN ('contact_withdrawn', 'guard_tripped')),
    blocker text CONSTRAINT referrals_blocker_vocabulary CHECK (blocker IN
        ('awaiting_person_reply', 'awaiting_partner_completion', 'awaiting_study_team_review', 'awaiting_records', 'scheduling_capacity',
         'study_paused', 'duplicate_review', 'route_broken', 'language_lapsed')),
    close_reason text CONSTRAINT referrals_close_reason_vocabulary CHECK (close_reason IN
        ('handoff_complete', 'unreachable_after_attempts', 'no_longer_interested', 'person_requested_no_contact', 'wrong_study', 'wrong_site',
         'study_not_accepting', 'site_capacity', 'duplicate', 'incomplete_handoff', 'channel_not_approved', 'transferred_site',
         'partner_withdrew', 'study_team_closed', 'retention_expired', 'entered_in_error', 'test_referral')),
    reopen_reason text CONSTRAINT referrals_reopen_reason_vocabulary CHECK (reopen_reason IN ('closed_by_mistake', 'person_returned', 'handoff_resumed')),
    next_action text CONSTRAINT referrals_next_action_vocabulary CHECK (next_action IN
        ('acknowledge', 'attempt_contact', 'request_partner_completion', 'resolve_duplicate', 'await_study_team', 'arrange_handoff', 'reroute', 'confirm_close')),
    next_action_due_at timestamptz,
    handoff_issues text[] NOT NULL CONSTRAINT referrals_handoff_issues_vocabulary CHECK (handoff_issues <@ ARRAY
        ['missing_source_tag', 'wrong_study', 'incomplete_handoff', 'sensitive_content_sent', 'channel_not_approved', 'stale_language',
         'expectation_payment', 'expectation_treatment', 'expectation_eligibility', 'expectation_timing', 'materials_unclear']),
    is_test boolean NOT NULL,
    version integer NOT NULL CONSTRAINT referrals_version_positive CHECK (version > 0),
    received_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    -- Restarted by a reopen; milestones count from here.
    clock_started_at timestamptz NOT NULL,
    acknowledged_at timestamptz,
    contacting_at timestamptz,
    connected_at timestamptz,
    handed_off_at timestamptz,
    closed_at timestamptz,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (site_id, id),
    CONSTRAINT referrals_partner_exists FOREIGN KEY (site_id, partner_id) REFERENCES partners (site_id, id),
    CONSTRAINT referrals_study_exists FOREIGN KEY (site_id, study_id) REFERENCES studies (site_id, id),
    CONSTRAINT referrals_route_exists FOREIGN KEY (site_id, route_id) REFERENCES handoff_routes (site_id, id),
    CONSTRAINT referrals_owner_exists FOREIGN KEY (site_id, owner_id) REFERENCES members (site_id, id),
    CONSTRAINT referrals_received_before_recorded CHECK (received_at <= recorded_at + interval '5 minutes'),
    CONSTRAINT referrals_hold_has_blocker CHECK ((status = 'on_hold') = (held_status IS NOT NULL) AND (status <> 'on_hold' OR blocker IS NOT NULL)),
    CONSTRAINT referrals_quarantine_has_reason CHECK ((status = 'quarantined') = (quarantine_reason IS NOT NULL)),
    CONSTRAINT referrals_close_has_reason CHECK ((status = 'closed') = (close_reason IS NOT NULL) AND (status = 'closed') = (closed_at IS NOT NULL)),
    CONSTRAINT referrals_open_has_next_action CHECK ((status = 'closed') = (next_action IS NULL) AND (next_action IS NULL) = (next_action_due_at IS NULL)),
    CONSTRAINT referrals_intake_has_code CHECK ((contact_path = 'person_uses_intake') = (handoff_code IS NOT NULL)),
    CONSTRAINT referrals_site_record_has_reference CHECK (contact_path <> 'site_record' OR external_ref IS NOT NULL)
);
-- Ids are UUIDv7, so that order by id is order of recording and one key serves every page.
CREATE INDEX referrals_by_partner ON referrals (site_id, partner_id, id);
CREATE INDEX referrals_by_study ON referrals (site_id, study_id, id);
CREATE INDEX referrals_by_owner ON referrals (site_id, owner_id, id);
CREATE INDEX referrals_by_status ON referrals (site_id, status, id);
CREATE UNIQUE INDEX referrals_partner_reference_unique ON referrals (site_id, partner_id, partner_reference, is_test) WHERE partner_reference IS NOT NULL;
CREATE UNIQUE INDEX referrals_handoff_code_unique ON referrals (site_id, handoff_code) WHERE handoff_code IS NOT NULL;
CREATE INDEX referrals_by_external_ref ON referrals (site_id, external_ref) WHERE external_ref IS NOT NULL;
ALTER TABLE referrals ENABLE ROW LEVEL SECURITY;
ALTER TABLE referrals FORCE ROW LEVEL SECURITY;
CREATE POLICY referrals_tenant ON referrals TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY referrals_partner ON referrals AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL OR partner_id = (SELECT current_partner_id()))
    WITH CHECK ((SELECT current_partner_id()) IS NULL OR partner_id = (SELECT current_partner_id()));
GRANT SELECT, INSERT, UPDATE ON referrals TO handoff_app;

CREATE TABLE referral_digests (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    referral_id uuid NOT NULL,
    partner_id uuid NOT NULL,
    kind text NOT NULL CONSTRAINT referral_digests_kind_vocabulary CHECK (kind IN ('email', 'phone')),
    digest bytea NOT NULL CONSTRAINT referral_digests_digest_length CHECK (octet_length(digest) = 32),
    PRIMARY KEY (site_id, referral_id, kind),
    CONSTRAINT referral_digests_referral_exists FOREIGN KEY (site_id, referral_id) REFERENCES referrals (site_id, id) ON DELETE CASCADE
);
CREATE INDEX referral_digests_by_digest ON referral_digests (site_id, kind, digest);
ALTER TABLE referral_digests ENABLE ROW LEVEL SECURITY;
ALTER TABLE referral_digests FORCE ROW LEVEL SECURITY;
CREATE POLICY referral_digests_tenant ON referral_digests TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
-- A partner's request writes its own digests and reads none: whether a person is known is never visible to a partner.
CREATE POLICY referral_digests_partner ON referral_digests AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL)
    WITH CHECK ((SELECT current_partner_id()) IS NULL OR partner_id = (SELECT current_partner_id()));
GRANT SELECT, INSERT ON referral_digests TO handoff_app;
