//! The logs as they lie in the database, for a verifier that trusts none of the code that wrote them.

use domain::{KeyId, OrgId, Result, Timestamp};
use ledger::Hash;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, QueryFilter as _, QueryResult, Statement, Value,
};
use uuid::Uuid;

use super::Inspector;
use crate::{engine::Tx, entity::key_index, error::from_db, tenant};

/// The head of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogView {
    pub org: OrgId,
    /// Its place in the epoch tree; the spine has none.
    pub slot: Option<u64>,
    pub size: u64,
    pub root: Hash,
    /// The signed note over size and root; empty while there are no entries.
    pub note: String,
    /// Size and root that the newest epoch commits to.
    pub epoch_size: u64,
    pub epoch_root: Hash,
    pub changed: Timestamp,
}

/// One log's entries and nodes, read as they are.
pub struct Tree<'a> {
    inspector: &'a Inspector,
    org: OrgId,
}

/// Every organization, and the deployment itself.
pub(super) async fn organizations(tx: &Tx) -> Result<Vec<OrgId>> {
    let rows = all(tx, "select id from organization order by slot", []).await?;
    let mut orgs = vec![OrgId::DEPLOYMENT];
    for row in rows {
        orgs.push(OrgId::from_uuid(row.try_get_by_index(0).map_err(from_db)?));
    }
    Ok(orgs)
}

async fn all<const N: usize>(
    tx: &Tx,
    sql: &'static str,
    values: [Value; N],
) -> Result<Vec<QueryResult>> {
    let backend = tx.on().get_database_backend();
    // The statements below number their parameters in order; SQLite reads `$1` as well.
    tx.on()
        .query_all_raw(Statement::from_sql_and_values(backend, sql, values))
        .await
        .map_err(from_db)
}

fn hash(bytes: &[u8]) -> Hash {
    // A hash of another length equals no hash that is computed.
    bytes.try_into().unwrap_or([0; 32])
}

fn size(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

impl Inspector {
    /// The heads of all logs, the spine's first, then by slot. An organization without entries has an empty log.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn logs(&self) -> Result<Vec<LogView>> {
        let tx = self.engine.read(OrgId::DEPLOYMENT).await?;
        // One statement, so that all heads are of the same moment.
        let sql = "select o.id, o.slot, h.size, h.root, h.note, h.epoch_size, h.epoch_root, h.changed_at \
                   from organization o left join audit_head h on h.org_id = o.id union all \
                   select h.org_id, null, h.size, h.root, h.note, h.epoch_size, h.epoch_root, h.changed_at \
                   from audit_head h where h.org_id = $1";
        let rows = all(&tx, sql, [OrgId::DEPLOYMENT.uuid().into()]).await?;
        let mut logs = rows.iter().map(view).collect::<Result<Vec<_>>>()?;
        logs.sort_by_key(|log| log.slot);
        Ok(logs)
    }

    /// The number of organizations: the denominator of their logs.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn organizations_count(&self) -> Result<u64> {
        let tx = self.engine.read(OrgId::DEPLOYMENT).await?;
        Ok((organizations(&tx).await?.len() as u64).saturating_sub(1))
    }

    /// The entries and nodes of one log.
    #[must_use]
    pub const fn tree(&self, org: OrgId) -> Tree<'_> {
        Tree { inspector: self, org }
    }

    /// The digests stored for one API key.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn key_digests(&self, key: KeyId) -> Result<Vec<Vec<u8>>> {
        let tx = self.engine.read(OrgId::DEPLOYMENT).await?;
        let rows = tenant::deployed::<key_index::Entity>()
            .filter(key_index::Column::KeyId.eq(key.uuid()))
            .all(tx.on())
            .await
            .map_err(from_db)?;
        Ok(rows.into_iter().map(|row| row.digest).collect())
    }
}

impl Tree<'_> {
    /// The bytes of an entry and the hash stored beside them.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn entry(&self, seq: u64) -> Result<Option<(Vec<u8>, Hash)>> {
        let sql = "select leaf, leaf_hash from audit_entry where org_id = $1 and seq = $2";
        let rows = self.rows(sql, [self.org.uuid().into(), number(seq).into()]).await?;
        rows.first()
            .map(|row| {
                let leaf: Vec<u8> = row.try_get_by_index(0).map_err(from_db)?;
                let stored: Vec<u8> = row.try_get_by_index(1).map_err(from_db)?;
                Ok((leaf, hash(&stored)))
            })
            .transpose()
    }

    /// The hash of a complete subtree; of an entry at level 0.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn node(&self, level: u8, place: u64) -> Result<Option<Hash>> {
        let org = self.org.uuid();
        let rows = if level == 0 {
            let sql = "select leaf_hash from audit_entry where org_id = $1 and seq = $2";
            self.rows(sql, [org.into(), number(place).into()]).await?
        } else {
            let sql = "select hash from audit_node where org_id = $1 and level = $2 and place = $3";
            self.rows(sql, [org.into(), i64::from(level).into(), number(place).into()]).await?
        };
        rows.first()
            .map(|row| {
                let stored: Vec<u8> = row.try_get_by_index(0).map_err(from_db)?;
                Ok(hash(&stored))
            })
            .transpose()
    }

    /// The number of entries that really are there.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn entries(&self) -> Result<u64> {
        let sql = "select count(*) from audit_entry where org_id = $1";
        let rows = self.rows(sql, [self.org.uuid().into()]).await?;
        let count: Option<i64> =
            rows.first().map(|row| row.try_get_by_index(0).map_err(from_db)).transpose()?;
        Ok(size(count.unwrap_or(0)))
    }

    async fn rows<const N: usize>(
        &self,
        sql: &'static str,
        values: [Value; N],
    ) -> Result<Vec<QueryResult>> {
        let tx = self.inspector.engine.read(self.org).await?;
        all(&tx, sql, values).await
    }
}

fn view(row: &QueryResult) -> Result<LogView> {
    let get = |at| row.try_get_by_index::<Option<i64>>(at).map_err(from_db);
    let root = |at| {
        let bytes = row.try_get_by_index::<Option<Vec<u8>>>(at).map_err(from_db)?;
        Ok(bytes.map_or_else(ledger::tree::empty_root, |bytes| hash(&bytes)))
    };
    let note: Option<String> = row.try_get_by_index(4).map_err(from_db)?;
    Ok(LogView {
        org: OrgId::from_uuid(row.try_get_by_index::<Uuid>(0).map_err(from_db)?),
        slot: get(1)?.map(size),
        size: size(get(2)?.unwrap_or(0)),
        root: root(3)?,
        note: note.unwrap_or_default(),
        epoch_size: size(get(5)?.unwrap_or(0)),
        epoch_root: root(6)?,
        changed: Timestamp::from_millis(get(7)?.unwrap_or(0)),
    })
}

/// Beyond what the database can count there is nothing.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
