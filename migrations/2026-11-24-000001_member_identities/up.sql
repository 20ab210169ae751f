-- Who a member is to the site's identity provider. The settings bind an issuer to one site; these bind its subject to one
-- member. Both or neither, and within a site no two members are the same subject.
ALTER TABLE members
    ADD COLUMN issuer text NULL CONSTRAINT members_issuer_length CHECK (char_length(issuer) BETWEEN 10 AND 500),
    ADD COLUMN subject text NULL CONSTRAINT members_subject_length CHECK (char_length(subject) BETWEEN 1 AND 255),
    ADD CONSTRAINT members_identity_whole CHECK ((issuer IS NULL) = (subject IS NULL)),
    ADD CONSTRAINT members_identity_unique UNIQUE (site_id, issuer, subject);
