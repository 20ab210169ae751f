-- Keys are rotated and their use is seen. The default of `version` serves the binary before this one, which does not know it.
-- Names of active keys are kept apart by the operation and not by an index: rows from before may share one.
ALTER TABLE api_keys
    ADD COLUMN version integer NOT NULL DEFAULT 1 CONSTRAINT api_keys_version_positive CHECK (version > 0),
    -- When somebody was last let in with it; written by a job, about a minute behind.
    ADD COLUMN last_used_at timestamptz,
    -- The key that took its place; this one goes on until `expires_at`.
    ADD COLUMN rotated_to_id uuid,
    ADD CONSTRAINT api_keys_rotated_to_exists FOREIGN KEY (site_id, rotated_to_id) REFERENCES api_keys (site_id, id),
    ADD CONSTRAINT api_keys_rotated_to_ends CHECK (rotated_to_id IS NULL OR expires_at IS NOT NULL);
