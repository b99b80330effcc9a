drop table orders;
drop type order_status;
drop type time_in_force;
drop type order_type;
drop type side;
