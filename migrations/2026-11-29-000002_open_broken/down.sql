CREATE INDEX referrals_open_unplanned ON referrals (site_id)
    WHERE status <> 'closed' AND NOT is_test AND (next_action IS NULL OR next_action_due_at IS NULL);
DROP INDEX referrals_open_broken;
