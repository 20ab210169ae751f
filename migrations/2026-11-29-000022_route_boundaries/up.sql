-- What a partner may do for a study and what it must not: part of the route's configuration, shown to the partner with it. Some things
-- no partner ever may; the last constraint keeps them in every list.
ALTER TABLE handoff_routes
    ADD COLUMN may text[] NOT NULL DEFAULT ARRAY['mention_study', 'hand_over', 'collect_listed_fields']
        CONSTRAINT handoff_routes_may_vocabulary CHECK (may <@ ARRAY['mention_study', 'hand_over', 'collect_listed_fields']),
    ADD COLUMN may_not text[] NOT NULL DEFAULT ARRAY['imply_eligibility', 'enrol_or_consent', 'answer_consent_questions',
            'collect_health_information', 'discuss_results', 'promise_payment', 'promise_treatment', 'use_other_language']
        CONSTRAINT handoff_routes_may_not_vocabulary CHECK (may_not <@ ARRAY['imply_eligibility', 'enrol_or_consent', 'answer_consent_questions',
            'collect_health_information', 'discuss_results', 'promise_payment', 'promise_treatment', 'use_other_language']),
    ADD CONSTRAINT handoff_routes_may_something CHECK (cardinality(may) BETWEEN 1 AND 3),
    ADD CONSTRAINT handoff_routes_never_may CHECK (cardinality(may_not) <= 8
        AND may_not @> ARRAY['imply_eligibility', 'enrol_or_consent', 'answer_consent_questions', 'collect_health_information']);
