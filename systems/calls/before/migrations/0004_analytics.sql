-- Findings 7 and 17: dashboards over calls, bids and transactions joined with each other, computed
-- whole every ten minutes (load/refresh.sql). The join multiplies: each transaction counts once for
-- each bid of its call.

create materialized view analytics.buyer_dashboard as
select a.id as buyer_id,
       date_trunc('day', c.start_time) as day,
       count(distinct c.id) as total_calls,
       count(distinct b.id) as total_bids,
       count(distinct b.id) filter (where b.status = 'won') as won_bids,
       sum(-t.amount) filter (where t.amount < 0) as total_spend,
       avg(c.duration) as average_duration
from core.accounts a
left join core.calls c on c.buyer_id = a.id
left join bidding.bids b on b.call_id = c.id
left join billing.transactions t on t.call_id = c.id and t.account_id = a.id
where a.account_type = 'buyer'
group by 1, 2;
create unique index buyer_dashboard_key on analytics.buyer_dashboard (buyer_id, day);

create materialized view analytics.call_minutes as
select date_trunc('minute', event_time) as minute, event_type, count(*) as events
from core.call_events group by 1, 2;
create unique index call_minutes_key on analytics.call_minutes (minute, event_type);

create materialized view analytics.market_hours as
select date_trunc('hour', placed_at) as hour, count(*) as bids, avg(amount) as mean,
       max(amount) as highest
from bidding.bids group by 1;
create unique index market_hours_key on analytics.market_hours (hour);

-- Policies that ask a table for every row, by a setting that any statement may change.
alter table core.calls enable row level security;
create policy calls_of on core.calls using (
    seller_id = nullif(current_setting('app.account', true), '')::uuid
    or buyer_id = nullif(current_setting('app.account', true), '')::uuid
    or exists (select from core.accounts a
               where a.id = nullif(current_setting('app.account', true), '')::uuid
                 and a.account_type = 'admin'));
alter table bidding.bids enable row level security;
create policy bids_of on bidding.bids using (
    buyer_id = nullif(current_setting('app.account', true), '')::uuid
    or exists (select from core.accounts a
               where a.id = nullif(current_setting('app.account', true), '')::uuid
                 and a.account_type = 'admin'));
