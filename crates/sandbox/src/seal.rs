//! `encrypted_content` of reasoning: readable to nobody but its maker, as far as clients can tell.
//!
//! The twin keeps nothing, so all it needs to recognise its own reasoning travels inside, and is bound to the item.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::reply::signature_of;

const MARK: &str = "sandbox-encrypted-";

/// Seals the reasoning of the item `id`.
pub(crate) fn close(id: &str, text: &str) -> String {
    let bound = format!("{id}\n{text}");
    let whole = format!("{}\n{bound}", signature_of(&bound));
    format!("{MARK}{}", URL_SAFE_NO_PAD.encode(whole))
}

/// The id and the text of what `close` made; `None` for anything else.
pub(crate) fn open(sealed: &str) -> Option<(String, String)> {
    let whole = URL_SAFE_NO_PAD.decode(sealed.strip_prefix(MARK)?).ok()?;
    let whole = String::from_utf8(whole).ok()?;
    let (signature, bound) = whole.split_once('\n')?;
    let (id, text) = bound.split_once('\n')?;
    (signature == signature_of(bound)).then(|| (id.to_owned(), text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_closed_here_opens() {
        let sealed = close("rs_1", "some\nthought");
        assert_eq!(open(&sealed), Some(("rs_1".to_owned(), "some\nthought".to_owned())));
        for at in MARK.len()..sealed.len() {
            let mut changed = sealed.clone();
            let other = if sealed.as_bytes().get(at) == Some(&b'A') { "B" } else { "A" };
            changed.replace_range(at..=at, other);
            assert_eq!(open(&changed), None, "byte {at}");
        }
        assert_eq!(open("gAAAAB"), None);
        assert_eq!(open(&format!("{MARK}!")), None);
    }
}
