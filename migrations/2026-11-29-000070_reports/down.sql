DROP INDEX referrals_queue_by_owner;
CREATE INDEX referrals_queue_by_owner ON referrals (site_id, is_test, owner_id, next_action_due_at, id)
    INCLUDE (partner_id, study_id, status, next_action, blocker) WHERE status <> 'closed';
DROP TABLE report_releases;
DROP TABLE report_late_cells;
DROP TABLE report_channel_cells;
DROP TABLE report_owner_cells;
DROP TABLE report_source_cells;
DROP TABLE report_cells;
DROP TABLE report_facts;
DROP TABLE report_heads;
ALTER TABLE events DROP COLUMN owner_id, DROP COLUMN status_after, DROP COLUMN status_before;
