DROP TABLE members;
DROP TABLE sites;
DROP FUNCTION directory.follow_site();
