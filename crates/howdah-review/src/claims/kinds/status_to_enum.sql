-- claim: a status with a default becomes an enum by ALTER COLUMN … TYPE
-- code: alter column status type
-- like: alter table o alter column status type order_status using status::order_status
-- unlike: alter table o alter column status drop default
-- fails 42804: FALSE The default cannot be converted: {}. It is to be dropped first, and so are partial indexes that name its values.
-- none: TRUE The server takes it.
create table orders (id int, status varchar(20) default 'pending');
create type order_status as enum ('pending', 'filled');
alter table orders alter column status type order_status using status::order_status;
