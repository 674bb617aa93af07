//! Connections: the identity providers that an organization's people sign in with.

use domain::{Action, ConnectionId, Error, Event, Permission, Result, Secret};
use store::{Connection, ConnectionChange, ConnectionKind, NewConnection, Scope};

use crate::{Identity, base_url, decide, names};

/// More than anybody needs; the sign-in page shows all of them.
const MOST: usize = 10;
const GOOGLE: &str = "https://accounts.google.com";
const MICROSOFT: &str = "https://login.microsoftonline.com/";

/// A connection as it is asked for.
#[derive(Clone, Debug)]
pub struct ConnectionEntry {
    /// `entra`, `google` or `oidc`.
    pub kind: String,
    pub name: String,
    /// Empty for Google, which has one.
    pub issuer: String,
    pub client_id: String,
    pub secret: Secret<String>,
    /// Whether it may be on this machine or in its network: for those who may register such a provider.
    pub allow_private: bool,
    pub trusts_second_factor: bool,
    /// May be empty.
    pub context: String,
}

/// What is to change; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct ConnectionEdit {
    pub name: Option<String>,
    pub client_id: Option<String>,
    pub secret: Option<Secret<String>>,
    pub trusts_second_factor: Option<bool>,
    /// Empty for none.
    pub context: Option<String>,
    pub enabled: Option<bool>,
}

fn wrong_issuer(says: &'static str) -> Error {
    Error::invalid(says).with_code("invalid_issuer")
}

/// The issuer to the letter: tokens repeat it, a slash at the end included.
fn issuer(kind: ConnectionKind, text: &str, allow_private: bool) -> Result<String> {
    let text = text.trim();
    match kind {
        ConnectionKind::Google if text.is_empty() || text == GOOGLE => Ok(GOOGLE.to_owned()),
        ConnectionKind::Google => {
            Err(wrong_issuer("Google has one issuer, https://accounts.google.com: leave it empty."))
        }
        ConnectionKind::Entra => entra(text),
        ConnectionKind::Oidc => {
            let checked = base_url::check(text, allow_private).map_err(|error| {
                let says = error.message().to_owned();
                match error.code() {
                    "private_address" => error,
                    _ => Error::invalid(says).with_code("invalid_issuer"),
                }
            })?;
            if checked.text.starts_with(MICROSOFT.trim_end_matches('/')) {
                return entra(text);
            }
            Ok(text.to_owned())
        }
    }
}

/// Only the issuer of one tenant: behind `common` stand all of Microsoft's customers, and everybody's private accounts.
fn entra(text: &str) -> Result<String> {
    let tenant = text.strip_prefix(MICROSOFT).and_then(|rest| rest.strip_suffix("/v2.0"));
    match tenant {
        Some("common" | "organizations" | "consumers") => Err(wrong_issuer(
            "This issuer is everybody's who has an account at Microsoft. Use the one of your tenant: https://login.microsoftonline.com/YOUR-TENANT-ID/v2.0.",
        )),
        Some(id) if uuid(id) => Ok(text.to_owned()),
        _ => Err(wrong_issuer(
            "Enter https://login.microsoftonline.com/YOUR-TENANT-ID/v2.0 with the id of your tenant, which Entra shows as “Directory (tenant) ID”.",
        )),
    }
}

fn uuid(text: &str) -> bool {
    text.len() == 36
        && text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && text.bytes().all(|byte| byte == b'-' || matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn client_id(text: &str) -> Result<String> {
    let text = text.trim();
    let fits =
        !text.is_empty() && text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        return Ok(text.to_owned());
    }
    Err(Error::invalid("Enter the client id as the identity provider shows it.")
        .with_code("invalid_client_id"))
}

fn secret(given: &Secret<String>) -> Result<Secret<String>> {
    let text = given.expose().trim();
    let fits =
        !text.is_empty() && text.len() <= 1_000 && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        return Ok(Secret::new(text.to_owned()));
    }
    Err(Error::invalid("Enter the client secret as the identity provider shows it.")
        .with_code("invalid_client_secret"))
}

fn context(text: &str) -> Result<Option<String>> {
    let text = text.trim();
    if text.len() > 255 || text.chars().any(char::is_control) {
        return Err(
            Error::invalid("The value is longer than 255 characters.").with_code("invalid_context")
        );
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

impl ConnectionEdit {
    fn checked(self) -> Result<ConnectionChange> {
        Ok(ConnectionChange {
            name: self.name.map(|name| names::name("A connection", &name)).transpose()?,
            client_id: self.client_id.map(|id| client_id(&id)).transpose()?,
            secret: self.secret.map(|given| secret(&given)).transpose()?,
            trusts_second_factor: self.trusts_second_factor,
            context: self.context.map(|text| context(&text)).transpose()?,
            enabled: self.enabled,
        })
    }
}

impl Identity {
    /// The organization's connections, the oldest first.
    ///
    /// # Errors
    /// `Forbidden` unless the caller manages the organization.
    pub async fn connections_list(&self, scope: &Scope) -> Result<Vec<Connection>> {
        decide(scope, Permission::OrganizationManage, None)?;
        self.store().read(scope).await?.connections_list().await
    }

    /// # Errors
    /// `NotFound` when there is no such connection.
    pub async fn connection_fetch(&self, scope: &Scope, id: ConnectionId) -> Result<Connection> {
        decide(scope, Permission::OrganizationManage, None)?;
        self.store().read(scope).await?.connection_fetch(id).await
    }

    /// Adds a connection; from now on the sign-in page offers it.
    ///
    /// # Errors
    /// `Invalid` with code `invalid_kind`, `invalid_name`, `invalid_issuer`, `invalid_client_id`,
    /// `invalid_client_secret` or `invalid_context`, and `private_address` when it is inside the own network and that
    /// was not meant; `Forbidden` with that code when the caller may not; `Conflict` with code `too_many_connections`.
    pub async fn connection_create(
        &self,
        scope: &Scope,
        entry: ConnectionEntry,
    ) -> Result<Connection> {
        decide(scope, Permission::OrganizationManage, None)?;
        let kind = ConnectionKind::parse(&entry.kind).ok_or_else(|| {
            Error::invalid("Choose Microsoft Entra ID, Google or another provider.")
                .with_code("invalid_kind")
        })?;
        let new = NewConnection {
            kind,
            name: names::name("A connection", &entry.name)?,
            issuer: issuer(kind, &entry.issuer, entry.allow_private)?,
            client_id: client_id(&entry.client_id)?,
            secret: secret(&entry.secret)?,
            allow_private: entry.allow_private,
            trusts_second_factor: entry.trusts_second_factor,
            context: context(&entry.context)?,
        };
        if entry.allow_private {
            self.may_go_private(scope).await?;
        }
        let event = Event::new(Action::ConnectionCreate)
            .fact("kind", kind.as_str())
            .fact("issuer", new.issuer.clone())
            .fact("client_id", new.client_id.clone())
            .fact("allow_private", new.allow_private)
            .fact("trusts_second_factor", new.trusts_second_factor)
            .personal("name", new.name.clone());
        let mut write = self.store().write(scope).await?;
        if write.connections_list().await?.len() >= MOST {
            return Err(Error::conflict("There are ten connections already. Remove one first.")
                .with_code("too_many_connections"));
        }
        let connection = write.connection_create(new).await?;
        write.commit(event.on("connection", connection.id)).await?;
        Ok(connection)
    }

    /// Changes a connection. One that is switched off opens nothing any more, and what it opened ends.
    ///
    /// # Errors
    /// As for [`Identity::connection_create`]; `NotFound` when there is no such connection.
    pub async fn connection_change(
        &self,
        scope: &Scope,
        id: ConnectionId,
        edit: ConnectionEdit,
    ) -> Result<()> {
        decide(scope, Permission::OrganizationManage, None)?;
        let change = edit.checked()?;
        let mut event = Event::new(Action::ConnectionChange)
            .on("connection", id)
            .fact("secret", change.secret.is_some());
        if let Some(client_id) = &change.client_id {
            event = event.fact("client_id", client_id.clone());
        }
        if let Some(trusts) = change.trusts_second_factor {
            event = event.fact("trusts_second_factor", trusts);
        }
        if let Some(enabled) = change.enabled {
            event = event.fact("enabled", enabled);
        }
        if let Some(name) = &change.name {
            event = event.personal("name", name.clone());
        }
        let mut write = self.store().write(scope).await?;
        write.connection_change(id, change).await?;
        write.commit(event).await.map(drop)
    }

    /// Removes a connection, forgets whom it knew, and ends the sessions that it opened.
    ///
    /// # Errors
    /// `NotFound` when there is no such connection.
    pub async fn connection_remove(&self, scope: &Scope, id: ConnectionId) -> Result<()> {
        decide(scope, Permission::OrganizationManage, None)?;
        let mut write = self.store().write(scope).await?;
        write.connection_remove(id).await?;
        write.commit(Event::new(Action::ConnectionRemove).on("connection", id)).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(kind: ConnectionKind, text: &str, allow_private: bool) -> &'static str {
        issuer(kind, text, allow_private).map_or_else(|error| error.code(), |_| "ok")
    }

    #[test]
    fn an_issuer_of_everybody_is_refused() {
        let tenant = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0";
        for kind in [ConnectionKind::Entra, ConnectionKind::Oidc] {
            assert_eq!(code(kind, tenant, false), "ok");
            for all in ["common", "organizations", "consumers", "contoso.com", "", "../x"] {
                let text = format!("https://login.microsoftonline.com/{all}/v2.0");
                assert_eq!(code(kind, &text, false), "invalid_issuer", "{text}");
            }
        }
        assert_eq!(code(ConnectionKind::Entra, "https://id.example.com", false), "invalid_issuer");
    }

    #[test]
    fn google_has_one_issuer() {
        assert_eq!(issuer(ConnectionKind::Google, "", false).unwrap(), GOOGLE);
        assert_eq!(code(ConnectionKind::Google, "https://google.com", false), "invalid_issuer");
    }

    #[test]
    fn an_issuer_is_kept_to_the_letter() {
        let kept = |text| issuer(ConnectionKind::Oidc, text, true).unwrap();
        assert_eq!(kept(" https://id.example.com/ "), "https://id.example.com/");
        assert_eq!(kept("https://id.example.com"), "https://id.example.com");
        let code = |text, private| code(ConnectionKind::Oidc, text, private);
        assert_eq!(code("http://127.0.0.1:9000", false), "private_address");
        assert_eq!(code("http://127.0.0.1:9000", true), "ok");
        assert_eq!(code("http://id.example.com", false), "invalid_issuer");
        assert_eq!(code("https://169.254.169.254/", true), "invalid_issuer");
    }
}
