-- One row per violation; a clean catalogue has none.
with t as (
  select c.oid, c.relname, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.relowner, c.reloptions
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public'
),
tt as (select * from t where relkind in ('r', 'p') and relname = any (array[{tenant}]))
select 'unlisted_table', relname from t
  where relkind in ('r', 'p') and relname <> all (array[{tenant}, {deployment}])
union all select 'org_id_nullable', relname from tt
  where not exists (select 1 from pg_attribute a where a.attrelid = tt.oid and a.attname = 'org_id' and a.attnotnull)
union all select 'rls_not_enabled', relname from tt where not relrowsecurity
union all select 'rls_not_forced', relname from tt where not relforcerowsecurity
union all select 'policy_missing_or_odd', relname from tt
  where not exists (
    select 1 from pg_policy p where p.polrelid = tt.oid and p.polpermissive and p.polcmd = '*'
      and pg_get_expr(p.polqual, p.polrelid) = '(org_id = ( SELECT app_org() AS app_org))'
      and pg_get_expr(p.polwithcheck, p.polrelid) = '(org_id = ( SELECT app_org() AS app_org))')
union all select 'extra_permissive_policy', relname from tt
  where (select count(*) from pg_policy p where p.polrelid = tt.oid and p.polpermissive) > 1
-- A member, and whoever has a budget, is a person of the deployment: the references that need no organization.
union all select 'fk_without_org_id: ' || k.conname, relname from tt
  join pg_constraint k on k.conrelid = tt.oid and k.contype = 'f'
  where k.conname not in ('member_user_id_fkey', 'budget_user_id_fkey') and not exists (
    select 1 from unnest(k.conkey) x join pg_attribute a on a.attrelid = k.conrelid and a.attnum = x
    where a.attname = 'org_id')
union all select 'unique_without_org_id: ' || i.relname, tt.relname from tt
  join pg_index x on x.indrelid = tt.oid and x.indisunique join pg_class i on i.oid = x.indexrelid
  where not exists (
    select 1 from pg_attribute a
    where a.attrelid = tt.oid and a.attnum = any (x.indkey) and a.attname = 'org_id')
union all select 'view_not_security_invoker', relname from t
  where relkind = 'v' and not coalesce(reloptions, '{}') @> array['security_invoker=true']
union all select 'matview', relname from t where relkind = 'm'
union all select 'partition', relname from t where relkind = 'p'
union all select 'app_role_grant_' || lower(privilege_type), table_name
  from information_schema.role_table_grants
  where table_schema = 'public' and grantee in ('probity_app', 'PUBLIC')
    and privilege_type in ('TRUNCATE', 'REFERENCES', 'TRIGGER')
union all select 'append_only_grant_' || lower(privilege_type), table_name
  from information_schema.role_table_grants
  where table_schema = 'public' and grantee in ('probity_app', 'PUBLIC')
    and table_name in ('evidence', 'usage', 'audit_entry', 'audit_node', 'audit_checkpoint', 'deployment')
    and privilege_type in ('UPDATE', 'DELETE')
union all select 'append_only_trigger_off', c.relname
  from pg_trigger g join pg_class c on c.oid = g.tgrelid
  where not g.tgisinternal and g.tgenabled <> 'A'
union all select 'security_definer_function', p.proname
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'public' and p.prosecdef
union all select 'app_role_bypasses', rolname from pg_roles
  where rolname = 'probity_app' and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb)
union all select 'app_role_owns', relname from t where relowner = 'probity_app'::regrole
order by 1, 2;
