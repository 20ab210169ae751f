-- The little CRM. Both connectors use it as it stands; so may anything else that reads and writes tables.
PRAGMA journal_mode = WAL;

-- What is the CRM's own. Who the person is stands in the CRM too, and never leaves it.
CREATE TABLE IF NOT EXISTS record (
  id          TEXT PRIMARY KEY,     -- is the referral's external_ref: a code that tells nothing of the person
  referral_id TEXT,                 -- its referral, once that is known
  created_by  TEXT NOT NULL CHECK (created_by IN ('crm', 'handoff')),
  created_at  TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX IF NOT EXISTS record_by_referral ON record (referral_id);

-- What Handoff said last. The connector alone writes it, and nothing in it that Handoff did not say.
CREATE TABLE IF NOT EXISTS referral (
  id                 TEXT PRIMARY KEY,
  etag               TEXT NOT NULL, -- the version that these columns are of
  partner            TEXT,
  study              TEXT NOT NULL,
  status             TEXT NOT NULL,
  owner_id           TEXT NOT NULL,
  next_action        TEXT,
  next_action_due_at TEXT,
  blocker            TEXT,
  close_reason       TEXT,
  external_ref       TEXT
);

-- How far the feed was read: moved in the transaction of the rows that it brought, never apart from them.
CREATE TABLE IF NOT EXISTS feed (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  cursor   TEXT NOT NULL
);

-- What the CRM's people want changed at Handoff. One edit of a referral waits at a time, so that nobody edits what is not there yet.
CREATE TABLE IF NOT EXISTS outbox (
  seq             INTEGER PRIMARY KEY AUTOINCREMENT,
  kind            TEXT NOT NULL CHECK (kind IN ('create', 'move', 'change')), -- POST a referral, POST a transition, PATCH
  record_id       TEXT NOT NULL UNIQUE REFERENCES record (id),
  referral_id     TEXT,
  body            TEXT NOT NULL,        -- JSON, as it is sent
  seen            TEXT NOT NULL,        -- JSON: what the person saw in the columns that the edit changes
  etag            TEXT,                 -- the version that the person saw
  idempotency_key TEXT NOT NULL UNIQUE, -- made with the row, so that a retry after a crash is no second request
  CHECK ((kind = 'create') = (referral_id IS NULL) AND (kind = 'create') = (etag IS NULL))
);

-- Edits that Handoff did not take, for a person to see. Nothing else happens to them.
CREATE TABLE IF NOT EXISTS conflict (
  seq         INTEGER PRIMARY KEY,      -- of the edit in the outbox
  kind        TEXT NOT NULL,
  record_id   TEXT NOT NULL,
  referral_id TEXT,
  body        TEXT NOT NULL,
  seen        TEXT NOT NULL,
  found       TEXT NOT NULL,            -- JSON: what Handoff had there instead
  reason      TEXT NOT NULL,            -- changed_meanwhile, not_allowed, ambiguous, or the code of Handoff's refusal
  at          TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- What the comparison with the list had to put right, because the feed had not told of it.
CREATE TABLE IF NOT EXISTS repair (
  referral_id TEXT NOT NULL,
  columns     TEXT NOT NULL,            -- JSON
  at          TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
