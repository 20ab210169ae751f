ALTER TABLE sites DROP COLUMN sealed_details_retention_days;
DROP TABLE sealed_details;
