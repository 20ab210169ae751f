ALTER TABLE handoff_routes DROP COLUMN may, DROP COLUMN may_not;
