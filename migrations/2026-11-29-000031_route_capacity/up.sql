-- How many referrals a route takes in a calendar month of the site. They are counted as they are recorded, on routes that have a
-- limit alone; who sets one counts what the month already brought.
ALTER TABLE handoff_routes ADD COLUMN monthly_capacity integer
    CONSTRAINT handoff_routes_monthly_capacity_range CHECK (monthly_capacity BETWEEN 1 AND 1000000);

CREATE TABLE route_counts (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    route_id uuid NOT NULL,
    -- The first day of the month, on the site's calendar.
    month date NOT NULL CONSTRAINT route_counts_month_first_day CHECK (extract(day FROM month) = 1),
    partner_id uuid NOT NULL,
    recorded integer NOT NULL CONSTRAINT route_counts_recorded_range CHECK (recorded >= 0),
    PRIMARY KEY (site_id, route_id, month),
    CONSTRAINT route_counts_route_exists FOREIGN KEY (site_id, route_id) REFERENCES handoff_routes (site_id, id)
);
ALTER TABLE route_counts ENABLE ROW LEVEL SECURITY;
ALTER TABLE route_counts FORCE ROW LEVEL SECURITY;
CREATE POLICY route_counts_tenant ON route_counts TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
-- A partner counts its own referrals, and asks whether there is room for another.
CREATE POLICY route_counts_partner ON route_counts AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL OR partner_id = (SELECT current_partner_id()))
    WITH CHECK ((SELECT current_partner_id()) IS NULL OR partner_id = (SELECT current_partner_id()));
GRANT SELECT, INSERT, UPDATE ON route_counts TO handoff_app;
