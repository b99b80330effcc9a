-- The rules of the market as functions of their arguments alone: the same arguments give the same
-- answer whenever they are asked, which a replay stands on.

-- Half to even, as PostgreSQL's round() does not do for numeric.
create function round_half_even(value numeric, places integer) returns numeric
    language sql immutable strict parallel safe
    return case
        when abs(value * 10::numeric ^ places - trunc(value * 10::numeric ^ places)) = 0.5
            then 2 * round(value * 10::numeric ^ places / 2) / 10::numeric ^ places
        else round(value, places)
    end;

-- 4.4: what a bid is worth: its amount and the bidder's rating, less what fraud takes away.
create function bid_score(amount numeric, rating numeric, fraud numeric) returns numeric
    language sql immutable strict parallel safe
    return (0.7 * amount + 0.3 * 10 * rating) * case when fraud > 0.5 then 1 - fraud else 1 end;

-- 4.4: what the winner pays. The runner-up is the second by rank; null where there is none.
create function clearing_price(
    kind auction_type, own numeric, runner_up numeric, bid_increment numeric, reserve numeric
) returns numeric
    language sql immutable parallel safe
    return case
        when kind = 'first_price' then own
        when runner_up is null then reserve
        else greatest(reserve, least(own, runner_up + bid_increment))
    end;

-- 4.5: what a call is charged, by the call or by whole steps of its length.
create function call_charge(
    unit price_unit, price numeric, duration_s integer,
    min_billable_s integer default 0, step_s integer default 60
) returns numeric
    language sql immutable strict parallel safe
    return case
        when unit = 'per_minute'
            then round_half_even(price * (duration_s / step_s) * step_s / 60, 4)
        when duration_s >= min_billable_s then price
        else 0
    end;

-- 4.5: the seller's part; the rest, with what rounding leaves, is the platform's.
create function seller_part(charge numeric, take_rate numeric) returns numeric
    language sql immutable strict parallel safe
    return round_half_even(charge * (1 - take_rate), 4);

-- 4.6
create function quality_score(
    quality numeric default 5, fraud numeric default 0, historical numeric default 5,
    conversion numeric default 0, trust numeric default 5, reliability numeric default 5
) returns numeric
    language sql immutable strict parallel safe
    return greatest(0, least(10, 0.25 * quality - 0.15 * fraud + 0.20 * historical
        + 0.15 * (conversion * 10) + 0.20 * trust + 0.15 * reliability));

-- 4.7: the factors of a price, by tables that finance may change. Within a rule the bands in force
-- at a moment do not meet.
create table price_rules (
    rule text not null
        check (rule in ('volume', 'hour', 'weekend', 'place', 'quality', 'tier')),
    scope text not null default '',
    rule_no integer generated always as identity unique,
    primary key (rule, scope)
);
comment on column price_rules.rule_no is
    'A range of one number takes part in an exclusion constraint without an extension';
create table price_bands (
    rule_no integer not null references price_rules (rule_no) on delete restrict,
    band numrange not null check (not isempty(band)),
    effective tstzrange not null default '[,)' check (not isempty(effective)),
    factor numeric(8,4) not null check (factor > 0),
    exclude using gist (int4range(rule_no, rule_no, '[]') with &&, band with &&, effective with &&)
);
insert into price_rules (rule, scope)
values ('volume', ''), ('hour', ''), ('weekend', ''), ('quality', ''), ('tier', ''),
       ('place', 'metro'), ('place', 'rural'), ('place', 'international');
insert into price_bands (rule_no, band, factor)
select r.rule_no, b.band::numrange, b.factor
from (values ('volume', '', '[0,1001)', 1.00), ('volume', '', '[1001,5001)', 0.95),
             ('volume', '', '[5001,10001)', 0.90), ('volume', '', '[10001,)', 0.85),
             ('hour', '', '[9,17)', 1.2), ('hour', '', '[0,9)', 0.9), ('hour', '', '[17,24)', 0.9),
             ('weekend', '', '[0,1]', 0.8),
             ('place', 'metro', '[0,1]', 1.1), ('place', 'rural', '[0,1]', 0.95),
             ('place', 'international', '[0,1]', 1.5),
             ('quality', '', '(90,100]', 1.1), ('quality', '', '[70,90]', 1.0),
             ('quality', '', '[0,70)', 0.8),
             ('tier', '', '[0,1001)', 1.00), ('tier', '', '[1001,5001)', 1.05),
             ('tier', '', '[5001,10001)', 1.10), ('tier', '', '[10001,)', 1.15)
     ) as b (rule, scope, band, factor)
join price_rules r using (rule, scope);

-- The factor of a rule for a value, 1 where no band holds it.
create function price_factor(of_rule text, value numeric, at timestamptz, in_scope text default '')
    returns numeric
    language sql stable parallel safe
    set search_path = pg_catalog, public
    return coalesce((
        select b.factor from price_bands b join price_rules r using (rule_no)
        where r.rule = of_rule and r.scope = in_scope
          and b.band @> value and b.effective @> at), 1);

create function price(
    base numeric, calls_this_month integer, at timestamptz, zone text, place text, quality numeric
) returns numeric
    language sql stable strict parallel safe
    set search_path = pg_catalog, public
    return round_half_even(base
        * price_factor('volume', calls_this_month, at)
        * case when extract(isodow from at at time zone zone) > 5
               then price_factor('weekend', 1, at)
               else price_factor('hour', extract(hour from at at time zone zone), at) end
        * price_factor('place', 1, at, place)
        * price_factor('quality', quality, at), 4);

-- 4.10: 0.8 when ahead of the plan of the day, 1.2 when behind, nothing at the budget.
create function pace_factor(budget numeric, elapsed interval, total interval, spent numeric)
    returns numeric
    language sql immutable strict parallel safe
    return case
        when spent >= budget then 0
        when spent > budget * extract(epoch from elapsed) / extract(epoch from total) then 0.8
        when spent < budget * extract(epoch from elapsed) / extract(epoch from total) then 1.2
        else 1
    end;

-- Whether a call is allowed at that moment in the called party's time zone. Unknown: no.
create function hours_allow(at timestamptz, zone text, opens time, closes time) returns boolean
    language plpgsql stable parallel safe
    set search_path = pg_catalog
as $$
begin
    return coalesce((at at time zone zone)::time >= opens and (at at time zone zone)::time < closes,
                    false);
exception when invalid_parameter_value then
    return false;
end
$$;

-- A name for what follows from something else: the same every time it is asked.
create function id_of(what text) returns uuid
    language sql immutable strict parallel safe
    return md5(what)::uuid;
