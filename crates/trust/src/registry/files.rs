//! The control files of this build, in the order of the page.

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        pub(super) const SHIPPED: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../../../controls/", $name, ".toml")))),*];
    };
}

shipped![
    "gateway",
    "keys",
    "tenancy",
    "encryption",
    "identity",
    "audit",
    "providers",
    "applications",
    "retention",
    "incidents",
    "vulnerabilities",
    "resilience",
    "monitoring",
    "infrastructure",
    "billing",
    "people",
    "compliance",
    "trust",
];
