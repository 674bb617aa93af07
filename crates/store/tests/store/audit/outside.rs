//! The database from outside the server: as somebody who holds its key, or is its superuser.

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions,
};
use testkit::Backend;

/// Opens the SQLite file with the key that the root key wraps.
async fn sqlite(backend: &Backend) -> SqliteConnection {
    let text = std::fs::read_to_string(backend.config.data_dir.join("keys.json")).unwrap();
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let wrapped = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        file["database_key"].as_str().unwrap(),
    )
    .unwrap();
    let root = vault::RootKey::load(&backend.config.root_key).unwrap();
    let key = root.unwrap("database key", &wrapped).unwrap();
    SqliteConnectOptions::new()
        // As the store names its own: the end of a test waits for them.
        .thread_name(|number| format!("sqlite-outside-{number}"))
        .filename(backend.config.data_dir.join("probity.db"))
        .pragma("key", format!("\"x'{}'\"", hex::encode(key.expose())))
        .busy_timeout(std::time::Duration::from_secs(10))
        .connect()
        .await
        .unwrap()
}

/// An organization's id as SQL.
pub(super) fn literal(backend: &Backend, org: domain::OrgId) -> String {
    bytes_or(backend, &org.uuid().to_string(), org.uuid().as_bytes())
}

/// Bytes as SQL.
pub(super) fn bytes(backend: &Backend, bytes: &[u8]) -> String {
    bytes_or(backend, &format!("\\x{}", hex::encode(bytes)), bytes)
}

fn bytes_or(backend: &Backend, text: &str, bytes: &[u8]) -> String {
    if backend.is_postgres() { format!("'{text}'") } else { format!("x'{}'", hex::encode(bytes)) }
}

/// Runs statements as owner of the data.
pub(super) async fn run(backend: &Backend, sql: &str) {
    if backend.is_postgres() {
        backend.database().sql(sql);
    } else {
        let mut connection = sqlite(backend).await;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    }
}

/// Runs statements after the triggers of the log were taken away, as only the owner can.
pub(super) async fn run_untriggered(backend: &Backend, sql: &str) {
    if backend.is_postgres() {
        let each = |act: &str| {
            format!(
                "do $$ declare it record; begin for it in select tgrelid::regclass as of, tgname from pg_trigger \
                 where not tgisinternal and tgrelid::regclass::text like 'audit_%' \
                 loop execute format('alter table %s {act} trigger %I', it.of, it.tgname); end loop; end $$"
            )
        };
        run(backend, &each("disable")).await;
        run(backend, sql).await;
        return run(backend, &each("enable always")).await;
    }
    let mut connection = sqlite(backend).await;
    let query =
        "select name, sql from sqlite_master where type = 'trigger' and tbl_name like 'audit_%'";
    let triggers = sqlx::query(query).fetch_all(&mut connection).await.unwrap();
    assert!(triggers.len() > 10);
    for trigger in &triggers {
        let drop = format!("drop trigger {}", trigger.get::<String, _>(0));
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut connection).await.unwrap();
    }
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    for trigger in &triggers {
        let create = trigger.get::<String, _>(1);
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
    }
}

pub(super) async fn count(backend: &Backend, table: &str) -> i64 {
    let sql = format!("select count(*) from {table}");
    if backend.is_postgres() {
        return backend.database().sql(&sql).parse().unwrap();
    }
    let mut connection = sqlite(backend).await;
    sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap().get(0)
}

/// Whether the text occurs in any row, be the column text or bytes.
pub(super) async fn occurs(backend: &Backend, column: &str, table: &str, text: &str) -> bool {
    let hex = hex::encode(text);
    if backend.is_postgres() {
        // PostgreSQL shows bytes as hexadecimal digits.
        let sql = format!(
            "select count(*) from {table} where position('{hex}' in {column}::text) > 0 or position('{text}' in {column}::text) > 0"
        );
        return backend.database().sql(&sql) != "0";
    }
    let sql =
        format!("select count(*) from {table} where instr(lower(hex({column})), '{hex}') > 0");
    let mut connection = sqlite(backend).await;
    let found: i64 =
        sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap().get(0);
    found > 0
}

/// Runs a statement as the server's own role within an organization.
pub(super) async fn attempt(
    backend: &Backend,
    sql: &str,
    org: domain::OrgId,
) -> Result<(), String> {
    if backend.is_postgres() {
        let sql = format!("set app.org = '{}'; {sql}", org.uuid());
        return backend.database().sql_as_app(&sql).map(drop);
    }
    let mut connection = sqlite(backend).await;
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await;
    done.map(drop).map_err(|error| error.to_string())
}
