//! This machine as its kernel tells it: the sockets of processes, the addresses of the host, what is mounted where.

use std::{
    collections::BTreeSet,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
};

use domain::{Error, Result};

/// One TCP socket of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Socket {
    pub(crate) local: SocketAddr,
    pub(crate) peer: SocketAddr,
    pub(crate) listens: bool,
}

/// The state of a socket that waits for connections, in `/proc/net/tcp`.
const LISTEN: &str = "0A";
const ESTABLISHED: &str = "01";

/// The sockets of a process that wait for connections or have one.
///
/// # Errors
/// `Internal` when the kernel does not let this process look.
pub(crate) fn sockets(pid: u32) -> Result<BTreeSet<Socket>> {
    let own = descriptors(pid)?;
    let mut all = BTreeSet::new();
    for table in ["tcp", "tcp6"] {
        let path = format!("/proc/{pid}/net/{table}");
        // A kernel without IPv6 has no such table.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let rows = text.lines().skip(1).filter_map(row);
        all.extend(rows.filter(|(_, inode)| own.contains(inode)).map(|(socket, _)| socket));
    }
    Ok(all)
}

/// Where anybody waits for connections in the network that a process lives in.
pub(crate) fn listeners(pid: u32) -> BTreeSet<SocketAddr> {
    let mut all = BTreeSet::new();
    for table in ["tcp", "tcp6"] {
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        let rows = text.lines().skip(1).filter_map(row).filter(|(socket, _)| socket.listens);
        all.extend(rows.map(|(socket, _)| socket.local));
    }
    all
}

/// The numbers of the sockets that the process holds.
fn descriptors(pid: u32) -> Result<BTreeSet<u64>> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).map_err(Error::internal)?;
    let inode = |entry: fs::DirEntry| {
        let target = fs::read_link(entry.path()).ok()?;
        let text = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
        text.parse().ok()
    };
    Ok(entries.flatten().filter_map(inode).collect())
}

/// One line of `/proc/net/tcp` or `tcp6`, with the number of its socket.
fn row(line: &str) -> Option<(Socket, u64)> {
    let mut words = line.split_whitespace().skip(1);
    let (local, peer) = (address(words.next()?)?, address(words.next()?)?);
    let listens = match words.next()? {
        LISTEN => true,
        ESTABLISHED => false,
        _ => return None,
    };
    let inode = words.nth(5)?.parse().ok()?;
    Some((Socket { local, peer, listens }, inode))
}

/// `0100007F:1F90` is 127.0.0.1:8080: words in the byte order of the machine.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let word = ip.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(word, 16).ok()?.to_ne_bytes())
    };
    let ip = match ip.len() {
        8 => IpAddr::from(word(0)?),
        32 => {
            let mut all = [0; 16];
            for (at, part) in all.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(at)?);
            }
            IpAddr::from(all).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// The addresses of the network that a process lives in at which others could reach it: no loopback, and none that
/// names one cable only.
pub(crate) fn addresses(pid: u32) -> BTreeSet<IpAddr> {
    let read = |table: &str| fs::read_to_string(format!("/proc/{pid}/net/{table}"));
    let four = read("fib_trie").unwrap_or_default();
    let six = read("if_inet6").unwrap_or_default();
    let all = of_trie(&four).into_iter().map(IpAddr::from);
    let all = all.chain(of_interfaces(&six).into_iter().map(IpAddr::from));
    all.filter(|ip| !ip.is_loopback()).collect()
}

/// `|-- 192.0.2.2` above `/32 host LOCAL` is an address of this host.
fn of_trie(text: &str) -> BTreeSet<Ipv4Addr> {
    let mut last: Option<Ipv4Addr> = None;
    let mut all = BTreeSet::new();
    for line in text.lines().map(str::trim) {
        if let Some(ip) = line.strip_prefix("|-- ") {
            last = ip.parse().ok();
        } else if line.starts_with("/32 host LOCAL") {
            all.extend(last);
        }
    }
    all
}

fn of_interfaces(text: &str) -> BTreeSet<Ipv6Addr> {
    let parsed = |line: &str| {
        let digits = line.split_whitespace().next()?;
        Some(Ipv6Addr::from(u128::from_str_radix(digits, 16).ok()?))
    };
    let far = |ip: &Ipv6Addr| !ip.is_loopback() && !ip.is_unicast_link_local();
    text.lines().filter_map(parsed).filter(far).collect()
}

/// What is mounted at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    at: PathBuf,
    /// Such as `ext4`.
    pub(crate) kind: String,
    /// A device, or `host:/path` of a file server.
    pub(crate) source: String,
    options: String,
}

/// What is under `path`, of the lines of a process's `mountinfo`.
pub(crate) fn mount_of(mountinfo: &str, path: &Path) -> Option<Mount> {
    let mounts = mountinfo.lines().filter_map(mount);
    let under = mounts.filter(|mount| path.starts_with(&mount.at));
    // Of two at the same place the later one is on top.
    under.fold(None, |best: Option<Mount>, next| match best {
        Some(best) if best.at.components().count() > next.at.components().count() => Some(best),
        _ => Some(next),
    })
}

fn mount(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut after = after.split(' ');
    Some(Mount {
        at: PathBuf::from(unescaped(before.split(' ').nth(4)?)),
        kind: after.next()?.to_owned(),
        source: unescaped(after.next()?),
        options: after.next().unwrap_or_default().to_owned(),
    })
}

/// `\040` is a space.
fn unescaped(text: &str) -> String {
    ["\\040", "\\011", "\\012", "\\134"]
        .into_iter()
        .zip([" ", "\t", "\n", "\\"])
        .fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

/// Where a file system keeps its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Keeper {
    /// A disk or the memory of this machine, as far as the machine can tell.
    Here,
    /// A file server.
    Host(String),
    /// Nothing says where.
    Unknown,
}

/// File systems on a disk or in the memory of the machine.
const LOCAL: [&str; 14] = [
    "bcachefs", "btrfs", "devtmpfs", "ecryptfs", "erofs", "exfat", "ext2", "ext3", "ext4", "f2fs",
    "overlay", "tmpfs", "xfs", "zfs",
];
/// Disks that stand in another machine.
const REMOTE_DISKS: [&str; 4] = ["/dev/nbd", "/dev/rbd", "/dev/drbd", "/dev/etherd"];

impl Mount {
    pub(crate) fn keeper(&self) -> Keeper {
        let named = self.options.split(',').find_map(|option| option.strip_prefix("addr="));
        if let Some(host) = named.or_else(|| server_of(&self.source)) {
            return Keeper::Host(host.trim_matches(['[', ']']).to_owned());
        }
        let local = LOCAL.contains(&self.kind.as_str());
        let elsewhere = REMOTE_DISKS.iter().any(|disk| self.source.starts_with(disk));
        if local && !elsewhere { Keeper::Here } else { Keeper::Unknown }
    }
}

/// The host of `host:/path`, `user@host:/path` or `//host/share`, whatever the file system is called.
fn server_of(source: &str) -> Option<&str> {
    if let Some(rest) = source.strip_prefix("//") {
        return rest.split('/').next().filter(|host| !host.is_empty());
    }
    let (host, _) = source.split_once(":/")?;
    let host = host.rsplit('@').next().unwrap_or(host);
    (!host.is_empty() && !host.contains('/')).then_some(host)
}

/// Addresses that belong together, as `10.0.0.0/8` or one by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        let same = |a: u128, b: u128, width: u32| {
            let open = width.saturating_sub(u32::from(self.bits));
            a.checked_shr(open).unwrap_or(0) == b.checked_shr(open).unwrap_or(0)
        };
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same(a.to_bits().into(), b.to_bits().into(), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => same(a.to_bits(), b.to_bits(), 128),
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::invalid(format!("{text:?} is no network such as 10.20.0.0/16 or 2001:db8::/32."))
        };
        let (ip, bits) = text.split_once('/').map_or((text, None), |(ip, bits)| (ip, Some(bits)));
        let address: IpAddr = ip.parse().map_err(|_| wrong())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(width), |bits| bits.parse().map_err(|_| wrong()))?;
        if bits > width { Err(wrong()) } else { Ok(Self { address, bits }) }
    }
}

#[cfg(test)]
mod tests;
