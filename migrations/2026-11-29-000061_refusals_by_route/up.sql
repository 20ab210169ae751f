-- Refusals tell a partner's coach which route they came over, and that a value was refused for its content. Still counts alone.
ALTER TABLE refusals DROP CONSTRAINT refusals_code_vocabulary;
ALTER TABLE refusals ADD CONSTRAINT refusals_code_vocabulary CHECK (code IN ('unknown_field', 'sensitive_field', 'sensitive_content'));
ALTER TABLE refusals
    -- NULL: the body named no study that the partner has a route for.
    ADD COLUMN route_id uuid,
    ADD CONSTRAINT refusals_route_exists FOREIGN KEY (site_id, route_id) REFERENCES handoff_routes (site_id, id),
    ADD CONSTRAINT refusals_route_has_partner CHECK (route_id IS NULL OR partner_id IS NOT NULL),
    DROP CONSTRAINT refusals_one_per_partner_day_code,
    ADD CONSTRAINT refusals_one_per_route_day_code UNIQUE NULLS NOT DISTINCT (site_id, partner_id, route_id, day, code);
