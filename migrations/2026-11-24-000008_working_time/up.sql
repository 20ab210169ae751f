-- When the site works: due times count these hours only. Empty: every hour of every day counts. Periods are local to the site's
-- time zone (`monday 08:00-17:00`), so that daylight saving moves them with the clock on the wall; holidays are local dates.
ALTER TABLE sites
    ADD COLUMN business_hours text[] NOT NULL DEFAULT '{}' CONSTRAINT sites_business_hours_format CHECK
        (array_to_string(business_hours, ',', '!') ~ '^((monday|tuesday|wednesday|thursday|friday|saturday|sunday) [0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9](,(?!$)|$))*$'),
    ADD COLUMN holidays text[] NOT NULL DEFAULT '{}' CONSTRAINT sites_holidays_format CHECK
        (array_to_string(holidays, ',', '!') ~ '^([0-9]{4}-[0-9]{2}-[0-9]{2}(,(?!$)|$))*$'),
    -- Working hours between one step of an escalation and the next.
    ADD COLUMN escalation_hours integer NOT NULL DEFAULT 8 CONSTRAINT sites_escalation_hours_range CHECK (escalation_hours BETWEEN 1 AND 720);
