-- What happened, and who did it. Both are written in the transaction of the change and never changed or deleted by the app
-- role: it may insert and read. Transactions commit out of order, so a row gets its place in its stream only after the commit:
-- the sequencer takes it from `journal_queue` and writes `event_positions` (dense per site) and `audit_seals` (the chain).
CREATE TABLE audit_entries (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    id uuid NOT NULL,
    recorded_at timestamptz NOT NULL,
    actor_kind text NOT NULL CONSTRAINT audit_entries_actor_kind_vocabulary CHECK (actor_kind IN ('staff', 'site_key', 'partner_key', 'operator', 'system')),
    -- The member, the site client or the partner; NULL for the operator and the system.
    actor_id uuid,
    api_key_id uuid,
    -- Set when the caller is a partner.
    partner_id uuid,
    operation text NOT NULL CONSTRAINT audit_entries_operation_format CHECK (operation ~ '^[a-z][a-z_]{0,79}$'),
    subject_kind text NOT NULL CONSTRAINT audit_entries_subject_kind_vocabulary CHECK (subject_kind IN
        ('site', 'member', 'api_key', 'study', 'partner', 'route', 'referral', 'contact_withdrawal')),
    subject_id uuid NOT NULL,
    -- A word of a closed vocabulary: why it was done.
    reason text CONSTRAINT audit_entries_reason_format CHECK (reason ~ '^[a-z][a-z_]{0,63}$'),
    request_id text CONSTRAINT audit_entries_request_id_format CHECK (request_id ~ '^[A-Za-z0-9._-]{1,64}$'),
    -- JSON of what changed: codes, ids, times and numbers; fields that are personal or secret say `changed`. Kept as text, since
    -- its digest is over exactly these characters. NULL when there is nothing before or after, or when it was redacted.
    before text CONSTRAINT audit_entries_before_length CHECK (char_length(before) <= 20000),
    after text CONSTRAINT audit_entries_after_length CHECK (char_length(after) <= 20000),
    -- The chain holds this digest and not the values, so that a justified redaction can drop values and salt.
    salt bytea CONSTRAINT audit_entries_salt_length CHECK (octet_length(salt) = 16),
    values_digest bytea NOT NULL CONSTRAINT audit_entries_values_digest_length CHECK (octet_length(values_digest) = 32),
    PRIMARY KEY (site_id, id)
);
CREATE INDEX audit_entries_by_subject ON audit_entries (site_id, subject_id);
ALTER TABLE audit_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_entries FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_entries_tenant ON audit_entries TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
-- A partner's request leaves its trace and reads none.
CREATE POLICY audit_entries_partner ON audit_entries AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL)
    WITH CHECK ((SELECT current_partner_id()) IS NULL OR partner_id = (SELECT current_partner_id()));
GRANT SELECT, INSERT ON audit_entries TO handoff_app;

CREATE TABLE events (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    id uuid NOT NULL,
    -- Order of writing. Whoever waited for a row's lock writes later than who held it, so that this order never contradicts
    -- cause and effect; it has gaps and is nobody's position.
    number bigint GENERATED ALWAYS AS IDENTITY,
    -- The change that it tells of.
    audit_id uuid NOT NULL,
    event_type text NOT NULL CONSTRAINT events_event_type_vocabulary CHECK (event_type IN
        ('referral.received', 'referral.transitioned', 'referral.reassigned', 'referral.blocked', 'referral.escalated', 'referral.merged',
         'referral.reopened', 'referral.erased', 'route.tested', 'route.launched', 'route.voided', 'route.paused', 'route.resumed',
         'language.approved', 'language.superseded', 'language.retired', 'language.acknowledged', 'partner.status_changed',
         'study.status_changed', 'member.deactivated', 'import.completed', 'key.rotated', 'key.revoked')),
    -- Test referrals have a stream of their own: they never reach the live feed.
    is_test boolean NOT NULL,
    subject_id uuid NOT NULL,
    -- The version of the subject that this change made.
    version integer NOT NULL CONSTRAINT events_version_positive CHECK (version > 0),
    partner_id uuid,
    study_id uuid,
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (site_id, id),
    CONSTRAINT events_audit_exists FOREIGN KEY (site_id, audit_id) REFERENCES audit_entries (site_id, id) ON DELETE CASCADE
);
CREATE INDEX events_by_subject ON events (site_id, subject_id, number);
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
ALTER TABLE events FORCE ROW LEVEL SECURITY;
CREATE POLICY events_tenant ON events TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY events_partner ON events AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL)
    WITH CHECK ((SELECT current_partner_id()) IS NULL OR partner_id = (SELECT current_partner_id()));
GRANT SELECT, INSERT ON events TO handoff_app;

-- What the sequencer has not placed yet.
CREATE TABLE journal_queue (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    -- Order of writing, as in events.
    number bigint GENERATED ALWAYS AS IDENTITY,
    id uuid NOT NULL,
    stream text NOT NULL CONSTRAINT journal_queue_stream_vocabulary CHECK (stream IN ('audit', 'event')),
    partner_id uuid,
    PRIMARY KEY (site_id, number)
);
ALTER TABLE journal_queue ENABLE ROW LEVEL SECURITY;
ALTER TABLE journal_queue FORCE ROW LEVEL SECURITY;
CREATE POLICY journal_queue_tenant ON journal_queue TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY journal_queue_partner ON journal_queue AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL)
    WITH CHECK ((SELECT current_partner_id()) IS NULL OR partner_id = (SELECT current_partner_id()));
GRANT SELECT, INSERT, DELETE ON journal_queue TO handoff_app;

-- Where each stream of a site ends. Its row lock is the sequencer's lease: it ends with its holder, however that ends.
CREATE TABLE journal_heads (
    site_id uuid PRIMARY KEY REFERENCES sites (site_id) ON DELETE CASCADE,
    live_position bigint NOT NULL CONSTRAINT journal_heads_live_position_range CHECK (live_position >= 0),
    test_position bigint NOT NULL CONSTRAINT journal_heads_test_position_range CHECK (test_position >= 0),
    audit_position bigint NOT NULL CONSTRAINT journal_heads_audit_position_range CHECK (audit_position >= 0),
    audit_hash bytea NOT NULL CONSTRAINT journal_heads_audit_hash_length CHECK (octet_length(audit_hash) = 32)
);
ALTER TABLE journal_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE journal_heads FORCE ROW LEVEL SECURITY;
CREATE POLICY journal_heads_tenant ON journal_heads TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY journal_heads_partner ON journal_heads AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE ON journal_heads TO handoff_app;

CREATE TABLE event_positions (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    is_test boolean NOT NULL,
    position bigint NOT NULL CONSTRAINT event_positions_position_positive CHECK (position > 0),
    event_id uuid NOT NULL,
    PRIMARY KEY (site_id, is_test, position),
    CONSTRAINT event_positions_one_per_event UNIQUE (site_id, event_id),
    CONSTRAINT event_positions_event_exists FOREIGN KEY (site_id, event_id) REFERENCES events (site_id, id) ON DELETE CASCADE
);
ALTER TABLE event_positions ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_positions FORCE ROW LEVEL SECURITY;
CREATE POLICY event_positions_tenant ON event_positions TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY event_positions_partner ON event_positions AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT ON event_positions TO handoff_app;

CREATE TABLE audit_seals (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    position bigint NOT NULL CONSTRAINT audit_seals_position_positive CHECK (position > 0),
    entry_id uuid NOT NULL,
    -- SHA-256 over the hash before it and every field of the entry.
    hash bytea NOT NULL CONSTRAINT audit_seals_hash_length CHECK (octet_length(hash) = 32),
    PRIMARY KEY (site_id, position),
    CONSTRAINT audit_seals_one_per_entry UNIQUE (site_id, entry_id),
    CONSTRAINT audit_seals_entry_exists FOREIGN KEY (site_id, entry_id) REFERENCES audit_entries (site_id, id) ON DELETE CASCADE
);
ALTER TABLE audit_seals ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_seals FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_seals_tenant ON audit_seals TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY audit_seals_partner ON audit_seals AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT ON audit_seals TO handoff_app;
