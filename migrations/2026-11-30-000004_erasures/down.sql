ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_subject_kind_vocabulary;
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_subject_kind_vocabulary CHECK (subject_kind IN
    ('site', 'member', 'api_key', 'study', 'partner', 'route', 'referral', 'contact_withdrawal', 'away_window', 'duplicate_review', 'alert',
     'language_version', 'approved_process', 'test_run', 'webhook_endpoint', 'referral_import', 'audit_entry')) NOT VALID;
REVOKE DELETE ON referral_digests FROM handoff_app;
DROP TABLE erased_digests;
