//! Every page with made-up data, for the gallery and for the snapshot tests.

use std::time::Duration;

use askama::Template;
use domain::Timestamp;
use web::{
    Shell,
    pages::{
        Confirm, Fact, Number, account, audit, batches, budgets, email_code, home, keys, limits,
        masking, members, models, organization, playground, project, providers, public, reconcile,
        rules, second_factor, sso, subprocessors, trust, usage, webhooks,
    },
    view::{
        Bucket, Chart, Choice, Chrome, Field, Link, Meter, OrganizationNav, Person, Problem,
        ProjectNav, Qr, Series, Stack, Theme, When, money,
    },
};

/// One rendered page.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) chrome: Chrome,
    pub(crate) narrow: bool,
    pub(crate) fragment: String,
}

impl Sample {
    /// The whole document.
    pub(crate) fn document(&self, theme: Theme) -> String {
        let chrome = Chrome { theme, ..self.chrome.clone() };
        let shell = Shell {
            chrome: &chrome,
            title: self.title,
            content: &self.fragment,
            narrow: self.narrow,
        };
        shell.render().unwrap()
    }
}

const NOW: Timestamp = Timestamp::from_millis(1_795_167_703_000);
const ORG: &str = "/o/acme";
const PROJECT: &str = "/o/acme/p/support-assistant";

fn before(hours: u64) -> When {
    When(NOW.minus(Duration::from_secs(hours * 3_600)))
}

fn person() -> Option<Person> {
    Some(Person { name: "Ada Nováková".into(), email: "ada.novakova@acme.example".into() })
}

fn signed_in(here: &str) -> Chrome {
    Chrome { person: person(), here: here.into(), ..Chrome::default() }
}

fn within(here: &str, current: &str, project: Option<&str>) -> Chrome {
    let link = |(path, label): (&str, &str)| {
        Link::new(format!("{ORG}{path}"), label, project.is_none() && label == current)
    };
    let links = [
        ("", "Overview"),
        ("/projects", "Projects"),
        ("/providers", "Providers"),
        ("/models", "Model names"),
        ("/usage", "Usage"),
        ("/members", "Members"),
        ("/audit", "Audit"),
        ("/settings", "Settings"),
    ];
    let nav = project.map(|name| ProjectNav {
        name: name.into(),
        links: [("", "Overview"), ("/keys", "Keys"), ("/usage", "Usage")]
            .iter()
            .map(|(path, label)| Link::new(format!("{PROJECT}{path}"), *label, *label == current))
            .collect(),
    });
    Chrome {
        organization: Some(OrganizationNav {
            name: "Acme Logistics".into(),
            slug: "acme".into(),
            links: links.into_iter().map(link).collect(),
            others: vec![Link::new("/o/nordwind", "Nordwind Kliniken", false)],
            project: nav,
        }),
        ..signed_in(here)
    }
}

fn page(name: &'static str, title: &'static str, chrome: Chrome, content: impl Template) -> Sample {
    Sample { name, title, chrome, narrow: false, fragment: content.render().unwrap() }
}

fn narrow(name: &'static str, title: &'static str, content: impl Template) -> Sample {
    Sample { narrow: true, ..page(name, title, Chrome::default(), content) }
}

fn numbers() -> Vec<Number> {
    vec![
        Number::new("Requests", "12,480", "38 failed"),
        Number::new("Input tokens", "31,204,118", "64 % from cache"),
        Number::new("Output tokens", "2,881,402", ""),
        Number::new("Cost", "84.12 USD", "96 requests without a price"),
    ]
}

pub(crate) fn samples() -> Vec<Sample> {
    let mut all = open_pages();
    all.extend(organization_pages());
    all.extend(project_pages());
    all.extend(provider_pages());
    all.extend(member_pages());
    all.extend(second_factor_pages());
    all.extend(record_pages());
    all.extend(trust_pages());
    all
}

fn open_pages() -> Vec<Sample> {
    let wrong = public::SignIn {
        problems: vec![Problem::whole("The e-mail address or the password is wrong.")],
        email: Field::new("ada.novakova@acme.example"),
        next: "/".into(),
        fresh: true,
        ..Default::default()
    };
    let short = Field::new("").wrong("The password has fewer than 12 characters.");
    let setup = public::Setup {
        problems: Problem::of(&[("password", &short)]),
        action: "/setup/abc".into(),
        name: Field::new("Ada Nováková"),
        email: Field::new("ada.novakova@acme.example"),
        password: short,
    };
    let invitation = public::Invited {
        problems: vec![],
        action: "/invitations/abc".into(),
        organization: "Acme Logistics".into(),
        role: "member".into(),
        email: "jo@acme.example".into(),
        expires: When(NOW.plus(Duration::from_secs(600_000))),
        needs_account: true,
        offers: vec![sso::Offer {
            action: "/invitations/abc/sso/con_1".into(),
            name: "Acme account".into(),
        }],
        join_name: Field::default(),
        codes: true,
        name: Field::default(),
        password: Field::default(),
    };
    let code = |linked: bool| email_code::Enter {
        problems: vec![],
        code: if linked { Field::new("482 913") } else { Field::default() },
        next: "/".into(),
        stay: false,
        linked,
    };
    let elsewhere = email_code::Elsewhere { code: "482 913".into() };
    let message = public::Message {
        heading: "There is no such page".into(),
        what: "The address leads nowhere, or to something that you may not see.".into(),
        todo: "Check the address, or start again from your organizations.".into(),
        links: vec![Link::new("/", "Your organizations", false)],
        code: "not_found".into(),
        request: "req_01kagc5w4m8y1t2v3x4z5a6b7c".into(),
    };
    vec![
        narrow(
            "sign-in",
            "Sign in",
            public::SignIn { next: "/".into(), codes: true, ..Default::default() },
        ),
        narrow("sign-in-code", "Sign in", code(false)),
        narrow("sign-in-code-linked", "Sign in", code(true)),
        narrow("sign-in-code-elsewhere", "Your code", elsewhere),
        narrow("sign-in-wrong", "Sign in", wrong),
        narrow("sso", "Sign in with your organization", sso_choose("", &[])),
        narrow(
            "sso-offers",
            "Sign in with your organization",
            sso_choose("acme", &["Acme account", "Google"]),
        ),
        narrow(
            "sso-going",
            "On to your organization",
            sso::Going {
                url: "https://id.acme.example/authorize".into(),
                host: "id.acme.example".into(),
            },
        ),
        narrow("setup", "Set up", setup),
        narrow("invitation", "Join Acme Logistics", invitation),
        page("not-found", "Not found", Chrome::default(), message),
    ]
}

fn organization_pages() -> Vec<Sample> {
    let rows = [("Acme Logistics", "acme", "owner"), ("Nordwind Kliniken", "nordwind", "member")];
    let organizations = rows
        .iter()
        .map(|(name, slug, role)| home::Row {
            href: format!("/o/{slug}"),
            name: (*name).into(),
            role: (*role).into(),
            created: before(900),
        })
        .collect();
    let step = |done, next, title: &str, text: &str, action: &str| organization::Step {
        done,
        next,
        title: title.into(),
        text: text.into(),
        href: ORG.into(),
        action: action.into(),
    };
    let steps = vec![
        step(
            true,
            false,
            "Add a provider",
            "OpenAI, Anthropic, or a server of your own.",
            "Add a provider",
        ),
        step(true, false, "Create a project", "One per application is a good rule.", "New project"),
        step(
            false,
            true,
            "Create a key",
            "It is shown once. Store it where your program reads it.",
            "New key",
        ),
        step(
            false,
            false,
            "Send the first request",
            "Change the base address of your SDK and the key.",
            "Show me how",
        ),
    ];
    let event = |actor: &str, says: &str, hours| organization::EventRow {
        actor: actor.into(),
        says: says.into(),
        at: before(hours),
    };
    let overview = organization::Overview {
        base: ORG.into(),
        name: "Acme Logistics".into(),
        warnings: vec!["Project Support assistant: 84 % of 200.00 USD per month is spent.".into()],
        steps,
        numbers: numbers(),
        projects: project_rows(),
        events: vec![
            event("Ada Nováková", "added a provider", 1),
            event("Ada Nováková", "created a project", 2),
            event("The server", "created an encryption key", 3),
        ],
    };
    let settings = organization::Settings {
        base: ORG.into(),
        problems: vec![],
        name: Field::new("Acme Logistics"),
        slug: "acme".into(),
        id: "org_01kagc5w4m8y1t2v3x4z5a6b7c".into(),
        created: before(900),
        may_manage: true,
        second_factor: true,
        without: "2 of 8 members have none yet.".into(),
        hours: Field::new("12"),
        may_admin_keys: true,
        keys: key_rows().into_iter().take(1).collect(),
    };
    let taken = Field::new("acme").wrong("Another organization uses this short name.");
    let new = home::New {
        problems: Problem::of(&[("slug", &taken)]),
        name: Field::new("Acme Logistics"),
        slug: taken,
    };
    vec![
        page(
            "home",
            "Organizations",
            signed_in("/"),
            home::Index { organizations, may_create: true },
        ),
        page(
            "home-empty",
            "Organizations",
            signed_in("/"),
            home::Index { organizations: vec![], may_create: true },
        ),
        page("organization-new", "New organization", signed_in("/organizations/new"), new),
        page("organization", "Overview", within(ORG, "Overview", None), overview),
        page("settings", "Settings", within(ORG, "Settings", None), settings),
    ]
}

fn project_rows() -> Vec<organization::ProjectRow> {
    [("Support assistant", "support-assistant"), ("Route planner", "route-planner")]
        .iter()
        .map(|(name, slug)| organization::ProjectRow {
            href: format!("{ORG}/p/{slug}"),
            name: (*name).into(),
            slug: (*slug).into(),
            role: "owner".into(),
            created: before(400),
        })
        .collect()
}

fn key_rows() -> Vec<keys::KeyRow> {
    let key = |name: &str, tone, status: &str| keys::KeyRow {
        name: name.into(),
        shown: "…7Hq2".into(),
        limit: "600 per minute".into(),
        created: before(300),
        expires: "20 Feb 2027".into(),
        last_used: "3 minutes ago".into(),
        tone,
        status: status.into(),
        revoke: (tone == "good").then(|| PROJECT.into()),
    };
    vec![
        key("Website backend, production", "good", "active"),
        key("Notebook of Jo", "quiet", "expired"),
        key("Old batch job", "bad", "revoked"),
    ]
}

fn project_pages() -> Vec<Sample> {
    let snippet = |id: &str, title: &str, text: &str| project::Snippet {
        id: id.into(),
        title: title.into(),
        text: text.into(),
    };
    let overview = project::Overview {
        org_base: ORG.into(),
        base: PROJECT.into(),
        name: "Support assistant".into(),
        slug: "support-assistant".into(),
        id: "prj_01kagc5w4m8y1t2v3x4z5a6b7c".into(),
        created: before(400),
        may_keys: true,
        models_href: format!("{ORG}/models"),
        numbers: numbers(),
        openai_base: "http://127.0.0.1:8080/v1".into(),
        anthropic_base: "http://127.0.0.1:8080".into(),
        snippets: vec![project::SnippetGroup {
            title: "OpenAI SDK".into(),
            items: vec![
                snippet(
                    "py",
                    "Python",
                    "import os\nfrom openai import OpenAI\n\nclient = OpenAI(\n    base_url=\"http://127.0.0.1:8080/v1\",\n    api_key=os.environ[\"PROBITY_KEY\"],\n)",
                ),
                snippet("node", "Node", "import OpenAI from \"openai\";"),
                snippet("curl", "curl", "curl http://127.0.0.1:8080/v1/chat/completions"),
            ],
        }],
    };
    let within = |label: &str| within(PROJECT, label, Some("Support assistant"));
    let index = |keys| keys::Index {
        org_base: ORG.into(),
        base: PROJECT.into(),
        project: "Support assistant".into(),
        keys,
        may_manage: true,
        next: None,
    };
    let trail = || vec![Link::new(format!("{PROJECT}/keys"), "Keys", false)];
    let new = keys::New {
        trail: trail(),
        heading: "New key".into(),
        purpose: "For one program in Support assistant.".into(),
        problems: vec![],
        action: PROJECT.into(),
        name: Field::default(),
        expires: vec![Choice::new("90", "in 90 days").chosen(true), Choice::new("", "never")],
        limited: true,
        limit: Field::default(),
        cancel: PROJECT.into(),
    };
    let created = keys::Created {
        name: "Website backend, production".into(),
        secret: "pbk_4f9Qw2LmZx3kT8vNc1RyJd5Bs7Ga0HpWe6UiXo9Mf2QzLt4KvPn8CrYbSgD7Hq2".into(),
        snippet: "export PROBITY_KEY=…\ncurl http://127.0.0.1:8080/v1/models -H \"authorization: Bearer $PROBITY_KEY\"".into(),
        done: PROJECT.into(),
    };
    let revoke = Confirm {
        trail: trail(),
        heading: "Revoke “Website backend, production”?".into(),
        problems: vec![],
        facts: vec![Fact::mono("Key", "…7Hq2"), Fact::new("Last used", "3 minutes ago")],
        lost: "every program that uses this key is refused within a second. A revoked key cannot be brought back.".into(),
        action: PROJECT.into(),
        expected: "Website backend, production".into(),
        confirm: Field::default(),
        verb: "Revoke key".into(),
        cancel: PROJECT.into(),
    };
    vec![
        page(
            "projects",
            "Projects",
            self::within(ORG, "Projects", None),
            project::Index { base: ORG.into(), projects: project_rows(), may_create: true },
        ),
        page(
            "projects-empty",
            "Projects",
            self::within(ORG, "Projects", None),
            project::Index { base: ORG.into(), projects: vec![], may_create: true },
        ),
        page(
            "project-new",
            "New project",
            self::within(ORG, "Projects", None),
            project::New { base: ORG.into(), ..Default::default() },
        ),
        page("project", "Support assistant", within("Overview"), overview),
        page("keys", "API keys", within("Keys"), index(key_rows())),
        page("keys-empty", "API keys", within("Keys"), index(vec![])),
        page("key-new", "New key", within("Keys"), new),
        page("key-created", "Key created", within("Keys"), created),
        page("key-revoke", "Revoke a key", within("Keys"), revoke),
    ]
}

fn entries() -> Vec<providers::EntryRow> {
    let entry = |id: &str, name: &str, entity: &str| providers::EntryRow {
        id: id.into(),
        name: name.into(),
        entity: Some(entity.into()),
        place: "United States".into(),
        trains: "no".into(),
        keeps: "30 days".into(),
        condition: "Logs for finding misuse are kept for up to 30 days.".into(),
        source: Some("https://provider.example/data-retention".into()),
        read: "20 Nov 2026".into(),
        in_use: id == "openai",
    };
    vec![
        entry("anthropic", "Anthropic", "Anthropic, PBC"),
        entry("openai", "OpenAI", "OpenAI, L.L.C."),
    ]
}

fn public_list() -> subprocessors::List {
    let row = |id: &str, name: &str, entity: &str, waits| subprocessors::Row {
        id: id.into(),
        name: name.into(),
        entity: Some(entity.into()),
        place: "United States".into(),
        regions: "United States, EU".into(),
        behind: if waits { "Cloud Services Ltd (Ireland)".into() } else { String::new() },
        chooses: false,
        trains: "no".into(),
        keeps: "30 days".into(),
        condition: "Logs for finding misuse are kept for up to 30 days.".into(),
        source: Some("https://provider.example/data-retention".into()),
        read: "20 Nov 2026".into(),
        in_use: !waits,
        announced: before(48),
        usable_from: if waits {
            When(NOW.plus(Duration::from_secs(28 * 86_400)))
        } else {
            before(48)
        },
        waits,
    };
    subprocessors::List {
        purpose: "Runs AI models: receives the requests that an organization sends to it, and answers them."
            .into(),
        updated: Some(before(48)),
        notice: "30 days".into(),
        entries: vec![
            row("openai", "OpenAI", "OpenAI, L.L.C.", false),
            row("newcomer", "Newcomer", "Newcomer Inc.", true),
        ],
        changes: vec![subprocessors::ChangeRow {
            at: before(48),
            text: "Newcomer was added. It may be used from 18 Dec 2026.".into(),
        }],
        mail_hosts: "mail.example.org".into(),
        mail: true,
        problems: Vec::new(),
        email: Field::default(),
    }
}

fn own_list() -> subprocessors::OwnList {
    let row = |id: &str, name: &str, state: &str, tone, decided: &str| subprocessors::OwnRow {
        id: id.into(),
        name: name.into(),
        entity: Some(format!("{name}, Inc.")),
        place: "United States".into(),
        regions: "US, EU".into(),
        trains: "no".into(),
        keeps: "30 days".into(),
        announced: before(48),
        usable_from: before(48),
        registered: tone == "good",
        state: state.into(),
        tone,
        decided: decided.into(),
        may_accept: tone == "waiting" || tone == "bad",
        may_object: tone != "bad",
    };
    subprocessors::OwnList {
        action: format!("{ORG}/subprocessors"),
        purpose: "Runs AI models.".into(),
        notice: "30 days".into(),
        may_manage: true,
        rows: vec![
            row("newcomer", "Newcomer", "not before 18 Dec 2026", "waiting", ""),
            row("unwanted", "Unwanted", "objected to", "bad", "objected on 20 Nov 2026"),
            row("openai", "OpenAI", "may be used", "good", "accepted on 20 Nov 2026"),
        ],
    }
}

fn provider_rows() -> Vec<providers::ProviderRow> {
    let row = |name: &str, address: &str, entity: &str, credential: &str| providers::ProviderRow {
        id: "pvd_01kagc5w4m8y1t2v3x4z5a6b7c".into(),
        href: format!("{ORG}/providers/pvd_01kagc5w4m8y1t2v3x4z5a6b7c"),
        name: name.into(),
        address: address.into(),
        format: "OpenAI".into(),
        entity: entity.into(),
        place: "United States".into(),
        credential: credential.into(),
        trains: "no".into(),
        keeps: "30 days".into(),
        condition: String::new(),
        source: Some("https://provider.example/data-retention".into()),
        read: "20 Nov 2026".into(),
        contract: String::new(),
        agreement: String::new(),
        refused: String::new(),
        created: before(300),
    };
    let refused = "keeps prompts for too long, is outside the allowed regions".to_owned();
    let openai = row("OpenAI", "https://api.openai.com/v1", "OpenAI, L.L.C.", "ends in 7Hq2");
    vec![
        providers::ProviderRow { refused, ..openai },
        row("Own vLLM", "http://10.0.0.5:8000/v1", "this organization", "none"),
    ]
}

fn provider_pages() -> Vec<Sample> {
    let within = |label: &str| within(ORG, label, None);
    let models = ["gpt-5.4", "gpt-5.4-mini"]
        .iter()
        .map(|id| providers::ModelRow {
            id: (*id).into(),
            input: "2.50 USD".into(),
            cached: "0.25 USD".into(),
            output: "15.00 USD".into(),
        })
        .collect();
    let provider = provider_rows().remove(0);
    let wrong = Field::new("https://169.254.1.1/v1")
        .wrong("This address is private. If the server is yours, tick the box below.");
    let new = providers::New {
        base: ORG.into(),
        heading: "Add a server of your own".into(),
        problems: Problem::of(&[("base_url", &wrong)]),
        catalog: "custom".into(),
        custom: true,
        endpoints: Vec::new(),
        blank: None,
        placeless: false,
        contracts: Vec::new(),
        contract_until: Field::default(),
        baa_signed: Field::default(),
        baa_until: Field::default(),
        trains: ["Not known", "No", "Yes"].map(|label| Choice::new(label, label)).into(),
        retention: Field::default(),
        entry: None,
        name: Field::new("Own vLLM"),
        base_url: wrong,
        protocols: vec![
            Choice::new("openai", "OpenAI")
                .help("Chat Completions: Ollama, vLLM, llama.cpp and most others")
                .chosen(true),
            Choice::new("anthropic", "Anthropic").help("Messages"),
        ],
        parts: Vec::new(),
        secret: Field::default(),
        secret_help: "Sent as a bearer token. Leave it empty if the server asks for none.".into(),
        models: Field::new("qwen3-32b\nllama-4-scout"),
        region: Field::default(),
        allow_private: false,
    };
    let alias = |name: &str, target: &str| models::AliasRow {
        name: name.into(),
        target: target.into(),
        changed: before(50),
        action: ORG.into(),
    };
    let aliases = models::Index {
        base: ORG.into(),
        problems: vec![],
        aliases: vec![alias("fast", "gpt-5.4-mini"), alias("careful", "claude-opus-4-8")],
        models: ["claude-opus-4-8", "gpt-5.4", "gpt-5.4-mini"].map(Into::into).to_vec(),
        classes: vec!["auto/chat", "auto/code", "auto/vision"],
        may_manage: true,
        name: Field::default(),
        target: Field::default(),
    };
    vec![
        page(
            "providers",
            "Providers",
            within("Providers"),
            providers::Index { base: ORG.into(), providers: provider_rows(), may_manage: true },
        ),
        page(
            "providers-empty",
            "Providers",
            within("Providers"),
            providers::Index { base: ORG.into(), providers: vec![], may_manage: true },
        ),
        page(
            "provider",
            "OpenAI",
            within("Providers"),
            providers::Show { base: ORG.into(), provider, models, may_manage: true },
        ),
        page(
            "provider-choose",
            "Add a provider",
            within("Providers"),
            providers::Choose { base: ORG.into(), entries: entries() },
        ),
        page("provider-new", "Add a provider", within("Providers"), new),
        page("rules", "Rules", within("Rules"), rules_page()),
        page(
            "rules-read",
            "Rules",
            within("Rules"),
            rules::Rules { may_manage: false, ..rules_page() },
        ),
        page("masking", "Personal data", within("Personal data"), masking_page()),
        page(
            "masking-read",
            "Personal data",
            within("Personal data"),
            masking::Masking { may_manage: false, ..masking_page() },
        ),
        page(
            "masking-organization",
            "Personal data",
            within("Personal data"),
            masking::Masking { trail: Vec::new(), known: Some(known_names()), ..masking_page() },
        ),
        page("try", "Try a model", within("Try a model"), playground_page(true)),
        page("try-empty", "Try a model", within("Try a model"), playground_page(false)),
        page("batches", "Batches", within("Batches"), batches_page()),
        page(
            "batches-none",
            "Batches",
            within("Batches"),
            batches::Batches { batches: Vec::new(), files: Vec::new(), ..batches_page() },
        ),
        page(
            "batches-off",
            "Batches",
            within("Batches"),
            batches::Batches {
                on: false,
                batches: Vec::new(),
                files: Vec::new(),
                ..batches_page()
            },
        ),
        page("models", "Model names", within("Model names"), aliases),
        page("limits", "Rate limits", within("Rate limits"), limits_page()),
        page("webhooks", "Webhooks", within("Webhooks"), webhooks_page()),
        page(
            "webhooks-none",
            "Webhooks",
            within("Webhooks"),
            webhooks::Index { rows: Vec::new(), sent: Vec::new(), mail: false, ..webhooks_page() },
        ),
        page(
            "webhook-created",
            "Webhook added",
            within("Webhooks"),
            webhooks::Created {
                name: "operations chat".into(),
                secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".into(),
                done: format!("{ORG}/webhooks"),
            },
        ),
        page("sign-on", "Single sign-on", within("Single sign-on"), sign_on_page()),
        page(
            "sign-on-none",
            "Single sign-on",
            within("Single sign-on"),
            sso::Index { rows: Vec::new(), ..sign_on_page() },
        ),
        page("sign-on-one", "Single sign-on", within("Single sign-on"), connection_page()),
        page("budgets", "Budgets", within("Budgets"), budgets_page()),
        page(
            "budgets-none",
            "Budgets",
            within("Budgets"),
            budgets::Budgets {
                rows: Vec::new(),
                amount: Field::default(),
                problems: Vec::new(),
                ..budgets_page()
            },
        ),
        page(
            "project-budgets",
            "Budgets",
            within("Budgets"),
            budgets::Budgets {
                trail: vec![Link::new(format!("{ORG}/budgets"), "All budgets", false)],
                rows: budgets_of_project(),
                may_manage: false,
                problems: Vec::new(),
                ..budgets_page()
            },
        ),
    ]
}

fn batches_page() -> batches::Batches {
    let row = |id: &str, (tone, state): (&'static str, &str), counts: &str, cancel: bool| {
        batches::BatchRow {
            id: format!("batch_01k9{id}"),
            endpoint: "/v1/chat/completions".into(),
            tone,
            state: state.into(),
            why: String::new(),
            counts: counts.into(),
            failed: String::new(),
            created: before(40),
            key: "until 21 Nov 2026, 09:41 UTC".into(),
            cancel: cancel.then(|| format!("{PROJECT}/batches/batch_01k9{id}/cancel")),
        }
    };
    let file = |id: &str, what: &str| batches::FileRow {
        id: format!("file_01k9{id}"),
        what: what.into(),
        size: "1.2 MiB".into(),
        lines: "4,000".into(),
        created: before(45),
        until: "21 Nov 2026, 09:41 UTC".into(),
        delete: Some(format!("{PROJECT}/files/file_01k9{id}/delete")),
    };
    batches::Batches {
        on: true,
        may_switch: true,
        may_manage: true,
        base: PROJECT.into(),
        batches: vec![
            batches::BatchRow {
                key: "24 hours after its end".into(),
                ..row(
                    "x2m8h7ms3s1nq0c9w4rk5a6b",
                    ("waiting", "in progress"),
                    "1,204 of 4,000",
                    true,
                )
            },
            batches::BatchRow {
                failed: "12 failed".into(),
                ..row("x2m8h7ms3s1nq0c9w4rk5a6c", ("good", "completed"), "388 of 400", false)
            },
            batches::BatchRow {
                why: "This line is not a JSON object.".into(),
                ..row("x2m8h7ms3s1nq0c9w4rk5a6d", ("bad", "failed"), "0 of 0", false)
            },
            batches::BatchRow {
                key: "destroyed 19 Nov 2026, 14:02 UTC".into(),
                ..row("x2m8h7ms3s1nq0c9w4rk5a6e", ("quiet", "cancelled"), "3 of 90", false)
            },
        ],
        files: vec![
            file("x2m8h7ms3s1nq0c9w4rk5a70", "requests"),
            file("x2m8h7ms3s1nq0c9w4rk5a71", "results of batch_01k9x2m8h7ms3s1nq0c9w4rk5a6c"),
        ],
        snippet:
            "from openai import OpenAI\n\nclient = OpenAI(base_url=\"https://ai.acme.example/v1\")"
                .into(),
    }
}

fn known_names() -> masking::KnownNames {
    masking::KnownNames {
        action: format!("{ORG}/masking/directory"),
        says: "1,204 names are known, and those of members, changed 20 Nov 2026, 09:41 UTC.".into(),
        members: true,
        how: vec![
            Choice::new("add", "They stay, and these are added").chosen(true),
            Choice::new("forget", "All are forgotten"),
        ],
        text: Field::default(),
    }
}

fn masking_page() -> masking::Masking {
    let kind = |name: &str, says: &str| Choice::new(name, says).chosen(name == "iban");
    masking::Masking {
        trail: vec![Link::new(format!("{ORG}/masking"), "Personal data in the organization", false)],
        purpose: "What becomes of personal data in this project’s requests. It can be stricter than its organization, \
                  never laxer."
            .into(),
        action: format!("{PROJECT}/masking"),
        problems: Vec::new(),
        may_manage: true,
        modes: vec![
            Choice::new("off", "Leave it alone").help("Texts are not looked at."),
            Choice::new("detect", "Count it").help(
                "Requests stay as they are. Receipts say how much of which kind was found.",
            ),
            Choice::new("mask", "Replace it")
                .help("Providers receive codes such as MAILK7QXM. The answer has the values again when it reaches you.")
                .chosen(true),
            Choice::new("block", "Refuse the request")
                .help("Nothing is sent. The error names the kinds that were found."),
        ],
        names: true,
        kinds: vec![
            kind("email", "E-mail address"),
            kind("phone", "Phone number"),
            kind("iban", "Bank account (IBAN)"),
            kind("cz_sk_birth_number", "Czech or Slovak birth number"),
        ],
        excepted: true,
        words: vec![
            "Personal data is replaced by codes, and comes back in the answer.".into(),
            "Names of people count.".into(),
            "Left alone: Bank account (IBAN).".into(),
        ],
        known: None,
    }
}

fn limits_page() -> limits::Limits {
    let row = |whose: &str, note: &str, three: [&str; 3]| {
        let [requests, tokens, concurrent] = three.map(str::to_owned);
        limits::LimitRow { whose: whose.into(), note: note.into(), requests, tokens, concurrent }
    };
    limits::Limits {
        action: format!("{ORG}/limits"),
        problems: Vec::new(),
        rows: vec![
            row("The organization", "all keys together", ["3,000", "2,000,000", "200"]),
            row("Each key", "that has none of its own", ["600", "no limit", "20"]),
            row("Key trial", "Support assistant", ["30", "20,000", "2"]),
        ],
        whose: vec![
            Choice::new("each_key", "Each key that has none of its own").chosen(true),
            Choice::new("organization", "The organization, all keys together"),
        ],
        requests: Field::default(),
        tokens: Field::default(),
        concurrent: Field::default(),
    }
}

fn sso_choose(organization: &str, names: &[&str]) -> sso::Choose {
    let offer =
        |name: &&str| sso::Offer { action: "/sign-in/sso/con_1".into(), name: (*name).into() };
    sso::Choose {
        problems: Vec::new(),
        organization: Field::new(organization),
        offers: names.iter().map(offer).collect(),
        next: "/".into(),
    }
}

fn sign_on_page() -> sso::Index {
    let row = |name: &str, issuer: &str, tone, status: &str| sso::ConnectionRow {
        href: format!("{ORG}/sign-on/con_1"),
        name: name.into(),
        issuer: issuer.into(),
        tone,
        status: status.into(),
    };
    let wrong =
        "This issuer is everybody’s who has an account at Microsoft. Use the one of your tenant.";
    let issuer = Field::new("https://login.microsoftonline.com/common/v2.0").wrong(wrong);
    sso::Index {
        action: format!("{ORG}/sign-on"),
        problems: Problem::of(&[("issuer", &issuer)]),
        rows: vec![
            row("Acme account", "https://id.acme.example", "good", "on"),
            row("Google", "https://accounts.google.com", "bad", "switched off"),
        ],
        start: "https://ai.example/sign-in/sso?organization=acme".into(),
        kinds: vec![
            Choice::new("entra", "Microsoft Entra ID").help("By tenant.").chosen(true),
            Choice::new("google", "Google"),
            Choice::new("oidc", "Another provider"),
        ],
        name: Field::new("Acme account"),
        issuer,
        client_id: Field::default(),
        secret: Field::default(),
        context: Field::default(),
        trusts_second_factor: false,
        allow_private: false,
    }
}

fn connection_page() -> sso::Show {
    sso::Show {
        all: format!("{ORG}/sign-on"),
        here: format!("{ORG}/sign-on/con_1"),
        problems: Vec::new(),
        tested: Some(sso::Tested {
            good: false,
            says: "The identity provider refuses the client id or the secret. A secret may have expired.".into(),
            code: "sso_client_refused".into(),
        }),
        heading: "Acme account".into(),
        kind: "Another provider".into(),
        issuer: "https://id.acme.example".into(),
        redirect_uri: "https://ai.example/sign-in/sso/con_1/callback".into(),
        start: "https://ai.example/sign-in/sso?organization=acme".into(),
        created: before(2),
        enabled: true,
        name: Field::new("Acme account"),
        client_id: Field::new("7d1c"),
        secret: Field::default(),
        context: Field::new("c1"),
        trusts_second_factor: true,
    }
}

fn webhooks_page() -> webhooks::Index {
    let row = |name: &str, shown: &str, tone, status: &str, problem: &str| webhooks::WebhookRow {
        name: name.into(),
        shown: shown.into(),
        tone,
        status: status.into(),
        last: if tone == "quiet" {
            "nothing sent yet".into()
        } else {
            "budget.reached, 3 hours ago".into()
        },
        problem: problem.into(),
        test: format!("{ORG}/webhooks/whk_1/test"),
        remove: format!("{ORG}/webhooks/whk_1/remove"),
    };
    webhooks::Index {
        action: format!("{ORG}/webhooks"),
        problems: Vec::new(),
        rows: vec![
            row("operations chat", "hooks.chat.example", "good", "on", ""),
            row(
                "billing",
                "billing.internal.example",
                "waiting",
                "failing since 18 Nov 2026, 09:00 UTC",
                "The receiver refused the event. It answered with 503.",
            ),
            row(
                "old alerting",
                "alerts.example",
                "bad",
                "switched off on 12 Nov 2026",
                "The address could not be reached.",
            ),
        ],
        sent: vec![
            webhooks::SentRow {
                at: before(3),
                about: "budget.reached".into(),
                way: "e-mail".into(),
                tone: "good",
                status: "delivered".into(),
                problem: String::new(),
            },
            webhooks::SentRow {
                at: before(3),
                about: "budget.reached".into(),
                way: "webhook billing".into(),
                tone: "waiting",
                status: "tried 3 times".into(),
                problem: "The receiver refused the event. It answered with 503.".into(),
            },
        ],
        test: format!("{ORG}/notices/test"),
        mail: true,
        name: Field::default(),
        url: Field::default(),
        allow_private: false,
    }
}

/// What a member sees of a project.
fn budgets_of_project() -> Vec<budgets::BudgetRow> {
    let mut rows = budgets_page().rows;
    rows.retain(|row| row.whose.starts_with("Project") || row.whose.starts_with("Key"));
    rows.extend(budgets_of("You", "all keys that you made, in every project"));
    rows
}

/// A member's, in other words.
fn budgets_of(whose: &str, within: &str) -> Vec<budgets::BudgetRow> {
    let mut rows = budgets_page().rows;
    rows.retain(|row| row.whose.starts_with("Member"));
    for row in &mut rows {
        (row.whose, row.within) = (whose.into(), within.into());
    }
    rows
}

fn budgets_page() -> budgets::Budgets {
    const UNIT: u64 = 1_000_000_000;
    let row =
        |whose: &str, period: &str, (spent, held, limit): (u64, u64, u64)| budgets::BudgetRow {
            whose: whose.into(),
            within: match whose.split(' ').next() {
                Some("Key") => "Support assistant".into(),
                Some("Member") => "all keys made by jo.soerensen@acme.example".into(),
                _ => String::new(),
            },
            period: period.into(),
            limit: money(limit, "USD"),
            spent: money(spent, "USD"),
            reserved: if held == 0 { String::new() } else { money(held, "USD") },
            meter: Meter::new(spent, held, limit),
            renews: if period == "in total" { "never".into() } else { "1 Dec 2026".into() },
            remove: Some(format!("{ORG}/budgets/bgt_01kagc5w4m8y1t2v3x4z5a6b7c/remove")),
        };
    let wrong = Field::new("12,50").wrong("Give an amount such as 25 or 12.50.");
    budgets::Budgets {
        trail: Vec::new(),
        purpose: "What may be spent, in all and by whom. A request that could cost more than is left is not sent.".into(),
        action: format!("{ORG}/budgets"),
        problems: Problem::of(&[("amount", &wrong)]),
        rows: vec![
            row("The organization", "per month", (312 * UNIT, 4 * UNIT, 1_000 * UNIT)),
            row("Project Support assistant", "per month", (168 * UNIT, 12 * UNIT, 200 * UNIT)),
            row("Member Jo Sørensen", "per month", (9 * UNIT, UNIT, 20 * UNIT)),
            row("Key nightly-batch", "per day", (5 * UNIT, 0, 5 * UNIT)),
            row("Key trial", "in total", (UNIT / 400, 0, 10 * UNIT)),
        ],
        may_manage: true,
        whose: vec![
            Choice::new("organization", "The organization").chosen(true),
            Choice::new("prj_01kagc5w4m8y1t2v3x4z5a6b7c", "Project Support assistant"),
            Choice::new("key_01kagc5w4m8y1t2v3x4z5a6b7c", "Key trial, in Support assistant"),
            Choice::new("usr_01", "Member Jo Sørensen, all keys made by jo.soerensen@acme.example"),
        ],
        period: vec![
            Choice::new("day", "per day"),
            Choice::new("month", "per month").chosen(true),
            Choice::new("total", "in total"),
        ],
        amount: wrong,
        currency: "USD".into(),
    }
}

fn playground_page(full: bool) -> playground::Playground {
    let asked = |name: &str, because: &str, tone, outcome: &str| playground::Asked {
        name: name.into(),
        model: "claude-opus-4-8".into(),
        region: "EU".into(),
        because: because.into(),
        tone,
        outcome: outcome.into(),
    };
    let tried = playground::Tried {
        answer: "The river is to the left, behind the mill.".into(),
        refusal: String::new(),
        facts: vec![
            Fact::mono("Model", "claude-opus-4-8"),
            Fact::new("Input", "31 tokens"),
            Fact::new("Output", "12 tokens"),
        ],
        asked: vec![
            asked(
                "Bedrock Frankfurt",
                "0.0021 USD expected, 410 ms lately",
                "bad",
                "overloaded, status 503",
            ),
            asked(
                "Vertex Belgium",
                "0.0023 USD expected, 620 ms lately",
                "good",
                "answered in 1.2 s",
            ),
            asked("Own server", "no known price", "quiet", "not needed"),
        ],
        passed_over: vec![playground::PassedOver {
            name: "Anthropic".into(),
            because: "is outside the allowed regions".into(),
        }],
        receipt: format!("{ORG}/usage/req_01kagc5w4m8y1t2v3x4z5a6b7c"),
    };
    playground::Playground {
        action: format!("{ORG}/p/website/try"),
        project: "Website".into(),
        problems: Vec::new(),
        models: if full { vec!["claude-opus-4-8".into()] } else { Vec::new() },
        model: Field::new("claude-opus-4-8"),
        message: Field::new("Which way is it to the river?"),
        tried: full.then_some(tried),
        providers: format!("{ORG}/providers/new"),
    }
}

fn rules_page() -> rules::Rules {
    let effect = |name: &str, models: &str, against: &[&str]| rules::EffectRow {
        href: format!("{ORG}/providers/pvd_01kagc5w4m8y1t2v3x4z5a6b7c"),
        name: name.into(),
        models: models.into(),
        against: against.iter().map(|&why| why.into()).collect(),
    };
    let wrong = Field::new("Germany")
        .wrong("A region is EU, a country’s code of two letters, or a name such as eu-central-1.");
    rules::Rules {
        trail: Vec::new(),
        purpose: "Where requests of this organization may go. They hold for every project and key, and do not bend \
                  when a provider fails."
            .into(),
        action: format!("{ORG}/rules"),
        problems: Problem::of(&[("regions", &wrong)]),
        may_manage: true,
        health: false,
        training: vec![
            Choice::new("no", "Only providers that say they do not train on prompts")
                .help("A provider that does not say counts as one that does.")
                .chosen(true),
            Choice::new("any", "Any provider, also those that train"),
        ],
        retention: Field::new("30"),
        regions: wrong,
        deny_countries: Field::new("CN"),
        only_providers: Field::default(),
        deny_providers: Field::default(),
        share: Field::new("60"),
        share_days: Field::new("7"),
        of_organization: true,
        seen: Some(
            "41 people began 20 conversations or more in 7 days. The provider that saw most of somebody saw 48 % of the \
             middle one of them, 57 % at most of 95 in a hundred, and 60 % at most of anybody."
                .into(),
        ),
        words: vec![
            "Only providers that say they do not train on prompts.".into(),
            "Only in these regions: EU.".into(),
        ],
        effects: vec![
            effect("Mistral AI", "models that begin with labs-", &["trains on prompts"]),
            effect("Mistral AI", "", &[]),
            effect(
                "OpenAI",
                "",
                &["is outside the allowed regions", "keeps prompts for too long"],
            ),
        ],
    }
}

fn member_pages() -> Vec<Sample> {
    let within = || within(ORG, "Members", None);
    let member = |name: &str, email: &str, role: &str, you| members::MemberRow {
        name: name.into(),
        email: email.into(),
        role: role.into(),
        joined: before(800),
        you,
        href: (!you).then(|| ORG.into()),
    };
    let index = members::Index {
        base: ORG.into(),
        members: vec![
            member("Ada Nováková", "ada.novakova@acme.example", "owner", true),
            member("Jo Sørensen", "jo@acme.example", "member", false),
        ],
        invitations: vec![members::InvitationRow {
            email: "li.wei@acme.example".into(),
            role: "admin".into(),
            expires: When(NOW.plus(Duration::from_secs(600_000))),
            action: Some(ORG.into()),
        }],
        may_manage: true,
    };
    let roles = || {
        vec![
            Choice::new("member", "Member").help("Sees the projects they are given").chosen(true),
            Choice::new("admin", "Admin")
                .help("Manages projects, providers, keys and members; reads the log"),
            Choice::new("owner", "Owner").help("Everything, admin keys included"),
        ]
    };
    let rights = members::ProjectRights {
        id: "prj_01".into(),
        name: "Support assistant".into(),
        roles: vec![Choice::new("", "no access"), Choice::new("viewer", "viewer").chosen(true)],
    };
    let change = members::Change {
        base: ORG.into(),
        href: format!("{ORG}/members/usr_01"),
        problems: vec![],
        name: "Jo Sørensen".into(),
        email: "jo.soerensen@acme.example".into(),
        roles: roles(),
        everywhere: false,
        projects: vec![rights],
        budgets: budgets_of("Jo Sørensen", "all keys that they made, in every project"),
        set_budget: format!("{ORG}/budgets?whose=usr_01#set"),
    };
    let invited = members::Invited {
        sent: true,
        link: "http://127.0.0.1:8080/invitations/9aZ3kT8vNc1RyJd5Bs7Ga0HpWe6UiXo9Mf2QzLt4Kv".into(),
        email: "li.wei@acme.example".into(),
        role: "admin".into(),
        expires: When(NOW.plus(Duration::from_secs(600_000))),
        done: ORG.into(),
    };
    let account = account::Index {
        problems: vec![],
        name: "Ada Nováková".into(),
        email: "ada.novakova@acme.example".into(),
        id: "usr_01kagc5w4m8y1t2v3x4z5a6b7c".into(),
        operator: true,
        second_factor: None,
        identities: vec![
            account::IdentityRow {
                name: "Acme account".into(),
                organization: "Acme Logistics".into(),
                linked: Some((before(2), "3 hours ago".into())),
                action: "/account/identities/unlink/con_1".into(),
            },
            account::IdentityRow {
                name: "Google".into(),
                organization: "Nordwind Kliniken".into(),
                linked: None,
                action: "/account/identities/con_2/link".into(),
            },
        ],
        may_link: true,
        has_password: true,
        link_password: Field::default(),
        current: Field::default(),
        password: Field::default(),
        sessions: vec![
            account::SessionRow {
                created: before(2),
                seen: "just now".into(),
                expires: before(0),
                this: true,
                end: ORG.into(),
            },
            account::SessionRow {
                created: before(90),
                seen: "2 days ago".into(),
                expires: before(0),
                this: false,
                end: ORG.into(),
            },
        ],
    };
    vec![
        page("members", "Members", within(), index),
        page(
            "member-invite",
            "Invite",
            within(),
            members::Invite {
                base: ORG.into(),
                problems: vec![],
                email: Field::default(),
                roles: roles(),
            },
        ),
        page("member-invited", "Invitation", within(), invited),
        page("member-change", "Jo Sørensen", within(), change),
        page("account", "Account", signed_in("/account"), account),
    ]
}

fn second_factor_pages() -> Vec<Sample> {
    let seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let address = format!("otpauth://totp/Probity:ada%40acme.example?secret={seed}&issuer=Probity");
    let wrong = Field::default().wrong("This code is wrong, or was used before.");
    let here = || signed_in("/account/second-factor");
    let set_up = second_factor::SetUp {
        problems: vec![],
        qr: Qr::of(&address).unwrap(),
        shown: "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ".into(),
        seed: seed.into(),
        needed: true,
        code: Field::default(),
        has_password: true,
        password: Field::default(),
        next: "/organizations/new".into(),
    };
    let have = second_factor::Have {
        problems: vec![],
        since: before(400),
        left: 2,
        code: Field::default(),
        needed: true,
    };
    let sign_in = second_factor::SignIn {
        problems: Problem::of(&[("code", &wrong)]),
        code: wrong,
        next: "/".into(),
        recovery: false,
        stay: true,
        other: "/sign-in/second-factor?next=%2F&with=recovery".into(),
    };
    let codes = ["k7mq-x9fb-3hwn", "d2ev-8rgt-zk4c", "p5ya-6jxs-wm9u"];
    let codes = second_factor::Codes {
        codes: codes.iter().map(|code| (*code).to_owned()).collect(),
        next: "/organizations/new".into(),
    };
    vec![
        narrow("sign-in-second-factor", "Sign in", sign_in),
        page("second-factor-set-up", "Second factor", here(), set_up),
        page("second-factor-show", "Second factor", here(), second_factor::Show::new("/".into())),
        page("second-factor", "Second factor", here(), have),
        page("recovery-codes", "Recovery codes", here(), codes),
    ]
}

fn record_pages() -> Vec<Sample> {
    let within = |label: &str| within(ORG, label, None);
    let buckets: Vec<_> = (0..24u64)
        .map(|hour| Bucket {
            label: format!("20 Nov, {hour:02}:00"),
            short: if hour.is_multiple_of(4) { format!("{hour:02}:00") } else { String::new() },
            answered: (hour * 37) % 211 + if hour > 7 { 300 } else { 20 },
            failed: if hour == 13 { 38 } else { 0 },
            input: hour * 120_000,
            output: hour * 9_000,
        })
        .collect();
    let row = |model: &str, tone, outcome: &str, note: &str| usage::UsageRow {
        href: format!("{ORG}/usage/req_01"),
        at: before(1),
        model: model.into(),
        provider: "OpenAI".into(),
        project: "Support assistant".into(),
        input: "2,104".into(),
        cached: "1,800 cached".into(),
        output: "188".into(),
        note: note.into(),
        first: "412 ms".into(),
        total: "2.4 s".into(),
        cost: "0.0045 USD".into(),
        tone,
        outcome: outcome.into(),
    };
    let rows = vec![
        row("gpt-5.4", "good", "answered", ""),
        row("gpt-5.4-mini", "waiting", "ended by client", "estimated"),
        row("claude-opus-4-8", "bad", "overloaded", "absent"),
    ];
    let periods = || {
        vec![Choice::new("24h", "Last 24 hours").chosen(true), Choice::new("30d", "Last 30 days")]
    };
    let index = |rows: Vec<usage::UsageRow>| usage::Index {
        path: format!("{ORG}/usage"),
        periods: periods(),
        projects: vec![Choice::new("", "All projects")],
        model: Field::default(),
        providers: vec![
            Choice::new("", "All providers"),
            Choice::new("pvd_1", "OpenAI"),
            Choice::new("pvd_2", "Old one, removed"),
        ],
        regions: vec![Choice::new("", "All regions"), Choice::new("EU", "EU")],
        dimensions: vec![Choice::new("model", "Model").chosen(true), Choice::new("key", "Key")],
        key: String::new(),
        spread: (!rows.is_empty()).then(spread),
        models: vec!["gpt-5.4".into()],
        filtered: false,
        numbers: if rows.is_empty() { vec![Number::new("Requests", "0", "")] } else { numbers() },
        chart: if rows.is_empty() {
            None
        } else {
            Chart::new("Requests per hour".into(), "Hour", &buckets)
        },
        across: true,
        next: (!rows.is_empty()).then(|| format!("{ORG}/usage?after=x")),
        rows,
        csv: format!("{ORG}/usage.csv"),
        reconcile: Some(format!("{ORG}/usage/reconcile")),
        start: ORG.into(),
    };
    let receipt = usage::Receipt {
        base: ORG.into(),
        facts: vec![
            Fact::mono("Request", "req_01kagc5w4m8y1t2v3x4z5a6b7c"),
            Fact::new("Model", "gpt-5.4"),
        ],
        receipt: "{\n  \"chosen\": \"openai\"\n}".into(),
        proof: format!("{ORG}/usage/req_01kagc5w4m8y1t2v3x4z5a6b7c/proof"),
        verify:
            "probity verify req_01kagc5w4m8y1t2v3x4z5a6b7c.receipt.json --root 3f9a1c77d20e4b58"
                .into(),
    };
    let act = |number: &str, actor: &str, says: &str, action: &str| audit::AuditRow {
        number: number.into(),
        at: before(1),
        actor: actor.into(),
        actor_note: "ada.novakova@acme.example".into(),
        says: says.into(),
        action: action.into(),
        failed: action == "session.refuse",
        summary: "key_01kagc5w4m…".into(),
        details: vec![
            Fact::mono("key", "key_01kagc5w4m8y1t2v3x4z5a6b7c"),
            Fact::new("name", "Website backend"),
        ],
    };
    let log = audit::Index {
        base: ORG.into(),
        actions: vec![Choice::new("", "All acts")],
        actors: vec![Choice::new("", "Everybody")],
        periods: periods(),
        filtered: false,
        rows: vec![
            act("18", "Ada Nováková", "created an API key", "key.create"),
            act("17", "Somebody", "was refused sign-in", "session.refuse"),
        ],
        shown: "2 of 18 entries".into(),
        next: Some(ORG.into()),
        verify: "probity verify acme-audit.tar --root 3f9a1c77d20e4b58".into(),
    };
    vec![
        page("usage", "Usage", within("Usage"), index(rows)),
        page("usage-empty", "Usage", within("Usage"), index(vec![])),
        page("receipt", "One request", within("Usage"), receipt),
        page("reconcile", "Reconcile", within("Usage"), reconciled(None)),
        page("reconciled", "Reconcile", within("Usage"), reconciled(Some(compared()))),
        page("audit", "Audit", within("Audit"), log),
    ]
}

fn spread() -> usage::Spread {
    let row = |name: &str, href: Option<&str>, cost: &str| usage::SpreadRow {
        name: name.into(),
        href: href.map(|model| format!("{ORG}/usage?model={model}")),
        requests: "1,204".into(),
        failed: if href.is_some() { "3 failed".into() } else { String::new() },
        input: "2,104,220".into(),
        output: "188,004".into(),
        cost: cost.into(),
    };
    let starts: Vec<_> = (0..24).map(|hour| before(24 - hour).0).collect();
    let buckets: Vec<_> = (0..24)
        .map(|hour: u64| Bucket {
            label: format!("19 Nov, {hour:02}:00"),
            short: if hour.is_multiple_of(4) { format!("{hour:02}:00") } else { String::new() },
            ..Bucket::default()
        })
        .collect();
    let series = |name: &str, each: u64| Series {
        name: name.into(),
        values: starts.iter().zip(1..).map(|(start, hour)| (*start, hour * each)).collect(),
    };
    let all = vec![
        series("gpt-5.4", 40_000_000),
        series("claude-opus-4-8", 25_000_000),
        series("Others", 5_000_000),
    ];
    usage::Spread {
        label: "Model",
        rows: vec![
            row("gpt-5.4", Some("gpt-5.4"), "12.00 USD"),
            row("claude-opus-4-8", Some("claude-opus-4-8"), "7.50 USD"),
            row("Others", None, "1.50 USD"),
        ],
        chart: Stack::new("Cost per hour by model".into(), "Hour", (&starts, &buckets), all),
    }
}

fn reconciled(result: Option<reconcile::Compared>) -> reconcile::Reconcile {
    reconcile::Reconcile {
        usage: format!("{ORG}/usage"),
        action: format!("{ORG}/usage/reconcile"),
        problems: vec![],
        providers: vec![
            Choice::new("openai", "All 2 of openai"),
            Choice::new("pvd_1", "OpenAI EU"),
        ],
        cached: vec![Choice::new("", "As its columns say")],
        text: Field::default(),
        columns: Field::default(),
        models: Field::default(),
        by_hand: false,
        result,
    }
}

fn compared() -> reconcile::Compared {
    let cell = |label, ours: &str, theirs: &str, difference: &str| reconcile::Cell {
        label,
        ours: ours.into(),
        theirs: theirs.into(),
        difference: difference.into(),
    };
    let row = |model: &str, difference: &str| reconcile::ReconciledRow {
        day: "19 Nov 2026".into(),
        model: model.into(),
        note: if difference.is_empty() { String::new() } else { "1 request without counts".into() },
        cells: vec![
            cell("Input tokens", "104,220", "104,900", difference),
            cell("Output tokens", "9,120", "9,120", ""),
        ],
    };
    let tally = |tone, title: &str, rows: Vec<reconcile::ReconciledRow>| reconcile::Tally {
        tone,
        title: title.into(),
        count: rows.len().to_string(),
        open: tone != "good",
        rows,
        more: String::new(),
    };
    reconcile::Compared {
        title: "1 Nov 2026 to 30 Nov 2026".into(),
        rows: "412 rows".into(),
        measures: vec!["Input tokens", "Output tokens"],
        sums: vec![
            cell("Input tokens", "3,204,110", "3,204,790", ""),
            cell("Cost", "12.40 USD", "13.10 USD", "−0.70 USD"),
        ],
        tallies: vec![
            tally("bad", "Differs", vec![row("gpt-5.4", "−680")]),
            tally("waiting", "Only in our records", vec![]),
            tally("good", "The same within 0.5 %", vec![row("gpt-5.4-mini", "")]),
        ],
        notes: vec!["Cached tokens were read as a part of the input tokens.".into()],
    }
}

fn control(
    id: &str,
    tone: &'static str,
    word: &str,
    statement: &str,
    shown: &str,
) -> trust::ControlRow {
    let strip = match tone {
        "quiet" => vec![],
        "failing" => vec![
            trust::Run { x: 70, width: 17, tone: "verified" },
            trust::Run { x: 87, width: 3, tone: "failing" },
        ],
        _ => vec![trust::Run { x: 70, width: 20, tone: "verified" }],
    };
    trust::ControlRow {
        id: id.into(),
        tone,
        word: word.into(),
        statement: statement.into(),
        shown: shown.into(),
        reason: "The last result is a pass, 3 minutes old; it holds for 45 minutes.".into(),
        why: "What is never written cannot leak.".into(),
        how: "A planted prompt goes through all six paths; then database, files, logs and temporary files are searched for it.".into(),
        limits: "It covers what the gateway writes, not what a provider keeps.".into(),
        evidence: vec![Fact::mono("Evidence", "evi_01kagc5w4m8y1t2v3x4z5a6b7c"), Fact::new("Looked at", "6 of 6 subjects")],
        about: vec![Fact::mono("Id", id), Fact::new("Owner", "platform")],
        verify: format!("probity probe run {id}"),
        strip,
        strip_says: "Verified on 20 of the last 20 days".into(),
    }
}

fn counts() -> Vec<trust::Count> {
    let count = |tone, word: &str, count| trust::Count {
        tone,
        word: word.into(),
        count,
        href: format!("/trust?status={word}"),
        chosen: false,
    };
    vec![
        count("verified", "verified", 6),
        count("failing", "failing", 1),
        count("waiting", "stale", 1),
        count("unverified", "not verified", 2),
        count("attested", "attested", 4),
        count("quiet", "coming soon", 249),
    ]
}

fn trust_pages() -> Vec<Sample> {
    let gateway = vec![
        control(
            "GW-01",
            "verified",
            "verified",
            "No prompt and no completion is written to disk by the gateway, on any path, unless you chose to keep it.",
            "3 minutes ago",
        ),
        control("GW-02", "failing", "failing", "Errors never carry content.", "1 hour ago"),
        control("GW-03", "waiting", "stale", "A provider never sees who you are.", "2 hours ago"),
        control(
            "GW-04",
            "quiet",
            "coming soon",
            "Personal data can be masked before a prompt leaves.",
            "2027-Q1",
        ),
    ];
    let keys = vec![
        control(
            "KEY-01",
            "verified",
            "verified",
            "API keys are stored as hashes only.",
            "just now",
        ),
        control(
            "KEY-02",
            "unverified",
            "not verified",
            "A revoked key is refused within one second.",
            "never",
        ),
        control(
            "KEY-03",
            "attested",
            "attested",
            "Root keys are handled by two people.",
            "until 1 Mar 2027",
        ),
    ];
    let area = |id: &str, name: &str, counts: &str, controls| trust::Area {
        id: id.into(),
        name: name.into(),
        summary: "What the gateway does with what passes through it.".into(),
        counts: counts.into(),
        controls,
    };
    let labels = || {
        vec!["checked from inside only".to_owned(), "log not independently witnessed".to_owned()]
    };
    let index = trust::Index {
        title: "Trust".into(),
        purpose: "What this installation promises, and when each promise was last shown to hold. Nothing here is set by hand.".into(),
        issued: before(0),
        valid_until: When(NOW.plus(Duration::from_secs(300))),
        expired: false,
        counts: counts(),
        labels: labels(),
        filter: None,
        total: 263,
        areas: vec![
            area("gateway", "Gateway", "1 verified · 1 failing · 1 stale · 1 coming soon", gateway.clone()),
            area("keys", "Keys", "1 verified · 1 attested · 1 not verified", keys.clone()),
        ],
        classes: vec![
            trust::ClassRow { name: "prompt".into(), what: "What people and programs send to a model".into(), how: "Not stored: kept in memory while a request runs".into(), moving: "To providers over TLS only".into() },
            trust::ClassRow { name: "credential".into(), what: "Provider credentials; addresses and secrets of webhooks".into(), how: "AES-256-GCM value by value".into(), moving: "To providers over TLS only".into() },
        ],
        limits: vec!["That a provider keeps its word.".into(), "That the set of probes is complete.".into()],
        verify: "probity verify trust.tar --root 3f9a1c77d20e4b58".into(),
        providers: entries(),
        changes: vec![trust::Change { at: before(30), text: "GW-02 was reworded.".into(), weaker: false }],
        facts: vec![Fact::mono("Snapshot", "9f2c1f0f6f5f4b1b"), Fact::new("Log entries", "1,204")],
        operated_by: Some("Acme Logistics B.V.".into()),
        contact: true,
        headline: "6 verified · 1 failing · 1 stale · 2 not yet verified · 4 attested · 249 coming soon".into(),
    };
    let safe = trust::Safe {
        counts: counts(),
        labels: labels(),
        digest: "9f2c1f0f6f5f4b1b".into(),
        issued: before(0),
        valid_until: When(NOW.plus(Duration::from_secs(300))),
        attention: gateway
            .iter()
            .filter(|one| one.tone == "failing" || one.tone == "waiting")
            .cloned()
            .collect(),
        verified: keys.iter().take(1).cloned().collect(),
        organizations: vec![trust::Posture {
            href: ORG.into(),
            name: "Acme Logistics".into(),
            providers: vec!["OpenAI (United States)".into(), "Own vLLM (this organization)".into()],
            entries: "1,204".into(),
        }],
    };
    vec![
        page("trust", "Trust", Chrome { here: "/trust".into(), ..Chrome::default() }, index),
        page("safe", "Am I safe?", signed_in("/safe"), safe),
        page(
            "subprocessors",
            "Sub-processors",
            Chrome { here: "/subprocessors".into(), ..Chrome::default() },
            public_list(),
        ),
        page(
            "subprocessors-own",
            "Sub-processors",
            within("/subprocessors", "Sub-processors", None),
            own_list(),
        ),
    ]
}
