DROP TABLE referral_digests;
DROP TABLE referrals;
