//! One run: start everything, warm up, measure side by side in alternating rounds.

use std::{path::PathBuf, time::Duration};

use crate::{
    Outcome, RunOptions,
    demo::Gateway,
    floor,
    load::{self, Kind, Measured, Side},
    process::Process,
    report::{Report, SideReport},
};

const CONNECTIONS: u32 = 64;
const RATE: u64 = 200;
/// Work that a side puts off (settling usage, appending to the log) is still its work.
const AFTERMATH: Duration = Duration::from_millis(1500);

struct Field {
    floor: Process,
    gateway: Option<Gateway>,
    /// The upstream without anything in between, then the floor, then the gateway.
    sides: Vec<Side>,
    _upstream: Process,
}

impl Field {
    async fn start(program: Option<&PathBuf>) -> Outcome<Self> {
        let itself = std::env::current_exe()?;
        let upstream = Process::start(&itself, &["upstream".to_owned()]).await?;
        let towards = ["floor", "--upstream", &upstream.addr.to_string()].map(str::to_owned);
        let floor = Process::start(&itself, &towards).await?;
        let side = |name, addr| Side {
            name,
            addr,
            key: floor::KEY.to_owned(),
            model: "bench-model".to_owned(),
        };
        let mut sides = vec![side("direct", upstream.addr), side("floor", floor.addr)];
        let gateway = match program {
            Some(program) => Some(Gateway::start(program, upstream.addr).await?),
            None => None,
        };
        sides.extend(gateway.as_ref().map(|gateway| gateway.side.clone()));
        Ok(Self { floor, gateway, sides, _upstream: upstream })
    }

    /// CPU time of the process behind a side; the upstream itself is not measured.
    fn cpu(&self, side: &Side) -> Outcome<Duration> {
        match (side.name, &self.gateway) {
            ("floor", _) => self.floor.cpu(),
            ("probity", Some(gateway)) => gateway.process()?.cpu(),
            _ => Ok(Duration::ZERO),
        }
    }
}

pub(crate) async fn run(options: RunOptions) -> Outcome {
    let mut field = Field::start(options.probity.as_ref()).await?;
    if options.check {
        check(&field).await?;
    } else {
        let report = measure(&mut field, &options).await?;
        report.print()?;
        if let Some(path) = &options.json {
            std::fs::write(path, serde_json::to_vec_pretty(&report)?)?;
        }
    }
    if let Some(mut gateway) = field.gateway.take() {
        gateway.stop().await?;
    }
    Ok(())
}

/// Every side answers everything right: `load` refuses wrong answers.
async fn check(field: &Field) -> Outcome {
    for side in &field.sides {
        load::closed(side, Kind::Whole, 8, 64).await?;
        load::closed(side, Kind::Stream, 8, 16).await?;
        load::open(side, RATE, Duration::from_secs(1)).await?;
        let stranger = Side { key: "not-a-key".to_owned(), ..side.clone() };
        if side.name != "direct" && load::closed(&stranger, Kind::Whole, 1, 1).await.is_ok() {
            return Err(format!("{}: a wrong key was let in", side.name).into());
        }
    }
    Ok(())
}

async fn measure(field: &mut Field, options: &RunOptions) -> Outcome<Report> {
    let mut reports: Vec<SideReport> =
        field.sides.iter().map(|side| SideReport::new(side.name)).collect();
    // Idle is a server on data that is already there; making the demo is work.
    if let Some(gateway) = &mut field.gateway {
        gateway.restart().await?;
        for side in field.sides.iter_mut().filter(|side| side.name == gateway.side.name) {
            *side = gateway.side.clone();
        }
    }
    tokio::time::sleep(AFTERMATH).await;
    let idle = field.gateway.as_ref().map(|gateway| gateway.process()?.resident()).transpose()?;
    for side in &field.sides {
        load::closed(side, Kind::Whole, CONNECTIONS, options.requests / 4 + 1).await?;
        load::closed(side, Kind::Stream, CONNECTIONS, options.streams / 4 + 1).await?;
    }
    for round in 0..options.rounds {
        let mut order: Vec<_> = field.sides.iter().zip(&mut reports).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for (side, report) in order {
            let (whole, cpu) = batch(field, side, Kind::Whole, options.requests).await?;
            report.whole(options.requests, whole.elapsed, cpu);
            let (_, cpu) = batch(field, side, Kind::Stream, options.streams).await?;
            report.streamed(options.streams, cpu);
            let span = Duration::from_secs((options.seconds / u64::from(options.rounds)).max(1));
            report.latency(&load::open(side, RATE, span).await?.latency)?;
        }
    }
    let loaded = field.gateway.as_ref().map(|gateway| gateway.process()?.resident()).transpose()?;
    let mut starts = Vec::new();
    if let Some(gateway) = &mut field.gateway {
        for _ in 0..5 {
            starts.push(gateway.restart().await?);
        }
    }
    starts.sort_unstable();
    let start = starts.get(starts.len() / 2).copied();
    Ok(Report::new(reports, idle, loaded, start))
}

/// One batch and the CPU time it cost the side's process.
async fn batch(
    field: &Field,
    side: &Side,
    kind: Kind,
    requests: u64,
) -> Outcome<(Measured, Duration)> {
    let before = field.cpu(side)?;
    let measured = load::closed(side, kind, CONNECTIONS, requests).await?;
    tokio::time::sleep(AFTERMATH).await;
    Ok((measured, field.cpu(side)?.saturating_sub(before)))
}
