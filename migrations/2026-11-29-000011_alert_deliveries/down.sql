DROP TABLE alert_channel_states;
DROP TABLE alert_deliveries;
