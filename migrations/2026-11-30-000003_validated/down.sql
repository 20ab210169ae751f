-- What is valid may stay so: the migrations before this one take the constraints away.
SELECT 1;
