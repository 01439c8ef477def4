-- The two roles of a clinic's database on PostgreSQL 15 or newer: one that owns the tables, for migrations and backups,
-- and one that the service works as, web and worker, which row security binds. As a superuser, in the new database:
--   psql --dbname recovery --file deploy/postgresql-roles.sql
--   psql --dbname recovery --command '\password recovery_owner' --command '\password recovery_app'
-- It may be run again, and grants what was missing. Tables that another role made are handed over first:
--   REASSIGN OWNED BY old_role TO recovery_owner;
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'recovery_owner') THEN CREATE ROLE recovery_owner; END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'recovery_app') THEN CREATE ROLE recovery_app; END IF;
END $$;
-- Who migrates and backs up works on the rows of all practices, and makes a database to verify a backup in.
ALTER ROLE recovery_owner LOGIN NOSUPERUSER CREATEDB NOCREATEROLE NOREPLICATION BYPASSRLS;
ALTER ROLE recovery_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
REVOKE recovery_owner FROM recovery_app;

DO $$
BEGIN
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO recovery_owner, recovery_app', current_database());
END $$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO recovery_owner;
GRANT USAGE ON SCHEMA public TO recovery_app;

-- Rows only: no table is emptied (TRUNCATE), altered or given a trigger by the service.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO recovery_app;
ALTER DEFAULT PRIVILEGES FOR ROLE recovery_owner IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO recovery_app;
