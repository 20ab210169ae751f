-- Files of referrals that the site brings in. What a file holds is checked while it comes in: only rows inside the contract wait here,
-- as codes and digests, and only until their batch is done. Nothing that was refused is kept, but for the codes of why.
CREATE TABLE referral_imports (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    id uuid NOT NULL,
    status text NOT NULL CONSTRAINT referral_imports_status_vocabulary CHECK (status IN
        ('receiving', 'queued', 'running', 'completed', 'cancelled', 'stopped')),
    stop_reason text CONSTRAINT referral_imports_stop_reason_vocabulary CHECK (stop_reason IN ('caller_revoked', 'master_key_rotated')),
    format text NOT NULL CONSTRAINT referral_imports_format_vocabulary CHECK (format IN ('csv', 'ndjson')),
    encoding text CONSTRAINT referral_imports_encoding_format CHECK (encoding ~ '^[A-Za-z0-9_-]{1,40}$'),
    delimiter text CONSTRAINT referral_imports_delimiter_vocabulary CHECK (delimiter IN ('comma', 'semicolon', 'tab', 'pipe')),
    -- What each column of the file is read as; '': left out.
    column_fields text[] NOT NULL CONSTRAINT referral_imports_column_fields_vocabulary CHECK (column_fields <@ ARRAY[
        '', 'row_key', 'partner', 'study', 'channel', 'contact_basis', 'contact_path', 'partner_reference', 'external_ref', 'late_reason',
        'received_at', 'source_tag', 'match.email', 'match.phone']),
    dry_run boolean NOT NULL,
    -- Who imports: each referral is recorded as theirs, and nothing goes on once they may no more.
    actor_kind text NOT NULL CONSTRAINT referral_imports_actor_kind_vocabulary CHECK (actor_kind IN ('staff', 'site_key')),
    actor_id uuid NOT NULL,
    api_key_id uuid,
    rows integer NOT NULL CONSTRAINT referral_imports_rows_range CHECK (rows >= 0),
    created integer NOT NULL CONSTRAINT referral_imports_created_range CHECK (created >= 0),
    unchanged integer NOT NULL CONSTRAINT referral_imports_unchanged_range CHECK (unchanged >= 0),
    refused integer NOT NULL CONSTRAINT referral_imports_refused_range CHECK (refused >= 0),
    version integer NOT NULL CONSTRAINT referral_imports_version_positive CHECK (version > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    started_at timestamptz,
    ended_at timestamptz,
    PRIMARY KEY (site_id, id),
    CONSTRAINT referral_imports_stopped_has_reason CHECK ((status = 'stopped') = (stop_reason IS NOT NULL)),
    CONSTRAINT referral_imports_ended CHECK ((status IN ('completed', 'cancelled', 'stopped')) = (ended_at IS NOT NULL)),
    CONSTRAINT referral_imports_key_of_site CHECK ((actor_kind = 'site_key') = (api_key_id IS NOT NULL)),
    CONSTRAINT referral_imports_within_rows CHECK (created::bigint + unchanged + refused <= rows)
);
-- What is to be done, the oldest first; what came in and was never finished.
CREATE INDEX referral_imports_open ON referral_imports (site_id, id) WHERE ended_at IS NULL;
CREATE INDEX referral_imports_old ON referral_imports (site_id, ended_at) WHERE ended_at IS NOT NULL;
ALTER TABLE referral_imports ENABLE ROW LEVEL SECURITY;
ALTER TABLE referral_imports FORCE ROW LEVEL SECURITY;
CREATE POLICY referral_imports_tenant ON referral_imports TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY referral_imports_partner ON referral_imports AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON referral_imports TO handoff_app;

-- Rows that wait, several hundred of the file in each: codes and digests alone, gone once they are done.
CREATE TABLE referral_import_batches (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    import_id uuid NOT NULL,
    first_row integer NOT NULL CONSTRAINT referral_import_batches_first_row_positive CHECK (first_row > 0),
    staged text NOT NULL CONSTRAINT referral_import_batches_staged_length CHECK (octet_length(staged) <= 16000000),
    PRIMARY KEY (site_id, import_id, first_row),
    CONSTRAINT referral_import_batches_import_exists FOREIGN KEY (site_id, import_id) REFERENCES referral_imports (site_id, id) ON DELETE CASCADE
);
ALTER TABLE referral_import_batches ENABLE ROW LEVEL SECURITY;
ALTER TABLE referral_import_batches FORCE ROW LEVEL SECURITY;
CREATE POLICY referral_import_batches_tenant ON referral_import_batches TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY referral_import_batches_partner ON referral_import_batches AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, DELETE ON referral_import_batches TO handoff_app;

-- What became of each row. Why one was refused stands as codes with the contract's own names of columns.
CREATE TABLE referral_import_results (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    import_id uuid NOT NULL,
    row_number integer NOT NULL CONSTRAINT referral_import_results_row_number_positive CHECK (row_number > 0),
    outcome text NOT NULL CONSTRAINT referral_import_results_outcome_vocabulary CHECK (outcome IN ('created', 'unchanged', 'refused')),
    referral_id uuid,
    faults text CONSTRAINT referral_import_results_faults_format CHECK (faults ~ '^[a-z_. ]+(;[a-z_. ]+)*$'),
    PRIMARY KEY (site_id, import_id, row_number),
    CONSTRAINT referral_import_results_refused_has_faults CHECK ((outcome = 'refused') = (faults IS NOT NULL)),
    CONSTRAINT referral_import_results_import_exists FOREIGN KEY (site_id, import_id) REFERENCES referral_imports (site_id, id) ON DELETE CASCADE
);
CREATE INDEX referral_import_results_by_outcome ON referral_import_results (site_id, import_id, outcome, row_number) WHERE outcome <> 'created';
ALTER TABLE referral_import_results ENABLE ROW LEVEL SECURITY;
ALTER TABLE referral_import_results FORCE ROW LEVEL SECURITY;
CREATE POLICY referral_import_results_tenant ON referral_import_results TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY referral_import_results_partner ON referral_import_results AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, DELETE ON referral_import_results TO handoff_app;

-- Which rows were imported before, whatever file they stand in: what makes a second upload harmless. The digests are of references and
-- codes, never of contact details, and bound to the site; they stay good when the master key is rotated.
CREATE TABLE referral_import_keys (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    row_key bytea NOT NULL CONSTRAINT referral_import_keys_row_key_length CHECK (octet_length(row_key) = 16),
    content bytea NOT NULL CONSTRAINT referral_import_keys_content_length CHECK (octet_length(content) = 16),
    referral_id uuid NOT NULL,
    PRIMARY KEY (site_id, row_key)
);
ALTER TABLE referral_import_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE referral_import_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY referral_import_keys_tenant ON referral_import_keys TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY referral_import_keys_partner ON referral_import_keys AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, DELETE ON referral_import_keys TO handoff_app;

ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_subject_kind_vocabulary;
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_subject_kind_vocabulary CHECK (subject_kind IN
    ('site', 'member', 'api_key', 'study', 'partner', 'route', 'referral', 'contact_withdrawal', 'away_window', 'duplicate_review', 'alert',
     'language_version', 'approved_process', 'test_run', 'webhook_endpoint', 'referral_import'));
