-- Each channel has its own instruction: what the partner tells the person on the phone is not what stands on a form. The two lists are
-- one table of pairs, side by side in the route's row, so that whoever takes a referral reads them with it.
ALTER TABLE handoff_routes DROP CONSTRAINT handoff_routes_instruction_length;
ALTER TABLE handoff_routes ALTER COLUMN instruction TYPE text[] USING array_fill(instruction, ARRAY[cardinality(channels)]);
ALTER TABLE handoff_routes ADD CONSTRAINT handoff_routes_instruction_per_channel CHECK (cardinality(instruction) = cardinality(channels)
    AND array_position(instruction, NULL) IS NULL);
ALTER TABLE handoff_routes ADD CONSTRAINT handoff_routes_instruction_length CHECK (char_length(instruction[1]) BETWEEN 1 AND 500
    AND coalesce(char_length(instruction[2]), 1) BETWEEN 1 AND 500 AND coalesce(char_length(instruction[3]), 1) BETWEEN 1 AND 500
    AND coalesce(char_length(instruction[4]), 1) BETWEEN 1 AND 500);
