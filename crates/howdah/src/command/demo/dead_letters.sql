select stream, code, count(*) as letters, left(max(reason), 60) as "for instance"
from howdah.dead_letters
group by stream, code
order by count(*) desc, stream, code
limit 8
