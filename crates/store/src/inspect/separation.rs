//! Whether tables keep organizations apart, as the database itself says.

use std::collections::BTreeSet;

use domain::{OrgId, Result};
use sea_orm::{ConnectionTrait as _, Statement};

use super::{Inspector, catalogue::tables};
use crate::{TABLES, error::from_db, schema::Owner};

/// What the tables of a database are like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Separation {
    /// Tables that exist.
    pub tables: u64,
    /// Those whose rows belong to organizations.
    pub tenant: u64,
    /// Tables that are on no list.
    pub unlisted: Vec<String>,
    /// What is wrong with tables whose rows belong to organizations, and with which.
    pub faults: Vec<(String, String)>,
}

/// Which tables are whose.
struct Lists {
    tenant: BTreeSet<&'static str>,
    deployment: BTreeSet<&'static str>,
}

// One row per fault of any table: whose the table is, the lists say.
const SQLITE: &str = "\
    select m.name as \"table\", 'no organization, or one that may be empty' as fault from sqlite_master m \
      where m.type = 'table' and not exists (select 1 from pragma_table_info(m.name) c \
        where c.name = 'org_id' and (c.\"notnull\" = 1 or c.pk > 0)) \
    union all select m.name, 'a key without the organization' \
      from sqlite_master m, pragma_index_list(m.name) l, pragma_index_info(l.name) c \
      where m.type = 'table' and l.\"unique\" = 1 group by m.name, l.name having sum(c.name = 'org_id') = 0 \
    union all select m.name, 'a reference without the organization' \
      from sqlite_master m, pragma_foreign_key_list(m.name) f \
      where m.type = 'table' and f.\"table\" <> 'user' group by m.name, f.id having sum(f.\"from\" = 'org_id') = 0";
// Members and budgets refer to people, who belong to the deployment.
const POSTGRES: &str = "\
    with t as (select c.oid, c.relname::text as name, c.relrowsecurity, c.relforcerowsecurity from pg_class c \
      where c.relkind in ('r', 'p') and c.relnamespace = current_schema()::regnamespace) \
    select name as \"table\", 'no organization, or one that may be empty' as fault from t \
      where not exists (select 1 from pg_attribute a \
        where a.attrelid = t.oid and a.attname = 'org_id' and a.attnotnull) \
    union all select name, 'row-level security is off' from t where not relrowsecurity \
    union all select name, 'row-level security is not forced' from t where not relforcerowsecurity \
    union all select name, 'no policy for the organization' from t where not exists (select 1 from pg_policy p \
      where p.polrelid = t.oid and p.polpermissive and p.polcmd = '*' \
        and pg_get_expr(p.polqual, p.polrelid) = '(org_id = ( SELECT app_org() AS app_org))' \
        and pg_get_expr(p.polwithcheck, p.polrelid) = '(org_id = ( SELECT app_org() AS app_org))') \
    union all select name, 'a policy that lets more through' from t \
      where (select count(*) from pg_policy p where p.polrelid = t.oid and p.polpermissive) > 1 \
    union all select name, 'a reference without the organization' from t \
      join pg_constraint k on k.conrelid = t.oid and k.contype = 'f' \
      where k.confrelid <> (select oid from t where name = 'user') and not exists (select 1 from unnest(k.conkey) x \
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = x where a.attname = 'org_id') \
    union all select name, 'a key without the organization' from t \
      join pg_index x on x.indrelid = t.oid and x.indisunique where not exists (select 1 from pg_attribute a \
        where a.attrelid = t.oid and a.attnum = any (x.indkey) and a.attname = 'org_id')";

impl Inspector {
    /// How the tables of this database keep organizations apart; and the same against lists that are wrong on purpose:
    /// they leave one table out, and take one for an organization's that is the deployment's.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn separation(&self) -> Result<(Separation, Separation)> {
        let tx = self.engine.read(OrgId::DEPLOYMENT).await?;
        let names: Vec<_> = tables(&tx).await?.into_iter().map(|table| table.name).collect();
        let sql = if tx.is_postgres() { POSTGRES } else { SQLITE };
        let statement = Statement::from_string(tx.on().get_database_backend(), sql);
        let mut faults: Vec<(String, String)> = Vec::new();
        for row in tx.on().query_all_raw(statement).await.map_err(from_db)? {
            let table = row.try_get("", "table").map_err(from_db)?;
            faults.push((table, row.try_get("", "fault").map_err(from_db)?));
        }
        let named = |owner| -> BTreeSet<&'static str> {
            let all = TABLES.iter().filter(|table| table.owner == owner);
            all.map(|table| table.name).collect()
        };
        let mut lists =
            Lists { tenant: named(Owner::Tenant), deployment: named(Owner::Deployment) };
        let real = lists.hold(&names, &faults);
        lists.tenant.remove("member");
        lists.tenant.insert("session");
        Ok((real, lists.hold(&names, &faults)))
    }
}

impl Lists {
    fn hold(&self, names: &[String], faults: &[(String, String)]) -> Separation {
        let listed = |name: &str| self.tenant.contains(name) || self.deployment.contains(name);
        let tenant = names.iter().filter(|name| self.tenant.contains(name.as_str()));
        let wrong = faults.iter().filter(|(table, _)| self.tenant.contains(table.as_str()));
        Separation {
            tables: names.len() as u64,
            tenant: tenant.count() as u64,
            unlisted: names.iter().filter(|name| !listed(name)).cloned().collect(),
            faults: wrong.cloned().collect(),
        }
    }
}
