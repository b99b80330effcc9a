-- Readings of 40 machines: {hours} hours of {rows} each, the last of them an hour ago.
create table readings (
    tenant_id uuid not null, machine_id integer not null, n bigint not null,
    at timestamptz not null, temperature numeric(6,2) not null, flow double precision not null,
    state text not null,
    primary key (tenant_id, machine_id, n, at)
) partition by range (at);
do $$
declare
    first timestamptz := date_trunc('hour', now()) - {hours} * interval '1 hour';
begin
    for hour in 0..{hours} - 1 loop
        execute format('create table readings_%s partition of readings for values from (%L) to (%L)',
            hour, first + hour * interval '1 hour', first + (hour + 1) * interval '1 hour');
    end loop;
    insert into readings
    select '11111111-1111-4111-8111-111111111111', i % 40, i,
           first + i * (interval '1 hour' / {rows}),
           round((70 + 5 * sin(i / 900.0))::numeric, 2), round((2 + sin(i / 200.0))::numeric, 2),
           case when i / 900 % 4 = 0 then 'idle' else 'automatic' end
    from generate_series(0, {hours} * {rows} - 1) i;
end
$$;
analyze readings;
