drop table reorganisations;
drop table other_events;
drop table share_prices;
drop table stakes;
drop table triples_created;
drop table atoms_created;
