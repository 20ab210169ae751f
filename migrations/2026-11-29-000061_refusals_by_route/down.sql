ALTER TABLE refusals DROP CONSTRAINT refusals_one_per_route_day_code, DROP CONSTRAINT refusals_route_has_partner,
    DROP CONSTRAINT refusals_route_exists;
DELETE FROM refusals WHERE code = 'sensitive_content' OR route_id IS NOT NULL;
ALTER TABLE refusals DROP COLUMN route_id;
ALTER TABLE refusals ADD CONSTRAINT refusals_one_per_partner_day_code UNIQUE NULLS NOT DISTINCT (site_id, partner_id, day, code);
ALTER TABLE refusals DROP CONSTRAINT refusals_code_vocabulary;
ALTER TABLE refusals ADD CONSTRAINT refusals_code_vocabulary CHECK (code IN ('unknown_field', 'sensitive_field'));
