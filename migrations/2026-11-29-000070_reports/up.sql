-- What reports are counted from. Events say which step they tell of and who was responsible, so that movement is read off the event
-- log alone. Beside it stand sums that a job keeps up to date by following the log: what each referral was last counted as, and cells
-- of sums by day, week and month. All of the latter can be made anew from the log and the referrals at any time.
ALTER TABLE events
    -- The step that it tells of; NULL where the state stayed as it was.
    ADD COLUMN status_before text CONSTRAINT events_status_before_vocabulary CHECK (status_before IN
        ('quarantined', 'received', 'acknowledged', 'contacting', 'connected', 'handed_off', 'on_hold', 'closed')),
    ADD COLUMN status_after text CONSTRAINT events_status_after_vocabulary CHECK (status_after IN
        ('quarantined', 'received', 'acknowledged', 'contacting', 'connected', 'handed_off', 'on_hold', 'closed')),
    -- Who is responsible for the referral once it has happened; NULL: it is of no referral, or from before this column.
    ADD COLUMN owner_id uuid;

-- Events from before tell their steps by the audit entries beside them. The owner sees no row of a forced table.
ALTER TABLE events NO FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_entries NO FORCE ROW LEVEL SECURITY;
UPDATE events e
   SET status_before = (a.before::jsonb) ->> 'status', status_after = (a.after::jsonb) ->> 'status'
  FROM audit_entries a
 WHERE a.site_id = e.site_id AND a.id = e.audit_id AND a.subject_id = e.subject_id
   AND e.event_type IN ('referral.received', 'referral.transitioned') AND a.after IS NOT NULL;
ALTER TABLE events FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_entries FORCE ROW LEVEL SECURITY;

-- How far a site's log is counted.
CREATE TABLE report_heads (
    site_id uuid PRIMARY KEY REFERENCES sites (site_id) ON DELETE CASCADE,
    -- The last position of the live feed that is counted.
    position bigint NOT NULL CONSTRAINT report_heads_position_range CHECK (position >= 0),
    -- By what the sums are made; with other definitions, or in another time zone, they are made anew.
    definitions integer NOT NULL,
    time_zone text NOT NULL CONSTRAINT report_heads_time_zone_length CHECK (char_length(time_zone) BETWEEN 1 AND 64),
    -- Whether old sums are being removed before that.
    clearing boolean NOT NULL,
    -- The first day of the last month that was closed for shared outputs; NULL: none yet.
    closed_month date
);
ALTER TABLE report_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE report_heads FORCE ROW LEVEL SECURITY;
CREATE POLICY report_heads_tenant ON report_heads TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY report_heads_partner ON report_heads AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE ON report_heads TO handoff_app;

-- What each live referral was last counted as.
CREATE TABLE report_facts (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    referral_id uuid NOT NULL,
    study_id uuid NOT NULL,
    -- The nil id: nobody that is known referred.
    partner_id uuid NOT NULL,
    channel text NOT NULL CONSTRAINT report_facts_channel_vocabulary CHECK (channel IN ('self_referral', 'secure_form', 'phone_handoff', 'coordinator_queue')),
    owner_id uuid NOT NULL,
    is_late boolean NOT NULL,
    recorded_on date NOT NULL,
    received_on date NOT NULL,
    -- Steps of its escalation over its whole life.
    escalations integer NOT NULL CONSTRAINT report_facts_escalations_range CHECK (escalations >= 0),
    -- Numbers of figures with their counts, as `domain::reports::tally` packs them.
    figures bytea NOT NULL,
    -- No foreign key: it would lock each referral that is counted, and whoever works it would wait for the rollup.
    PRIMARY KEY (site_id, referral_id)
);
ALTER TABLE report_facts ENABLE ROW LEVEL SECURITY;
ALTER TABLE report_facts FORCE ROW LEVEL SECURITY;
CREATE POLICY report_facts_tenant ON report_facts TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY report_facts_partner ON report_facts AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON report_facts TO handoff_app;

-- Sums over referrals, or over what happened, that agree in all that reports are filtered and grouped by.
CREATE TABLE report_cells (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    basis text NOT NULL CONSTRAINT report_cells_basis_vocabulary CHECK (basis IN
        ('recorded_day', 'recorded_month', 'received_week', 'happened_day', 'happened_month')),
    -- The day, the first day of the month, or the Monday.
    starts_on date NOT NULL,
    study_id uuid NOT NULL,
    -- The nil id: nobody that is known referred.
    partner_id uuid NOT NULL,
    channel text NOT NULL CONSTRAINT report_cells_channel_vocabulary CHECK (channel IN ('self_referral', 'secure_form', 'phone_handoff', 'coordinator_queue')),
    owner_id uuid NOT NULL,
    is_late boolean NOT NULL,
    figures bytea NOT NULL,
    PRIMARY KEY (site_id, basis, starts_on, study_id, partner_id, channel, owner_id, is_late)
);
ALTER TABLE report_cells ENABLE ROW LEVEL SECURITY;
ALTER TABLE report_cells FORCE ROW LEVEL SECURITY;
CREATE POLICY report_cells_tenant ON report_cells TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY report_cells_partner ON report_cells AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON report_cells TO handoff_app;

-- The same over all channels, owners and late logging: few, whoever works, and what most reports ask for.
CREATE TABLE report_source_cells (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    basis text NOT NULL CONSTRAINT report_source_cells_basis_vocabulary CHECK (basis IN
        ('recorded_day', 'recorded_month', 'received_week', 'happened_day', 'happened_month')),
    starts_on date NOT NULL,
    study_id uuid NOT NULL,
    -- The nil id: nobody that is known referred.
    partner_id uuid NOT NULL,
    figures bytea NOT NULL,
    PRIMARY KEY (site_id, basis, starts_on, study_id, partner_id)
);
ALTER TABLE report_source_cells ENABLE ROW LEVEL SECURITY;
ALTER TABLE report_source_cells FORCE ROW LEVEL SECURITY;
CREATE POLICY report_source_cells_tenant ON report_source_cells TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY report_source_cells_partner ON report_source_cells AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON report_source_cells TO handoff_app;

-- The same by owner alone, by channel alone, and by whether it was logged late: what else reports are narrowed by, one at a time.
CREATE TABLE report_owner_cells (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    basis text NOT NULL CONSTRAINT report_owner_cells_basis_vocabulary CHECK (basis IN
        ('recorded_day', 'recorded_month', 'received_week', 'happened_day', 'happened_month')),
    owner_id uuid NOT NULL,
    starts_on date NOT NULL,
    study_id uuid NOT NULL,
    -- The nil id: nobody that is known referred.
    partner_id uuid NOT NULL,
    figures bytea NOT NULL,
    PRIMARY KEY (site_id, basis, owner_id, starts_on, study_id, partner_id)
);
ALTER TABLE report_owner_cells ENABLE ROW LEVEL SECURITY;
ALTER TABLE report_owner_cells FORCE ROW LEVEL SECURITY;
CREATE POLICY report_owner_cells_tenant ON report_owner_cells TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY report_owner_cells_partner ON report_owner_cells AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON report_owner_cells TO handoff_app;

CREATE TABLE report_channel_cells (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    basis text NOT NULL CONSTRAINT report_channel_cells_basis_vocabulary CHECK (basis IN
        ('recorded_day', 'recorded_month', 'received_week', 'happened_day', 'happened_month')),
    channel text NOT NULL CONSTRAINT report_channel_cells_channel_vocabulary CHECK (channel IN ('self_referral', 'secure_form', 'phone_handoff', 'coordinator_queue')),
    starts_on date NOT NULL,
    study_id uuid NOT NULL,
    -- The nil id: nobody that is known referred.
    partner_id uuid NOT NULL,
    figures bytea NOT NULL,
    PRIMARY KEY (site_id, basis, channel, starts_on, study_id, partner_id)
);
ALTER TABLE report_channel_cells ENABLE ROW LEVEL SECURITY;
ALTER TABLE report_channel_cells FORCE ROW LEVEL SECURITY;
CREATE POLICY report_channel_cells_tenant ON report_channel_cells TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY report_channel_cells_partner ON report_channel_cells AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON report_channel_cells TO handoff_app;

CREATE TABLE report_late_cells (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    basis text NOT NULL CONSTRAINT report_late_cells_basis_vocabulary CHECK (basis IN
        ('recorded_day', 'recorded_month', 'received_week', 'happened_day', 'happened_month')),
    is_late boolean NOT NULL,
    starts_on date NOT NULL,
    study_id uuid NOT NULL,
    -- The nil id: nobody that is known referred.
    partner_id uuid NOT NULL,
    figures bytea NOT NULL,
    PRIMARY KEY (site_id, basis, is_late, starts_on, study_id, partner_id)
);
ALTER TABLE report_late_cells ENABLE ROW LEVEL SECURITY;
ALTER TABLE report_late_cells FORCE ROW LEVEL SECURITY;
CREATE POLICY report_late_cells_tenant ON report_late_cells TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY report_late_cells_partner ON report_late_cells AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON report_late_cells TO handoff_app;

-- What partners and viewers are shown of a closed period: written once, never changed.
CREATE TABLE report_releases (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    audience text NOT NULL CONSTRAINT report_releases_audience_vocabulary CHECK (audience IN ('partner', 'sponsor')),
    study_id uuid NOT NULL,
    -- The partner that it is for, or that it is about; the nil id: the study as a whole.
    partner_id uuid NOT NULL,
    -- The last day of the period, which is the last one of a month. Periods of one reader follow each other without a gap or an overlap.
    ends_on date NOT NULL,
    starts_on date NOT NULL,
    released_at timestamptz NOT NULL,
    -- JSON of bands by figure, as they are shown.
    shown text NOT NULL CONSTRAINT report_releases_shown_length CHECK (char_length(shown) <= 20000),
    PRIMARY KEY (site_id, audience, study_id, partner_id, ends_on),
    CONSTRAINT report_releases_study_exists FOREIGN KEY (site_id, study_id) REFERENCES studies (site_id, id),
    CONSTRAINT report_releases_period CHECK (starts_on <= ends_on)
);
ALTER TABLE report_releases ENABLE ROW LEVEL SECURITY;
ALTER TABLE report_releases FORCE ROW LEVEL SECURITY;
CREATE POLICY report_releases_tenant ON report_releases TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY report_releases_partner ON report_releases AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL OR (audience = 'partner' AND partner_id = (SELECT current_partner_id())))
    WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT ON report_releases TO handoff_app;

-- The queue's index answers the reports of open work too: by channel, with and without what was logged late, and since when it waits.
DROP INDEX referrals_queue_by_owner;
CREATE INDEX referrals_queue_by_owner ON referrals (site_id, is_test, owner_id, next_action_due_at, id)
    INCLUDE (partner_id, study_id, status, next_action, blocker, channel, late_reason, blocked_since) WHERE status <> 'closed';
