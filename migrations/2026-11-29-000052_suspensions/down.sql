ALTER TABLE partners DROP COLUMN suspension_reason;
