DROP TABLE route_counts;
ALTER TABLE handoff_routes DROP COLUMN monthly_capacity;
