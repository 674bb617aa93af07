//! Provider credentials and aliases.

use domain::{OrgRole, Protocol, ProviderId, Timestamp};
use identity::{Config, PrivateProviders, ProviderEdit, ProviderEntry};
use store::{Provider, Scope};
use testkit::{Backend, each_backend};

use crate::house::{House, code, secret};

pub(crate) const KEY: &str = "sk-proj-abcdefghijklmnop1234";
const OLLAMA: &str = "http://127.0.0.1:11434/v1";

pub(crate) fn openai() -> ProviderEntry {
    ProviderEntry {
        catalog: "openai".to_owned(),
        secret: Some(secret(KEY)),
        ..ProviderEntry::default()
    }
}

pub(crate) fn custom(base_url: &str) -> ProviderEntry {
    ProviderEntry {
        catalog: "custom".to_owned(),
        base_url: Some(base_url.to_owned()),
        protocol: Some(Protocol::OpenAi),
        ..ProviderEntry::default()
    }
}

pub(crate) async fn acme(house: &House) -> Scope {
    let operator = house.operator().await;
    house.organization(&operator, "acme").await.1
}

async fn create(house: &House, scope: &Scope, entry: ProviderEntry) -> domain::Result<Provider> {
    house.identity.provider_create(scope, entry).await
}

each_backend! {
    async fn a_provider_of_the_catalogue_needs_only_its_key(backend: Backend) {
        let house = House::new(backend).await;
        let scope = acme(&house).await;
        let made = create(&house, &scope, openai()).await.unwrap();
        assert_eq!((made.catalog.as_str(), made.name.as_str()), ("openai", "OpenAI"));
        assert_eq!(made.base_url, "https://api.openai.com/v1");
        assert_eq!((made.protocol, made.region.as_deref()), (Protocol::OpenAi, Some("US")));
        assert_eq!((made.has_secret, made.secret_last_four.as_str()), (true, "1234"));
        let listed = house.identity.providers_list(&scope).await.unwrap();
        assert!(!format!("{listed:?}").contains(&KEY[..KEY.len() - 4]));
        let routing = house.store.routing(&scope).await.unwrap();
        let live = routing.providers[0].secret.as_ref().unwrap();
        assert_eq!(live.expose(), KEY, "the gateway gets it back");
    }

    async fn a_provider_elsewhere_than_its_own_host_is_a_custom_one(backend: Backend) {
        let house = House::new(backend).await;
        let scope = acme(&house).await;
        let at = |base_url: &str| ProviderEntry { base_url: Some(base_url.to_owned()), ..openai() };
        let proxy = create(&house, &scope, at("https://proxy.example.com/v1/")).await.unwrap();
        assert_eq!((proxy.catalog.as_str(), proxy.name.as_str()), ("custom", "proxy.example.com"));
        assert_eq!(proxy.base_url, "https://proxy.example.com/v1");
        let regional = create(&house, &scope, at("https://eu.api.openai.com/v1")).await.unwrap();
        assert_eq!((regional.catalog.as_str(), regional.region.as_deref()), ("openai", Some("EU")));
        let unstated = create(&house, &scope, at("https://in.api.openai.com/v1")).await.unwrap();
        assert_eq!((unstated.catalog.as_str(), unstated.region), ("openai", None));
    }

    async fn what_this_version_cannot_call_needs_an_address_that_it_can(backend: Backend) {
        let house = House::new(backend).await;
        let scope = acme(&house).await;
        let cloud = || ProviderEntry { catalog: "cloud".to_owned(), ..openai() };
        let refused = create(&house, &scope, cloud()).await.unwrap_err();
        assert_eq!(refused.code(), "provider_not_callable");
        assert!(refused.message().starts_with("Cloud is in the catalogue"));
        let mute = ProviderEntry { base_url: Some("https://a.cloud.example".to_owned()), ..cloud() };
        assert_eq!(code(create(&house, &scope, mute).await), "unknown_protocol");
        let spoken = ProviderEntry {
            base_url: Some("https://gateway.example/v1".to_owned()),
            protocol: Some(Protocol::OpenAi),
            ..cloud()
        };
        assert_eq!(create(&house, &scope, spoken).await.unwrap().catalog, "custom");
    }

    async fn an_address_with_a_blank_is_filled_in(backend: Backend) {
        let house = House::new(backend).await;
        let scope = acme(&house).await;
        let azure = || ProviderEntry { catalog: "azure".to_owned(), ..openai() };
        let refused = create(&house, &scope, azure()).await.unwrap_err();
        assert_eq!(refused.code(), "invalid_base_url");
        assert!(refused.message().contains("{resource}"), "{}", refused.message());
        let at = |base_url: &str| ProviderEntry { base_url: Some(base_url.to_owned()), ..azure() };
        let own = at("https://Acme-1.openai.azure.example/openai/v1/");
        let own = ProviderEntry { region: Some("se".to_owned()), ..own };
        let made = create(&house, &scope, own).await.unwrap();
        assert_eq!((made.catalog.as_str(), made.region.as_deref()), ("azure", Some("SE")));
        assert_eq!(made.base_url, "https://acme-1.openai.azure.example/openai/v1");
        assert_eq!(made.protocol, Protocol::OpenAi);
        // What is not that company's is not called so, and then has to say what it speaks.
        for other in [
            "https://evil.example/.openai.azure.example/openai/v1",
            "https://a.b.openai.azure.example/openai/v1",
            "https://openai.azure.example/openai/v1",
        ] {
            assert_eq!(code(create(&house, &scope, at(other)).await), "unknown_protocol", "{other}");
        }
    }

    async fn bedrock_is_added_at_the_region_of_choice(backend: Backend) {
        let house = House::new(backend).await;
        let scope = acme(&house).await;
        let bedrock = ProviderEntry { catalog: "bedrock".to_owned(), ..openai() };
        let made = create(&house, &scope, bedrock).await.unwrap();
        assert_eq!((made.protocol, made.region.as_deref()), (Protocol::Bedrock, Some("DE")));
        // The names of its models say where they run, whatever the region is.
        let only = |place: &str| domain::RoutingPolicy {
            regions: Some([place.to_owned()].into()),
            ..domain::RoutingPolicy::default()
        };
        let allowed = async |place: &str| {
            house.identity.routing_policy_set(&scope, None, only(place)).await.unwrap();
            let effects = house.identity.routing_effects(&scope, None).await.unwrap();
            let open = effects.into_iter().filter(|effect| effect.refusals.is_empty());
            open.map(|effect| effect.models).collect::<Vec<_>>()
        };
        assert_eq!(allowed("DE").await, [""]);
        assert_eq!(allowed("EU").await, ["eu.", ""]);
        assert_eq!(allowed("US").await, Vec::<String>::new());
    }

    async fn what_is_exchanged_for_a_token_is_checked_when_it_is_entered(backend: Backend) {
        let house = House::new(backend).await;
        let scope = acme(&house).await;
        let watsonx = |text: &str| ProviderEntry {
            catalog: "watsonx".to_owned(),
            secret: Some(secret(text)),
            ..openai()
        };
        for (text, why) in [("key", "invalid_project"), ("key:team:x", "invalid_project")] {
            assert_eq!(code(create(&house, &scope, watsonx(text)).await), why, "{text}");
        }
        let none = ProviderEntry { secret: None, ..watsonx("") };
        assert_eq!(code(create(&house, &scope, none).await), "secret_needed");
        let made = create(&house, &scope, watsonx(" key:project-1 ")).await.unwrap();
        assert_eq!((made.protocol, made.region.as_deref()), (Protocol::Watsonx, Some("DE")));
        let edit = |text: &str| ProviderEdit { secret: Some(secret(text)), ..ProviderEdit::default() };
        let change = async |text| house.identity.provider_change(&scope, made.id, edit(text)).await;
        assert_eq!(code(change("key").await), "invalid_project");
        assert_eq!(code(change("other:space:s-1").await), "ok");
        let azure = |text: &str| ProviderEntry {
            catalog: "azure".to_owned(),
            base_url: Some("https://acme.openai.azure.example/openai/v1".to_owned()),
            secret: Some(secret(text)),
            ..openai()
        };
        for (text, why) in [
            ("../up:client:secret", "invalid_tenant"),
            ("acme.onmicrosoft.com::secret", "invalid_client"),
            ("acme.onmicrosoft.com:client:", "invalid_secret"),
            ("0123456789abcdef0123456789abcdef", "ok"),
        ] {
            assert_eq!(code(create(&house, &scope, azure(text)).await), why, "{text}");
        }
        let printed = r#"{"appId": "c-1", "displayName": "x", "password": "se~cret", "tenant": "t-1"}"#;
        let made = create(&house, &scope, azure(printed)).await.unwrap();
        assert_eq!(made.secret_last_four, "cret");
        let vertex = ProviderEntry {
            catalog: "vertex".to_owned(),
            base_url: Some("https://europe-west4.vertex.example".to_owned()),
            secret: Some(secret("AIzaSy-no-account")),
            ..openai()
        };
        let refused = create(&house, &scope, vertex).await.unwrap_err();
        assert_eq!(refused.code(), "invalid_secret");
        assert!(refused.message().contains("JSON file"), "{}", refused.message());
        // Nobody registers a server of their own in a format that is known at its maker's only.
        let own = ProviderEntry { protocol: Some(Protocol::Watsonx), ..custom("https://x.example") };
        assert_eq!(code(create(&house, &scope, own).await), "unknown_protocol");
    }

    async fn what_is_missing_or_wrong_is_named(backend: Backend) {
        let house = House::new(backend).await;
        let scope = acme(&house).await;
        let refused = async |entry| code(create(&house, &scope, entry).await);
        assert_eq!(refused(ProviderEntry { secret: None, ..openai() }).await, "secret_needed");
        let blank = ProviderEntry { secret: Some(secret("  ")), ..openai() };
        assert_eq!(refused(blank).await, "secret_needed");
        let torn = ProviderEntry { secret: Some(secret("sk-one\r\nx: y")), ..openai() };
        assert_eq!(refused(torn).await, "invalid_secret");
        let unknown = ProviderEntry { catalog: "nobody".to_owned(), ..openai() };
        assert_eq!(refused(unknown).await, "unknown_provider");
        let nowhere = ProviderEntry { base_url: None, ..custom("") };
        assert_eq!(refused(nowhere).await, "invalid_base_url");
        let mute = ProviderEntry { protocol: None, ..custom("https://llm.example.com") };
        assert_eq!(refused(mute).await, "unknown_protocol");
        let odd = ProviderEntry { models: vec!["a b".to_owned()], ..openai() };
        assert_eq!(refused(odd).await, "invalid_model");
        let odd = ProviderEntry { region: Some("<b>".to_owned()), ..openai() };
        assert_eq!(refused(odd).await, "invalid_region");
        assert_eq!(refused(custom("http://llm.example.com/v1")).await, "invalid_base_url");
        assert!(house.identity.providers_list(&scope).await.unwrap().is_empty());
    }

    async fn a_credential_names_its_contract_and_a_free_tier_is_none(backend: Backend) {
        let house = House::new(backend).await;
        let scope = acme(&house).await;
        let of = |contract: &str| ProviderEntry { contract: Some(contract.to_owned()), ..openai() };
        for free in ["free-tier", "trial", "free-plan"] {
            assert_eq!(code(create(&house, &scope, of(free)).await), "free_tier", "{free}");
        }
        let nameless = ProviderEntry { secret: None, ..of("free-tier") };
        assert_eq!(code(create(&house, &scope, nameless).await), "free_tier", "before all else");
        assert_eq!(code(create(&house, &scope, of("ours")).await), "invalid_contract");
        let odd = ProviderEntry { contract_until: Some("soon".to_owned()), ..openai() };
        assert_eq!(code(create(&house, &scope, odd).await), "invalid_contract_until");
        assert!(house.identity.providers_list(&scope).await.unwrap().is_empty());

        let until = ProviderEntry { contract_until: Some("2027-11-03".to_owned()), ..openai() };
        let made = create(&house, &scope, until).await.unwrap();
        assert_eq!((made.contract.as_str(), made.contract_until.map(domain::last_day)),
            ("standard", Some("2027-11-03".to_owned())));
        let own = create(&house, &scope, custom(OLLAMA)).await.unwrap();
        assert_eq!(own.contract, "own");
        let change = async |edit| code(house.identity.provider_change(&scope, made.id, edit).await);
        let edit = ProviderEdit { contract: Some("free".to_owned()), ..ProviderEdit::default() };
        assert_eq!(change(edit).await, "free_tier");
        let over = ProviderEdit { contract_until: Some("2020-01-01".to_owned()), ..ProviderEdit::default() };
        assert_eq!(change(over).await, "ok");
        let effects = house.identity.routing_effects(&scope, None).await.unwrap();
        let effect = effects.iter().find(|effect| effect.provider.id == made.id).unwrap();
        assert_eq!(effect.refusals[0].words(), "is under a contract that ended on 1 Jan 2020");
        let open = ProviderEdit { contract_until: Some(String::new()), ..ProviderEdit::default() };
        assert_eq!(change(open).await, "ok");
        let effects = house.identity.routing_effects(&scope, None).await.unwrap();
        assert!(effects.iter().all(|effect| effect.refusals.is_empty()), "{effects:?}");
    }

    async fn a_local_model_server_needs_no_key_but_an_operator(backend: Backend) {
        let house = House::new(backend).await;
        let owner = acme(&house).await;
        let mut entry = custom(OLLAMA);
        entry.models = vec!["llama3.2".to_owned(), " llama3.2 ".to_owned(), String::new()];
        let made = create(&house, &owner, entry).await.unwrap();
        assert!(made.allow_private && !made.has_secret);
        assert_eq!(made.models, ["llama3.2"]);

        let by_name = custom("http://vllm.internal:8000/v1");
        assert_eq!(code(create(&house, &owner, by_name).await), "invalid_base_url");
        let meant =
            ProviderEntry { allow_private: Some(true), ..custom("http://vllm.internal:8000/v1") };
        assert_eq!(code(create(&house, &owner, meant).await), "ok");
        let declined = ProviderEntry { allow_private: Some(false), ..custom(OLLAMA) };
        assert_eq!(code(create(&house, &owner, declined).await), "private_address");
        let metadata =
            ProviderEntry { allow_private: Some(true), ..custom("http://169.254.169.254/latest") };
        assert_eq!(code(create(&house, &owner, metadata).await), "invalid_base_url");
    }

    async fn who_may_reach_into_the_own_network_is_the_operators_choice(backend: Backend) {
        let house = House::new(backend).await;
        let owner = acme(&house).await;
        let other = house.member(&owner, "other", OrgRole::Owner).await;
        let other = house.inside(&owner, &other).await;
        let operators_key = house.admin_key(&owner).await;
        let operators_key = house.identity.api_key(operators_key.text.expose()).unwrap();
        let others_key = house.admin_key(&other).await;
        let others_key = house.identity.api_key(others_key.text.expose()).unwrap();
        let public = create(&house, &other, openai()).await.unwrap();
        for (private_providers, by_operator, by_admin) in [
            (PrivateProviders::Operators, "ok", "private_address"),
            (PrivateProviders::Nobody, "private_address", "private_address"),
            (PrivateProviders::Admins, "ok", "ok"),
        ] {
            let config = Config { private_providers, ..Config::default() };
            let identity = house.configured(config).await;
            let try_as = async |scope| code(identity.provider_create(scope, custom(OLLAMA)).await);
            assert_eq!(try_as(&owner).await, by_operator, "{private_providers:?}");
            assert_eq!(try_as(&operators_key).await, by_operator, "{private_providers:?}");
            assert_eq!(try_as(&other).await, by_admin, "{private_providers:?}");
            assert_eq!(try_as(&others_key).await, by_admin, "{private_providers:?}");
            let inwards = ProviderEdit { allow_private: Some(true), ..ProviderEdit::default() };
            let changed = identity.provider_change(&other, public.id, inwards).await;
            assert_eq!(code(changed), by_admin, "{private_providers:?}");
        }
    }

    async fn a_server_that_was_let_in_does_not_move_by_anybodys_hand(backend: Backend) {
        let house = House::new(backend).await;
        let owner = acme(&house).await;
        let admin = house.member(&owner, "admin", OrgRole::Admin).await;
        let admin = house.inside(&owner, &admin).await;
        let made = create(&house, &owner, custom(OLLAMA)).await.unwrap();
        let change =
            async |scope, edit| code(house.identity.provider_change(scope, made.id, edit).await);
        let to = |base_url: &str| ProviderEdit {
            base_url: Some(base_url.to_owned()),
            ..ProviderEdit::default()
        };
        let inwards = "http://127.0.0.1:5432/v1";
        assert_eq!(change(&admin, to(inwards)).await, "private_address");
        assert_eq!(change(&owner, to(inwards)).await, "ok");
        let named = ProviderEdit { name: Some("Ours".to_owned()), ..ProviderEdit::default() };
        assert_eq!(change(&admin, named).await, "ok");
        let outwards = ProviderEdit {
            allow_private: Some(false),
            secret: Some(secret(KEY)),
            ..to("https://llm.example.com/v1")
        };
        assert_eq!(change(&admin, outwards).await, "ok");
    }

    async fn a_credential_does_not_follow_to_another_host(backend: Backend) {
        let house = House::new(backend).await;
        let scope = acme(&house).await;
        let entry =
            ProviderEntry { secret: Some(secret(KEY)), ..custom("https://llm.example.com/v1") };
        let made = create(&house, &scope, entry).await.unwrap();
        let change = async |edit| code(house.identity.provider_change(&scope, made.id, edit).await);
        let to = |base_url: &str| ProviderEdit {
            base_url: Some(base_url.to_owned()),
            ..ProviderEdit::default()
        };
        assert_eq!(change(to("https://evil.example.com/v1")).await, "secret_needed");
        assert_eq!(change(to("https://llm.example.com/v2")).await, "ok");
        let with_key = ProviderEdit {
            secret: Some(secret("sk-new-key-9876")),
            ..to("https://new.example.com/v1")
        };
        assert_eq!(change(with_key).await, "ok");
        let now = house.identity.provider_fetch(&scope, made.id).await.unwrap();
        assert_eq!(
            (now.base_url.as_str(), now.secret_last_four.as_str()),
            ("https://new.example.com/v1", "9876")
        );

        let openai = create(&house, &scope, openai()).await.unwrap();
        let away = ProviderEdit { secret: Some(secret(KEY)), ..to("https://evil.example.com/v1") };
        let moved = house.identity.provider_change(&scope, openai.id, away).await;
        assert_eq!(code(moved), "invalid_base_url", "a known provider stays at its hosts");
    }

    async fn a_change_keeps_what_it_does_not_name(backend: Backend) {
        let house = House::new(backend).await;
        let scope = acme(&house).await;
        let made = create(&house, &scope, openai()).await.unwrap();
        let edit = ProviderEdit { name: Some("Main".to_owned()), ..ProviderEdit::default() };
        house.identity.provider_change(&scope, made.id, edit).await.unwrap();
        let now = house.identity.provider_fetch(&scope, made.id).await.unwrap();
        assert_eq!(now, Provider { name: "Main".to_owned(), changed: now.changed, ..made.clone() });
        house.identity.provider_remove(&scope, made.id).await.unwrap();
        assert_eq!(code(house.identity.provider_fetch(&scope, made.id).await), "not_found");
        assert_eq!(code(house.identity.provider_remove(&scope, made.id).await), "not_found");
    }

    async fn another_organizations_provider_is_absent(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, acme) = house.organization(&operator, "acme").await;
        let (_, globex) = house.organization(&operator, "globex").await;
        let made = create(&house, &acme, openai()).await.unwrap();
        let made_up = ProviderId::new(Timestamp::from_millis(1));
        for id in [made.id, made_up] {
            let edit = ProviderEdit { name: Some("Mine".to_owned()), ..ProviderEdit::default() };
            let answers = [
                house.identity.provider_fetch(&globex, id).await.map(drop),
                house.identity.provider_change(&globex, id, edit).await,
                house.identity.provider_remove(&globex, id).await,
            ];
            for answer in answers {
                assert_eq!(answer.unwrap_err().to_string(), "No such provider.");
            }
        }
    }

    async fn an_alias_points_at_one_model(backend: Backend) {
        let house = House::new(backend).await;
        let scope = acme(&house).await;
        let set = async |name, target| house.identity.alias_set(&scope, name, target).await;
        set("smart", "gpt-5.4").await.unwrap();
        let alias = set("smart", "openai/gpt-5.2").await.unwrap();
        assert_eq!(house.identity.aliases_list(&scope).await.unwrap().len(), 1);
        assert_eq!(house.store.routing(&scope).await.unwrap().aliases["smart"], "openai/gpt-5.2");
        assert_eq!(code(set("smart", "smart").await), "invalid_model");
        assert_eq!(code(set("", "gpt-5.4").await), "invalid_model");
        assert_eq!(code(set("a b", "gpt-5.4").await), "invalid_model");
        house.identity.alias_remove(&scope, alias.id).await.unwrap();
        assert_eq!(code(house.identity.alias_remove(&scope, alias.id).await), "not_found");
    }
}
