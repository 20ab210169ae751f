-- Which studies a viewer is assigned to: it sees the reports of these and of no others. Admins and coordinators see every study
-- and have no rows here.
CREATE TABLE member_studies (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    member_id uuid NOT NULL,
    study_id uuid NOT NULL,
    PRIMARY KEY (site_id, member_id, study_id),
    CONSTRAINT member_studies_member_exists FOREIGN KEY (site_id, member_id) REFERENCES members (site_id, id),
    CONSTRAINT member_studies_study_exists FOREIGN KEY (site_id, study_id) REFERENCES studies (site_id, id)
);
ALTER TABLE member_studies ENABLE ROW LEVEL SECURITY;
ALTER TABLE member_studies FORCE ROW LEVEL SECURITY;
CREATE POLICY member_studies_tenant ON member_studies TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY member_studies_partner ON member_studies AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, DELETE ON member_studies TO handoff_app;
