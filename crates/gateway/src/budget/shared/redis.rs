//! Counting in a Valkey or Redis server. It may lose everything at any time: what it forgot is counted anew from the
//! records and from what each server says that it holds, and nobody gets more before all have.

use std::{str::FromStr as _, sync::LazyLock, time::Duration};

use domain::{
    BudgetId, BudgetOf, Error, KeyId, OrgId, Period, ProjectId, Result, Secret, Timestamp, UserId,
};
use egress::{Destination, Egress, Kind};
use parking_lot::Mutex;
use redis::{
    AsyncConnectionConfig, RedisConnectionInfo, RedisError, Script, aio::MultiplexedConnection,
};
use store::{Claim, CounterOf, PART, SCARCE, Share};
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;
use url::Url;
use uuid::Uuid;

use super::engine::{Answer, away};

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("counters.lua")));
/// The name of the destination.
const ID: &str = "counters";
/// Where such a server listens when nobody says otherwise.
const PORT: u16 = 6379;
const CONNECT: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(2);
/// After a failure nobody tries again for so long: requests are refused at once instead of waiting one after another.
const PAUSE: Duration = Duration::from_millis(250);

/// Whether the counters know this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Joined,
    /// They do not know what it holds.
    Alien,
    /// There are none, or they may have lost something.
    Lost,
}

pub(super) struct Redis {
    egress: Egress,
    /// Whether it is reached through TLS.
    secure: bool,
    info: RedisConnectionInfo,
    /// The hash that holds everything of this deployment.
    key: String,
    node: Uuid,
    /// What drives the connection: it ends with it.
    tasks: TaskTracker,
    connection: tokio::sync::Mutex<Option<MultiplexedConnection>>,
    failed: Mutex<Option<Instant>>,
}

impl Redis {
    /// Registers the server as a destination. Nobody is asked yet.
    pub(super) fn new(
        url: &Secret<String>,
        (deployment, node): (Uuid, Uuid),
        egress: &Egress,
    ) -> Result<Self> {
        let wrong = || Error::invalid("gateway.counters is no address of a Redis server.");
        let mut url = Url::parse(url.expose()).map_err(|_| wrong())?;
        let info = info(&url).ok_or_else(wrong)?;
        let bare = url.set_username("").and_then(|()| url.set_password(None));
        bare.map_err(|()| wrong())?;
        url.set_path("");
        let secure = url.scheme() == "rediss";
        if url.port().is_none() {
            url.set_port(Some(PORT)).map_err(|()| wrong())?;
        }
        let (id, kind) = (ID.to_owned(), Kind::Own);
        egress.register(Destination { id, kind, base: url, allow_private: true })?;
        Ok(Self {
            egress: egress.clone(),
            secure,
            info,
            key: format!("probity:{}:counters", deployment.simple()),
            node,
            tasks: TaskTracker::new(),
            connection: tokio::sync::Mutex::default(),
            failed: Mutex::default(),
        })
    }

    pub(super) async fn claim(
        &self,
        of: &CounterOf,
        claim: &Claim,
        base: Option<&[(Uuid, u64)]>,
    ) -> Result<Answer> {
        let base = base.map(|base| {
            let all = base.iter().map(|(node, nano)| (node.to_string(), (*nano).into()));
            serde_json::Value::Object(all.collect()).to_string()
        });
        let scarce = u64::try_from(SCARCE.as_millis()).unwrap_or(u64::MAX);
        let Claim { sequence, limit, spent, ceiling, need } = *claim;
        let numbers = [limit, sequence, spent, ceiling, need, scarce, PART];
        let mut call = vec!["claim".to_owned(), self.node.to_string(), field(of)];
        call.extend(numbers.map(|number| number.min(MOST).to_string()));
        call.push(base.unwrap_or_default());
        let (word, numbers) = self.call(&call).await?;
        let number = |at: usize| numbers.get(at).copied().and_then(|one| u64::try_from(one).ok());
        let odd = || away("the counter's answer cannot be read");
        Ok(match word.as_str() {
            "share" => {
                let share = Share {
                    ceiling: number(1).ok_or_else(odd)?,
                    spent_elsewhere: number(2).ok_or_else(odd)?,
                    held_elsewhere: number(3).unwrap_or(0),
                    scarce: number(4) == Some(1),
                    at: at(&numbers),
                };
                Answer::Share(share, (number(5) == Some(1)).then(|| number(6).unwrap_or(0)))
            }
            "unknown" => Answer::Unknown,
            "stale" => Answer::Stale(number(1).ok_or_else(odd)?),
            "lost" | "alien" => Answer::Lost,
            _ => return Err(odd()),
        })
    }

    pub(super) async fn state(&self) -> Result<(State, Timestamp)> {
        let (word, numbers) = self.call(&["state".to_owned(), self.node.to_string()]).await?;
        let state = match word.as_str() {
            "joined" => State::Joined,
            "alien" => State::Alien,
            _ => State::Lost,
        };
        Ok((state, at(&numbers)))
    }

    /// Begins anew unless somebody else did: open when all of `nodes` have joined.
    pub(super) async fn found(&self, nodes: &[Uuid]) -> Result<()> {
        let nodes: Vec<String> = nodes.iter().map(Uuid::to_string).collect();
        let nodes = serde_json::to_string(&nodes).map_err(Error::internal)?;
        self.call(&["found".to_owned(), nodes]).await.map(drop)
    }

    /// Everything that this server holds is said.
    pub(super) async fn join(&self) -> Result<()> {
        self.call(&["join".to_owned(), self.node.to_string()]).await.map(drop)
    }

    /// Forgets everything, so that the servers begin anew.
    pub(super) async fn lose(&self) -> Result<()> {
        self.call(&["lose".to_owned()]).await.map(drop)
    }

    /// Every counter there is.
    pub(super) async fn all(&self) -> Result<Vec<CounterOf>> {
        let mut command = redis::cmd("HKEYS");
        command.arg(&self.key);
        let mut connection = self.connection().await?;
        let fields: Vec<String> = self.within(command.query_async(&mut connection)).await?;
        Ok(fields.iter().filter_map(|field| counter(field)).collect())
    }

    /// Which server answers, in words.
    pub(super) async fn about(&self) -> Result<String> {
        let mut connection = self.connection().await?;
        let mut command = redis::cmd("INFO");
        let info: String = self.within(command.query_async(&mut connection)).await?;
        let line = |name: &str| {
            let mut lines = info.lines().filter_map(|line| line.split_once(':'));
            lines.find(|(one, _)| *one == name).map_or("", |(_, value)| value.trim())
        };
        command = redis::cmd("EVAL");
        command.arg("return redis.call('TIME')[1]").arg(0);
        let _: String = self.within(command.query_async(&mut connection)).await?;
        let version = match line("valkey_version") {
            "" => format!("Redis {}", line("redis_version")),
            version => format!("Valkey {version}"),
        };
        let evicts = line("maxmemory") != "0" && line("maxmemory_policy") != "noeviction";
        let note = if evicts {
            "; it may evict the counters, which are then counted anew: set maxmemory-policy to noeviction"
        } else {
            ""
        };
        Ok(format!("{version} answers and runs scripts{note}"))
    }

    async fn call(&self, arguments: &[String]) -> Result<(String, Vec<i64>)> {
        let mut invocation = SCRIPT.prepare_invoke();
        invocation.key(&self.key);
        for argument in arguments {
            invocation.arg(argument);
        }
        // A connection that lay idle while the server was started anew fails at its first use. Saying something twice
        // does no harm: the second time it is stale.
        let mut last = None;
        for _ in 0..2 {
            let mut connection = self.connection().await?;
            match self.within(invocation.invoke_async(&mut connection)).await {
                Ok(answer) => return Ok(answer),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| away("no answer")))
    }

    /// The answer, in time. A connection that fails is not used again.
    async fn within<T>(
        &self,
        asked: impl Future<Output = std::result::Result<T, RedisError>>,
    ) -> Result<T> {
        let answer = match timeout(ANSWER, asked).await {
            Ok(answer) => answer.map_err(away),
            Err(late) => Err(away(late)),
        };
        if answer.is_err() {
            *self.connection.lock().await = None;
        }
        answer
    }

    /// Ends the connection and waits for that.
    pub(super) async fn close(&self) {
        *self.connection.lock().await = None;
        self.tasks.close();
        drop(timeout(ANSWER, self.tasks.wait()).await);
    }

    async fn connection(&self) -> Result<MultiplexedConnection> {
        let mut current = self.connection.lock().await;
        if let Some(connection) = &*current {
            return Ok(connection.clone());
        }
        let paused = self.failed.lock().is_some_and(|failed| failed.elapsed() < PAUSE);
        if paused {
            return Err(away("it could not be reached a moment ago"));
        }
        match self.connect().await {
            Ok(connection) => {
                *current = Some(connection.clone());
                *self.failed.lock() = None;
                Ok(connection)
            }
            Err(error) => {
                *self.failed.lock() = Some(Instant::now());
                Err(error)
            }
        }
    }

    async fn connect(&self) -> Result<MultiplexedConnection> {
        // In the clear only on this machine.
        let line = match self.secure {
            true => self.egress.open(ID, CONNECT).await,
            false => self.egress.open_here(ID, CONNECT).await,
        };
        let line = line.map_err(away)?;
        // Whoever asks watches the time.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let opened =
            timeout(CONNECT, MultiplexedConnection::new_with_config(&self.info, line, config))
                .await;
        let (connection, driver) = opened.map_err(away)?.map_err(away)?;
        self.tasks.spawn(driver);
        Ok(connection)
    }
}

/// Numbers in the scripts are exact up to here: nine million units of the currency.
const MOST: u64 = (1 << 53) - 1;

fn at(numbers: &[i64]) -> Timestamp {
    Timestamp::from_millis(numbers.first().copied().unwrap_or(0))
}

/// User, password and number of the database.
fn info(url: &Url) -> Option<RedisConnectionInfo> {
    let text = |part: &str| {
        let decoded = percent_encoding::percent_decode_str(part).decode_utf8();
        decoded.ok().map(std::borrow::Cow::into_owned)
    };
    let mut info = RedisConnectionInfo::default();
    if !url.username().is_empty() {
        info = info.set_username(text(url.username())?);
    }
    if let Some(password) = url.password() {
        info = info.set_password(text(password)?);
    }
    match url.path().trim_matches('/') {
        "" => Some(info),
        number => Some(info.set_db(number.parse().ok()?)),
    }
}

/// The name of a counter in the hash.
fn field(of: &CounterOf) -> String {
    let whose = match of.of {
        BudgetOf::Organization => "organization".to_owned(),
        BudgetOf::Project(id) => format!("project/{}", id.uuid()),
        BudgetOf::User(id) => format!("user/{}", id.uuid()),
        BudgetOf::Key(id) => format!("key/{}", id.uuid()),
    };
    let (period, from) = (of.period.as_str(), of.from.as_millis());
    format!("{}/{}/{period}/{from}/{whose}", of.org.uuid(), of.budget.uuid())
}

/// The same, read back.
fn counter(field: &str) -> Option<CounterOf> {
    let mut parts = field.split('/');
    let mut next = || parts.next();
    let id = |text: Option<&str>| Uuid::from_str(text?).ok();
    let org = OrgId::from_uuid(id(next())?);
    let budget = BudgetId::from_uuid(id(next())?);
    let period = Period::parse(next()?)?;
    let from = Timestamp::from_millis(next()?.parse().ok()?);
    let of = match next()? {
        "organization" => BudgetOf::Organization,
        "project" => BudgetOf::Project(ProjectId::from_uuid(id(next())?)),
        "user" => BudgetOf::User(UserId::from_uuid(id(next())?)),
        "key" => BudgetOf::Key(KeyId::from_uuid(id(next())?)),
        _ => return None,
    };
    Some(CounterOf { org, budget, of, period, from })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_found_by_its_name() {
        let (org, budget) =
            (OrgId::from_uuid(Uuid::from_u128(1)), BudgetId::from_uuid(Uuid::from_u128(2)));
        let id = Uuid::from_u128(3);
        for of in [
            BudgetOf::Organization,
            BudgetOf::Project(ProjectId::from_uuid(id)),
            BudgetOf::User(UserId::from_uuid(id)),
            BudgetOf::Key(KeyId::from_uuid(id)),
        ] {
            let from = Timestamp::from_millis(1_767_225_600_000);
            let whole = CounterOf { org, budget, of, period: Period::Month, from };
            assert_eq!(counter(&field(&whole)), Some(whole));
        }
        for none in ["!run", "!in:00000000-0000-0000-0000-000000000001", "a/b/c"] {
            assert_eq!(counter(none), None);
        }
    }

    #[test]
    fn the_address_says_who_asks() {
        let of = |text: &str| info(&Url::parse(text).unwrap());
        let info = of("rediss://me%40x:p%3aw@h:1/7").unwrap();
        assert_eq!((info.username(), info.password(), info.db()), (Some("me@x"), Some("p:w"), 7));
        assert!(of("redis://h/no").is_none());
    }
}
