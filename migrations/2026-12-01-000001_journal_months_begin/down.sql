ALTER TABLE journal_heads DROP CONSTRAINT journal_heads_floors_range;
ALTER TABLE journal_heads DROP COLUMN kept_from, DROP COLUMN live_floor, DROP COLUMN test_floor, DROP COLUMN audit_floor;
ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_first_months;
ALTER TABLE events DROP CONSTRAINT events_first_months;
DROP FUNCTION directory.first_id(date);
DROP TABLE directory.journal_retention;
DROP TABLE directory.journal_months;
