drop view term;
drop view vault;
drop view position_of_account;
drop view triple;
drop view atom;
drop table atom_labels;
drop type resolving_status;
drop type atom_type;
