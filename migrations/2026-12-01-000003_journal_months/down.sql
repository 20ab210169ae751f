REVOKE UPDATE ON journal_heads FROM handoff_app;
GRANT UPDATE ON journal_heads TO handoff_app;
DROP FUNCTION directory.raise_journal_floors();
DROP FUNCTION directory.drop_journal_month();
DROP FUNCTION directory.add_journal_month();
DROP FUNCTION directory.journal_expired_until();
DROP FUNCTION directory.journal_begins_on();

-- All of it goes into the first months there are.
DO $$
DECLARE
    month text := (SELECT m.name FROM directory.journal_months m ORDER BY m.ends_on LIMIT 1);
BEGIN
    IF month <> 'first' THEN
        EXECUTE format('ALTER TABLE months.%I RENAME TO events_first', 'events_' || month);
        EXECUTE format('ALTER TABLE months.%I RENAME TO audit_entries_first', 'audit_entries_' || month);
    END IF;
END $$;

ALTER TABLE events NO FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_entries NO FORCE ROW LEVEL SECURITY;
ALTER TABLE events DETACH PARTITION months.events_first;
ALTER TABLE audit_entries DETACH PARTITION months.audit_entries_first;
INSERT INTO months.events_first SELECT * FROM events;
INSERT INTO months.audit_entries_first SELECT * FROM audit_entries;
CREATE TEMPORARY TABLE numbers ON COMMIT DROP AS SELECT last_value, is_called FROM events_number_seq;
DROP TABLE events, audit_entries;
DELETE FROM directory.journal_months m WHERE m.ends_on < (SELECT max(l.ends_on) FROM directory.journal_months l);
UPDATE directory.journal_months SET name = 'first', starts_on = NULL;

ALTER TABLE months.events_first SET SCHEMA public;
ALTER TABLE months.audit_entries_first SET SCHEMA public;
ALTER TABLE events_first RENAME TO events;
ALTER TABLE audit_entries_first RENAME TO audit_entries;
DROP SCHEMA months;
ALTER TABLE events ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY;
SELECT setval('events_number_seq', last_value, is_called) FROM numbers;
DO $$
DECLARE
    bound uuid := (SELECT directory.first_id(m.ends_on) FROM directory.journal_months m);
BEGIN
    EXECUTE format('ALTER TABLE events ADD CONSTRAINT events_first_months CHECK (id < %L) NOT VALID', bound);
    EXECUTE format('ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_first_months CHECK (id < %L) NOT VALID', bound);
END $$;
CREATE POLICY audit_entries_tenant ON audit_entries TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY audit_entries_partner ON audit_entries AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL)
    WITH CHECK ((SELECT current_partner_id()) IS NULL OR partner_id = (SELECT current_partner_id()));
CREATE POLICY events_tenant ON events TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY events_partner ON events AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL)
    WITH CHECK ((SELECT current_partner_id()) IS NULL OR partner_id = (SELECT current_partner_id()));
ALTER TABLE events FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_entries FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON events, audit_entries TO handoff_app;
ALTER TABLE events ADD CONSTRAINT events_audit_exists
    FOREIGN KEY (site_id, audit_id) REFERENCES audit_entries (site_id, id) ON DELETE CASCADE NOT VALID;
ALTER TABLE event_positions ADD CONSTRAINT event_positions_event_exists
    FOREIGN KEY (site_id, event_id) REFERENCES events (site_id, id) ON DELETE CASCADE NOT VALID;
ALTER TABLE audit_seals ADD CONSTRAINT audit_seals_entry_exists
    FOREIGN KEY (site_id, entry_id) REFERENCES audit_entries (site_id, id) ON DELETE CASCADE NOT VALID;
