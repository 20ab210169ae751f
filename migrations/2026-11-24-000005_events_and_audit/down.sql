DROP TABLE audit_seals;
DROP TABLE event_positions;
DROP TABLE journal_heads;
DROP TABLE journal_queue;
DROP TABLE events;
DROP TABLE audit_entries;
