-- Calls that completed, cost something, and were not charged: normally none.
-- $1 timestamptz: since
select s.call_id, s.call_sid, s.ended_at
from call_state s
where s.status = 'completed' and s.started_at >= $1::timestamptz
  and not exists (select from call_billing b where b.call_id = s.call_id and b.charges = 1)
  and charge_of(s.call_id) > 0
