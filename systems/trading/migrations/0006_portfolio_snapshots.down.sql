drop table portfolio_snapshots;
