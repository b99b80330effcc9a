-- Two processes that forget at once pass over each other's rows.
delete from howdah.http_requests
where ctid = any (array(
    select ctid from howdah.http_requests
    where stored_at < now() - make_interval(secs => $1::float8)
    limit $2
    for update skip locked
))
