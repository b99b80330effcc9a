drop view equipment_standards;
drop view equipment_days;
drop view equipment_parts;
drop function make_shifts(text, text, date, date, time[], integer);
drop function make_days(text, text, date, date);
drop table shift_parts;
drop table site_days;
drop table shift_instances;
drop function cut_shift();
