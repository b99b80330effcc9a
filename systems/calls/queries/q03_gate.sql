-- Q3, router: what gate() looks at: lists, consent, time zone.
-- $1 text: keyed hash of the phone, $2 uuid: business, $3 timestamptz: now
select c.id as consumer, c.timezone,
       (select string_agg(found.provider_id, ' ') from (
            select distinct on (l.provider_id) l.provider_id, l.kind
            from dnc_listings l
            join dnc_syncs m using (provider_id, sync_id)
            join dnc_files f using (provider_id, sync_id)
            where l.phone_hmac = $1::text and f.lines = m.lines
            order by l.provider_id, m.listed_at desc, l.sync_id desc) found
        where found.kind = 'added') as lists,
       s.head % 16 in (1, 2) and v.channels @> array['voice']
           and (s.expires_at is null or s.expires_at > $3::timestamptz) as consent
from consumers c
left join consent_state s on s.consumer_id = c.id and s.business_id = $2::uuid
left join consent_versions v on v.consent_id = s.last_consent::uuid and v.version = s.head / 16
where c.phone_hmac = $1::text
