//! Letters to the mail server.

use std::time::Duration;

use domain::{Letter, Result, Secret};
use egress::{Destination, Egress, Kind, Line};
use lettre::Address;
use store::Outgoing;
use url::{Host, Url};

use crate::{MailServer, Problem, config::Security, letter::Sender, smtp::Talk};

/// The destination's id at the door out, and in the record of what was reached.
const MAIL: &str = "mail";

/// Name look-up, TCP, and TLS each.
const CONNECT: Duration = Duration::from_secs(15);

pub(crate) struct Mailer {
    egress: Egress,
    server: MailServer,
    sender: Sender,
    /// How this server introduces itself.
    name: String,
}

impl Mailer {
    pub(crate) fn new(egress: Egress, server: MailServer, public_url: &str) -> Result<Self> {
        // Where the operator's mail server stands is the operator's to say, as with any engine of the deployment.
        egress.register(Destination {
            id: MAIL.to_owned(),
            kind: Kind::Own,
            base: server.base.clone(),
            allow_private: true,
        })?;
        let public_url = public_url.trim_end_matches('/').to_owned();
        let name = name_of(&public_url);
        let sender = Sender { from: server.from.clone(), public_url };
        Ok(Self { egress, server, sender, name })
    }

    /// Hands a letter to the mail server, which answers with the code that is returned.
    pub(crate) async fn send(
        &self,
        message: &Outgoing,
        to: &Secret<String>,
        letter: &Secret<String>,
    ) -> std::result::Result<u16, Problem> {
        let unwritable = Problem::lasting("letter_unwritable", None);
        let to: Address = to.expose().parse().map_err(|_| unwritable)?;
        let letter: Letter = serde_json::from_str(letter.expose()).map_err(|_| unwritable)?;
        let bytes = self.sender.write(message, &to, &letter).map_err(|_| unwritable)?;
        let mut talk = self.talk().await?;
        let from: &str = self.server.from.email.as_ref();
        let who = (self.name.as_str(), self.server.user.as_ref());
        talk.deliver(who, (from, to.as_ref()), &bytes).await
    }

    /// A secure conversation whose next word is ours.
    async fn talk(&self) -> std::result::Result<Talk<Line>, Problem> {
        let line = match self.server.security {
            Security::Tls => self.egress.open(MAIL, CONNECT).await?,
            Security::Plain => self.egress.open_here(MAIL, CONNECT).await?,
            Security::Upgrade => {
                let mut talk = Talk::new(self.egress.greet(MAIL, CONNECT).await?);
                talk.welcome().await?;
                let greeting = talk.upgrade(&self.name).await?;
                let secured = tokio::time::timeout(CONNECT, greeting.secure()).await;
                let secured = secured.map_err(|_| Problem::passing("mail_timeout", None))?;
                return Ok(Talk::new(secured?));
            }
        };
        let mut talk = Talk::new(line);
        talk.welcome().await?;
        Ok(talk)
    }
}

/// The host of an address, as a mail server wants to hear it (RFC 5321, 4.1.3).
fn name_of(public_url: &str) -> String {
    let url = Url::parse(public_url).ok();
    match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(address)) => format!("[{address}]"),
        Some(Host::Ipv6(address)) => format!("[IPv6:{address}]"),
        None => "localhost".to_owned(),
    }
}
