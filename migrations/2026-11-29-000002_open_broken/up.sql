-- What no open live referral may be, in one index that is empty as long as all is well: without a plan, or merged into another. To
-- count the latter, every record that was ever merged was read.
CREATE INDEX referrals_open_broken ON referrals (site_id)
    WHERE status <> 'closed' AND NOT is_test AND (next_action IS NULL OR next_action_due_at IS NULL OR merged_into_id IS NOT NULL);
DROP INDEX referrals_open_unplanned;
