-- A guard suspends a partner, and says why. Nothing did before, so that no row has to be told apart.
ALTER TABLE partners ADD COLUMN suspension_reason text
    CONSTRAINT partners_suspension_reason_vocabulary CHECK (suspension_reason IN ('language_lapsed'));
ALTER TABLE partners ADD CONSTRAINT partners_suspended_has_reason CHECK ((status = 'suspended') = (suspension_reason IS NOT NULL));
