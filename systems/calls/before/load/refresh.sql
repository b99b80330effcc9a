-- Every ten minutes.
refresh materialized view analytics.call_minutes;
refresh materialized view analytics.market_hours;
refresh materialized view analytics.buyer_dashboard;
