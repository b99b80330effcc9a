-- Q7, seller: the bids of one of my closed auctions in their order, without who bid.
-- $1 uuid: seller, $2 uuid: auction
select place, amount, won = 1 as won, bid_at
from auction_replay
where seller_id = $1::uuid and auction_id = $2::uuid
order by place
