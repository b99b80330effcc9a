-- claim: decimal(5, 2) holds a rate between 0 and 1
-- code: win_rate decimal(5, 2)
-- like: add column win_rate decimal(5, 2)
-- unlike: add column win_rate float8
-- rows: FALSE 0.66667 becomes {}.
-- none: TRUE It is kept.
select 0.66667::decimal(5, 2) where 0.66667::decimal(5, 2) <> 0.66667;
