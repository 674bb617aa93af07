//! Audit events: what was done, by whom, to what. An event is part of the transaction it describes.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{EventId, KeyId, RequestId, Secret, Timestamp, UserId};

macro_rules! actions {
    ($($name:ident = $text:literal, $says:literal;)*) => {
        /// Everything that leaves a trace in the audit log.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action { $($name),* }

        impl Action {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable name in the log, such as `key.create`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// A sentence fragment for pages: "created an API key".
            #[must_use]
            pub const fn says(self) -> &'static str {
                match self { $(Self::$name => $says),* }
            }

            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|action| action.as_str() == text)
            }
        }
    };
}

actions! {
    DeploymentStart = "deployment.start", "started the server";
    DeploymentClockJump = "deployment.clock_jump", "noticed that the clock jumped";
    OperatorLinkCreate = "operator_link.create", "created a one-time operator link";
    OperatorCreate = "operator.create", "created an operator";
    UserCreate = "user.create", "created an account";
    UserPasswordChange = "user.password_change", "changed their password";
    UserSecondFactorSet = "user.second_factor_set", "set up a second factor";
    UserSecondFactorRemove = "user.second_factor_remove", "removed their second factor";
    UserRecoveryCodesRenew = "user.recovery_codes_renew", "made new recovery codes";
    UserIdentityLink = "user.identity_link", "linked their account to their organization's sign-in";
    UserIdentityUnlink = "user.identity_unlink", "unlinked their account from their organization's sign-in";
    SessionCreate = "session.create", "signed in";
    SessionCode = "session.code", "asked for a code to sign in with";
    SessionBegin = "session.begin", "showed who they are and was asked for a second factor";
    SessionRefuse = "session.refuse", "was refused sign-in";
    SessionSsoBegin = "session.sso_begin", "left for their organization's sign-in";
    SessionEnd = "session.end", "signed out";
    OrganizationCreate = "organization.create", "created the organization";
    OrganizationChange = "organization.change", "changed the organization's settings";
    SignInPolicySet = "sign_in_policy.set", "set what members have to show to enter";
    ProjectCreate = "project.create", "created a project";
    ProjectChange = "project.change", "changed a project";
    ProjectArchive = "project.archive", "archived a project";
    MemberInvite = "member.invite", "invited somebody";
    MemberJoin = "member.join", "joined the organization";
    MemberRoleChange = "member.role_change", "changed a role";
    MemberRemove = "member.remove", "removed a member";
    InvitationRevoke = "invitation.revoke", "revoked an invitation";
    GrantCreate = "grant.create", "granted a right";
    GrantRevoke = "grant.revoke", "revoked a right";
    KeyCreate = "key.create", "created an API key";
    KeyRevoke = "key.revoke", "revoked an API key";
    AdminKeyCreate = "admin_key.create", "created an admin key";
    AdminKeyRevoke = "admin_key.revoke", "revoked an admin key";
    ProviderCreate = "provider.create", "added a provider";
    ProviderChange = "provider.change", "changed a provider";
    ProviderRemove = "provider.remove", "removed a provider";
    AliasSet = "alias.set", "set a model alias";
    AliasRemove = "alias.remove", "removed a model alias";
    RoutingPolicySet = "routing_policy.set", "set the rules for providers";
    MaskingSet = "masking.set", "set what becomes of personal data";
    ContentStorageSet = "content_storage.set", "set whether a project may store files and batches";
    FileCreate = "file.create", "stored a file";
    FileDelete = "file.delete", "deleted a file";
    BatchCreate = "batch.create", "created a batch";
    BatchCancel = "batch.cancel", "cancelled a batch";
    BatchEnd = "batch.end", "ended a batch";
    ContentKeyCreate = "content_key.create", "created the key of stored content";
    ContentKeyDestroy = "content_key.destroy", "destroyed the key of stored content";
    CatalogueLoad = "catalogue.load", "loaded a version of the catalogue";
    SubprocessorAnnounce = "subprocessor.announce", "announced changes of sub-processors";
    SubprocessorAccept = "subprocessor.accept", "accepted a sub-processor before its notice period ended";
    SubprocessorObject = "subprocessor.object", "objected to a sub-processor";
    SubprocessorWithdraw = "subprocessor.withdraw", "withdrew a decision about a sub-processor";
    LimitsSet = "limits.set", "set rate limits";
    BudgetSet = "budget.set", "set a budget";
    BudgetRemove = "budget.remove", "removed a budget";
    BudgetReach = "budget.reach", "noticed that much of a budget was spent";
    ConnectionCreate = "connection.create", "added a way to sign in";
    ConnectionChange = "connection.change", "changed a way to sign in";
    ConnectionRemove = "connection.remove", "removed a way to sign in";
    WebhookCreate = "webhook.create", "added a webhook";
    WebhookTest = "webhook.test", "sent a test to a webhook";
    WebhookRemove = "webhook.remove", "removed a webhook";
    WebhookDisable = "webhook.disable", "switched a webhook off that had failed for long";
    NoticeTest = "notice.test", "sent a test notice of sub-processors";
    MessageDrop = "message.drop", "gave up delivering a message";
    SubscriberAdd = "subscriber.add", "asked an address whether it wants to hear of sub-processors";
    SubscriberConfirm = "subscriber.confirm", "began to tell an address of sub-processors";
    SubscriberRemove = "subscriber.remove", "ceased to tell an address of sub-processors";
    UsageSettle = "usage.settle", "recorded a batch of requests";
    UsageReconcile = "usage.reconcile", "compared usage with a provider's own export";
    MaskingDirectorySet = "masking_directory.set", "changed the names that are looked for";
    AuditRead = "audit.read", "read the audit log";
    AuditExport = "audit.export", "exported the audit log";
    PrivacyErasure = "privacy.erasure", "erased personal details";
    DisclosureExpire = "disclosure.expire", "let personal details expire";
    DataKeyCreate = "data_key.create", "created an encryption key";
    LogEpoch = "log.epoch", "committed to the heads of all logs";
    ControlRegister = "control.register", "registered a version of the controls";
    EvidenceAppend = "evidence.append", "recorded the result of a probe";
    SlotsCommit = "slots.commit", "committed to the coming probe runs";
}

/// What kind of principal acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    User,
    Operator,
    ApiKey,
    AdminKey,
    /// The server itself: sweeps, settlement, start-up.
    System,
    /// A probe run.
    Prober,
    /// Somebody not signed in.
    Anonymous,
}

impl ActorKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Operator => "operator",
            Self::ApiKey => "api_key",
            Self::AdminKey => "admin_key",
            Self::System => "system",
            Self::Prober => "prober",
            Self::Anonymous => "anonymous",
        }
    }
}

/// Who acted. People enter the log under a pseudonym that the store keeps apart, so that it can be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    User(UserId),
    Operator(UserId),
    ApiKey(KeyId),
    AdminKey(KeyId),
    System,
    Prober,
    Anonymous,
}

impl Actor {
    #[must_use]
    pub const fn kind(self) -> ActorKind {
        match self {
            Self::User(_) => ActorKind::User,
            Self::Operator(_) => ActorKind::Operator,
            Self::ApiKey(_) => ActorKind::ApiKey,
            Self::AdminKey(_) => ActorKind::AdminKey,
            Self::System => ActorKind::System,
            Self::Prober => ActorKind::Prober,
            Self::Anonymous => ActorKind::Anonymous,
        }
    }

    /// The person behind the act, if there is one.
    #[must_use]
    pub const fn user(self) -> Option<UserId> {
        match self {
            Self::User(id) | Self::Operator(id) => Some(id),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    #[default]
    Success,
    Failure,
}

/// A thing acted upon. The id is never personal: ids of people are given through `Event::on_user`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    #[serde(rename = "type")]
    pub kind: String,
    pub id: String,
}

/// A personal value: only its salted digest enters the log, the value stays erasable beside it.
#[derive(Clone, Debug)]
pub struct Disclosure {
    pub name: &'static str,
    pub value: Secret<String>,
}

/// One audit event, given to `Write::commit`.
#[derive(Clone, Debug)]
pub struct Event {
    pub action: Action,
    pub outcome: Outcome,
    /// The actor when it is not the scope's own principal.
    pub actor: Option<Actor>,
    pub targets: Vec<Target>,
    /// A person acted upon; enters the log as a pseudonym.
    pub subject: Option<UserId>,
    /// Facts without personal data and without content: numbers, roles, model names, digests.
    pub facts: Map<String, Value>,
    pub personal: Vec<Disclosure>,
    pub request: Option<RequestId>,
}

impl Event {
    #[must_use]
    pub fn new(action: Action) -> Self {
        Self {
            action,
            outcome: Outcome::Success,
            actor: None,
            targets: Vec::new(),
            subject: None,
            facts: Map::new(),
            personal: Vec::new(),
            request: None,
        }
    }

    #[must_use]
    pub const fn by(mut self, actor: Actor) -> Self {
        self.actor = Some(actor);
        self
    }

    #[must_use]
    pub const fn failed(mut self) -> Self {
        self.outcome = Outcome::Failure;
        self
    }

    #[must_use]
    pub fn on(mut self, kind: &'static str, id: impl ToString) -> Self {
        self.targets.push(Target { kind: kind.to_owned(), id: id.to_string() });
        self
    }

    #[must_use]
    pub const fn on_user(mut self, user: UserId) -> Self {
        self.subject = Some(user);
        self
    }

    #[must_use]
    pub fn fact(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    #[must_use]
    pub fn personal(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.personal.push(Disclosure { name, value: Secret::new(value.into()) });
        self
    }

    #[must_use]
    pub const fn during(mut self, request: RequestId) -> Self {
        self.request = Some(request);
        self
    }

    /// A fresh event id.
    #[must_use]
    pub fn id(now: Timestamp) -> EventId {
        EventId::new(now)
    }
}
