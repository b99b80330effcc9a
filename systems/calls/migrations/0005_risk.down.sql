drop table security_events;
drop type severity;
drop table blacklist;
drop table fraud_profiles;
drop table fraud_scores;
