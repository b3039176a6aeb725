-- People are told of cost alerts by deliveries, which are written with them.
DROP INDEX cost_alerts_to_tell;
ALTER TABLE cost_alerts DROP COLUMN tell_at;
ALTER TABLE cost_alerts DROP COLUMN tellings;
