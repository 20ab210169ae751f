DROP TABLE partner_reviews;
