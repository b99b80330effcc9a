-- Tables whose updates or deletes are published; the view lists nothing where nothing is.
select distinct t.schemaname::text, t.tablename::text
from pg_catalog.pg_publication_tables t
join pg_catalog.pg_publication p on p.pubname = t.pubname
where p.pubupdate or p.pubdelete
order by 1, 2
