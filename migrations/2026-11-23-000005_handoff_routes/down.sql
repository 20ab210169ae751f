DROP POLICY studies_partner ON studies;
DROP TABLE handoff_routes;
