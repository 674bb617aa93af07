//! What a request wishes of its provider: the `provider` object that OpenRouter's clients send along
//! (<https://openrouter.ai/docs/features/provider-routing>). It is for whoever chooses the provider, so it is taken out
//! of the request unless that one chooses again.

use std::ops::Range;

use domain::ranking::Sort;

use crate::{
    BadRequest,
    demand::boolean,
    json::{self, Fields, Raw, Shape},
};

/// Names are compared without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// To be asked first, in this order.
    pub order: Vec<String>,
    /// Nobody else may be asked. Empty for everybody.
    pub only: Vec<String>,
    /// Not to be asked.
    pub ignore: Vec<String>,
    /// Whether others may be asked than the first, or than those of `order`.
    pub allow_fallbacks: bool,
    /// Nobody may be asked who would lose a field of the request.
    pub require_parameters: bool,
    /// Nobody may be asked who trains on prompts.
    pub deny_training: bool,
    /// Nobody may be asked who keeps prompts.
    pub keep_nothing: bool,
    /// What comes first.
    pub sort: Option<Sort>,
    /// Nano-US-dollars per input token.
    pub most_for_input: Option<u64>,
    /// Nano-US-dollars per output token.
    pub most_for_output: Option<u64>,
    /// Wishes that are no conditions and cannot be met here, such as `provider.preferred_max_latency`.
    pub unmet: Vec<&'static str>,
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            order: Vec::new(),
            only: Vec::new(),
            ignore: Vec::new(),
            allow_fallbacks: true,
            require_parameters: false,
            deny_training: false,
            keep_nothing: false,
            sort: None,
            most_for_input: None,
            most_for_output: None,
            unmet: Vec::new(),
        }
    }
}

/// More names than anybody has providers.
const MOST_NAMES: usize = 100;

/// Reads the object; `None` for `null`. A condition that is not known here is refused, never passed over.
pub(crate) fn read(raw: Raw<'_>) -> Result<Option<Wishes>, BadRequest> {
    if json::shape(raw) == Shape::Null {
        return Ok(None);
    }
    let object = || BadRequest::at("provider", "`provider` must be an object.");
    let mut fields = Fields::strict(raw).map_err(|_| object())?;
    let mut wishes = Wishes {
        order: names(&mut fields, "order", "provider.order")?,
        only: names(&mut fields, "only", "provider.only")?,
        ignore: names(&mut fields, "ignore", "provider.ignore")?,
        allow_fallbacks: boolean(fields.take("allow_fallbacks"), "provider.allow_fallbacks")?
            .unwrap_or(true),
        require_parameters: boolean(
            fields.take("require_parameters"),
            "provider.require_parameters",
        )?
        .unwrap_or(false),
        keep_nothing: boolean(fields.take("zdr"), "provider.zdr")?.unwrap_or(false),
        ..Wishes::default()
    };
    if let Some(raw) = fields.take("data_collection") {
        wishes.deny_training = match json::text(raw).as_deref() {
            Some("allow") => false,
            Some("deny") => true,
            _ => {
                return Err(BadRequest::at("provider.data_collection", "It is `allow` or `deny`."));
            }
        };
    }
    if let Some(raw) = fields.take("max_price") {
        most(raw, &mut wishes)?;
    }
    if let Some(raw) = fields.take("sort") {
        wishes.sort = json::text(raw).as_deref().and_then(Sort::parse);
        if wishes.sort.is_none() {
            wishes.unmet.push("provider.sort");
        }
    }
    for (name, path) in [
        ("preferred_min_throughput", "provider.preferred_min_throughput"),
        ("preferred_max_latency", "provider.preferred_max_latency"),
    ] {
        if fields.take(name).is_some() {
            wishes.unmet.push(path);
        }
    }
    match fields.rest().next() {
        None => Ok(Some(wishes)),
        Some(_) => Err(BadRequest::unsupported(
            "provider",
            "`provider` holds a condition that is not known here. Known are order, only, ignore, allow_fallbacks, \
             require_parameters, data_collection, zdr, max_price and sort.",
        )),
    }
}

fn names(
    fields: &mut Fields<'_>,
    name: &str,
    path: &'static str,
) -> Result<Vec<String>, BadRequest> {
    let Some(raw) = fields.take(name) else { return Ok(Vec::new()) };
    let wrong = || BadRequest::at(path, "The value must be a list of names.");
    let all = json::array(raw).filter(|all| all.len() <= MOST_NAMES).ok_or_else(wrong)?;
    all.into_iter().map(|one| Ok(json::text(one).ok_or_else(wrong)?.into_owned())).collect()
}

/// `max_price`, in US dollars per million tokens.
fn most(raw: Raw<'_>, wishes: &mut Wishes) -> Result<(), BadRequest> {
    let wrong = || {
        BadRequest::at("provider.max_price", "Prices are numbers: US dollars per million tokens.")
    };
    let mut fields = Fields::strict(raw).map_err(|_| wrong())?;
    let mut price = |name: &str| -> Result<Option<u64>, BadRequest> {
        let Some(raw) = fields.take(name) else { return Ok(None) };
        // Some clients send prices as text.
        let text = json::text(raw);
        let text = text.as_deref().unwrap_or(raw.get());
        let dollars: f64 = text.parse().map_err(|_| wrong())?;
        if !(0.0..1e9).contains(&dollars) {
            return Err(wrong());
        }
        // A dollar per million tokens is a thousand nano-dollars per token.
        Ok(Some((dollars * 1000.0).round() as u64))
    };
    wishes.most_for_input = price("prompt")?;
    wishes.most_for_output = price("completion")?;
    match fields.rest().next() {
        None => Ok(()),
        Some(_) => Err(BadRequest::unsupported(
            "provider.max_price",
            "Only `prompt` and `completion` prices are known here.",
        )),
    }
}

/// The member whose value stands at `value`, with its name and one comma.
pub(crate) fn member(text: &[u8], value: &Range<usize>) -> Option<Range<usize>> {
    let blank = |byte: &u8| byte.is_ascii_whitespace();
    let before = |end: usize, byte: u8| {
        let at = text.get(..end)?.iter().rposition(|byte| !blank(byte))?;
        (text.get(at) == Some(&byte)).then_some(at)
    };
    let colon = before(value.start, b':')?;
    let close = before(colon, b'"')?;
    let open = text.get(..close)?.iter().rposition(|byte| *byte == b'"')?;
    if let Some(comma) = before(open, b',') {
        return Some(comma..value.end);
    }
    let next = value.end + text.get(value.end..)?.iter().position(|byte| !blank(byte))?;
    let end = if text.get(next) == Some(&b',') { next + 1 } else { value.end };
    Some(open..end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, Quirks, head, prepare};

    fn wishes(object: &str) -> Result<Option<Wishes>, BadRequest> {
        let body = format!("{{\"model\":\"m\",\"provider\":{object},\"messages\":[]}}");
        head(Format::OpenAiChat, body.as_bytes()).map(|head| head.wishes)
    }

    #[test]
    fn every_condition_is_read() {
        let read = wishes(
            r#"{"order":["Mistral"],"only":["a","b"],"ignore":["c"],"allow_fallbacks":false,
            "require_parameters":true,"data_collection":"deny","zdr":true,"sort":"price",
            "max_price":{"prompt":2.01,"completion":"2.5"}}"#,
        );
        let expected = Wishes {
            order: vec!["Mistral".into()],
            only: vec!["a".into(), "b".into()],
            ignore: vec!["c".into()],
            allow_fallbacks: false,
            require_parameters: true,
            deny_training: true,
            keep_nothing: true,
            sort: Some(Sort::Price),
            most_for_input: Some(2010),
            most_for_output: Some(2500),
            unmet: Vec::new(),
        };
        assert_eq!(read, Ok(Some(expected)));
        assert_eq!(wishes("null"), Ok(None));
        assert_eq!(wishes("{}"), Ok(Some(Wishes::default())));
    }

    #[test]
    fn what_is_not_understood_is_refused_unless_it_is_a_mere_preference() {
        let unmet = wishes(r#"{"sort":"luck","preferred_max_latency":3}"#).unwrap().unwrap();
        assert_eq!(unmet.unmet, ["provider.sort", "provider.preferred_max_latency"]);
        for (name, sort) in [("latency", Sort::Latency), ("throughput", Sort::Throughput)] {
            let read = wishes(&format!("{{\"sort\":\"{name}\"}}")).unwrap().unwrap();
            assert_eq!((read.sort, read.unmet.len()), (Some(sort), 0));
        }
        for (object, param) in [
            (r#"{"quantizations":["fp8"]}"#, "provider"),
            (r#"{"data_collection":"maybe"}"#, "provider.data_collection"),
            (r#"{"data_collection":["deny"]}"#, "provider.data_collection"),
            (r#"{"only":"openai"}"#, "provider.only"),
            (r#"{"zdr":"yes"}"#, "provider.zdr"),
            (r#"{"max_price":{"prompt":-1}}"#, "provider.max_price"),
            (r#"{"max_price":{"image":1}}"#, "provider.max_price"),
            ("[]", "provider"),
        ] {
            let refused = wishes(object).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(param), "{object}");
        }
    }

    #[test]
    fn the_object_does_not_travel_on_unless_somebody_chooses_again() {
        for (body, left) in [
            (
                r#"{"provider":{"zdr":true},"model":"m","messages":[{"role":"user","content":"x"}]}"#,
                r#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#,
            ),
            (
                r#"{"model":"m", "provider" : {"zdr":true} , "messages":[{"role":"user","content":"x"}]}"#,
                r#"{"model":"m" , "messages":[{"role":"user","content":"x"}]}"#,
            ),
            (
                r#"{"model":"m","messages":[{"role":"user","content":"x"}],"prov\u0069der":null}"#,
                r#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#,
            ),
        ] {
            let body = bytes::Bytes::from_static(body.as_bytes());
            let head = head(Format::OpenAiChat, &body).unwrap();
            let to = |outbound, quirks: &Quirks| {
                prepare(Format::OpenAiChat, outbound, &body, &head, "m", quirks).unwrap()
            };
            let plain = to(Format::OpenAiChat, &Quirks::default());
            assert_eq!(plain.body, left);
            assert!(plain.dropped.is_empty());
            let chooser = Quirks { provider_object: true, ..Quirks::default() };
            assert_eq!(to(Format::OpenAiChat, &chooser).body, body);
            let other = to(Format::AnthropicMessages, &Quirks::default());
            assert!(other.dropped.is_empty(), "{:?}", other.dropped);
        }
    }
}
