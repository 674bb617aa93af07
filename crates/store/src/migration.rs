//! Migrations for both engines, and the small language they are written in.
//!
//! A statement names portable types in braces (`{uuid}`, `{bytes}`, `{int}`, `{bool}`). Creating a table of
//! a tenant adds `org_id`, the row-level security and the application role's least grants by itself.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTraitSelf, SchemaManager};

mod budget;
mod connection;
mod content;
mod contract;
mod counter;
mod directory;
mod exposure;
mod foundation;
mod health;
mod kept;
mod limit;
mod masking;
mod messages;
mod notice;
mod payer;
mod proof;
mod receipt;
mod routing;
mod second_factor;
mod sign_in_code;
mod sign_in_policy;

/// What the application role may do with the rows of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Access {
    Full,
    /// Rows are added, never changed or removed.
    Append,
    Read,
}

type Steps = fn(&mut Ddl);

/// Every migration, in order. Names are for ever; the text of one that was released is too.
const MIGRATIONS: &[(&str, Steps)] = &[
    ("m0001_foundation", foundation::steps),
    ("m0002_audit", crate::audit::migration::steps),
    ("m0003_routing", routing::steps),
    ("m0004_masking", masking::steps),
    ("m0005_receipt", receipt::steps),
    ("m0006_notice", notice::steps),
    ("m0007_budget", budget::steps),
    ("m0008_limit", limit::steps),
    ("m0009_content", content::steps),
    ("m0010_exposure", exposure::steps),
    ("m0011_messages", messages::steps),
    ("m0012_counter", counter::steps),
    ("m0013_gates", gates),
    ("m0014_directory", directory::steps),
    ("m0015_payer", payer::steps),
    ("m0016_health", health::steps),
    ("m0017_second_factor", second_factor::steps),
    ("m0018_proof", proof::steps),
    ("m0019_connection", connection::steps),
    ("m0021_sign_in_code", sign_in_code::steps),
    ("m0022_sign_in_policy", sign_in_policy::steps),
];

/// What the database itself refuses since then.
fn gates(ddl: &mut Ddl) {
    contract::steps(ddl);
    kept::steps(ddl);
}

/// Collects the statements of one migration for one engine.
pub(crate) struct Ddl {
    backend: DbBackend,
    app_role: Option<String>,
    statements: Vec<String>,
}

impl Ddl {
    pub(crate) fn is_postgres(&self) -> bool {
        self.backend == DbBackend::Postgres
    }

    /// One statement, on both engines.
    pub(crate) fn run(&mut self, sql: &str) {
        let int = if self.is_postgres() { "bigint" } else { "integer" };
        let bytes = if self.is_postgres() { "bytea" } else { "blob" };
        let uuid = if self.is_postgres() { "uuid" } else { "blob" };
        let flag = if self.is_postgres() { "boolean" } else { "integer" };
        self.statements.push(
            sql.replace("{int}", int)
                .replace("{bytes}", bytes)
                .replace("{uuid}", uuid)
                .replace("{bool}", flag),
        );
    }

    pub(crate) fn postgres(&mut self, sql: &str) {
        if self.is_postgres() {
            self.run(sql);
        }
    }

    pub(crate) fn sqlite(&mut self, sql: &str) {
        if !self.is_postgres() {
            self.run(sql);
        }
    }

    /// A table whose rows belong to an organization. `columns` starts after `org_id`; keys must begin with it.
    pub(crate) fn tenant(&mut self, table: &str, access: Access, columns: &str) {
        self.create(table, &format!("org_id {{uuid}} not null, {columns}"));
        self.postgres(&format!("alter table \"{table}\" enable row level security"));
        self.postgres(&format!("alter table \"{table}\" force row level security"));
        self.postgres(&format!(
            "create policy tenant on \"{table}\" using (org_id = (select app_org())) with check (org_id = (select app_org()))"
        ));
        self.grant(table, access);
    }

    /// A table of the deployment. Adding one is a change to the reviewed list in `schema.rs`.
    pub(crate) fn deployment(&mut self, table: &str, access: Access, columns: &str) {
        self.create(table, columns);
        self.grant(table, access);
    }

    fn create(&mut self, table: &str, columns: &str) {
        let strict = if self.is_postgres() { "" } else { " strict" };
        self.run(&format!("create table \"{table}\" ({columns}){strict}"));
    }

    pub(crate) fn grant(&mut self, table: &str, access: Access) {
        let rights = match access {
            Access::Full => "select, insert, update, delete",
            Access::Append => "select, insert",
            Access::Read => "select",
        };
        if let (true, Some(role)) = (self.is_postgres(), self.app_role.clone()) {
            let role = role.replace('"', "\"\"");
            self.run(&format!("grant {rights} on \"{table}\" to \"{role}\""));
        }
    }
}

/// The statements of every migration, one after another: what a test database must be rebuilt for when it changes.
pub(crate) fn text(backend: DbBackend) -> String {
    MIGRATIONS
        .iter()
        .flat_map(|(name, steps)| {
            let mut ddl = Ddl { backend, app_role: Some("app".to_owned()), statements: Vec::new() };
            steps(&mut ddl);
            std::iter::once((*name).to_owned()).chain(ddl.statements)
        })
        .collect::<Vec<_>>()
        .join(";\n")
}

/// Whether `name` is a migration this binary knows.
pub(crate) fn is_known(name: &str) -> bool {
    MIGRATIONS.iter().any(|(known, _)| *known == name)
}

pub(crate) const fn count() -> usize {
    MIGRATIONS.len()
}

struct Migration {
    name: &'static str,
    steps: Steps,
    app_role: Option<String>,
}

impl MigrationName for Migration {
    fn name(&self) -> &str {
        self.name
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait elides it, and async_trait wants the same")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let mut ddl = Ddl {
            backend: connection.get_database_backend(),
            app_role: self.app_role.clone(),
            statements: Vec::new(),
        };
        (self.steps)(&mut ddl);
        for statement in &ddl.statements {
            connection.execute_unprepared(statement).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// Runs migrations; `app_role` gets the grants when the tables belong to another role.
pub(crate) struct Migrator {
    pub(crate) app_role: Option<String>,
}

#[async_trait::async_trait]
impl MigratorTraitSelf for Migrator {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        MIGRATIONS
            .iter()
            .map(|&(name, steps)| {
                let app_role = self.app_role.clone();
                Box::new(Migration { name, steps, app_role }) as Box<dyn MigrationTrait>
            })
            .collect()
    }
}
