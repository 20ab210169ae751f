-- Events and audit entries are about to be kept by month. All there are now, and those of the next two months, stay together in one piece;
-- that none of them is of later is said now, and read through in the next migration while everybody goes on.
CREATE TABLE directory.journal_months (
    -- The first day after the month. Months follow one another without a gap.
    ends_on date PRIMARY KEY,
    -- NULL: from the beginning of time.
    starts_on date,
    -- As its tables are called, in schema `months`: `events_` and `audit_entries_` before it.
    name text NOT NULL UNIQUE
);
-- For how many whole months beside the present one events and entries are kept; no row: for good. The owner's to say (`handoff audit keep`).
CREATE TABLE directory.journal_retention (
    is_set boolean PRIMARY KEY DEFAULT true CONSTRAINT journal_retention_one_row CHECK (is_set),
    months integer NOT NULL CONSTRAINT journal_retention_months_range CHECK (months BETWEEN 12 AND 1200)
);
INSERT INTO directory.journal_months (ends_on, name)
SELECT date_trunc('month', now() AT TIME ZONE 'UTC')::date + interval '2 months', 'first';

-- The smallest UUIDv7 of a day: ids begin with the millisecond in which they were made.
CREATE FUNCTION directory.first_id(day date) RETURNS uuid
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
    AS $$ SELECT (lpad(to_hex(extract(epoch FROM day)::bigint * 1000), 12, '0') || repeat('0', 20))::uuid $$;
REVOKE ALL ON FUNCTION directory.first_id(date) FROM PUBLIC;

DO $$
DECLARE
    bound uuid := (SELECT directory.first_id(m.ends_on) FROM directory.journal_months m);
BEGIN
    EXECUTE format('ALTER TABLE events ADD CONSTRAINT events_first_months CHECK (id < %L) NOT VALID', bound);
    EXECUTE format('ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_first_months CHECK (id < %L) NOT VALID', bound);
END $$;

-- Where the streams of a site begin since the last month that was dropped; what the trail itself says of that is proof, and this is not.
ALTER TABLE journal_heads
    ADD COLUMN kept_from date,
    ADD COLUMN live_floor bigint NOT NULL DEFAULT 0,
    ADD COLUMN test_floor bigint NOT NULL DEFAULT 0,
    ADD COLUMN audit_floor bigint NOT NULL DEFAULT 0;
ALTER TABLE journal_heads ADD CONSTRAINT journal_heads_floors_range
    CHECK (live_floor >= 0 AND test_floor >= 0 AND audit_floor >= 0) NOT VALID;
