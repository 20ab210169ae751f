-- What no open live referral may be, in one index that is empty as long as all is well: without a plan, or merged into another. To
-- count the latter, every record that was ever merged was read. It holds what the policies and the conditions ask for: the planner
-- thinks that rows of the table would be read otherwise, and takes a longer way.
CREATE INDEX referrals_open_broken ON referrals (site_id)
    INCLUDE (partner_id, next_action, next_action_due_at, merged_into_id)
    WHERE status <> 'closed' AND NOT is_test AND (next_action IS NULL OR next_action_due_at IS NULL OR merged_into_id IS NOT NULL);
DROP INDEX referrals_open_unplanned;
