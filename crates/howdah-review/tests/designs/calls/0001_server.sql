-- The settings of the server, made by a migration.
alter system set shared_buffers = '16GB';
alter system set max_connections = 1000;
create extension if not exists pgcrypto;
create extension if not exists "pgvector";
create schema core;
create schema audit;
create schema monitoring;
create schema analytics;
