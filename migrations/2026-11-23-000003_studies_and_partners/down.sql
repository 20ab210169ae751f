DROP TABLE partners;
DROP TABLE studies;
