DROP TABLE alert_webhooks;
