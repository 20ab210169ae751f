#!/bin/sh
# The roles and the database of Handoff, made as the superuser. The postgres image runs this once, on an empty volume; it may
# be run again, and then sets the passwords that the files hold now.
set -eu
: "${HANDOFF_OWNER_PASSWORD_FILE:?}" "${HANDOFF_APP_PASSWORD_FILE:?}"
# psql would go on with an empty password.
test -s "$HANDOFF_OWNER_PASSWORD_FILE" && test -s "$HANDOFF_APP_PASSWORD_FILE"

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
-- A statement that fails goes to the server's log, and these hold passwords.
SET log_min_error_statement = panic;
SET log_statement = none;
SET log_min_duration_statement = -1;
\set owner_password `cat "$HANDOFF_OWNER_PASSWORD_FILE"`
\set app_password `cat "$HANDOFF_APP_PASSWORD_FILE"`
-- Owns the tables and migrates.
SELECT 'CREATE ROLE handoff_owner' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'handoff_owner') \gexec
ALTER ROLE handoff_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'owner_password';
-- Serves, and owns nothing: row-level security binds it.
SELECT 'CREATE ROLE handoff_app' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'handoff_app') \gexec
ALTER ROLE handoff_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'app_password';
SELECT 'CREATE DATABASE handoff OWNER handoff_owner' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'handoff') \gexec
SQL
