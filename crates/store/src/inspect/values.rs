//! Every value of every column, opened where it is sealed: the decrypting search.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use domain::{DataClass, OrgId, Result};
use futures::TryStreamExt as _;
use sea_orm::{QueryResult, Statement, StreamTrait};
use uuid::Uuid;
use vault::Aad;

use super::{
    Inspector,
    catalogue::{Table, tables},
};
use crate::{
    TABLES, content,
    engine::Tx,
    error::from_db,
    keyring::{OrgKeys, Place},
    schema::Owner,
};

/// One value.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    pub table: &'a str,
    pub column: &'a str,
    /// As it is stored, or as it reads once opened; numbers as digits.
    pub value: &'a [u8],
    /// Whether it was sealed and is shown open.
    pub opened: bool,
}

/// What a search through all values looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    pub tables: u64,
    pub columns: u64,
    pub rows: u64,
    pub values: u64,
    pub opened: u64,
    /// Sealed values that did not open.
    pub unopened: u64,
    /// `table.column` of what is looked at in sealed form only.
    pub closed: BTreeSet<String>,
}

type Visit<'a> = &'a mut (dyn FnMut(Seen<'_>) + Send);

impl Inspector {
    /// Shows `visit` every value of every table the database has, sealed ones as stored and then opened.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn values(&self, visit: Visit<'_>) -> Result<Coverage> {
        // Keys made since the last look are read as well.
        self.keyring.forget();
        let tx = self.engine.read(OrgId::DEPLOYMENT).await?;
        let mut coverage = Coverage::default();
        let orgs = super::logs::organizations(&tx).await?;
        for table in tables(&tx).await? {
            coverage.tables += 1;
            coverage.columns += table.columns.len() as u64;
            let tenant = TABLES
                .iter()
                .any(|known| known.name == table.name && matches!(known.owner, Owner::Tenant));
            // On PostgreSQL the rows of an organization show only to its own transaction.
            let rounds: &[OrgId] =
                if tenant && tx.is_postgres() { &orgs } else { &[OrgId::DEPLOYMENT] };
            for org in rounds {
                tx.bind(*org).await?;
                self.table(&tx, &table, visit, &mut coverage).await?;
            }
        }
        Ok(coverage)
    }

    async fn table(
        &self,
        tx: &Tx,
        table: &Table,
        visit: Visit<'_>,
        coverage: &mut Coverage,
    ) -> Result<()> {
        let statement = Statement::from_string(
            StreamTrait::get_database_backend(tx.on()),
            select(table, tx.is_postgres()),
        );
        let mut sealed = Vec::new();
        let mut rows = tx.on().stream_raw(statement).await.map_err(from_db)?;
        while let Some(row) = rows.try_next().await.map_err(from_db)? {
            coverage.rows += 1;
            let cells = cells(&row, table)?;
            for (column, value) in table.columns.iter().zip(&cells) {
                let Some(value) = value else { continue };
                coverage.values += 1;
                visit(Seen { table: &table.name, column, value, opened: false });
            }
            sealed.extend(sealed_in(table, &cells, coverage));
        }
        drop(rows);
        for one in sealed {
            match self.open_one(tx, &one).await {
                Opened::As(open) => {
                    coverage.opened += 1;
                    let value: &[u8] = &open;
                    visit(Seen { table: &table.name, column: one.column, value, opened: true });
                }
                Opened::Keyless => {
                    coverage.closed.insert(format!(
                        "{}.{} of what lost its key a moment ago",
                        one.table, one.column
                    ));
                }
                Opened::Not => coverage.unopened += 1,
            }
        }
        Ok(())
    }

    async fn open_one(&self, tx: &Tx, one: &Sealed) -> Opened {
        if tx.is_postgres() && tx.bind(one.org).await.is_err() {
            return Opened::Not;
        }
        if one.class == content::CLASS {
            return self.open_content(tx, one).await;
        }
        self.open_column(tx, one).await.map_or(Opened::Not, Opened::As)
    }

    /// Content has keys of its own, and none once its time is over.
    async fn open_content(&self, tx: &Tx, one: &Sealed) -> Opened {
        let Some(id) = vault::key_id_of(&one.value) else { return Opened::Not };
        match content::find_key(&self.keyring, tx, one.org, Uuid::from_bytes(id)).await {
            Ok(Some(key)) => {
                let aad = Aad { org: one.org, table: one.table, column: one.column, row: &one.row };
                vault::open(&key, &aad, &one.value).map_or(Opened::Not, Opened::As)
            }
            Ok(None) => Opened::Keyless,
            Err(_) => Opened::Not,
        }
    }

    async fn open_column(&self, tx: &Tx, one: &Sealed) -> Option<zeroize::Zeroizing<Vec<u8>>> {
        let keys: std::sync::Arc<OrgKeys> = self.keyring.of(tx, one.org).await.ok()?;
        let place = Place { class: one.class, table: one.table, column: one.column, row: &one.row };
        let open = keys.open(place, &one.value).ok()?;
        if one.class == DataClass::Disclosure {
            // What a person wrote lies in it once more encoded, and would be searched for in vain.
            let plain = BASE64URL.decode(open.as_slice()).ok()?;
            return Some(zeroize::Zeroizing::new(plain));
        }
        Some(open)
    }
}

enum Opened {
    As(zeroize::Zeroizing<Vec<u8>>),
    /// Nobody can open it any more: its key was destroyed, and what it sealed is about to be removed.
    Keyless,
    Not,
}

/// A sealed value with what it takes to open it.
struct Sealed {
    org: OrgId,
    class: DataClass,
    table: &'static str,
    column: &'static str,
    row: Vec<u8>,
    value: Vec<u8>,
}

/// All columns as bytes. Table and column names come from the database's own catalogue.
fn select(table: &Table, postgres: bool) -> String {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let column = quoted(column);
            if postgres { format!("{column}::text") } else { format!("cast({column} as blob)") }
        })
        .collect();
    format!("select {} from {}", columns.join(", "), quoted(&table.name))
}

fn cells(row: &QueryResult, table: &Table) -> Result<Vec<Option<Vec<u8>>>> {
    let read = |at: usize| -> Result<Option<Vec<u8>>> {
        if let Ok(bytes) = row.try_get_by_index::<Option<Vec<u8>>>(at) {
            return Ok(bytes);
        }
        let text: Option<String> = row.try_get_by_index(at).map_err(from_db)?;
        // PostgreSQL writes bytes as `\x` and hexadecimal digits.
        Ok(text.map(|text| match text.strip_prefix("\\x").map(hex::decode) {
            Some(Ok(bytes)) => bytes,
            _ => text.into_bytes(),
        }))
    };
    (0..table.columns.len()).map(read).collect()
}

/// The sealed values of one row. Password hashes are bound to their pepper by the vault and stay closed.
fn sealed_in(table: &Table, cells: &[Option<Vec<u8>>], coverage: &mut Coverage) -> Vec<Sealed> {
    let Some(known) = TABLES.iter().find(|known| known.name == table.name) else {
        return Vec::new();
    };
    let cell = |name: &str| {
        let at = table.columns.iter().position(|column| column == name)?;
        cells.get(at)?.as_deref()
    };
    let org = match known.owner {
        Owner::Tenant => cell("org_id").and_then(uuid).map(OrgId::from_uuid),
        Owner::Deployment => Some(OrgId::DEPLOYMENT),
    };
    let row = match table.name.as_str() {
        "audit_disclosure" => cell("event_id")
            .and_then(uuid)
            .zip(cell("digest"))
            .map(|(event, digest)| [event.as_bytes().as_slice(), digest].concat()),
        "file_chunk" => cell("file_id")
            .and_then(uuid)
            .zip(cell("number").and_then(number))
            .map(|(file, number)| content::Spot::chunk(file, number).row),
        _ => cell("id").and_then(uuid).map(|id| id.as_bytes().to_vec()),
    };
    let mut all = Vec::new();
    for &(column, class) in known.columns.iter().filter(|(_, class)| class.sealed()) {
        if class == DataClass::Password {
            coverage.closed.insert(format!("{}.{column}", known.name));
        } else if let (Some(org), Some(row), Some(value)) = (org, &row, cell(column)) {
            let (row, value) = (row.clone(), value.to_vec());
            all.push(Sealed { org, class, table: known.name, column, row, value });
        }
    }
    all
}

/// An integer, as both engines write it.
fn number(cell: &[u8]) -> Option<i64> {
    std::str::from_utf8(cell).ok()?.parse().ok()
}

/// A UUID as SQLite keeps it, in bytes, or as PostgreSQL writes it.
fn uuid(cell: &[u8]) -> Option<Uuid> {
    Uuid::from_slice(cell).ok().or_else(|| Uuid::try_parse_ascii(cell).ok())
}
