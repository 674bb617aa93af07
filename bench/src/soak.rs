//! Everything at once for a long time: whole answers, streams, clients that leave in the middle, requests that are
//! refused. What is looked at is whether memory stays where it was.

use std::{
    io::{Write, stdout},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time::sleep_until};

use crate::{
    Outcome,
    demo::Gateway,
    load::{Client, Kind, Side},
    process::Process,
};

const CLIENTS: u64 = 16;
/// Requests after which a client's mix begins anew.
const MIX: u64 = 20;
const MINUTE: Duration = Duration::from_secs(60);
/// Resident memory under load, the prober's process apart.
const MOST: f64 = 128.0;
/// What the last quarter may have above the second: the allocator's and the page cache's moods.
const DRIFT: f64 = 1.05;

#[derive(clap::Args, Clone)]
pub(crate) struct SoakOptions {
    #[arg(long)]
    probity: PathBuf,
    #[arg(long, default_value_t = 60)]
    minutes: u32,
    #[arg(long, default_value_t = 100)]
    per_second: u64,
}

/// What a client does with its next request.
const fn turn(number: u64) -> Kind {
    match number % MIX {
        0..=13 => Kind::Whole,
        14..=17 => Kind::Stream,
        18 => Kind::Left,
        _ => Kind::Refused,
    }
}

pub(crate) async fn run(options: SoakOptions) -> Outcome {
    let itself = std::env::current_exe()?;
    let upstream = Process::start(&itself, &["upstream".to_owned()]).await?;
    let mut gateway = Gateway::start(&options.probity, upstream.addr).await?;
    let (over, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut clients = JoinSet::new();
    for at in 0..CLIENTS {
        let (side, over, served) = (gateway.side.clone(), Arc::clone(&over), Arc::clone(&served));
        clients.spawn(client(side, at, options.per_second, over, served));
    }
    let mut resident = Vec::new();
    let started = Instant::now();
    for minute in 1..=options.minutes {
        sleep_until((started + MINUTE * minute).into()).await;
        let now = gateway.process()?.resident()? as f64 / f64::from(1 << 20);
        resident.push(now);
        let served = served.load(Ordering::Relaxed);
        writeln!(stdout(), "minute {minute:>3}: {now:7.1} MiB after {served} requests")?;
        // A client ends early only with an error.
        if let Some(ended) = clients.try_join_next() {
            ended??;
        }
    }
    over.store(true, Ordering::Relaxed);
    while let Some(ended) = clients.join_next().await {
        ended??;
    }
    gateway.stop().await?;
    judge(&resident)
}

async fn client(
    side: Side,
    at: u64,
    per_second: u64,
    over: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
) -> Outcome {
    let gap = Duration::from_secs(CLIENTS) / u32::try_from(per_second)?;
    let mut client = Client::new(side).await?;
    let mut due = Instant::now() + gap * u32::try_from(at)? / u32::try_from(CLIENTS)?;
    // Clients stand at different places of the mix.
    for number in at.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        sleep_until(due.into()).await;
        client.ask(turn(number)).await?;
        served.fetch_add(1, Ordering::Relaxed);
        due += gap;
    }
    Ok(())
}

/// An error when memory grew, or was too much.
fn judge(resident: &[f64]) -> Outcome {
    let highest = |part: &[f64]| part.iter().copied().fold(0.0, f64::max);
    let quarter = resident.len() / 4;
    let most = highest(resident);
    if most > MOST {
        return Err(format!("{most:.1} MiB are more than {MOST}").into());
    }
    if quarter == 0 {
        writeln!(stdout(), "too short to tell whether memory is flat")?;
        return Ok(());
    }
    let (Some(before), Some(after)) =
        (resident.get(quarter..quarter * 2), resident.get(resident.len() - quarter..))
    else {
        return Err("no samples".into());
    };
    let (before, after) = (highest(before), highest(after));
    writeln!(stdout(), "second quarter {before:.1} MiB, last quarter {after:.1} MiB")?;
    if after > before * DRIFT {
        return Err("memory grows".into());
    }
    Ok(())
}
