ALTER TABLE members DROP COLUMN subject, DROP COLUMN issuer;
