DROP TABLE member_studies;
