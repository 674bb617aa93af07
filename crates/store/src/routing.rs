//! What the gateway needs to route an organization's requests, in memory.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use domain::{
    DataClass, Decision, HealthAgreement, Masking, MaskingMode, OrgId, ProjectId, Protocol,
    ProviderId, Register, Result, RoutingPolicy, Secret, StatedTerms, Timestamp,
};
use parking_lot::RwLock;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, sea_query::Expr};

use crate::{
    Budget, NameDirectory, OrgLimits, Scope, Store,
    engine::Tx,
    entity::{alias, organization, provider},
    error::from_db,
    key_index, repository, tenant,
};

const CHANGES: &str = "routing";

/// Providers, aliases and rules of one organization, with credentials.
#[derive(Clone, Debug)]
pub struct OrgRouting {
    /// In order of creation.
    pub providers: Vec<LiveProvider>,
    /// Alias to model, or to `provider/model`.
    pub aliases: HashMap<String, String>,
    /// The organization's rules.
    pub rules: RoutingPolicy,
    /// Of the organization, its projects and its keys.
    pub budgets: Vec<Budget>,
    /// Rates of the organization and its keys.
    pub limits: OrgLimits,
    /// What projects with rules of their own may do: those of the organization narrowed by theirs.
    pub projects: HashMap<ProjectId, RoutingPolicy>,
    /// The projects that may store files and batches.
    pub storing: HashSet<ProjectId>,
    /// What the organization decided about providers of the catalogue.
    pub decisions: HashMap<String, Decision>,
    /// The organization's setting for personal data.
    pub masking: Masking,
    /// What holds for projects with a setting of their own: the organization's strengthened by theirs.
    pub masking_of: HashMap<ProjectId, Masking>,
    /// The names that the organization knows; none when it has none.
    pub directory: Option<Arc<NameDirectory>>,
    /// Makes the codes for values that are masked: the same on every node and after every start.
    pub masking_key: Secret<[u8; 32]>,
    /// Tells the people that requests are for apart, without saying who they are.
    pub person_key: Secret<[u8; 32]>,
}

impl OrgRouting {
    /// The setting that holds for a project.
    #[must_use]
    pub fn masking(&self, project: ProjectId) -> &Masking {
        self.masking_of.get(&project).unwrap_or(&self.masking)
    }
}

/// A provider that requests can be sent to.
#[derive(Clone, Debug)]
pub struct LiveProvider {
    pub id: ProviderId,
    pub name: String,
    pub catalog: String,
    pub protocol: Protocol,
    pub base_url: String,
    pub secret: Option<Secret<String>>,
    pub models: Vec<String>,
    pub region: Option<String>,
    pub allow_private: bool,
    pub contract: String,
    /// The first moment at which that no longer holds.
    pub contract_until: Option<Timestamp>,
    pub terms: Option<StatedTerms>,
    /// The agreement under which it may receive health data.
    pub baa: Option<HealthAgreement>,
}

#[derive(Default)]
pub(crate) struct Routing {
    organizations: RwLock<HashMap<OrgId, Arc<OrgRouting>>>,
    /// What was loaded last: a change of something else does not make them anew.
    directories: RwLock<HashMap<OrgId, Arc<NameDirectory>>>,
    seen: AtomicI64,
    pub(crate) register: RwLock<Option<Arc<Register>>>,
    pub(crate) register_seen: AtomicI64,
}

impl Store {
    /// The providers and aliases of the scope's organization, from memory once read.
    ///
    /// # Errors
    /// `Unavailable` when they are not in memory and the database cannot be reached.
    pub async fn routing(&self, scope: &Scope) -> Result<Arc<OrgRouting>> {
        let cache = &self.inner().routing;
        if let Some(found) = cache.organizations.read().get(&scope.org()) {
            return Ok(Arc::clone(found));
        }
        // Another commit between reading and keeping would be lost: keep only what no change overtook.
        let before = cache.seen.load(Ordering::Acquire);
        // Boxed: it is large, and every request would carry it, though few wait for it.
        let fresh = Arc::new(Box::pin(load(self, scope)).await?);
        let mut organizations = cache.organizations.write();
        if cache.seen.load(Ordering::Acquire) == before {
            organizations.insert(scope.org(), Arc::clone(&fresh));
        }
        Ok(fresh)
    }
}

async fn load(store: &Store, scope: &Scope) -> Result<OrgRouting> {
    let mut read = store.read(scope).await?;
    let org = scope.org();
    let rows = tenant::select::<provider::Entity>(org)
        .filter(provider::Column::RemovedAt.is_null())
        .order_by_asc(provider::Column::Id)
        .all(read.tx.on())
        .await
        .map_err(from_db)?;
    let mut providers = Vec::new();
    for row in rows {
        let secret = row
            .secret
            .as_deref()
            .map(|sealed| {
                let place = repository::provider::place(&row.id, DataClass::Credential);
                read.keys.open_text(place, sealed)
            })
            .transpose()?;
        providers.push(LiveProvider {
            id: ProviderId::from_uuid(row.id),
            name: row.name,
            catalog: row.catalog,
            protocol: repository::provider::protocol(&row.protocol)?,
            base_url: row.base_url,
            secret,
            models: repository::provider::models(&row.models)?,
            region: row.region,
            allow_private: row.allow_private,
            contract: row.contract,
            contract_until: row.contract_until.map(Timestamp::from_millis),
            terms: repository::provider::terms(row.terms.as_deref())?,
            baa: repository::provider::agreement(row.baa_signed, row.baa_until),
        });
    }
    let aliases = tenant::select::<alias::Entity>(org)
        .all(read.tx.on())
        .await
        .map_err(from_db)?
        .into_iter()
        .map(|row| (row.name, row.target))
        .collect();
    let (rules, projects) = read.routing_rules().await?;
    let projects = projects.into_iter().map(|(id, own)| (id, rules.narrowed(&own))).collect();
    let (masking, own) = read.masking_settings().await?;
    let masking_of = own.into_iter().map(|(id, own)| (id, masking.strengthened(&own))).collect();
    let directory = directory(store, org, read.directory_in_force().await?);
    let masking_key = Secret::new(read.keys.derived("masking codes"));
    let person_key = Secret::new(read.keys.derived("people of requests"));
    let decided = read.subprocessor_decisions().await?.into_iter();
    let decisions = decided.map(|(provider, decided)| (provider, decided.decision)).collect();
    let storing = read.content_storage_projects().await?;
    let (budgets, limits) = (read.budgets_list().await?, read.limits().await?);
    let mut routing = OrgRouting {
        providers,
        aliases,
        rules,
        budgets,
        limits,
        projects,
        storing,
        decisions,
        masking,
        masking_of,
        directory,
        masking_key,
        person_key,
    };
    routing.guard_health_data();
    Ok(routing)
}

impl OrgRouting {
    /// What else holds where requests may hold health data: nothing is stored, and personal data is counted at least.
    fn guard_health_data(&mut self) {
        let least = Masking { mode: MaskingMode::Detect, ..Masking::default() };
        if self.rules.health_data {
            self.storing.clear();
            self.masking = self.masking.strengthened(&least);
            for setting in self.masking_of.values_mut() {
                *setting = setting.strengthened(&least);
            }
            return;
        }
        for (project, _) in self.projects.iter().filter(|(_, rules)| rules.health_data) {
            self.storing.remove(project);
            let setting = self.masking_of.get(project).unwrap_or(&self.masking);
            self.masking_of.insert(*project, setting.strengthened(&least));
        }
    }
}

/// The names as they were built before, unless they changed.
fn directory(store: &Store, org: OrgId, names: Vec<String>) -> Option<Arc<NameDirectory>> {
    let mut all = store.inner().routing.directories.write();
    if names.is_empty() {
        all.remove(&org);
        return None;
    }
    if let Some(known) = all.get(&org).filter(|known| known.is(&names)) {
        return Some(Arc::clone(known));
    }
    let fresh = Arc::new(NameDirectory::new(names));
    all.insert(org, Arc::clone(&fresh));
    Some(fresh)
}

/// Tells every node that the routing of `org` changes with this transaction.
pub(crate) async fn bump(tx: &Tx, org: OrgId) -> Result<()> {
    let version = key_index::bump(tx, CHANGES).await?;
    tenant::deployed_update::<organization::Entity>()
        .filter(organization::Column::Id.eq(org.uuid()))
        .col_expr(organization::Column::RoutingVersion, Expr::value(version))
        .exec(tx.on())
        .await
        .map_err(from_db)
        .map(drop)
}

/// Forgets the organizations whose routing changed since the last look.
pub(crate) async fn refresh(store: &Store) -> Result<()> {
    let cache = &store.inner().routing;
    let seen = cache.seen.load(Ordering::Acquire);
    let tx = store.engine().read(OrgId::DEPLOYMENT).await?;
    let latest = key_index::version(&tx, CHANGES).await?;
    if latest == seen {
        return Ok(());
    }
    let changed = tenant::deployed::<organization::Entity>()
        .filter(organization::Column::RoutingVersion.gt(seen))
        .all(tx.on())
        .await
        .map_err(from_db)?;
    drop(tx);
    let mut organizations = cache.organizations.write();
    for row in changed {
        organizations.remove(&OrgId::from_uuid(row.id));
    }
    cache.seen.fetch_max(latest, Ordering::AcqRel);
    Ok(())
}
