drop table trades;
