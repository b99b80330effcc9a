drop table exchange_connections;
drop table instruments;
drop table exchanges;
drop type connection_status;
drop type instrument_status;
drop type instrument_kind;
drop type exchange_status;
