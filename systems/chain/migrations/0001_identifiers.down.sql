drop function utf8_text(bytea);
drop function counter_term(bytea);
drop function hex0x(bytea);
drop function eip55(bytea);
drop function keccak256(bytea);
drop function reverse_bytes(bytea);
drop function keccak_round(bigint[], bigint);
