-- What a route was, from its first day: a row for each configuration that it had. A launch proof names one by its hash. Rows are never
-- changed.
CREATE TABLE route_configurations (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    route_id uuid NOT NULL,
    number integer NOT NULL CONSTRAINT route_configurations_number_positive CHECK (number > 0),
    configuration_hash text NOT NULL CONSTRAINT route_configurations_hash_format CHECK (configuration_hash ~ '^[0-9a-f]{64}$'),
    channels text[] NOT NULL CONSTRAINT route_configurations_channels_vocabulary CHECK (cardinality(channels) BETWEEN 1 AND 4
        AND channels <@ ARRAY['self_referral', 'secure_form', 'phone_handoff', 'coordinator_queue']),
    instruction text[] NOT NULL CONSTRAINT route_configurations_instruction_per_channel CHECK (cardinality(instruction) = cardinality(channels)
        AND array_position(instruction, NULL) IS NULL),
    source_tag text NOT NULL CONSTRAINT route_configurations_source_tag_format CHECK (source_tag ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$'),
    -- Where people were sent: the route's own, or the site's at that time.
    intake_url text NOT NULL CONSTRAINT route_configurations_intake_url_format CHECK (intake_url ~ '^https?://' AND char_length(intake_url) <= 500),
    owner_id uuid NOT NULL,
    backup_owner_id uuid NOT NULL,
    duplicate_policy text NOT NULL CONSTRAINT route_configurations_duplicate_policy_vocabulary CHECK (duplicate_policy IN ('review_all', 'review_cross_partner')),
    approval_reference text CONSTRAINT route_configurations_approval_reference_length CHECK (char_length(approval_reference) BETWEEN 1 AND 64),
    acknowledge_due_hours integer,
    contact_due_hours integer,
    follow_up_due_hours integer,
    recorded_at timestamptz NOT NULL,
    -- The operation that made it so, and who called it.
    operation text NOT NULL CONSTRAINT route_configurations_operation_format CHECK (operation ~ '^[a-z][a-z_]{0,63}$'),
    actor_kind text NOT NULL CONSTRAINT route_configurations_actor_kind_vocabulary CHECK (actor_kind IN
        ('staff', 'site_key', 'partner_key', 'operator', 'system')),
    actor_id uuid,
    PRIMARY KEY (site_id, route_id, number),
    CONSTRAINT route_configurations_route_exists FOREIGN KEY (site_id, route_id) REFERENCES handoff_routes (site_id, id)
);
ALTER TABLE route_configurations ENABLE ROW LEVEL SECURITY;
ALTER TABLE route_configurations FORCE ROW LEVEL SECURITY;
CREATE POLICY route_configurations_tenant ON route_configurations TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY route_configurations_partner ON route_configurations AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT ON route_configurations TO handoff_app;
