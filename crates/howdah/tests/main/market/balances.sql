select desk_id, account, sum(amount), count(*) from RAW.postings group by 1, 2
