-- What must be true of every open live referral is counted again and again, so that it is cheap to count: the owners of open work
-- by an index alone, and open work without a plan by an index that is empty as long as all is well.
CREATE INDEX referrals_open_by_owner ON referrals (site_id, owner_id) WHERE status <> 'closed' AND NOT is_test;
CREATE INDEX referrals_open_unplanned ON referrals (site_id)
    WHERE status <> 'closed' AND NOT is_test AND (next_action IS NULL OR next_action_due_at IS NULL);
