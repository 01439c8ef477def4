-- The roles and the database. Run it as a superuser, again whenever you like:
--   psql --dbname postgres --file deploy/postgresql-roles.sql [-v database=recovery -v owner=recovery_owner -v app=recovery_app]
-- Then give each a password: \password recovery_owner, \password recovery_app
--
-- The owner migrates, backs up and restores (DATABASE_OWNER_URL): it sees the rows of all practices, and may make a
-- database to verify a backup in. Web and worker are the app (DATABASE_URL), which owns nothing and passes by no
-- row security. What a restore makes anew is open to the app by the default privileges.
\set ON_ERROR_STOP on
\if :{?database}
\else
    \set database recovery
\endif
\if :{?owner}
\else
    \set owner recovery_owner
\endif
\if :{?app}
\else
    \set app recovery_app
\endif

SELECT format('CREATE ROLE %I', :'owner') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'owner') \gexec
SELECT format('CREATE ROLE %I', :'app') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'app') \gexec
ALTER ROLE :"owner" LOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION CREATEDB BYPASSRLS;
ALTER ROLE :"app" LOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION NOCREATEDB NOBYPASSRLS;
SELECT format('CREATE DATABASE %I OWNER %I ENCODING ''UTF8'' TEMPLATE template0', :'database', :'owner')
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO :"app";

\connect :"database"
ALTER SCHEMA public OWNER TO :"owner";
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO :"app";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :"app";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"app";
