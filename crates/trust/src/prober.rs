//! The prober: a process of its own, with a key of its own, that looks at the data through a connection that cannot
//! write. It plans its runs, has the plan committed, runs, signs, and tells the server, which only keeps and shows.

mod key;
mod prepare;
mod work;

use std::os::fd::AsFd as _;

use domain::{Clock, Error, Result};
use parking_lot::RwLock;
use sandbox::{Sandbox, Script};
use store::{Handover, Inspector};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::unix::pipe,
};

use crate::{
    Digest,
    client::Client,
    executable,
    link::{GONE, Incoming, Outgoing},
    probe::{Inbox, Places, Route, Site, Street},
    registry::Registry,
    seed::Seed,
    wire::{FromProber, Hello, Start, ToProber},
};
use work::Prober;

/// The whole life of the child process that the supervisor starts: [`run`] over its own standard streams.
///
/// # Errors
/// As [`run`]; also when the standard streams are not pipes.
pub async fn main(routes: Vec<Route>, clock: Clock) -> Result<()> {
    let input = std::io::stdin().as_fd().try_clone_to_owned().map_err(Error::internal)?;
    let output = std::io::stdout().as_fd().try_clone_to_owned().map_err(Error::internal)?;
    let pipes = |_| Error::invalid("`probity prober` is started by `probity serve`.");
    let input = pipe::Receiver::from_owned_fd(input).map_err(pipes)?;
    let output = pipe::Sender::from_owned_fd(output).map_err(pipes)?;
    match run(input, output, routes, clock).await {
        // The server has ended, and with it the task; it said all there is to say.
        Err(error) if error.code() == GONE => Ok(()),
        ended => ended,
    }
}

/// Runs until the other side closes the link.
///
/// `routes` is the route table of this build: what is attacked and read.
///
/// # Errors
/// When the server cannot be understood or the data cannot be opened. Evidence that was not sent is lost then,
/// and its absence shows.
pub async fn run(
    input: impl AsyncRead + Send + Unpin + 'static,
    output: impl AsyncWrite + Send + Unpin,
    routes: Vec<Route>,
    clock: Clock,
) -> Result<()> {
    let (mut incoming, mut outgoing) = (Incoming::new(input), Outgoing::new(output));
    let Some(ToProber::Start(start)) = incoming.next().await? else {
        return Err(Error::invalid("The prober is started by the server."));
    };
    let key = key::load_or_create(&start.key_file)?;
    let build = executable().await?;
    let twin = Sandbox::start(([127, 0, 0, 1], 0).into(), Script::default())
        .await
        .map_err(Error::internal)?;
    let (places, inbox) = (Places::open().await?, Inbox::open().await?);
    let (key_id, abroad) = (Digest::from_bytes(key.public()), places.addresses());
    let (twin_url, inbox_url) = (twin.base_url(), inbox.base_url());
    let hello = Hello { key: key_id, build, twin: twin_url, inbox: inbox_url, abroad };
    outgoing.send(&FromProber::Hello(hello)).await?;
    let Some(ToProber::Tenants(tenants)) = incoming.next().await? else {
        return Ok(());
    };
    let person = Seed::new(Digest::of(&key.sign(b"the person that signs in")));
    let site = site(*start, (routes, person), clock, (places, inbox)).await?;
    let prober = Prober::new(site, key, build, *tenants);
    let worked = prober.work(incoming, outgoing).await;
    twin.shutdown().await;
    worked
}

async fn site(
    start: Start,
    (routes, person): (Vec<Route>, Seed),
    clock: Clock,
    (places, inbox): (Places, Inbox),
) -> Result<Site> {
    let registry = Registry::shipped().map_err(Error::internal)?;
    if registry.digest() != start.registry {
        return Err(Error::invalid("The server shows another registry than the prober's."));
    }
    let inspector = Inspector::open(Handover::from_line(&start.handover)?).await?;
    Ok(Site {
        client: Client::trusting(&start.base_url, start.certificate.as_deref(), clock.clone())?,
        certificate: RwLock::new(start.certificate),
        redirect: start.redirect,
        clock,
        registry,
        routes,
        only: start.only,
        person,
        inspector,
        deployment: start.deployment,
        verifier: start.verifier,
        server_pid: start.server_pid,
        places: start.places,
        max_body: start.max_body,
        networks: start.networks.iter().map(|text| text.parse()).collect::<Result<_>>()?,
        mounts: start.mounts,
        abroad: Street::new(places),
        inbox,
        memory: start.key_file.with_extension("heads.json"),
    })
}
