-- Events and audit entries by month, each in tables of its own behind the two names that everybody knows: what is written goes to the present
-- month, and an old month goes in an instant, where the owner wants that. Nobody reaches a month but through its parent, whose policies bind.
CREATE SCHEMA months;
REVOKE ALL ON SCHEMA months FROM PUBLIC;

-- A month that goes takes its rows only: their places in the feed and the hashes of the chain stay. That a place has its row is said by who
-- writes it, the sequencer, and proven by `handoff audit verify`; that an event has its entry, by the one statement that writes both.
ALTER TABLE event_positions DROP CONSTRAINT event_positions_event_exists;
ALTER TABLE audit_seals DROP CONSTRAINT audit_seals_entry_exists;
ALTER TABLE events DROP CONSTRAINT events_audit_exists;

DROP POLICY events_tenant ON events;
DROP POLICY events_partner ON events;
DROP POLICY audit_entries_tenant ON audit_entries;
DROP POLICY audit_entries_partner ON audit_entries;
REVOKE ALL ON events, audit_entries FROM handoff_app;
ALTER TABLE events NO FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_entries NO FORCE ROW LEVEL SECURITY;
-- safe: in this transaction a table of the old name takes its place, with all its columns
ALTER TABLE events RENAME TO events_first;
-- safe: in this transaction a table of the old name takes its place, with all its columns
ALTER TABLE audit_entries RENAME TO audit_entries_first;
ALTER TABLE events_first SET SCHEMA months;
ALTER TABLE audit_entries_first SET SCHEMA months;

CREATE TABLE audit_entries (LIKE months.audit_entries_first INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (id);
ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_first_months;
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_pkey PRIMARY KEY (site_id, id);
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_site_id_fkey FOREIGN KEY (site_id) REFERENCES sites (site_id) ON DELETE CASCADE;
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

CREATE TABLE events (LIKE months.events_first INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING IDENTITY) PARTITION BY RANGE (id);
ALTER TABLE events DROP CONSTRAINT events_first_months;
ALTER TABLE events ADD CONSTRAINT events_pkey PRIMARY KEY (site_id, id);
ALTER TABLE events ADD CONSTRAINT events_site_id_fkey FOREIGN KEY (site_id) REFERENCES sites (site_id) ON DELETE CASCADE;
CREATE INDEX events_by_subject ON events (site_id, subject_id, number);
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
ALTER TABLE events FORCE ROW LEVEL SECURITY;
CREATE POLICY events_tenant ON events TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY events_partner ON events AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL)
    WITH CHECK ((SELECT current_partner_id()) IS NULL OR partner_id = (SELECT current_partner_id()));
GRANT SELECT, INSERT ON events TO handoff_app;
-- Numbers go on where they were.
SELECT setval('events_number_seq', last_value, is_called) FROM months.events_number_seq;
ALTER TABLE months.events_first ALTER COLUMN number DROP IDENTITY;

-- Whose clock is ahead of the months that there are writes here, and so nothing that is written depends on a job.
CREATE TABLE months.events_rest (LIKE events INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
CREATE TABLE months.audit_entries_rest (LIKE audit_entries INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
ALTER TABLE months.events_rest ENABLE ROW LEVEL SECURITY;
ALTER TABLE months.audit_entries_rest ENABLE ROW LEVEL SECURITY;
DO $$
DECLARE
    bound uuid := (SELECT directory.first_id(m.ends_on) FROM directory.journal_months m);
BEGIN
    -- Nothing is read: the constraints of the migration before say that it all belongs there.
    EXECUTE format('ALTER TABLE events ATTACH PARTITION months.events_first FOR VALUES FROM (MINVALUE) TO (%L)', bound);
    EXECUTE format('ALTER TABLE audit_entries ATTACH PARTITION months.audit_entries_first FOR VALUES FROM (MINVALUE) TO (%L)', bound);
END $$;
ALTER TABLE months.events_first DROP CONSTRAINT events_first_months;
ALTER TABLE months.audit_entries_first DROP CONSTRAINT audit_entries_first_months;
ALTER TABLE events ATTACH PARTITION months.events_rest DEFAULT;
ALTER TABLE audit_entries ATTACH PARTITION months.audit_entries_rest DEFAULT;

-- Makes the months up to the third after this one; says how many were missing. Whoever waits for a table has others wait behind it: it gives
-- up before a request would, and is tried again.
CREATE FUNCTION directory.add_journal_months() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms'
    AS $$
DECLARE
    month date;
    parent text;
    added integer := 0;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('directory.journal_months')) THEN
        RETURN 0;
    END IF;
    LOOP
        SELECT max(m.ends_on) INTO month FROM directory.journal_months m;
        EXIT WHEN month > date_trunc('month', now() AT TIME ZONE 'UTC') + interval '3 months';
        FOREACH parent IN ARRAY ARRAY['events', 'audit_entries'] LOOP
            EXECUTE format('CREATE TABLE months.%I (LIKE public.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                parent || to_char(month, '_YYYY_MM'), parent);
            EXECUTE format('ALTER TABLE months.%I ENABLE ROW LEVEL SECURITY', parent || to_char(month, '_YYYY_MM'));
            -- While it is empty: attaching would look every row's site up as the owner, who sees none.
            EXECUTE format('ALTER TABLE months.%I ADD FOREIGN KEY (site_id) REFERENCES public.sites (site_id) ON DELETE CASCADE',
                parent || to_char(month, '_YYYY_MM'));
            EXECUTE format('LOCK TABLE months.%I IN ACCESS EXCLUSIVE MODE', parent || '_rest');
            EXECUTE format('WITH early AS (DELETE FROM months.%I WHERE id >= %L AND id < %L RETURNING *) INSERT INTO months.%I SELECT * FROM early',
                parent || '_rest', directory.first_id(month), directory.first_id((month + interval '1 month')::date),
                parent || to_char(month, '_YYYY_MM'));
            EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION months.%I FOR VALUES FROM (%L) TO (%L)', parent,
                parent || to_char(month, '_YYYY_MM'), directory.first_id(month), directory.first_id((month + interval '1 month')::date));
        END LOOP;
        INSERT INTO directory.journal_months (ends_on, name) VALUES (month + interval '1 month', to_char(month, 'YYYY_MM'));
        added := added + 1;
    END LOOP;
    RETURN added;
END $$;

-- The end of the last month that the owner does not want kept; NULL: nothing is to go.
CREATE FUNCTION directory.journal_expired_until() RETURNS date
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
        SELECT max(m.ends_on) FROM directory.journal_months m, directory.journal_retention r
         WHERE m.ends_on <= date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => r.months)
    $$;

-- Drops the oldest month if it ends by then and nobody wants it kept; says whether it did. Who serves cannot drop another.
CREATE FUNCTION directory.drop_journal_month(until date) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms'
    AS $$
DECLARE
    month text;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('directory.journal_months')) THEN
        RETURN false;
    END IF;
    DELETE FROM directory.journal_months m
     WHERE m.ends_on = (SELECT min(o.ends_on) FROM directory.journal_months o) AND m.ends_on <= until
       AND m.ends_on <= directory.journal_expired_until()
    RETURNING m.name INTO month;
    IF month IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TABLE months.%I', 'events_' || month);
    EXECUTE format('DROP TABLE months.%I', 'audit_entries_' || month);
    RETURN true;
END $$;

REVOKE ALL ON FUNCTION directory.add_journal_months(), directory.journal_expired_until(), directory.drop_journal_month(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION directory.add_journal_months(), directory.journal_expired_until(), directory.drop_journal_month(date) TO handoff_app;
