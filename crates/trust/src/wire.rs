//! What server and prober say to each other: one JSON object per line, over the child's standard streams.

use std::{net::SocketAddr, path::PathBuf};

use domain::{OrgId, ProviderId, SessionId, UserId};
use serde::{Deserialize, Serialize};

use crate::{Digest, dsse::Envelope, registry::ControlId};

/// From the server to the prober.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum ToProber {
    Start(Box<Start>),
    /// The two organizations to probe with, with fresh sessions; sent again now and then.
    Tenants(Box<Tenants>),
    /// The server proves itself with another certificate, in DER.
    Certificate {
        certificate: Vec<u8>,
    },
    /// The log holds the schedule with this digest: its runs may begin.
    Committed {
        schedule: Digest,
    },
    /// A run outside the schedule, of everything or of what checks one control.
    Run {
        request: u64,
        control: Option<ControlId>,
    },
}

/// From the prober to the server.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum FromProber {
    Hello(Hello),
    Schedule {
        envelope: Envelope,
    },
    Evidence {
        envelope: Envelope,
        request: Option<u64>,
    },
    /// Everything that was asked for with `request` was sent.
    Done {
        request: u64,
    },
}

/// Everything the prober is told at its start. Holds keys: it crosses a pipe and is never written down.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {
    pub(crate) deployment: String,
    pub(crate) registry: Digest,
    /// How the public API of this installation is reached.
    pub(crate) base_url: String,
    /// The certificate it proves itself with, in DER; none where it does not speak TLS.
    pub(crate) certificate: Option<Vec<u8>>,
    /// Where it answers plain HTTP with the way to HTTPS.
    pub(crate) redirect: Option<SocketAddr>,
    /// From `store::Handover`.
    pub(crate) handover: String,
    /// The verifier key of the deployment's log.
    pub(crate) verifier: String,
    pub(crate) server_pid: u32,
    /// Where else the server may leave files, besides the data directory.
    pub(crate) places: Vec<PathBuf>,
    /// The largest body the data plane accepts, in bytes.
    pub(crate) max_body: usize,
    /// The controls whose probes are planned, all of them unless named.
    pub(crate) only: Option<Vec<ControlId>>,
    /// Where data may be kept, besides this machine, such as `10.20.0.0/16`.
    pub(crate) networks: Vec<String>,
    /// Where the kernel says what is mounted.
    pub(crate) mounts: PathBuf,
    /// The prober's own key file.
    pub(crate) key_file: PathBuf,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hello {
    /// The prober's public key, in hex.
    pub(crate) key: Digest,
    /// SHA-256 of the program the prober runs.
    pub(crate) build: Digest,
    /// The base URL of the provider twin it listens as.
    pub(crate) twin: String,
    /// The base URL of the receiver of events that it listens as.
    pub(crate) inbox: String,
    /// Those of the twins that stand for providers in several places.
    pub(crate) abroad: Abroad,
}

/// Base URLs of twins in several places.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Abroad {
    /// Outside the European Union.
    pub(crate) far: String,
    /// In the European Union, and down.
    pub(crate) down: String,
    /// In the European Union.
    pub(crate) near: String,
    /// In the European Union, and slow.
    pub(crate) slow: String,
    /// For images only, and for answers out of the web only.
    pub(crate) images: String,
    pub(crate) answers: String,
}

/// Two organizations that know nothing of each other.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tenants {
    pub(crate) first: Tenant,
    pub(crate) second: Tenant,
    pub(crate) third: Newcomer,
}

/// A third one, which has connected nobody.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Newcomer {
    pub(crate) slug: String,
    /// The session token of the owner.
    pub(crate) session: String,
    /// The token of another session of the owner, who showed no second factor in it.
    pub(crate) weak: String,
    /// One pair for each kind of session.
    pub(crate) idle: Vec<Idle>,
    /// What the owner would sign in with, had they not waited for too long.
    pub(crate) late: LateCode,
}

/// A code that came by letter a second longer ago than it holds, and what the browser kept that asked for it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LateCode {
    pub(crate) token: String,
    pub(crate) code: String,
}

/// Two sessions that nobody used for a while.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Idle {
    /// For less time than may be.
    pub(crate) used: String,
    /// For longer.
    pub(crate) idle: String,
}

/// One of them, with what its owner has in hand.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tenant {
    pub(crate) org: OrgId,
    pub(crate) slug: String,
    pub(crate) owner: UserId,
    pub(crate) email: String,
    /// The session token of the owner.
    pub(crate) session: String,
    /// The token of another session of the owner, who showed no second factor in it.
    pub(crate) weak: String,
    /// The id of the first.
    pub(crate) session_id: SessionId,
    /// The provider that is the prober's twin.
    pub(crate) provider: ProviderId,
    /// The webhook that leads to the prober.
    pub(crate) receiver: Receiver,
    /// Somebody for each role; in the first of them only.
    pub(crate) residents: Vec<Resident>,
}

/// A person with a role.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resident {
    /// As the published table calls it.
    pub(crate) role: String,
    pub(crate) user: UserId,
    /// Their session token.
    pub(crate) session: String,
}

/// Where an organization's events are sent.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Receiver {
    pub(crate) id: String,
    /// Below the prober's own address.
    pub(crate) path: String,
    /// With which events are signed.
    pub(crate) secret: String,
}
