-- The queue: open referrals in the order in which their next actions are due, everybody's and each owner's. Test referrals have a
-- queue of their own, which test keys see. Each index holds what the policies and the filters ask for, so that it answers alone which
-- referrals a page shows, and nothing reads what is closed. The second one answers the counts too. The first holds no owner: it is the
-- smaller one, and so the one that is read for everybody's queue.
CREATE INDEX referrals_queue ON referrals (site_id, is_test, next_action_due_at, id)
    INCLUDE (partner_id, study_id, status, next_action, blocker) WHERE status <> 'closed';
CREATE INDEX referrals_queue_by_owner ON referrals (site_id, is_test, owner_id, next_action_due_at, id)
    INCLUDE (partner_id, study_id, status, next_action, blocker) WHERE status <> 'closed';
-- The owners of open work are read off the second one too.
DROP INDEX referrals_open_by_owner;
