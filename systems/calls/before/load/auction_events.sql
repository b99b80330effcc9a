-- params: event_time, kind, auction_id, call_id, seller_id, reserve_price, winning_bid_id, clearing_price, closes_at
insert into bidding.auctions as a
    (id, call_id, seller_id, status, reserve_price, winning_bid_id, clearing_price, end_time)
values ($3::uuid, $4::uuid, $5::uuid, $2, $6::numeric, $7::uuid, $8::numeric,
        coalesce($9::timestamptz, $1::timestamptz))
on conflict (id) do update set
    status = excluded.status, winning_bid_id = coalesce(excluded.winning_bid_id, a.winning_bid_id),
    clearing_price = coalesce(excluded.clearing_price, a.clearing_price),
    end_time = excluded.end_time
