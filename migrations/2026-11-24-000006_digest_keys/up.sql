-- Which key a contact digest was made under, by the key's public name, so that an operator can see when an earlier master key is
-- no longer needed. NULL: from before names; such a digest is looked up under every key like any other. A digest moves to the
-- current key when the same contact detail comes by again, and the app role may change nothing else of the row.
ALTER TABLE referral_digests ADD COLUMN key_id bytea CONSTRAINT referral_digests_key_id_length CHECK (octet_length(key_id) = 8);
GRANT UPDATE (digest, key_id) ON referral_digests TO handoff_app;
