//! Tables of the deployment.

entity!(deployment deployment "deployment" keys { id: Uuid } {
    root_fingerprint: String,
    created_at: i64,
});
entity!(deployment setting "deployment_setting" keys { name: String } {
    value: String,
    changed_at: i64,
});
entity!(deployment change "change" keys { name: String } { version: i64 });
entity!(deployment node "node" keys { id: Uuid } {
    entered_at: i64,
    seen_at: i64,
    left_at: Option<i64>,
});
entity!(deployment organization "organization" keys { id: Uuid } {
    slug: String,
    name: String,
    slot: i64,
    routing_version: i64,
    created_at: i64,
    archived_at: Option<i64>,
    asks_second: i64,
    asks_hours: Option<i64>,
});
entity!(deployment user "user" keys { id: Uuid } {
    email: Vec<u8>,
    email_index: Vec<u8>,
    name: Vec<u8>,
    password: Option<Vec<u8>>,
    operator: bool,
    created_at: i64,
    changed_at: i64,
    disabled_at: Option<i64>,
});
entity!(deployment user_organization "user_organization" keys { user_id: Uuid, org_id: Uuid });
entity!(deployment session "session" keys { id: Uuid } {
    user_id: Uuid,
    digest: Vec<u8>,
    created_at: i64,
    seen_at: i64,
    expires_at: i64,
    ended_at: Option<i64>,
    second_at: Option<i64>,
    lasting: i64,
    first_kind: String,
    first_connection: Option<Uuid>,
    first_at: i64,
});
entity!(deployment authenticator "authenticator" keys { user_id: Uuid } {
    seed: Vec<u8>,
    last_step: i64,
    created_at: i64,
});
entity!(deployment recovery_code "recovery_code" keys { user_id: Uuid, digest: Vec<u8> } {
    created_at: i64,
});
entity!(deployment half_sign_in "half_sign_in" keys { digest: Vec<u8> } {
    user_id: Uuid,
    created_at: i64,
    expires_at: i64,
    first_kind: String,
    first_connection: Option<Uuid>,
});
entity!(deployment connection_index "connection_index" keys { id: Uuid } { org_id: Uuid });
entity!(deployment sso_identity "sso_identity" keys { connection_id: Uuid, subject_index: Vec<u8> } {
    user_id: Uuid,
    created_at: i64,
    used_at: i64,
});
entity!(deployment sso_flow "sso_flow" keys { digest: Vec<u8> } {
    connection_id: Uuid,
    body: Vec<u8>,
    address_index: Vec<u8>,
    created_at: i64,
    expires_at: i64,
});
entity!(deployment sign_in_code "sign_in_code" keys { digest: Vec<u8> } {
    user_id: Option<Uuid>,
    email_index: Vec<u8>,
    address_index: Vec<u8>,
    code: Vec<u8>,
    long: i64,
    tries: i64,
    created_at: i64,
    expires_at: i64,
    used_at: Option<i64>,
});
entity!(deployment sign_in_attempt "sign_in_attempt" keys { id: Uuid } {
    email_index: Vec<u8>,
    address_index: Vec<u8>,
    at: i64,
    success: bool,
});
entity!(deployment operator_link "operator_link" keys { digest: Vec<u8> } {
    created_at: i64,
    expires_at: i64,
    consumed_at: Option<i64>,
});
entity!(deployment key_index "key_index" keys { digest: Vec<u8> } {
    org_id: Uuid,
    key_id: Uuid,
    project_id: Option<Uuid>,
    scopes: String,
    requests_per_minute: Option<i64>,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    version: i64,
    created_by: Option<Uuid>,
});
entity!(deployment invitation_index "invitation_index" keys { digest: Vec<u8> } {
    org_id: Uuid,
    invitation_id: Uuid,
});
entity!(deployment evidence "evidence" keys { id: Uuid } {
    run: Uuid,
    control: String,
    probe: String,
    slot: Option<String>,
    outcome: String,
    finished_at: i64,
    body: String,
    signer: String,
    signature: Vec<u8>,
});
entity!(deployment subprocessor "subprocessor" keys { provider: String, revision: i64 } {
    cause: String,
    sheet: String,
    announced_at: i64,
    usable_from: i64,
});
entity!(deployment contact "egress_contact" keys { id: String, host: String } {
    kind: String,
    first_at: i64,
    last_at: i64,
});
entity!(deployment slot "slot" keys { id: String } {
    control: String,
    due_at: i64,
    committed_at: i64,
    evidence_id: Option<Uuid>,
});
entity!(deployment content_due "content_due" keys { id: Uuid } {
    org_id: Uuid,
    stage: String,
    due_at: i64,
});
entity!(deployment message_due "message_due" keys { id: Uuid } {
    org_id: Uuid,
    stage: String,
    due_at: i64,
});
entity!(deployment subscriber "subscriber" keys { id: Uuid } {
    address: Vec<u8>,
    address_index: Vec<u8>,
    asked_from: Vec<u8>,
    asked_at: i64,
    confirmed_at: Option<i64>,
});
