-- Which server works for a site, and what came of it last. Like that of journal_heads, the row's lock is the lease: it ends with the
-- transaction that holds it, however that ends. Beside it stands the last run that is worth telling: a job that finds nothing to do
-- writes once a minute at the most.
CREATE TABLE job_leases (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    -- A job's name, from the table of jobs in the code.
    job text NOT NULL CONSTRAINT job_leases_job_format CHECK (job ~ '^[a-z][a-z_]{0,62}$'),
    -- The server that ran it: a random id that it gives itself at its start.
    server_id uuid NOT NULL,
    ran_at timestamptz NOT NULL,
    outcome text NOT NULL CONSTRAINT job_leases_outcome_vocabulary CHECK (outcome IN ('done', 'failed')),
    -- How much that run did, and all runs together.
    done bigint NOT NULL CONSTRAINT job_leases_done_range CHECK (done >= 0),
    done_in_all bigint NOT NULL CONSTRAINT job_leases_done_in_all_range CHECK (done_in_all >= done),
    PRIMARY KEY (site_id, job)
);
ALTER TABLE job_leases ENABLE ROW LEVEL SECURITY;
ALTER TABLE job_leases FORCE ROW LEVEL SECURITY;
CREATE POLICY job_leases_tenant ON job_leases TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY job_leases_partner ON job_leases AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE ON job_leases TO handoff_app;
