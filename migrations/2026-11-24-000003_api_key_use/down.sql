ALTER TABLE api_keys
    DROP CONSTRAINT api_keys_rotated_to_ends,
    DROP CONSTRAINT api_keys_rotated_to_exists,
    DROP COLUMN rotated_to_id,
    DROP COLUMN last_used_at,
    DROP COLUMN version;
