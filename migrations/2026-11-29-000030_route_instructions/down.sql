ALTER TABLE handoff_routes DROP CONSTRAINT handoff_routes_instruction_length;
ALTER TABLE handoff_routes DROP CONSTRAINT handoff_routes_instruction_per_channel;
ALTER TABLE handoff_routes ALTER COLUMN instruction TYPE text USING instruction[1];
ALTER TABLE handoff_routes ADD CONSTRAINT handoff_routes_instruction_length CHECK (char_length(instruction) BETWEEN 1 AND 500);
