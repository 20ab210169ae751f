-- A claim is written twice: when it is made, and with the answer, which no index holds. With room on its page the second costs no index an entry.
ALTER TABLE idempotency_keys SET (fillfactor = 50);
-- Its rows come and go by the thousand and there are few at a time: what is gone is cleared away soon, for whoever looks for the next of them.
ALTER TABLE journal_queue SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 2000);
