-- Decisions: who wins, who may bid, what may be routed, what a call costs. A decision reads what is
-- committed and gives the events that follow from it, under names that follow from what they are
-- about. So the one who decides the same again sends the same events, which change nothing; and
-- what must be decided once is a row that only one can write.
--
-- They run with the rights of the caller. Tables of states are made by howdah apply, after this.

create function amount_text(value numeric) returns text
    language sql immutable strict parallel safe
    return trim_scale(round(value, 4))::text;

-- An event of the ledger. Legs without an amount are left out.
create function ledger_event(
    kind ledger_kind, idempotency_key text, at timestamptz, legs jsonb, about jsonb default '{}'
) returns jsonb
    language sql immutable parallel safe
    set search_path = pg_catalog, public
    return jsonb_strip_nulls(about) || jsonb_build_object('stream', 'ledger',
        'event_time', to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'txn_id', id_of('txn:' || idempotency_key),
        'kind', kind, 'idempotency_key', idempotency_key, 'currency', 'USD',
        'legs', jsonb_path_query_array(legs, '$[*] ? (@.amount != "0")'));

create function leg(account text, bucket bucket, amount numeric) returns jsonb
    language sql immutable strict parallel safe
    set search_path = pg_catalog, public
    return jsonb_build_object('account_id', account, 'bucket', bucket,
        'amount', amount_text(amount));

-- The event that holds the price of a bid.
create function ledger_hold(
    bid uuid, buyer uuid, amount numeric, at timestamptz, expires timestamptz,
    campaign uuid default null
) returns jsonb
    language sql immutable parallel safe
    set search_path = pg_catalog, public
    return ledger_event('hold', 'hold:' || bid, at,
        jsonb_build_array(leg(buyer::text, 'held', amount), leg('memo:holds', 'held', -amount)),
        jsonb_build_object('hold_id', bid, 'buyer_id', buyer, 'campaign_id', campaign,
            'budget_day', case when campaign is not null then (at at time zone 'UTC')::date end,
            'expires_at', to_char(expires at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));

-- The event that gives a hold back, or null when it is not open.
create function ledger_release(bid uuid, at timestamptz) returns jsonb
    language plpgsql stable
    set search_path = pg_catalog, public
as $$
declare
    hold record;
begin
    select account, size, campaign, budget_day into hold
    from holds where hold_id = bid and ended = 0;
    if not found then
        return null;
    end if;
    return ledger_event('hold_release', 'release:' || bid, at,
        jsonb_build_array(leg(hold.account, 'held', -hold.size),
            leg('memo:holds', 'held', hold.size)),
        jsonb_build_object('hold_id', bid, 'buyer_id', hold.account,
            'campaign_id', hold.campaign, 'budget_day', hold.budget_day));
end
$$;

-- 4.4, W1: the order of the qualified bids and what the first of them pays.
-- bids: [{"bid_id", "amount", "rating", "fraud", "received"}, …], each of them qualified but for
-- the reserve; ties go to the bid that was received first.
create function pick_winner(kind auction_type, reserve numeric, bid_increment numeric, bids jsonb)
    returns table (place integer, bid_id uuid, amount numeric, score numeric, pays numeric)
    language sql immutable
    set search_path = pg_catalog, public
as $$
    with ranked as (
        select row_number() over best as place, b.bid_id, b.amount,
               bid_score(b.amount, b.rating, b.fraud) as score,
               lead(b.amount) over best as runner_up
        from jsonb_to_recordset(bids)
            as b (bid_id uuid, amount numeric, rating numeric, fraud numeric, received bigint)
        where b.amount >= reserve
        window best as (order by bid_score(b.amount, b.rating, b.fraud) desc, b.received, b.bid_id)
    )
    select place::integer, bid_id, amount, score,
           case when place = 1
               then clearing_price(kind, amount, runner_up, bid_increment, reserve) end
    from ranked order by place
$$;

-- Bids of an auction that may win: the bid stands and has its money held, the bidder is in order,
-- the model does not fear fraud.
create function qualified_bids(auction uuid, at timestamptz) returns jsonb
    language plpgsql stable
    set search_path = pg_catalog, public
as $$
begin
    return (
        select coalesce(jsonb_agg(jsonb_build_object('bid_id', b.bid_id, 'buyer_id', b.buyer_id,
            'amount', b.amount, 'rating', a.rating, 'fraud', coalesce(f.score, 0),
            'received', coalesce(b.received, 0), 'placed_at', b.placed_at) order by b.bid_id), '[]')
        from bid_state b
        join accounts a on a.id = b.buyer_id
        join holds h on h.hold_id = b.bid_id
        left join fraud_state f on f.subject_kind = 'bid' and f.subject_id = b.bid_id::text
        where b.auction_id = auction and b.status in ('placed', 'modified') and b.expires_at > at
          and a.status = 'active' and a.deleted_at is null
          and not a.compliance_flags && array['SUSPENDED', 'BANNED']
          and coalesce(f.score, 0) <= 0.8 and h.ended = 0 and h.size >= b.amount);
end
$$;

-- Q1: the same with what the router shows beside them.
create function best_bids(auction uuid, at timestamptz)
    returns table (place integer, bid_id uuid, buyer_id uuid, amount numeric, score numeric,
                   available numeric, fraud numeric)
    language plpgsql stable
    set search_path = pg_catalog, public
as $$
declare
    bids jsonb := qualified_bids(auction, at);
begin
    return query
    select w.place, w.bid_id, b.buyer_id, w.amount, w.score,
           coalesce(s.posted, 0) + s.credit_limit - coalesce(s.held, 0), b.fraud
    from auctions a,
         pick_winner(a.type, a.reserve_price, a.bid_increment, bids) w
    join jsonb_to_recordset(bids) as b (bid_id uuid, buyer_id uuid, fraud numeric) using (bid_id)
    join account_state s on s.account = b.buyer_id::text and s.currency = 'USD'
    where a.id = auction
    order by w.place;
end
$$;

-- 4.4, W14: closes an auction once. The first closer writes the result; everybody gets it. Its
-- events (the close, who won and lost, the holds that go back) belong into one batch.
create function close_auction(auction uuid, at timestamptz) returns jsonb
    language plpgsql
    set search_path = pg_catalog, public
as $$
declare
    it auctions;
    bids jsonb;
    events jsonb := '[]';
    winner uuid;
    pays numeric;
    stamp text;
    total integer;
    ranked integer := 0;
    release jsonb;
    one record;
begin
    select * into it from auctions where id = auction for update;
    if not found then
        raise exception 'there is no such auction' using errcode = 'no_data_found';
    end if;
    if it.closing is not null then
        return it.closing || '{"already_closed": true}';
    end if;
    if at < it.closes_at then
        raise exception 'the auction is still open'
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    stamp := to_char(it.closes_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
    bids := qualified_bids(auction, it.closes_at);
    select count(*) into total from bid_state where auction_id = auction;
    for one in
        select b.bid_id, b.buyer_id, b.amount, b.placed_at, w.place, w.pays, g.events as revs
        from bid_state b
        left join pick_winner(it.type, it.reserve_price, it.bid_increment, bids) w using (bid_id)
        left join bid_guard g using (bid_id)
        where b.auction_id = auction and b.status in ('placed', 'modified')
        order by w.place nulls last, b.bid_id
    loop
        ranked := ranked + 1;
        if one.place = 1 then
            winner := one.bid_id;
            pays := one.pays;
        end if;
        events := events || jsonb_build_array(jsonb_strip_nulls(
            jsonb_build_object('stream', 'bid_events', 'event_time', stamp,
                'bid_id', one.bid_id, 'rev', one.revs + 1,
                'kind', case when one.place = 1 then 'won' else 'lost' end,
                'auction_id', auction, 'call_id', it.call_id, 'buyer_id', one.buyer_id,
                'seller_id', it.seller_id, 'amount', amount_text(one.amount), 'place', ranked,
                'bid_at', one.placed_at, 'competing_bids', total - 1,
                'loss_reason', case when one.place is null then 'unqualified'
                                    when one.place > 1 then 'outbid' end)));
        release := ledger_release(one.bid_id, it.closes_at);
        if one.place is distinct from 1 and release is not null then
            events := events || jsonb_build_array(release);
        end if;
    end loop;
    events := jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
        'stream', 'auction_events', 'event_time', stamp, 'auction_id', auction, 'kind', 'closed',
        'rev', 1 + coalesce((select g.events from auction_guard g where g.auction_id = auction), 0),
        'call_id', it.call_id, 'seller_id', it.seller_id, 'type', it.type,
        'vertical', it.vertical, 'geo', it.geo,
        'total_bids', total, 'qualified_bids', jsonb_array_length(bids),
        'reserve_price', amount_text(it.reserve_price), 'reserve_met', winner is not null,
        'winning_bid_id', winner, 'clearing_price', amount_text(pays),
        'rule', 'amount and rating', 'rule_version', 1))) || events;
    update auctions
    set status = case when winner is not null then 'completed'::auction_status
                      when total = 0 then 'no_bids' else 'expired' end,
        winning_bid_id = winner, clearing_price = pays, version = it.version + 1,
        closing = jsonb_strip_nulls(jsonb_build_object('auction_id', auction,
            'winning_bid_id', winner, 'clearing_price', amount_text(pays), 'events', events))
    where id = auction
    returning closing into events;
    return events;
end
$$;

-- Q2: whether a buyer may place a bid of that amount now, and if not, why.
create function may_bid(buyer uuid, amount numeric, at timestamptz) returns text
    language plpgsql stable
    set search_path = pg_catalog, public
as $$
declare
    a accounts;
    s account_settings;
    available numeric;
    recent bigint;
    slots record;
begin
    select * into a from accounts where id = buyer;
    select * into s from account_settings where account_id = buyer;
    if a.id is null or a.deleted_at is not null or a.type <> 'buyer' then
        return 'no such buyer';
    elsif a.status <> 'active' or a.compliance_flags && array['SUSPENDED', 'BANNED'] then
        return 'not active';
    elsif amount > coalesce(s.max_bid_amount, 10) then
        return 'above the highest bid';
    end if;
    select coalesce(posted, 0) + credit_limit - coalesce(held, 0) into available
    from account_state where account = buyer::text and currency = 'USD';
    if coalesce(available, 0) < amount then
        return 'not enough money';
    end if;
    select coalesce(sum(bids), 0) into recent from bidder_1m
    where buyer_id = buyer and bucket > at - interval '5 minutes' and bucket <= at;
    if recent >= 100 then
        return 'too many bids';
    end if;
    select * into slots from buyer_slots where buyer_id = buyer;
    if coalesce(slots.taken, 0) >= coalesce(slots.max_concurrent, 10) then
        return 'too many calls';
    end if;
    return null;
end
$$;

-- W10: the lists that hold a number: of each provider the newest file that is wholly here decides.
create function dnc_lists(phone text) returns table (provider_id text, priority smallint)
    language plpgsql stable
    set search_path = pg_catalog, public
as $$
begin
    return query
    select found.provider_id, p.priority
    from (
        select distinct on (l.provider_id) l.provider_id, l.kind
        from dnc_listings l
        join dnc_syncs m using (provider_id, sync_id)
        join dnc_files f using (provider_id, sync_id)
        where l.phone_hmac = phone and f.lines = m.lines
        order by l.provider_id, m.listed_at desc, l.sync_id desc
    ) found
    join dnc_providers p on p.id = found.provider_id
    where found.kind = 'added';
end
$$;

-- 4.13: whether the consumer lets that business call through that channel at that moment.
create function consent_holds(consumer uuid, business uuid, channel text, at timestamptz)
    returns boolean
    language plpgsql stable
    set search_path = pg_catalog, public
as $$
begin
    return exists (
        select from consent_state s
        join consent_versions v on v.consent_id = s.last_consent::uuid and v.version = s.head / 16
        where s.consumer_id = consumer and s.business_id = business
          and s.head % 16 in (1, 2) and v.channels @> array[channel]
          and (s.expires_at is null or s.expires_at > at));
end
$$;

-- Q3: the gate. One row for each mandatory check; unknown is deny.
create function gate(phone text, buyer uuid, at timestamptz)
    returns table ("check" check_kind, outcome outcome, reason text, rule_version integer)
    language plpgsql stable
    set search_path = pg_catalog, public
as $$
declare
    consumer consumers;
    hours tcpa_hours;
    listed text;
begin
    select * into consumer from consumers where phone_hmac = phone;
    select string_agg(provider_id, ', ' order by d.priority desc, provider_id) into listed
    from dnc_lists(phone) d;
    "check" := 'dnc';
    outcome := case when listed is null then 'allow' else 'deny' end;
    reason := listed;
    rule_version := 1;
    return next;

    "check" := 'consent';
    outcome := case when consumer.id is null then 'unknown'
        when consent_holds(consumer.id, buyer, 'voice', at) then 'allow' else 'deny' end;
    reason := case when consumer.id is null then 'unknown consumer' end;
    return next;

    select h.* into hours from tcpa_hours h join tcpa_scopes s using (scope_no)
    where s.scope = 'federal' and h.effective @> at;
    "check" := 'tcpa_hours';
    outcome := case when consumer.timezone is null or hours.opens is null then 'unknown'
        when hours_allow(at, consumer.timezone, hours.opens, hours.closes) then 'allow'
        else 'deny' end;
    reason := case when consumer.timezone is null then 'unknown time zone' end;
    rule_version := hours.rule_version;
    return next;
end
$$;

-- R27, I7: clears a call for a buyer, once. Denied calls leave no row; of two routers one clears
-- it, the other is told so.
create function clear_route(
    call uuid, sid text, seller uuid, buyer uuid, bid uuid, phone text, at timestamptz
) returns jsonb
    language plpgsql
    set search_path = pg_catalog, public
as $$
declare
    checks jsonb;
    denied text;
    there call_routes;
begin
    select jsonb_agg(to_jsonb(g)),
           string_agg(g."check"::text, ', ') filter (where g.outcome <> 'allow')
    into checks, denied from gate(phone, buyer, at) g;
    if denied is not null then
        return jsonb_build_object('cleared', false, 'denied', denied, 'checks', checks);
    end if;
    insert into call_routes
        (call_id, call_sid, seller_id, buyer_id, winning_bid_id, checks, routed_at)
    values (call, sid, seller, buyer, bid, checks, at)
    on conflict do nothing
    returning * into there;
    if found then
        return jsonb_build_object('cleared', true, 'buyer_id', buyer, 'checks', checks);
    end if;
    select * into there from call_routes r where r.call_id = call;
    return jsonb_build_object('cleared', coalesce(there.winning_bid_id = bid, false),
        'already_routed', true, 'buyer_id', there.buyer_id, 'checks', there.checks);
end
$$;

-- What a call costs by what is known of it now.
create function charge_of(call uuid) returns numeric
    language plpgsql stable
    set search_path = pg_catalog, public
as $$
begin
    return (select call_charge(a.price_unit, a.clearing_price, coalesce(c.duration_s, 0))
            from call_state c join auctions a on a.call_id = c.call_id
            where c.call_id = call and c.status = 'completed' and a.clearing_price is not null);
end
$$;

-- Q4: the events that bill a completed call: its hold is captured, or given back when it costs
-- nothing. Asked again they are the same; null when there is nothing to bill.
create function settle_call(sid text) returns jsonb
    language plpgsql stable
    set search_path = pg_catalog, public
as $$
declare
    c record;
    charge numeric;
    earned numeric;
    at timestamptz;
begin
    select r.call_id, r.seller_id, r.buyer_id, r.winning_bid_id as bid, s.ended_at,
           h.size, h.campaign, h.budget_day, t.take_rate
    into c
    from call_routes r
    join call_state s using (call_id)
    join holds h on h.hold_id = r.winning_bid_id
    left join account_settings t on t.account_id = r.seller_id
    where r.call_sid = sid;
    charge := charge_of(c.call_id);
    if charge is null then
        return null;
    end if;
    at := coalesce(c.ended_at, now());
    charge := least(charge, c.size);
    if charge = 0 then
        return ledger_release(c.bid, at);
    end if;
    earned := seller_part(charge, coalesce(c.take_rate, 0.15));
    return ledger_event('capture', 'charge:' || c.call_id, at,
        jsonb_build_array(
            leg(c.buyer_id::text, 'held', -c.size), leg('memo:holds', 'held', c.size),
            leg(c.buyer_id::text, 'posted', -charge), leg(c.seller_id::text, 'posted', earned),
            leg('platform:revenue', 'posted', charge - earned)),
        jsonb_build_object('hold_id', c.bid, 'call_id', c.call_id, 'seller_id', c.seller_id,
            'buyer_id', c.buyer_id, 'campaign_id', c.campaign, 'budget_day', c.budget_day,
            'reference_type', 'call', 'reference_id', c.call_id));
end
$$;

-- W5: the adjustment of a call whose cost is not what was charged, or null. What it is called says
-- how much was charged before, so two that adjust at once send the same.
create function adjust_call(call uuid) returns jsonb
    language plpgsql stable
    set search_path = pg_catalog, public
as $$
declare
    c record;
    more numeric;
    earned numeric;
begin
    select r.seller_id, r.buyer_id, b.charged, b.refunded, s.ended_at, t.take_rate into c
    from call_routes r
    join call_billing b using (call_id)
    join call_state s using (call_id)
    left join account_settings t on t.account_id = r.seller_id
    where r.call_id = call and b.charges = 1;
    more := charge_of(call) - c.charged;
    if more is null or more = 0 then
        return null;
    end if;
    earned := seller_part(more, coalesce(c.take_rate, 0.15));
    return ledger_event('adjustment', 'adjust:' || call || ':' || amount_text(c.charged),
        c.ended_at,
        jsonb_build_array(leg(c.buyer_id::text, 'posted', -more),
            leg(c.seller_id::text, 'posted', earned),
            leg('platform:revenue', 'posted', more - earned)),
        jsonb_build_object('call_id', call, 'seller_id', c.seller_id, 'buyer_id', c.buyer_id,
            'reference_type', 'call', 'reference_id', call,
            'reverses_txn_id', id_of('txn:charge:' || call)));
end
$$;

-- I5: releases of holds whose bid is over.
create function expired_holds(at timestamptz) returns setof jsonb
    language plpgsql stable
    set search_path = pg_catalog, public
as $$
begin
    return query
    select ledger_release(h.hold_id, h.expires_at) from holds h
    where h.ended = 0 and h.expires_at < at
      and not exists (select from call_routes r where r.winning_bid_id = h.hold_id);
end
$$;

-- I8, W8: calls that were routed after a consent was taken back and before that was known, as
-- checks to record. Attempt 99 is kept for what is found afterwards.
create function late_revocations(since timestamptz) returns setof jsonb
    language plpgsql stable
    set search_path = pg_catalog, public
as $$
begin
    return query
    select jsonb_build_object('stream', 'compliance_checks', 'event_time', r.routed_at,
        'call_id', r.call_id, 'check', 'consent', 'attempt', 99,
        'seller_id', r.seller_id, 'buyer_id', r.buyer_id,
        'phone_hmac', c.phone_hmac, 'outcome', 'deny', 'reason', 'taken back before',
        'connected', true)
    from consent_events_history e
    join consumers c on c.id = e.consumer_id
    cross join lateral (
        select b.call_id from call_events_between(e.event_time, e.recorded_at) b
        where b.phone_hmac = c.phone_hmac and b.kind = 'routed' and b.buyer_id = e.business_id
        offset 0) k
    join call_routes r on r.call_id = k.call_id
    where e.kind in ('revoked', 'opt_out') and e.channels @> array['voice']
      and e.recorded_at >= since;
end
$$;

-- 4.10: opens a day of a campaign; again, it takes up a changed budget.
create function open_campaign_day(campaign uuid, day date) returns numeric
    language plpgsql
    set search_path = pg_catalog, public
as $$
declare
    opened numeric;
begin
    insert into campaign_days (campaign_id, budget_day, budget)
    select id, day, daily_budget from campaigns where id = campaign
    on conflict (campaign_id, budget_day) do update set budget = excluded.budget
    returning budget into opened;
    return opened;
end
$$;

-- R27: a payout moves on from the state it was seen in, or not at all.
create function move_payout(payout uuid, seen text, next text) returns boolean
    language plpgsql
    set search_path = pg_catalog, public
as $$
begin
    update payouts set status = next, version = version + 1
    where id = payout and status = seen
      and (seen, next) in (('pending', 'processing'), ('pending', 'canceled'),
                           ('processing', 'completed'), ('processing', 'failed'));
    return found;
end
$$;
