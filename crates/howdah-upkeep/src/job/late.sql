-- From when on late events are taken, in µs since 2000-01-01 UTC: accepted ($1), kept ($2), and not
-- before what retention took of the stream ($3).
select greatest(
    (extract(epoch from now() - least($1::text::interval, $2::text::interval)
             - timestamptz '2000-01-01 00:00:00+00') * 1000000)::bigint,
    (select h.gone_us from howdah.horizons h where h.stream = $3 and h.tenant is null))
