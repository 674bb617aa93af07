//! Tables of an organization.

entity!(tenant organization_key "organization_key" keys { id: Uuid } {
    purpose: String,
    wrapped: Vec<u8>,
    created_at: i64,
    retired_at: Option<i64>,
});
entity!(tenant data_key "data_key" keys { id: Uuid } {
    organization_key_id: Uuid,
    class: String,
    wrapped: Vec<u8>,
    commitment: Vec<u8>,
    created_at: i64,
    retired_at: Option<i64>,
});
entity!(tenant member "member" keys { user_id: Uuid } {
    role: String,
    joined_at: i64,
});
entity!(tenant project "project" keys { id: Uuid } {
    slug: String,
    name: String,
    created_at: i64,
    archived_at: Option<i64>,
});
entity!(tenant grant "grant" keys { id: Uuid } {
    user_id: Uuid,
    project_id: Uuid,
    role: String,
    since: i64,
    until: Option<i64>,
    source: String,
    granted_by: Option<Uuid>,
});
entity!(tenant invitation "invitation" keys { id: Uuid } {
    email: Vec<u8>,
    email_index: Vec<u8>,
    role: String,
    invited_by: Option<Uuid>,
    created_at: i64,
    expires_at: i64,
    accepted_at: Option<i64>,
    revoked_at: Option<i64>,
});
entity!(tenant api_key "api_key" keys { id: Uuid } {
    project_id: Option<Uuid>,
    name: String,
    handle: String,
    last_four: String,
    scopes: String,
    requests_per_minute: Option<i64>,
    created_by: Option<Uuid>,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    last_used_at: Option<i64>,
});
entity!(tenant provider "provider" keys { id: Uuid } {
    catalog: String,
    name: String,
    protocol: String,
    base_url: String,
    secret: Option<Vec<u8>>,
    secret_last_four: String,
    models: String,
    region: Option<String>,
    allow_private: bool,
    created_at: i64,
    changed_at: i64,
    removed_at: Option<i64>,
    contract: String,
    terms: Option<String>,
    contract_until: Option<i64>,
    baa_signed: Option<i64>,
    baa_until: Option<i64>,
});
entity!(tenant routing_policy "routing_policy" keys { id: Uuid } {
    project_id: Option<Uuid>,
    rules: String,
    changed_at: i64,
});
entity!(tenant masking "masking" keys { id: Uuid } {
    project_id: Option<Uuid>,
    setting: String,
    changed_at: i64,
});
entity!(tenant masking_directory "masking_directory" keys { id: Uuid } {
    names: Vec<u8>,
    entries: i64,
    members: bool,
    changed_at: i64,
});
entity!(tenant budget "budget" keys { id: Uuid } {
    project_id: Option<Uuid>,
    key_id: Option<Uuid>,
    period: String,
    limit_nano: i64,
    changed_at: i64,
    told_from: Option<i64>,
    told_percent: i64,
    user_id: Option<Uuid>,
});
entity!(tenant counter "counter" keys { budget_id: Uuid, from_at: i64, node_id: Uuid } {
    ceiling: i64,
    spent: i64,
    sequence: i64,
    refused_at: i64,
});
entity!(tenant rate_limit "rate_limit" keys { id: Uuid } {
    key_id: Option<Uuid>,
    requests_per_minute: Option<i64>,
    tokens_per_minute: Option<i64>,
    concurrent: Option<i64>,
    changed_at: i64,
});
entity!(tenant exposure "exposure" keys { person: Vec<u8>, hour: i64, provider_id: Uuid } {
    conversations: i64,
});
entity!(tenant alias "alias" keys { id: Uuid } {
    name: String,
    target: String,
    created_at: i64,
    changed_at: i64,
});
entity!(tenant usage "usage" keys { request_id: Uuid } {
    project_id: Uuid,
    key_id: Uuid,
    provider_id: Option<Uuid>,
    model: String,
    requested_model: String,
    protocol: String,
    streaming: bool,
    started_at: i64,
    ended_at: i64,
    first_token_ms: Option<i64>,
    status: i64,
    error_code: Option<String>,
    attempts: i64,
    input: Option<i64>,
    cache_read: Option<i64>,
    cache_write: Option<i64>,
    output: Option<i64>,
    reasoning: Option<i64>,
    provenance: String,
    cost_nano: Option<i64>,
    currency: Option<String>,
    receipt: String,
    event_id: Uuid,
    node_id: Option<Uuid>,
});
entity!(tenant subprocessor_decision "subprocessor_decision" keys { provider: String } {
    decision: String,
    revision: i64,
    decided_at: i64,
});
entity!(tenant content_storage "content_storage" keys { id: Uuid } { changed_at: i64 });
entity!(tenant content_key "content_key" keys { id: Uuid } {
    organization_key_id: Uuid,
    kind: String,
    wrapped: Option<Vec<u8>>,
    commitment: Option<Vec<u8>>,
    created_at: i64,
    destroyed_at: Option<i64>,
    reason: Option<String>,
});
entity!(tenant stored_file "stored_file" keys { id: Uuid } {
    project_id: Uuid,
    key_id: Uuid,
    batch_id: Option<Uuid>,
    purpose: String,
    name: Vec<u8>,
    bytes: i64,
    lines: i64,
    created_at: i64,
    expires_at: i64,
    fixed: bool,
});
entity!(tenant file_chunk "file_chunk" keys { file_id: Uuid, number: i64 } { sealed: Vec<u8> });
entity!(tenant batch "batch" keys { id: Uuid } {
    project_id: Uuid,
    key_id: Uuid,
    input_file: Uuid,
    output_file: Option<Uuid>,
    error_file: Option<Uuid>,
    endpoint: String,
    state: String,
    metadata: Option<Vec<u8>>,
    problems: Option<String>,
    total: i64,
    completed: i64,
    failed: i64,
    created_at: i64,
    started_at: Option<i64>,
    finalizing_at: Option<i64>,
    ended_at: Option<i64>,
    expires_at: i64,
    keep_ms: i64,
});
entity!(tenant batch_line "batch_line" keys { batch_id: Uuid, number: i64 } {
    state: String,
    request_id: Option<Uuid>,
    at: i64,
});
entity!(tenant connection "connection" keys { id: Uuid } {
    kind: String,
    name: String,
    issuer: String,
    client_id: String,
    secret: Vec<u8>,
    allow_private: bool,
    trusts_second_factor: bool,
    context: Option<String>,
    created_at: i64,
    disabled_at: Option<i64>,
});
entity!(tenant webhook "webhook" keys { id: Uuid } {
    name: String,
    host: String,
    url: Option<Vec<u8>>,
    secret: Option<Vec<u8>>,
    allow_private: bool,
    created_at: i64,
    last_at: Option<i64>,
    last_topic: Option<String>,
    last_status: Option<i64>,
    last_problem: Option<String>,
    failing_since: Option<i64>,
    disabled_at: Option<i64>,
    removed_at: Option<i64>,
});
entity!(tenant message "message" keys { id: Uuid } {
    channel: String,
    topic: String,
    webhook_id: Option<Uuid>,
    address: Option<Vec<u8>>,
    body: Option<Vec<u8>>,
    attempts: i64,
    problem: Option<String>,
    answer: Option<i64>,
    created_at: i64,
    ends_at: i64,
    done_at: Option<i64>,
});
