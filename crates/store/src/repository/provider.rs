//! Providers that an organization registered; the credential is sealed.

use domain::{
    DataClass, Error, HealthAgreement, OWN_CONTRACT, Protocol, ProviderId, Result,
    STANDARD_CONTRACT, Secret, StatedTerms, Timestamp,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::at;
use crate::{Read, Write, entity::provider, error::from_db, keyring::Place, tenant};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    pub id: ProviderId,
    /// Its id in the catalogue, or `custom`.
    pub catalog: String,
    pub name: String,
    pub protocol: Protocol,
    /// Without a trailing slash.
    pub base_url: String,
    /// Whether a credential is stored.
    pub has_secret: bool,
    pub secret_last_four: String,
    /// Empty: the catalogue's.
    pub models: Vec<String>,
    pub region: Option<String>,
    /// Whether it may live at a private address.
    pub allow_private: bool,
    /// What was agreed with the provider, as the catalogue names it.
    pub contract: String,
    /// The first moment at which that no longer holds.
    pub contract_until: Option<Timestamp>,
    /// What the organization says of it, in place of what the catalogue says.
    pub terms: Option<StatedTerms>,
    /// The agreement under which it may receive health data.
    pub baa: Option<HealthAgreement>,
    pub created: Timestamp,
    pub changed: Timestamp,
}

/// What usage needs to know of a provider, also of one that was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRecord {
    pub id: ProviderId,
    pub catalog: String,
    pub name: String,
    pub protocol: Protocol,
    /// As it is stated now.
    pub region: Option<String>,
    pub removed: bool,
}

#[derive(Clone, Debug)]
pub struct NewProvider {
    pub catalog: String,
    pub name: String,
    pub protocol: Protocol,
    pub base_url: String,
    pub secret: Option<Secret<String>>,
    pub models: Vec<String>,
    pub region: Option<String>,
    pub allow_private: bool,
    /// `None` for the provider's ordinary terms.
    pub contract: Option<String>,
    pub contract_until: Option<Timestamp>,
    pub terms: Option<StatedTerms>,
    pub baa: Option<HealthAgreement>,
}

/// What is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct ProviderChange {
    pub name: Option<String>,
    pub base_url: Option<String>,
    pub secret: Option<Secret<String>>,
    pub models: Option<Vec<String>>,
    /// `Some(None)` for not stated.
    pub region: Option<Option<String>>,
    pub allow_private: Option<bool>,
    pub contract: Option<String>,
    /// `Some(None)` for no end.
    pub contract_until: Option<Option<Timestamp>>,
    /// `Some(None)` for what the catalogue says.
    pub terms: Option<Option<StatedTerms>>,
    /// `Some(None)` for none.
    pub baa: Option<Option<HealthAgreement>>,
}

pub(crate) const fn place(row: &Uuid, class: DataClass) -> Place<'_> {
    Place { class, table: "provider", column: "secret", row: row.as_bytes() }
}

pub(crate) fn protocol(text: &str) -> Result<Protocol> {
    Protocol::parse(text).ok_or_else(|| Error::internal(format!("unknown protocol {text}")))
}

pub(crate) fn models(text: &str) -> Result<Vec<String>> {
    serde_json::from_str(text).map_err(Error::internal)
}

fn models_text(models: &[String]) -> Result<String> {
    serde_json::to_string(models).map_err(Error::internal)
}

pub(crate) fn terms(text: Option<&str>) -> Result<Option<StatedTerms>> {
    text.map(serde_json::from_str).transpose().map_err(Error::internal)
}

fn terms_text(terms: Option<StatedTerms>) -> Result<Option<String>> {
    terms.map(|terms| serde_json::to_string(&terms)).transpose().map_err(Error::internal)
}

/// The agreement as its row has it: its first moment, and the first at which it no longer holds.
pub(crate) fn agreement(signed: Option<i64>, until: Option<i64>) -> Option<HealthAgreement> {
    signed.map(|signed| HealthAgreement { signed: at(signed), until: until.map(at) })
}

fn agreed(baa: Option<HealthAgreement>) -> (Option<i64>, Option<i64>) {
    let until = baa.and_then(|baa| baa.until);
    (baa.map(|baa| baa.signed.as_millis()), until.map(Timestamp::as_millis))
}

/// What a credential is used under when nobody says what was agreed.
fn usual(catalog: &str) -> &'static str {
    if catalog == "custom" { OWN_CONTRACT } else { STANDARD_CONTRACT }
}

fn none() -> Error {
    Error::not_found("provider")
}

impl TryFrom<provider::Model> for Provider {
    type Error = Error;
    fn try_from(row: provider::Model) -> Result<Self> {
        Ok(Self {
            id: ProviderId::from_uuid(row.id),
            catalog: row.catalog,
            name: row.name,
            protocol: protocol(&row.protocol)?,
            base_url: row.base_url,
            has_secret: row.secret.is_some(),
            secret_last_four: row.secret_last_four,
            models: models(&row.models)?,
            region: row.region,
            allow_private: row.allow_private,
            contract: row.contract,
            contract_until: row.contract_until.map(at),
            terms: terms(row.terms.as_deref())?,
            baa: agreement(row.baa_signed, row.baa_until),
            created: at(row.created_at),
            changed: at(row.changed_at),
        })
    }
}

impl Read {
    /// In order of creation.
    pub async fn providers_list(&mut self) -> Result<Vec<Provider>> {
        tenant::select::<provider::Entity>(self.org())
            .filter(provider::Column::RemovedAt.is_null())
            .order_by_asc(provider::Column::Id)
            .all(self.tx.on())
            .await
            .map_err(from_db)?
            .into_iter()
            .map(Provider::try_from)
            .collect()
    }

    /// Every provider that was ever added, in order of creation.
    pub async fn provider_records(&mut self) -> Result<Vec<ProviderRecord>> {
        tenant::select::<provider::Entity>(self.org())
            .order_by_asc(provider::Column::Id)
            .all(self.tx.on())
            .await
            .map_err(from_db)?
            .into_iter()
            .map(|row| {
                Ok(ProviderRecord {
                    id: ProviderId::from_uuid(row.id),
                    protocol: protocol(&row.protocol)?,
                    catalog: row.catalog,
                    name: row.name,
                    region: row.region,
                    removed: row.removed_at.is_some(),
                })
            })
            .collect()
    }

    pub async fn provider_fetch(&mut self, id: ProviderId) -> Result<Provider> {
        tenant::select::<provider::Entity>(self.org())
            .filter(provider::Column::Id.eq(id.uuid()))
            .filter(provider::Column::RemovedAt.is_null())
            .one(self.tx.on())
            .await
            .map_err(from_db)?
            .ok_or_else(none)?
            .try_into()
    }
}

impl Write {
    pub async fn provider_create(&mut self, new: NewProvider) -> Result<Provider> {
        let now = self.store.clock().now();
        let id = ProviderId::new(now).uuid();
        let contract = new.contract.unwrap_or_else(|| usual(&new.catalog).to_owned());
        let (baa_signed, baa_until) = agreed(new.baa);
        let row = provider::Model {
            org_id: self.org().uuid(),
            id,
            catalog: new.catalog,
            name: new.name,
            protocol: new.protocol.as_str().to_owned(),
            base_url: new.base_url,
            secret: new.secret.as_ref().map(|secret| self.credential(&id, secret)).transpose()?,
            secret_last_four: new.secret.as_ref().map(Secret::last_four).unwrap_or_default(),
            models: models_text(&new.models)?,
            region: new.region,
            allow_private: new.allow_private,
            created_at: now.as_millis(),
            changed_at: now.as_millis(),
            removed_at: None,
            contract,
            contract_until: new.contract_until.map(Timestamp::as_millis),
            terms: terms_text(new.terms)?,
            baa_signed,
            baa_until,
        };
        tenant::insert::<provider::Entity>(self.tx(), self.org(), row.clone().into()).await?;
        self.touched.routing = true;
        row.try_into()
    }

    pub async fn provider_change(&mut self, id: ProviderId, new: ProviderChange) -> Result<()> {
        let mut change = provider::ActiveModel {
            changed_at: Set(self.store.clock().now().as_millis()),
            ..Default::default()
        };
        if let Some(name) = new.name {
            change.name = Set(name);
        }
        if let Some(base_url) = new.base_url {
            change.base_url = Set(base_url);
        }
        if let Some(secret) = new.secret {
            change.secret = Set(Some(self.credential(&id.uuid(), &secret)?));
            change.secret_last_four = Set(secret.last_four());
        }
        if let Some(models) = new.models {
            change.models = Set(models_text(&models)?);
        }
        if let Some(region) = new.region {
            change.region = Set(region);
        }
        if let Some(allow) = new.allow_private {
            change.allow_private = Set(allow);
        }
        if let Some(contract) = new.contract {
            change.contract = Set(contract);
        }
        if let Some(until) = new.contract_until {
            change.contract_until = Set(until.map(Timestamp::as_millis));
        }
        if let Some(terms) = new.terms {
            change.terms = Set(terms_text(terms)?);
        }
        if let Some(baa) = new.baa {
            let (signed, until) = agreed(baa);
            (change.baa_signed, change.baa_until) = (Set(signed), Set(until));
        }
        self.provider_update(id, change).await
    }

    /// Removes a provider and wipes its credential; usage keeps its id.
    pub async fn provider_remove(&mut self, id: ProviderId) -> Result<()> {
        let change = provider::ActiveModel {
            secret: Set(None),
            removed_at: Set(Some(self.store.clock().now().as_millis())),
            ..Default::default()
        };
        self.provider_update(id, change).await
    }

    fn credential(&self, id: &Uuid, secret: &Secret<String>) -> Result<Vec<u8>> {
        self.keys.seal(place(id, DataClass::Credential), secret.expose().as_bytes())
    }

    async fn provider_update(
        &mut self,
        id: ProviderId,
        change: provider::ActiveModel,
    ) -> Result<()> {
        let done = tenant::update::<provider::Entity>(self.org())
            .set(change)
            .filter(provider::Column::Id.eq(id.uuid()))
            .filter(provider::Column::RemovedAt.is_null())
            .exec(self.tx().on())
            .await
            .map_err(from_db)?;
        self.touched.routing = true;
        if done.rows_affected == 0 { Err(none()) } else { Ok(()) }
    }
}
