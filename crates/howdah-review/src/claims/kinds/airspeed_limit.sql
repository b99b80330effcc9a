-- claim: no aircraft flies faster than 200 m/s
-- code: airspeed ; between 0 and 200
-- says: airspeed ; 200 m/s
-- like: check (airspeed between 0 and 200)
-- unlike: check (airspeed between 0 and 400)
-- fails 23514: FALSE An airliner cruises at about 250 m/s, and is rejected: {}.
-- none: TRUE It is taken.
create table telemetry (airspeed_ms numeric check (airspeed_ms between 0 and 200));
insert into telemetry values (250);
