drop table policy_version;
drop table approved_model;
drop table model_version;
drop type policy_kind_range;
drop type policy_kind;
drop type model_type;
