drop table fills;
drop type liquidity;
