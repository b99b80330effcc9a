-- Q8, compliance: all evidence about a phone number, over all years.
-- $1 text: keyed hash of the phone
select event_time, 'check' as what, "check"::text as kind, outcome::text as result, call_id::text as of
from compliance_checks where phone_hmac = $1::text
union all
select event_time, 'call', kind::text, null, call_sid
from call_events where phone_hmac = $1::text
union all
select e.event_time, 'consent', e.kind::text, e.version::text, e.consent_id::text
from consumers c join consent_events e on e.consumer_id = c.id
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
