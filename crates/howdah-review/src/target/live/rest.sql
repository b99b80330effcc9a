-- What else rules ask, as a kind and three texts.
select 'extension', e.extname::text, e.extversion, a.default_version
from pg_catalog.pg_extension e
join pg_catalog.pg_available_extensions() a on a.name = e.extname
where a.default_version <> e.extversion
union all
select 'plain session', pg_catalog.count(*)::text, '', ''
from pg_catalog.pg_stat_ssl s
join pg_catalog.pg_stat_activity a on a.pid = s.pid
where not s.ssl and a.client_addr is not null
  and not a.client_addr <<= any ('{127.0.0.0/8,::1}'::inet[])
having pg_catalog.count(*) > 0
order by 1, 2
