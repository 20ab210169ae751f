-- In a transaction of its own: what the constraint before this one was added under stops everybody, and this stops nobody.
ALTER TABLE audit_entries VALIDATE CONSTRAINT audit_entries_subject_kind_vocabulary;
