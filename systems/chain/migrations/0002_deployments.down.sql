drop table deployments;
drop function is_uint256(numeric);
drop type stake_kind;
drop type vault_type;
