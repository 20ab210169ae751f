-- In a transaction of its own: what the constraints before this one were added under stops everybody, and this stops nobody.
ALTER TABLE alerts VALIDATE CONSTRAINT alerts_kind_vocabulary;
ALTER TABLE alerts VALIDATE CONSTRAINT alerts_referral_if_about_one;
ALTER TABLE audit_entries VALIDATE CONSTRAINT audit_entries_subject_kind_vocabulary;
