-- What makes a stall visible: since when a referral waits, when its first action was due (by the time of recording and by the time
-- of receipt), how far its escalation is and when the next step is due. The database is the only timer.
ALTER TABLE referrals
    -- What a pause of the study covered: it comes back when the study opens.
    ADD COLUMN held_blocker text CONSTRAINT referrals_held_blocker_vocabulary CHECK (held_blocker IN
        ('awaiting_person_reply', 'awaiting_partner_completion', 'awaiting_study_team_review', 'awaiting_records', 'scheduling_capacity',
         'study_paused', 'duplicate_review', 'route_broken', 'language_lapsed')),
    ADD COLUMN blocked_since timestamptz,
    -- NULL on referrals from before these columns.
    ADD COLUMN first_due_at timestamptz,
    ADD COLUMN first_due_by_receipt_at timestamptz,
    -- The last step taken; NULL: none since the next action was set.
    ADD COLUMN escalation text CONSTRAINT referrals_escalation_vocabulary CHECK (escalation IN ('reminder', 'backup_owner', 'site_lead')),
    -- When the next step is due; NULL: never, as things stand.
    ADD COLUMN escalate_at timestamptz,
    -- The record that goes on for the same person; this one is closed as a duplicate.
    ADD COLUMN merged_into_id uuid,
    ADD CONSTRAINT referrals_merged_into_exists FOREIGN KEY (site_id, merged_into_id) REFERENCES referrals (site_id, id),
    ADD CONSTRAINT referrals_merged_is_closed CHECK (merged_into_id IS NULL OR (status = 'closed' AND merged_into_id <> id)),
    ADD CONSTRAINT referrals_held_blocker_is_covered CHECK (held_blocker IS NULL OR blocker = 'study_paused'),
    ADD CONSTRAINT referrals_blocked_since_has_blocker CHECK (blocked_since IS NULL OR blocker IS NOT NULL),
    -- Test referrals reach nobody, closed ones wait for nothing, and those of a paused study for nobody who could be reminded.
    ADD CONSTRAINT referrals_escalation_is_live CHECK
        (escalate_at IS NULL OR (status <> 'closed' AND NOT is_test AND blocker IS DISTINCT FROM 'study_paused'));

-- Referrals that are open now take part from now on. The owner sees no row of a forced table, and the app role may not migrate.
ALTER TABLE referrals NO FORCE ROW LEVEL SECURITY;
UPDATE referrals SET blocked_since = updated_at WHERE blocker IS NOT NULL;
UPDATE referrals SET escalate_at = next_action_due_at
 WHERE status <> 'closed' AND NOT is_test AND blocker IS DISTINCT FROM 'study_paused';
ALTER TABLE referrals FORCE ROW LEVEL SECURITY;

-- The stall query: due steps first, and nothing that is not due. The partner is what the policies ask for beside the site: with it
-- the index alone answers.
CREATE INDEX referrals_by_escalation ON referrals (site_id, escalate_at, id) INCLUDE (partner_id) WHERE escalate_at IS NOT NULL;
-- A record and what was merged into it.
CREATE INDEX referrals_by_merge ON referrals (site_id, merged_into_id) WHERE merged_into_id IS NOT NULL;
