-- howdah's own schema, version 5.
insert into howdah.version (version) values (5);
