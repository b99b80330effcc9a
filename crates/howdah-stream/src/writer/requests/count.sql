update howdah.http_requests set accepted = $3, duplicates = $4 where api_key = $1 and name = $2
