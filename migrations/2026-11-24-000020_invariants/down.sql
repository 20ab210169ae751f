DROP INDEX referrals_open_unplanned;
DROP INDEX referrals_open_by_owner;
