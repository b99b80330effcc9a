-- howdah's own schema, version 4.
insert into howdah.version (version) values (4);
