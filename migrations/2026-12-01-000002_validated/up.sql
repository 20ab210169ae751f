-- In a transaction of its own: what the constraints before this one were added under stops everybody, and this stops nobody.
ALTER TABLE events VALIDATE CONSTRAINT events_first_months;
ALTER TABLE audit_entries VALIDATE CONSTRAINT audit_entries_first_months;
ALTER TABLE journal_heads VALIDATE CONSTRAINT journal_heads_floors_range;
