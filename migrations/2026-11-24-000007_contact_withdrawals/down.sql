DROP TABLE contact_withdrawals;
