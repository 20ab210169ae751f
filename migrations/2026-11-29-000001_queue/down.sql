CREATE INDEX referrals_open_by_owner ON referrals (site_id, owner_id) WHERE status <> 'closed' AND NOT is_test;
DROP INDEX referrals_queue_by_owner;
DROP INDEX referrals_queue;
