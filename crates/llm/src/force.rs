//! Request parameters that make a provider's terms true, such as `store: false`: set whatever the client says.

use std::collections::BTreeMap;

use bytes::Bytes;
use memchr::memmem;
use serde_json::Value;

use crate::{
    edit::{Edits, span},
    json::{self, Fields},
    write::quote,
};

/// The body of a request with `members` set, and the names of those that the client had set otherwise.
/// Members of an object are set one by one; what the client says beside them stays.
#[must_use]
pub fn force(body: &Bytes, members: &BTreeMap<String, Value>) -> (Bytes, Vec<String>) {
    if members.is_empty() {
        return (body.clone(), Vec::new());
    }
    // Almost no request says anything of them; a name may also be written with escapes.
    let said = members.keys().any(|name| memmem::find(body, name.as_bytes()).is_some())
        || memmem::find(body, b"\\u").is_some();
    let fields = said.then(|| Fields::lenient(json::document(body)?)).flatten();
    let (mut edits, mut overruled) = (Edits::default(), Vec::new());
    let end = body.trim_ascii_end().len().saturating_sub(1);
    for (name, value) in members {
        // Said twice, both are changed: which one counts depends on the reader.
        let theirs = fields.iter().flat_map(Fields::entries).filter(|(said, _)| said == name);
        let mut said = false;
        for (range, raw) in theirs.filter_map(|(_, raw)| Some((span(body, raw)?, raw))) {
            said = true;
            let before: Value = serde_json::from_str(raw.get()).unwrap_or_default();
            let after = merged(before.clone(), value);
            if after != before {
                if !before.is_null() && contradicts(&before, value) && !overruled.contains(name) {
                    overruled.push(name.clone());
                }
                edits.replace(range, after.to_string());
            }
        }
        if !said {
            let mut member = vec![b','];
            quote(&mut member, name);
            member.push(b':');
            member.extend_from_slice(value.to_string().as_bytes());
            edits.replace(end..end, member);
        }
    }
    (edits.apply(body), overruled)
}

fn merged(theirs: Value, ours: &Value) -> Value {
    match (theirs, ours) {
        (Value::Object(mut theirs), Value::Object(ours)) => {
            for (name, value) in ours {
                theirs.insert(name.clone(), value.clone());
            }
            Value::Object(theirs)
        }
        (_, ours) => ours.clone(),
    }
}

/// Whether the client said something else, and not only less.
fn contradicts(theirs: &Value, ours: &Value) -> bool {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            ours.iter().any(|(name, value)| theirs.get(name).is_some_and(|said| said != value))
        }
        (theirs, ours) => theirs != ours,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn forced(body: &'static str, members: Value) -> (String, Vec<String>) {
        let members = serde_json::from_value(members).unwrap();
        let (body, overruled) = force(&Bytes::from_static(body.as_bytes()), &members);
        (String::from_utf8(body.to_vec()).unwrap(), overruled)
    }

    #[test]
    fn what_is_not_said_is_added_at_the_end() {
        let (body, overruled) = forced("{\"model\":\"m\"} \n", json!({"store": false}));
        assert_eq!((body.as_str(), overruled.len()), ("{\"model\":\"m\",\"store\":false} \n", 0));
        let (body, _) = forced(r#"{"model":"the \"store\""}"#, json!({"store": false}));
        assert_eq!(body, r#"{"model":"the \"store\"","store":false}"#);
        assert_eq!(forced("{\"model\":\"m\"}", json!({})).0, "{\"model\":\"m\"}");
    }

    #[test]
    fn what_is_said_otherwise_is_overruled_and_named() {
        let store = json!({"store": false});
        let (body, overruled) = forced(r#"{"model":"m","store":true,"n":1}"#, store.clone());
        assert_eq!(body, r#"{"model":"m","store":false,"n":1}"#);
        assert_eq!(overruled, ["store"]);
        let (body, overruled) = forced(r#"{"model":"m","store":null}"#, store.clone());
        assert_eq!((body.as_str(), overruled.len()), (r#"{"model":"m","store":false}"#, 0));
        let (body, overruled) = forced(r#"{"model":"m","store":false}"#, store);
        assert_eq!((body.as_str(), overruled.len()), (r#"{"model":"m","store":false}"#, 0));
    }

    #[test]
    fn a_name_cannot_hide() {
        let store = json!({"store": false});
        let (body, overruled) = forced(r#"{"st\u006fre":true,"model":"m"}"#, store.clone());
        assert_eq!(body, r#"{"st\u006fre":false,"model":"m"}"#);
        assert_eq!(overruled, ["store"]);
        let (body, _) = forced(r#"{"store":true,"model":"m","store":true}"#, store);
        assert_eq!(body, r#"{"store":false,"model":"m","store":false}"#);
    }

    #[test]
    fn objects_are_merged() {
        let ours = json!({"provider": {"zdr": true, "data_collection": "deny"}});
        let (body, overruled) =
            forced(r#"{"model":"m","provider":{"only":["a"],"zdr":false}}"#, ours.clone());
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            body["provider"],
            json!({"only": ["a"], "zdr": true, "data_collection": "deny"})
        );
        assert_eq!(overruled, ["provider"]);
        let (_, overruled) = forced(r#"{"model":"m","provider":{"only":["a"]}}"#, ours);
        assert!(overruled.is_empty(), "nothing the client said was overruled");
    }
}
