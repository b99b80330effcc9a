create or replace function f(a int default 1, out b text) returns setof text language plpgsql
    security definer set search_path = '' as $body$
declare c record; -- a; b
begin
    for c in select * from t where x = ';' loop
        execute format('create role %I', c.name);
        create role inner_role;
    end loop;
    /* nested /* comment ; */ */
exception when others then raise notice $q$it's$q$;
end $body$;
create function g(a int) returns int begin atomic select case when a > 0 then 1 else 2 end; end;
create procedure h() language sql as 'select 1; select ''2'';';
do language plpgsql $$ begin if true then alter system set work_mem = '1GB'; end if; end $$;
create trigger x before insert or update of a, b on t for each row when (new.a is distinct from
    old.a) execute function f();
create policy y on t as restrictive for all to app using (tenant = (select current_setting('a')));
create type color as enum ('red', 'it''s', U&'\0041');
alter type color add value if not exists 'blue' before 'red';
create domain positive as int check (value > 0) default 1;
