-- In a transaction of its own: what the constraints before this one were added under stops everybody, and this stops nobody. Where a clock was
-- ahead once, ids are of later than two months from now: then the first months are longer, and everybody waits while their table is read.
ALTER TABLE journal_heads VALIDATE CONSTRAINT journal_heads_floors_range;
DO $$
DECLARE
    parent text;
    years integer;
    is_whole boolean;
BEGIN
    FOREACH years IN ARRAY ARRAY[0, 1, 10, 100, 1000] LOOP
        is_whole := true;
        FOREACH parent IN ARRAY ARRAY['audit_entries', 'events'] LOOP
            IF years > 0 THEN
                EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', parent, parent || '_first_months');
                EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I CHECK (id < %L) NOT VALID', parent, parent || '_first_months',
                    (SELECT directory.first_id((m.ends_on + make_interval(years => years))::date) FROM directory.journal_months m));
            END IF;
            BEGIN
                EXECUTE format('ALTER TABLE %I VALIDATE CONSTRAINT %I', parent, parent || '_first_months');
            EXCEPTION WHEN check_violation THEN
                is_whole := false;
            END;
        END LOOP;
        IF is_whole THEN
            UPDATE directory.journal_months SET ends_on = (ends_on + make_interval(years => years))::date;
            RETURN;
        END IF;
    END LOOP;
    RAISE EXCEPTION 'events or audit entries have ids of more than a thousand years from now';
END $$;
