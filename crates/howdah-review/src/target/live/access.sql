-- Lines of the access file that let in from another machine without TLS.
select h.line_number, coalesce(h.address, '')
from pg_catalog.pg_hba_file_rules h
where h.type in ('host', 'hostnossl') and h.auth_method <> 'reject' and h.error is null
  and h.address not in ('127.0.0.1', '::1', 'localhost')
order by 1
