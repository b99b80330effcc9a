select stream, code, count(*) as letters, left(regexp_replace(max(reason), '^the database refused the event: ', ''), 30) as "for instance"
from howdah.dead_letters
group by stream, code
order by count(*) desc, stream, code
limit 20
