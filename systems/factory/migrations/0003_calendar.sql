-- Time as people of a site tell it: shifts and days. Both are instances with two moments, so a
-- night shift is nothing special, and neither is a day of 23 or 25 hours.

create table shift_instances (
    org_id text not null,
    work_center_id text not null,
    shift_id text not null check (shift_id <> ''),
    shift_code text not null check (shift_code ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$'),
    period tstzrange not null check (
        not isempty(period) and not lower_inf(period) and not upper_inf(period)
        and lower_inc(period) and not upper_inc(period)),
    planned_break_s integer not null default 0 check (planned_break_s >= 0),
    row_version integer not null default 0 check (row_version >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, work_center_id, shift_id),
    foreign key (org_id, work_center_id) references work_centers on delete restrict,
    check (make_interval(secs => planned_break_s) < upper(period) - lower(period)),
    exclude using gist (one(org_id) with &&, one(work_center_id) with &&, period with &&)
);
create index shift_instances_by_time on shift_instances (org_id, work_center_id, lower(period));
create trigger compare_and_set before update on shift_instances
    for each row execute function compare_and_set();
comment on table shift_instances is 'A shift of a work centre from one moment to another';

create table site_days (
    org_id text not null,
    site_id text not null,
    day date not null,
    period tstzrange not null check (not isempty(period)),
    primary key (org_id, site_id, day),
    foreign key (org_id, site_id) references sites on delete restrict
);
create index site_days_by_time on site_days (org_id, site_id, lower(period));
comment on table site_days is 'The days of a site, by its own clock: 23, 24 or 25 hours';

-- The days of a site, made from its zone. Again for the same days it changes nothing.
create function make_days(org text, site text, first date, last date) returns bigint
    language sql
    set search_path = public, pg_catalog
    begin atomic
        insert into site_days (org_id, site_id, day, period)
        select s.org_id, s.site_id, d::date,
            tstzrange(d::timestamp at time zone s.tz, (d + interval '1 day')::timestamp at time zone s.tz)
        from sites s, generate_series(first::timestamp, last::timestamp, interval '1 day') d
        where s.org_id = org and s.site_id = site
        on conflict do nothing;
        select count(*) from site_days d
        where d.org_id = org and d.site_id = site and d.day between first and last;
    end;
comment on function make_days(text, text, date, date) is 'The days of a site in its zone';

-- Shifts of a pattern: begins by the wall clock of the site, each lasts until the next begins.
create function make_shifts(
    org text, center text, first date, last date, begins time[], break_s integer
) returns bigint
    language sql
    set search_path = public, pg_catalog
    begin atomic
        insert into shift_instances (org_id, work_center_id, shift_id, shift_code, period, planned_break_s)
        select w.org_id, w.work_center_id,
            to_char(d, 'YYYYMMDD') || '-' || n, 'S' || n,
            tstzrange(
                (d + begins[n])::timestamp at time zone s.tz,
                (case when n < cardinality(begins) then d + begins[n + 1]
                    else d + interval '1 day' + begins[1] end)::timestamp at time zone s.tz),
            break_s
        from work_centers w
        join sites s on (s.org_id, s.site_id) = (w.org_id, w.site_id),
            generate_series(first::timestamp, last::timestamp, interval '1 day') d,
            generate_subscripts(begins, 1) n
        where w.org_id = org and w.work_center_id = center
        on conflict (org_id, work_center_id, shift_id) do nothing;
        select count(*) from shift_instances i where i.org_id = org and i.work_center_id = center;
    end;
comment on function make_shifts(text, text, date, date, time[], integer) is
    'Shifts of a work centre by a daily pattern of beginnings, such as 06:00, 14:00, 22:00';

-- A shift cut at the midnights of its site. What is counted by these parts sums up to shifts and
-- to days alike, also when a night shift lies in two.
create table shift_parts (
    org_id text not null,
    work_center_id text not null,
    shift_id text not null,
    day date not null,
    period tstzrange not null check (not isempty(period)),
    primary key (org_id, work_center_id, shift_id, day),
    foreign key (org_id, work_center_id, shift_id) references shift_instances on delete cascade,
    exclude using gist (one(org_id) with &&, one(work_center_id) with &&, period with &&)
);
create index shift_parts_by_day on shift_parts (org_id, day);
create index shift_parts_by_time on shift_parts (org_id, work_center_id, lower(period));
comment on table shift_parts is 'Made of shift_instances by a trigger; nobody else writes it';

create function cut_shift() returns trigger
    language plpgsql
    set search_path = public, pg_catalog
as $$
declare
    zone text;
begin
    select s.tz into strict zone
    from work_centers w
    join sites s on (s.org_id, s.site_id) = (w.org_id, w.site_id)
    where (w.org_id, w.work_center_id) = (new.org_id, new.work_center_id);
    delete from shift_parts p
    where (p.org_id, p.work_center_id, p.shift_id) = (new.org_id, new.work_center_id, new.shift_id);
    insert into shift_parts (org_id, work_center_id, shift_id, day, period)
    select new.org_id, new.work_center_id, new.shift_id, d.day, new.period * d.period
    from (
        select g::date as day, tstzrange(
            g at time zone zone, (g + interval '1 day') at time zone zone) as period
        from generate_series(
            date_trunc('day', lower(new.period) at time zone zone),
            upper(new.period) at time zone zone, interval '1 day') g
    ) d
    where not isempty(new.period * d.period);
    return null;
end
$$;
create trigger cut_shift after insert or update of period on shift_instances
    for each row execute function cut_shift();

-- The calendars that rollups count by: for each machine.
create view equipment_parts with (security_invoker = true) as
select e.org_id, e.equipment_id, p.shift_id, p.day, p.period
from equipment e
join shift_parts p on p.org_id = e.org_id and p.work_center_id = e.work_center_id;
comment on view equipment_parts is 'Shifts of a machine, cut at midnight';

create view equipment_days with (security_invoker = true) as
select e.org_id, e.equipment_id, d.day, d.period
from equipment e
join work_centers w on w.org_id = e.org_id and w.work_center_id = e.work_center_id
join site_days d on d.org_id = w.org_id and d.site_id = w.site_id;
comment on view equipment_days is 'Days of a machine by the clock of its site';

-- What is made under one standard: quantities are counted by the standard of their time.
create view equipment_standards with (security_invoker = true) as
select s.org_id, s.equipment_id, s.product_code, p.shift_id, p.day, s.standard_id,
    p.period * s.valid as period
from production_standards s
join equipment e on e.org_id = s.org_id and e.equipment_id = s.equipment_id
join shift_parts p on p.org_id = e.org_id and p.work_center_id = e.work_center_id
    and p.period && s.valid;
comment on view equipment_standards is 'Shifts of a machine by the standards of its products';
