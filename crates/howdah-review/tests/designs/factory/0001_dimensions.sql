create extension if not exists pgcrypto;
create table dim_site (id serial primary key, code varchar(20) not null unique, name varchar(100) not null);
create table dim_equipment (
  id serial primary key,
  code varchar(50) not null unique,
  name varchar(100) not null,
  site_id int not null references dim_site (id),
  attributes jsonb
);
create table dim_operator (
  id varchar(30) primary key default gen_random_uuid()::text,
  name varchar(200) not null,
  email varchar(255)
);
