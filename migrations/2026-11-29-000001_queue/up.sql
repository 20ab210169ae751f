-- The queue: open referrals in the order in which their next actions are due, everybody's and each owner's. Test referrals have a
-- queue of their own, which test keys see. Each index holds what the policies, the filters and the counts ask for, so that it answers
-- alone which referrals a page shows and how many there are, and no page reads what is closed.
CREATE INDEX referrals_queue ON referrals (site_id, is_test, next_action_due_at, id)
    INCLUDE (partner_id, study_id, status, next_action, blocker) WHERE status <> 'closed';
CREATE INDEX referrals_queue_by_owner ON referrals (site_id, is_test, owner_id, next_action_due_at, id)
    INCLUDE (partner_id, study_id, status, next_action, blocker) WHERE status <> 'closed';
-- The owners of open work are read off the second one too.
DROP INDEX referrals_open_by_owner;
