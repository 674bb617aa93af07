//! Where each act stands in the Open Cybersecurity Schema Framework (schema.ocsf.io).

use domain::Action;

/// OCSF class and activity of an act; written into the entry itself.
#[must_use]
pub(crate) const fn class_of(action: Action) -> (u32, u32) {
    use Action as A;
    match action {
        // Account Change
        A::OperatorCreate | A::UserCreate => (3001, 1),
        A::UserPasswordChange => (3001, 3),
        A::UserIdentityLink => (3001, 7),
        A::UserIdentityUnlink => (3001, 8),
        // Account Change: MFA factor enable, disable
        A::UserSecondFactorSet | A::UserRecoveryCodesRenew => (3001, 10),
        A::UserSecondFactorRemove => (3001, 11),
        // Authentication
        A::SessionBegin
        | A::SessionCode
        | A::SessionSsoBegin
        | A::SessionCreate
        | A::SessionRefuse => (3002, 1),
        A::SessionEnd => (3002, 2),
        // Entity Management: create, read, update, delete
        A::OperatorLinkCreate
        | A::OrganizationCreate
        | A::ProjectCreate
        | A::KeyCreate
        | A::AdminKeyCreate
        | A::ProviderCreate
        | A::DataKeyCreate
        | A::ContentKeyCreate
        | A::FileCreate
        | A::BatchCreate
        | A::ControlRegister
        | A::SubprocessorAnnounce
        | A::SubprocessorAccept
        | A::SubprocessorObject
        | A::EvidenceAppend
        | A::SlotsCommit
        | A::LogEpoch
        | A::ConnectionCreate
        | A::WebhookCreate
        | A::WebhookTest
        | A::NoticeTest
        | A::SubscriberAdd
        | A::BudgetReach
        | A::UsageSettle => (3004, 1),
        A::AuditRead | A::AuditExport | A::UsageReconcile => (3004, 2),
        A::OrganizationChange
        | A::SignInPolicySet
        | A::ProjectChange
        | A::ProviderChange
        | A::AliasSet
        | A::MaskingSet
        | A::MaskingDirectorySet
        | A::ContentStorageSet
        | A::BatchEnd
        | A::CatalogueLoad
        | A::BudgetSet
        | A::ConnectionChange
        | A::WebhookDisable
        | A::SubscriberConfirm
        | A::LimitsSet
        | A::RoutingPolicySet => (3004, 3),
        A::ProjectArchive
        | A::KeyRevoke
        | A::AdminKeyRevoke
        | A::ProviderRemove
        | A::AliasRemove
        | A::SubprocessorWithdraw
        | A::BudgetRemove
        | A::ConnectionRemove
        | A::WebhookRemove
        | A::MessageDrop
        | A::SubscriberRemove
        | A::FileDelete
        | A::BatchCancel
        | A::ContentKeyDestroy
        | A::PrivacyErasure
        | A::DisclosureExpire => (3004, 4),
        // User Access Management: assign, revoke
        A::GrantCreate | A::MemberInvite | A::MemberRoleChange => (3005, 1),
        A::GrantRevoke | A::InvitationRevoke => (3005, 2),
        // Group Management: add user, remove user
        A::MemberJoin => (3006, 3),
        A::MemberRemove => (3006, 4),
        // Application Lifecycle: start, other
        A::DeploymentStart => (6002, 3),
        A::DeploymentClockJump => (6002, 99),
    }
}
