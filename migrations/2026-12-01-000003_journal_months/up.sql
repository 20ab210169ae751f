-- Events and audit entries by month, each in tables of its own behind the two names that everybody knows: what is written goes to the present
-- month, and an old month goes in an instant, where the owner wants that. Nobody reaches a month but through its parent, whose policies bind.
-- safe: for the milliseconds that this takes; whoever writes has sites first, and held it for good while waiting for what is altered here
LOCK TABLE sites, audit_entries, audit_seals, events, event_positions, journal_heads IN ACCESS EXCLUSIVE MODE;
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

-- The first day of which anything is kept; NULL: everything is.
CREATE FUNCTION directory.journal_begins_on() RETURNS date
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT m.starts_on FROM directory.journal_months m ORDER BY m.ends_on LIMIT 1 $$;

-- The end of the last month that the owner does not want kept; NULL: nothing is to go.
CREATE FUNCTION directory.journal_expired_until() RETURNS date
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
        SELECT max(m.ends_on) FROM directory.journal_months m, directory.journal_retention r
         WHERE m.ends_on <= date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => r.months)
    $$;

-- Makes the next month, up to the third after this one; says whether one was missing. Whoever waits for a table has others wait behind it: these
-- functions give up before a request would, and are tried again. What came for the month before its time moves in.
CREATE FUNCTION directory.add_journal_month() RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '60ms'
    AS $$
DECLARE
    month date := (SELECT max(m.ends_on) FROM directory.journal_months m);
    following date := (month + interval '1 month')::date;
    parent text;
    part text;
    is_early boolean;
BEGIN
    IF month > date_trunc('month', now() AT TIME ZONE 'UTC') + interval '3 months'
       OR NOT pg_try_advisory_xact_lock(hashtext('directory.journal_months')) THEN
        RETURN false;
    END IF;
    INSERT INTO directory.journal_months (ends_on, starts_on, name) VALUES (following, month, to_char(month, 'YYYY_MM'));
    -- In the order in which writers take them.
    LOCK TABLE public.sites IN SHARE ROW EXCLUSIVE MODE;
    LOCK TABLE months.audit_entries_rest, months.events_rest IN ACCESS EXCLUSIVE MODE;
    FOREACH parent IN ARRAY ARRAY['audit_entries', 'events'] LOOP
        part := parent || to_char(month, '_YYYY_MM');
        EXECUTE format('SELECT EXISTS (SELECT FROM months.%I WHERE id >= %L AND id < %L)',
            parent || '_rest', directory.first_id(month), directory.first_id(following)) INTO is_early;
        IF is_early THEN
            EXECUTE format('CREATE TEMPORARY TABLE early_rows ON COMMIT DROP AS SELECT * FROM months.%I WHERE id >= %L AND id < %L',
                parent || '_rest', directory.first_id(month), directory.first_id(following));
            EXECUTE format('DELETE FROM months.%I WHERE id >= %L AND id < %L',
                parent || '_rest', directory.first_id(month), directory.first_id(following));
        END IF;
        EXECUTE format('CREATE TABLE months.%I (LIKE public.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part, parent);
        EXECUTE format('ALTER TABLE months.%I ENABLE ROW LEVEL SECURITY', part);
        -- While it is empty: its rows' sites would be looked up as the owner, who sees none.
        EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION months.%I FOR VALUES FROM (%L) TO (%L)', parent, part,
            directory.first_id(month), directory.first_id(following));
        IF is_early THEN
            EXECUTE format('INSERT INTO months.%I SELECT * FROM pg_temp.early_rows', part);
            DROP TABLE pg_temp.early_rows;
        END IF;
    END LOOP;
    RETURN true;
END $$;

-- Drops the oldest month, if the owner does not want it kept and the sealed trail of every site says that it goes; says whether it did. Who serves
-- can drop no other.
CREATE FUNCTION directory.drop_journal_month() RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '60ms'
    AS $$
DECLARE
    context text := current_setting('app.site_id', true);
    month directory.journal_months;
    site uuid;
    is_said boolean;
BEGIN
    SELECT * INTO month FROM directory.journal_months m ORDER BY m.ends_on LIMIT 1;
    IF month.ends_on > directory.journal_expired_until() IS NOT FALSE
       OR NOT pg_try_advisory_xact_lock(hashtext('directory.journal_months')) THEN
        RETURN false;
    END IF;
    FOR site IN SELECT s.site_id FROM directory.sites s LOOP
        PERFORM set_config('app.site_id', site::text, true);
        SELECT NOT EXISTS (SELECT FROM public.journal_heads h WHERE h.site_id = site) OR EXISTS (
            SELECT FROM public.audit_entries a JOIN public.audit_seals s ON s.site_id = a.site_id AND s.entry_id = a.id
             WHERE a.site_id = site AND a.subject_id = site AND a.operation = 'drop_journal_month'
               AND substring(a.after FROM '"kept_from":"(\d{4}-\d{2}-\d{2})"')::date >= month.ends_on)
          INTO is_said;
        EXIT WHEN NOT is_said;
    END LOOP;
    PERFORM set_config('app.site_id', coalesce(context, ''), true);
    IF NOT is_said THEN
        RETURN false;
    END IF;
    DELETE FROM directory.journal_months m WHERE m.ends_on = month.ends_on;
    -- What a dropped table refers to is locked too: first, as writers do, or each would wait for the other.
    LOCK TABLE public.sites, public.audit_entries, public.events IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('DROP TABLE months.%I', 'audit_entries_' || month.name);
    EXECUTE format('DROP TABLE months.%I', 'events_' || month.name);
    RETURN true;
END $$;

-- Writes down where the streams of the context's site begin since months were dropped, so that nobody looks for what is gone; says whether that
-- has changed. A place of a later month that lies among those of a dropped one, because whoever wrote it took long, is not below the floor.
CREATE FUNCTION directory.raise_journal_floors() RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    begins_on date := directory.journal_begins_on();
    head public.journal_heads;
BEGIN
    SELECT * INTO head FROM public.journal_heads h
     WHERE h.site_id = public.current_site_id() AND (h.kept_from < begins_on OR h.kept_from IS NULL AND begins_on IS NOT NULL) FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE public.journal_heads h SET
        kept_from = begins_on,
        live_floor = coalesce((SELECT p.position - 1 FROM public.event_positions p WHERE p.site_id = head.site_id AND p.is_test = false
            AND p.position > head.live_floor AND p.event_id >= directory.first_id(begins_on) ORDER BY p.position LIMIT 1), head.live_position),
        test_floor = coalesce((SELECT p.position - 1 FROM public.event_positions p WHERE p.site_id = head.site_id AND p.is_test = true
            AND p.position > head.test_floor AND p.event_id >= directory.first_id(begins_on) ORDER BY p.position LIMIT 1), head.test_position),
        audit_floor = coalesce((SELECT s.position - 1 FROM public.audit_seals s WHERE s.site_id = head.site_id
            AND s.position > head.audit_floor AND s.entry_id >= directory.first_id(begins_on) ORDER BY s.position LIMIT 1), head.audit_position)
     WHERE h.site_id = head.site_id;
    RETURN true;
END $$;

-- Who serves moves the ends of the streams, and not where they begin: that would hide what is there.
REVOKE UPDATE ON journal_heads FROM handoff_app;
GRANT UPDATE (live_position, test_position, audit_position, audit_hash) ON journal_heads TO handoff_app;
REVOKE ALL ON FUNCTION directory.journal_begins_on(), directory.journal_expired_until(), directory.add_journal_month(),
    directory.drop_journal_month(), directory.raise_journal_floors() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION directory.journal_begins_on(), directory.journal_expired_until(), directory.add_journal_month(),
    directory.drop_journal_month(), directory.raise_journal_floors() TO handoff_app;
