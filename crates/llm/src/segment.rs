//! Names in paths and queries.

/// Appends `name` to `path`; whatever is neither a letter, a digit nor among `kept` is written out (RFC 3986, section 2.1).
pub(crate) fn push(path: &mut String, name: &str, kept: &[u8]) {
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
}
