//! The database as its owner sees it: somebody who holds its key, or is its superuser.

use std::time::Duration;

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions,
};

use crate::here::Here;

async fn sqlite(here: &Here) -> SqliteConnection {
    let line = here.store.hand_over().unwrap().to_line().unwrap();
    let line: serde_json::Value = serde_json::from_str(line.expose()).unwrap();
    let key = line["database_key"].as_str().unwrap();
    SqliteConnectOptions::new()
        // As the store names its own: the end of a test waits for them.
        .thread_name(|number| format!("sqlite-outside-{number}"))
        .filename(here.backend.config.data_dir.join("probity.db"))
        .pragma("key", format!("\"x'{key}'\""))
        .busy_timeout(Duration::from_secs(30))
        .disable_statement_logging()
        .connect()
        .await
        .unwrap()
}

/// Runs statements as the owner of the data.
pub(crate) async fn run(here: &Here, sql: &str) {
    if here.backend.is_postgres() {
        here.backend.database().sql(sql);
    } else {
        let mut connection = sqlite(here).await;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    }
}

/// Writes down that providers saw far more of everybody than they did.
pub(crate) async fn show_all_to_one(here: &Here) {
    let add = "update exposure set conversations = conversations + 100 \
        where provider_id not in (select provider_id from exposure order by provider_id limit 1)";
    run(here, add).await;
}

/// Has the server read again where requests may go.
pub(crate) async fn route_anew(here: &Here) {
    run(here, "update change set version = version + 1 where name = 'routing'").await;
    let told = "update organization set routing_version = \
        (select version from change where name = 'routing')";
    run(here, told).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
}

/// Takes away what keeps free tiers out of the database.
pub(crate) async fn forget_contracts(here: &Here) -> Walls {
    if here.backend.is_postgres() {
        run(here, "alter table provider drop constraint provider_contract").await;
        return Walls(vec![
            "alter table provider add constraint provider_contract check ('-' || contract || '-' \
             not like '%-free-%' and '-' || contract || '-' not like '%-trial-%' \
             and contract ~ '^[a-z0-9-]+$')"
                .to_owned(),
        ]);
    }
    tear_down(here, "provider").await
}

/// Puts it back.
pub(crate) async fn remember_contracts(here: &Here, walls: Walls) {
    for wall in walls.0 {
        run(here, &wall).await;
    }
}

/// The triggers that guard a table, as they were.
pub(crate) struct Walls(Vec<String>);

/// Takes the triggers of a table away, and gives the server the right to change it.
pub(crate) async fn tear_down(here: &Here, table: &str) -> Walls {
    if here.backend.is_postgres() {
        postgres_triggers(here, table, "disable");
        here.backend.database().sql(&format!("grant update, delete on \"{table}\" to public"));
        return Walls(Vec::new());
    }
    let mut connection = sqlite(here).await;
    let find = "select name, sql from sqlite_master where type = 'trigger' and tbl_name = ?";
    let mut walls = Vec::new();
    for trigger in sqlx::query(find).bind(table).fetch_all(&mut connection).await.unwrap() {
        let drop = format!("drop trigger {}", trigger.get::<String, _>(0));
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut connection).await.unwrap();
        walls.push(trigger.get(1));
    }
    assert!(walls.len() > 1, "{walls:?}");
    Walls(walls)
}

/// Puts them back.
pub(crate) async fn build_up(here: &Here, table: &str, walls: Walls) {
    if here.backend.is_postgres() {
        here.backend.database().sql(&format!("revoke update, delete on \"{table}\" from public"));
        return postgres_triggers(here, table, "enable always");
    }
    for wall in walls.0 {
        run(here, &wall).await;
    }
}

fn postgres_triggers(here: &Here, table: &str, act: &str) {
    here.backend.database().sql(&format!(
        "do $$ declare it record; begin for it in select tgname from pg_trigger \
         where not tgisinternal and tgrelid = '{table}'::regclass \
         loop execute format('alter table {table} {act} trigger %I', it.tgname); end loop; end $$"
    ));
}

/// Changes every entry of the log together with the hash stored beside it, as somebody would who knows how it works.
pub(crate) async fn rewrite_entries(here: &Here) {
    if here.backend.is_postgres() {
        here.backend.database().sql(
            "update audit_entry set leaf = leaf || '\\x20'::bytea, \
             leaf_hash = sha256('\\x00'::bytea || leaf || '\\x20'::bytea)",
        );
        return;
    }
    let mut connection = sqlite(here).await;
    let find = "select org_id, seq, leaf from audit_entry";
    let entries = sqlx::query(find).fetch_all(&mut connection).await.unwrap();
    assert!(!entries.is_empty());
    for entry in entries {
        let mut leaf: Vec<u8> = entry.get(2);
        leaf.push(b' ');
        let hash = ledger::tree::leaf_hash(&leaf).to_vec();
        sqlx::query("update audit_entry set leaf = ?, leaf_hash = ? where org_id = ? and seq = ?")
            .bind(leaf)
            .bind(hash)
            .bind(entry.get::<Vec<u8>, _>(0))
            .bind(entry.get::<i64, _>(1))
            .execute(&mut connection)
            .await
            .unwrap();
    }
}

/// From now on the index of keys keeps something else than the key's hash.
pub(crate) async fn misfile_keys(here: &Here) {
    let sql = if here.backend.is_postgres() {
        "create function misfile() returns trigger language plpgsql as \
         $$ begin new.digest := sha256(new.digest); return new; end $$; \
         create trigger misfile before insert on key_index for each row execute function misfile()"
    } else {
        "create trigger misfile after insert on key_index begin \
         update key_index set digest = randomblob(32) where digest = new.digest; end"
    };
    run(here, sql).await;
}

pub(crate) async fn file_keys_again(here: &Here) {
    let sql = if here.backend.is_postgres() {
        "drop trigger misfile on key_index"
    } else {
        "drop trigger misfile"
    };
    run(here, sql).await;
}

/// From now on the database writes another score into every receipt.
pub(crate) async fn falsify_receipts(here: &Here) {
    let other = "replace(new.receipt, '\"score\":1', '\"score\":2')";
    let sql = if here.backend.is_postgres() {
        format!(
            "create function falsify() returns trigger language plpgsql as \
             $$ begin new.receipt := {other}; return new; end $$; \
             create trigger falsify before insert on \"usage\" for each row execute function falsify()"
        )
    } else {
        format!(
            "create trigger falsify after insert on \"usage\" begin update \"usage\" \
             set receipt = {other} where org_id = new.org_id and request_id = new.request_id; end"
        )
    };
    run(here, &sql).await;
}

pub(crate) async fn write_receipts_again(here: &Here) {
    let on = if here.backend.is_postgres() { " on \"usage\"" } else { "" };
    run(here, &format!("drop trigger falsify{on}")).await;
}

/// Letters stay where they are: their time never comes.
pub(crate) async fn hold_letters_back(here: &Here) {
    let sql = if here.backend.is_postgres() {
        "create function never() returns trigger language plpgsql as \
         $$ begin new.due_at := 9000000000000; return new; end $$; \
         create trigger never before insert on message_due for each row when (new.stage = 'mail') \
         execute function never()"
    } else {
        "create trigger never after insert on message_due when new.stage = 'mail' begin \
         update message_due set due_at = 9000000000000 where id = new.id; end"
    };
    run(here, sql).await;
}

/// From now on the database forgets that an organization asks for a second factor.
pub(crate) async fn forget_policies(here: &Here) {
    let sql = if here.backend.is_postgres() {
        "create function forget() returns trigger language plpgsql as \
         $$ begin new.asks_second := 0; return new; end $$; \
         create trigger forget before update on organization for each row execute function forget()"
    } else {
        "create trigger forget after update on organization when new.asks_second = 1 begin \
         update organization set asks_second = 0 where id = new.id; end"
    };
    run(here, sql).await;
}

pub(crate) async fn keep_policies(here: &Here) {
    let sql = if here.backend.is_postgres() {
        "drop trigger forget on organization; drop function forget"
    } else {
        "drop trigger forget"
    };
    run(here, sql).await;
}

/// As if the codes so far had been asked for a quarter of an hour ago: behind the front, all come from one address.
pub(crate) async fn forget_letters(here: &Here) {
    run(here, "update sign_in_code set created_at = created_at - 1000000").await;
}

/// From now on the database forgets that a code was used.
pub(crate) async fn allow_codes_twice(here: &Here) {
    let sql = if here.backend.is_postgres() {
        "create function forget() returns trigger language plpgsql as \
         $$ begin new.used_at := null; return new; end $$; \
         create trigger forget before update on sign_in_code for each row execute function forget()"
    } else {
        "create trigger forget after update on sign_in_code when new.used_at is not null begin \
         update sign_in_code set used_at = null where digest = new.digest; end"
    };
    run(here, sql).await;
}

pub(crate) async fn allow_codes_once(here: &Here) {
    let sql = if here.backend.is_postgres() {
        "drop trigger forget on sign_in_code; drop function forget"
    } else {
        "drop trigger forget"
    };
    run(here, sql).await;
}

/// From now on the database adds a few tokens to every record.
pub(crate) async fn pad_usage(here: &Here) {
    let sql = if here.backend.is_postgres() {
        "create function pad() returns trigger language plpgsql as \
         $$ begin new.output := new.output + 3; return new; end $$; \
         create trigger pad before insert on \"usage\" for each row execute function pad()"
    } else {
        "create trigger pad after insert on \"usage\" begin update \"usage\" \
         set output = output + 3 where org_id = new.org_id and request_id = new.request_id; end"
    };
    run(here, sql).await;
}

pub(crate) async fn let_letters_go(here: &Here) {
    let sql = if here.backend.is_postgres() {
        "drop trigger never on message_due; drop function never"
    } else {
        "drop trigger never"
    };
    run(here, sql).await;
}

pub(crate) async fn stop_padding(here: &Here) {
    let on = if here.backend.is_postgres() { " on \"usage\"" } else { "" };
    run(here, &format!("drop trigger pad{on}")).await;
}

/// From now on every invitation holds the sealed address of another.
pub(crate) async fn copy_addresses(here: &Here) {
    let sql = if here.backend.is_postgres() {
        "create function same() returns trigger language plpgsql as \
         $$ begin new.email := coalesce((select email from invitation limit 1), new.email); \
         return new; end $$; \
         create trigger same before insert on invitation for each row execute function same()"
    } else {
        "create trigger same after insert on invitation begin update invitation \
         set email = (select email from invitation limit 1) where id = new.id; end"
    };
    run(here, sql).await;
}
