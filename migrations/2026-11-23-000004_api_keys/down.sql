DROP TABLE api_keys;
DROP FUNCTION directory.follow_api_key();
