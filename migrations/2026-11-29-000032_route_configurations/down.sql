DROP TABLE route_configurations;
