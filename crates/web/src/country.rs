//! Names of countries, for those that appear in the catalogue.

/// The name of an ISO 3166-1 alpha-2 code; the code itself when it is not listed here.
pub(crate) fn country(code: &str) -> &str {
    const NAMES: &[(&str, &str)] = &[
        ("AT", "Austria"),
        ("AU", "Australia"),
        ("BE", "Belgium"),
        ("CA", "Canada"),
        ("CH", "Switzerland"),
        ("CN", "China"),
        ("DE", "Germany"),
        ("DK", "Denmark"),
        ("ES", "Spain"),
        ("FI", "Finland"),
        ("FR", "France"),
        ("GB", "United Kingdom"),
        ("IE", "Ireland"),
        ("IL", "Israel"),
        ("IN", "India"),
        ("IT", "Italy"),
        ("JP", "Japan"),
        ("KR", "South Korea"),
        ("NL", "Netherlands"),
        ("NO", "Norway"),
        ("PL", "Poland"),
        ("SE", "Sweden"),
        ("SG", "Singapore"),
        ("US", "United States"),
        ("ZZ", "this machine"),
    ];
    NAMES.iter().find(|(known, _)| *known == code).map_or(code, |(_, name)| name)
}
