//! The database from outside the store: as somebody who holds its key, or is its superuser.

use domain::OrgId;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions,
};
use testkit::Backend;

/// The database key, unwrapped the way the store does it.
fn key(backend: &Backend) -> String {
    let text = std::fs::read_to_string(backend.config.data_dir.join("keys.json")).unwrap();
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let wrapped = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        file["database_key"].as_str().unwrap(),
    )
    .unwrap();
    let root = vault::RootKey::load(&backend.config.root_key).unwrap();
    hex::encode(root.unwrap("database key", &wrapped).unwrap().expose())
}

/// The first column of every row, as text.
pub(crate) async fn rows(backend: &Backend, sql: &str) -> Vec<String> {
    if backend.is_postgres() {
        return backend.database().sql(sql).lines().map(str::to_owned).collect();
    }
    let mut connection = connect(backend).await;
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn connect(backend: &Backend) -> SqliteConnection {
    SqliteConnectOptions::new()
        // As the store names its own: the end of a test waits for them.
        .thread_name(|number| format!("sqlite-outside-{number}"))
        .filename(backend.config.data_dir.join("probity.db"))
        .pragma("key", format!("\"x'{}'\"", key(backend)))
        .busy_timeout(std::time::Duration::from_secs(10))
        .connect()
        .await
        .unwrap()
}

/// What the database says when it refuses a change to the rows of `org`.
pub(crate) async fn refused(backend: &Backend, org: OrgId, sql: &str) -> String {
    if backend.is_postgres() {
        let scoped = format!("set app.org = '{}'; {sql}", org.uuid());
        return backend.database().sql_as_app(&scoped).expect_err(sql).to_lowercase();
    }
    match sqlx::query(AssertSqlSafe(sql)).execute(&mut connect(backend).await).await {
        Ok(_) => panic!("this had to be refused"),
        Err(error) => error.to_string().to_lowercase(),
    }
}

/// Every value of a column of bytes, as hexadecimal text.
pub(crate) async fn bytes(backend: &Backend, table: &str, column: &str) -> Vec<String> {
    let hex = if backend.is_postgres() {
        format!("encode(\"{column}\", 'hex')")
    } else {
        format!("lower(hex(\"{column}\"))")
    };
    let sql = format!("select {hex} from \"{table}\" where \"{column}\" is not null");
    rows(backend, &sql).await
}
