DROP TABLE refusals;
DROP TABLE idempotency_keys;
