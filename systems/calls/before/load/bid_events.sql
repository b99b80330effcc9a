-- params: event_time, kind, bid_id, auction_id, call_id, buyer_id, seller_id, amount, place, expires_at
insert into bidding.bids as b
    (id, auction_id, call_id, buyer_id, seller_id, amount, status, rank, placed_at, expires_at)
values ($3::uuid, $4::uuid, $5::uuid, $6::uuid, $7::uuid, $8::numeric, $2, $9::integer,
        $1::timestamptz, $10::timestamptz)
on conflict (id) do update set
    status = excluded.status, amount = excluded.amount,
    rank = coalesce(excluded.rank, b.rank), seller_id = coalesce(excluded.seller_id, b.seller_id)
