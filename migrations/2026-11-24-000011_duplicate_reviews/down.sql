DROP TABLE duplicate_reviews;
DROP TABLE match_results;
