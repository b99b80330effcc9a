-- Q8, compliance: all evidence about a phone number, over all years, folded or not. Which parties
-- and days a number has to do with is known, so of calls and consents theirs alone are read.
-- $1 text: keyed hash of the phone
select event_time, 'check' as what, "check"::text as kind, outcome::text as result, call_id::text as of
from compliance_checks_history where phone_hmac = $1::text
union all
select e.event_time, 'call', e.kind::text, null, e.call_sid
from phone_days_1d d
cross join lateral (
    select event_time, kind, call_sid
    from call_events_between(d.bucket, d.bucket + interval '24 hours')
    where seller_id = d.seller_id and phone_hmac = $1::text
    offset 0) e
where d.phone_hmac = $1::text
union all
select e.event_time, 'consent', e.kind::text, e.version::text, e.consent_id::text
from consumers c join consent_state s on s.consumer_id = c.id
cross join lateral (
    select event_time, kind, version, consent_id
    from consent_events_history
    where business_id = s.business_id and consumer_id = s.consumer_id
    offset 0) e
where c.phone_hmac = $1::text
union all
select p.created_at, 'proof', p.type, encode(p.content_hash, 'hex'), p.uri
from consumers c join consents n on n.consumer_id = c.id
join consent_proofs p on p.consent_id = n.id
where c.phone_hmac = $1::text
union all
select l.listed_at, 'list', l.kind, l.sync_id, l.provider_id
from dnc_listings l where l.phone_hmac = $1::text
order by 1
