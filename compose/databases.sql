-- The database and the roles of one service, `name`: the owner migrates, the login uses, and the login may become the
-- system role, which sees all tenants. The names are those that the engine derives from the database's owner; crates/local
-- makes the same for the private server, and a test of it holds the two against each other.
\getenv login_password LOGIN_PASSWORD
\getenv owner_password OWNER_PASSWORD
\set owner :name '_owner'
\set system :name '_system'

set client_min_messages = warning;

select format('create role %I', role)
from unnest(array[:'owner', :'name', :'system']) as role
where not exists (select from pg_roles where rolname = role)
\gexec

alter role :"owner" login inherit password :'owner_password';
-- Without inheritance it has the system role's rights only after it asked for them.
alter role :"name" login noinherit password :'login_password';
grant :"system" to :"name";

select format('create database %I owner %I template template0 encoding %L', :'name', :'owner', 'UTF8')
where not exists (select from pg_database where datname = :'name')
\gexec

revoke all on database :"name" from public;
grant connect, temporary on database :"name" to :"owner", :"name";
