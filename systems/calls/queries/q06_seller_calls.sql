-- Q6, seller: my calls, newest first, a page of fifty behind the last one shown.
-- $1 uuid: seller, $2 timestamptz and $3 uuid: the last call shown, $4 call_kind: status or null
select call_id, started_at, status, buyer_id, duration_s, mos
from call_state
where seller_id = $1::uuid and (started_at, call_id) < ($2::timestamptz, $3::uuid)
  and ($4::call_kind is null or status = $4::call_kind)
order by started_at desc, call_id desc
limit 50
