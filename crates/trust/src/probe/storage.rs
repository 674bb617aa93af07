//! SUB-15: every place where this installation keeps data, as the kernel and the database tell it, held against the
//! networks that the operator allows for it.

use std::{
    collections::BTreeSet,
    fs,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use domain::{Error, Result};
use store::{Configured, Placement};
use tokio::net::{TcpListener, TcpStream};

use super::{Finding, Findings, Run, off_thread};
use crate::{
    evidence::{Reason, Verdict},
    host::{self, Keeper, Network},
};

const CONTROL: &str = "SUB-15";
/// Of a file server that is nowhere (RFC 5737).
const NOWHERE: &str = "203.0.113.77";

/// A place where data is kept, or goes to be kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    what: String,
    at: At,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum At {
    /// A disk, the memory or a socket of this machine.
    Here,
    Address(IpAddr),
    /// A name that stands for no address, or a file system that says nothing.
    Unknown,
}

/// What is allowed.
struct Allowed {
    own: BTreeSet<IpAddr>,
    networks: Vec<Network>,
}

impl Allowed {
    fn holds(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.own.contains(&ip) || self.networks.iter().any(|network| network.contains(ip))
    }

    /// Those that lie outside.
    fn outside<'a>(&self, places: &'a [Place]) -> Vec<&'a Place> {
        let out = |place: &&Place| matches!(place.at, At::Address(ip) if !self.holds(ip));
        places.iter().filter(out).collect()
    }
}

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let placement = cx.site.inspector.placement().await?;
    let mounts = fs::read_to_string(&cx.site.mounts).map_err(Error::internal)?;
    let (directories, pid) = (cx.site.inspector.directories(), cx.site.server_pid);
    let known = mounts.clone();
    let files = off_thread(move || files(&known, &directories)).await?;
    let mut places = resolved(files).await;
    places.extend(database(&placement, pid).await?);
    let mut networks = cx.site.networks.clone();
    let besides = networks.len() as u64;
    for loopback in ["127.0.0.0/8", "::1"] {
        networks.push(loopback.parse()?);
    }
    let allowed = Allowed { own: host::addresses(pid), networks };
    let outside = allowed.outside(&places);
    let planted = planted(cx, &mounts).await?;

    let unknown: Vec<_> = places.iter().filter(|place| place.at == At::Unknown).collect();
    let subjects = (places.len() - unknown.len()) as u64;
    let population = places.len() as u64;
    let verdict = if !outside.is_empty() {
        Verdict::Fail(Reason::StoredElsewhere)
    } else if !unknown.is_empty() {
        Verdict::Inconclusive(Reason::Unreachable)
    } else {
        Verdict::held(planted, subjects, population, cx.floor(CONTROL))
    };
    let here = places.iter().filter(|place| !outside.contains(place) && is_here(place, &allowed));
    let finding = Finding::new(verdict, planted, (subjects, population))
        .measure("places on this machine", here.count() as u64, "places")
        .measure("networks allowed besides", besides, "networks")
        .measure("places outside", outside.len() as u64, "places")
        .uncovered(unknown.iter().map(|place| place.what.clone()))
        .uncovered(["which country an address stands in".to_owned()]);
    let finding = if placement.hidden_replicas > 0 {
        finding.uncovered(["replicas whose address the database does not tell".to_owned()])
    } else {
        finding
    };
    Ok(vec![(CONTROL, finding)])
}

fn is_here(place: &Place, allowed: &Allowed) -> bool {
    match place.at {
        At::Here => true,
        At::Address(ip) => ip.is_loopback() || allowed.own.contains(&ip.to_canonical()),
        At::Unknown => false,
    }
}

/// Where files lie: what is mounted there, or the file server behind it.
fn files(mounts: &str, all: &[(&'static str, PathBuf)]) -> Vec<(String, Keeper)> {
    let keeper = |path: &PathBuf| {
        let real = path.canonicalize().ok()?;
        Some(host::mount_of(mounts, &real)?.keeper())
    };
    all.iter()
        .map(|(what, path)| ((*what).to_owned(), keeper(path).unwrap_or(Keeper::Unknown)))
        .collect()
}

async fn resolved(files: Vec<(String, Keeper)>) -> Vec<Place> {
    let mut places = Vec::new();
    for (what, keeper) in files {
        match keeper {
            Keeper::Here => places.push(Place { what, at: At::Here }),
            Keeper::Unknown => places.push(Place { what, at: At::Unknown }),
            Keeper::Host(host) => places.extend(named(&what, &host, 0).await),
        }
    }
    places
}

/// Every address that a name stands for.
async fn named(what: &str, host: &str, port: u16) -> Vec<Place> {
    let place = |at| Place { what: what.to_owned(), at };
    let found = tokio::net::lookup_host((host, port)).await;
    let all: BTreeSet<IpAddr> = found.into_iter().flatten().map(|one| one.ip()).collect();
    if all.is_empty() {
        return vec![place(At::Unknown)];
    }
    all.into_iter().map(|ip| place(At::Address(ip))).collect()
}

/// Where the database is: as configured, as the kernel knows the server's connections to it, as it says itself, and where
/// it sends what it is given.
async fn database(placement: &Placement, pid: u32) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    let parsed = |what: &str, text: &str| Place {
        what: what.to_owned(),
        at: text.parse().map_or(At::Unknown, At::Address),
    };
    match &placement.configured {
        None => return Ok(places),
        Some(Configured::Socket(_)) => {
            places.push(Place { what: "database, by its socket".to_owned(), at: At::Here });
        }
        Some(Configured::Host(host, port)) => {
            places.extend(named("database, as configured", host, *port).await);
            places.extend(connected("database, as connected", pid, *port).await?);
        }
    }
    places.extend(placement.server.iter().map(|text| parsed("database, as it says", text)));
    places.extend(placement.replicas.iter().map(|text| parsed("replica", text)));
    for (name, host) in &placement.foreign {
        places.extend(named(&format!("foreign server {name}"), host, 0).await);
    }
    Ok(places)
}

/// The other ends of a process's connections to a port.
async fn connected(what: &str, pid: u32, port: u16) -> Result<Vec<Place>> {
    let sockets = off_thread(move || host::sockets(pid)).await??;
    let peers = sockets.into_iter().filter(|one| !one.listens && one.peer.port() == port);
    let peers: BTreeSet<IpAddr> = peers.map(|one| one.peer.ip()).collect();
    let place = |ip| Place { what: what.to_owned(), at: At::Address(ip) };
    Ok(peers.into_iter().map(place).collect())
}

/// Whether what lies outside is found: a connection of this process, read from the kernel like the server's, while only
/// one other address is allowed; and a file server in the list of what is mounted.
async fn planted(cx: Run<'_>, mounts: &str) -> Result<bool> {
    let part = |name: &str| u8::try_from(cx.seed.below(name, 250)).unwrap_or(0) + 2;
    let outside = IpAddr::from([127, part("one"), part("two"), part("three")]);
    let listener = TcpListener::bind(SocketAddr::new(outside, 0)).await.map_err(Error::internal)?;
    let at = listener.local_addr().map_err(Error::internal)?;
    let stream = TcpStream::connect(at).await.map_err(Error::internal)?;
    let accepted = listener.accept().await.map_err(Error::internal)?;
    let met = connected("planted", std::process::id(), at.port()).await?;
    drop((stream, accepted));
    let narrow = Allowed { own: BTreeSet::new(), networks: vec!["127.0.0.1".parse()?] };
    let judged = narrow.outside(&met).iter().any(|place| place.at == At::Address(outside));

    let directory = cx.site.inspector.data_dir().canonicalize().map_err(Error::internal)?;
    let line = format!(
        "{}\n999 1 0:99 / {} rw - nfs4 {NOWHERE}:/export rw,addr={NOWHERE}\n",
        mounts.trim_end(),
        directory.display().to_string().replace(' ', "\\040"),
    );
    let moved = resolved(files(&line, &[("planted", directory)])).await;
    Ok(judged && narrow.outside(&moved).len() == 1)
}
