drop function person_erase(text, uuid);
drop function person_export(text, uuid);
drop function org_of_caller(text);
drop table person_request;
