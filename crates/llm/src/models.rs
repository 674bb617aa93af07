//! The list of models, in the shape that each format's SDKs page through.

use bytes::Bytes;

use crate::{Format, write};

/// One model as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRow {
    /// The name to put into `model`.
    pub id: String,
    pub display_name: String,
    /// The provider's stable name.
    pub owned_by: String,
    /// Seconds since the Unix epoch; 0 when unknown.
    pub created: i64,
    /// Tokens.
    pub context: Option<u64>,
    /// Tokens.
    pub output_limit: Option<u64>,
}

/// The body of `GET /v1/models`: one page that holds everything.
#[must_use]
pub fn models_list(format: Format, rows: &[ModelRow]) -> Bytes {
    let mut out = Vec::with_capacity(64 + rows.len() * 160);
    write::object(&mut out, |root| {
        if !matches!(format, Format::AnthropicMessages | Format::Gemini) {
            root.text("object", "list");
        }
        let name = if format == Format::Gemini { "models" } else { "data" };
        root.array(name, |list| {
            for row in rows {
                list.object(|item| model(format, row, item));
            }
        });
        if format == Format::AnthropicMessages {
            root.boolean("has_more", false);
            root.text_or_null("first_id", rows.first().map(|row| row.id.as_str()));
            root.text_or_null("last_id", rows.last().map(|row| row.id.as_str()));
        }
    });
    out.into()
}

/// The body of `GET /v1/models/{id}`.
#[must_use]
pub fn model_body(format: Format, row: &ModelRow) -> Bytes {
    let mut out = Vec::with_capacity(256);
    write::object(&mut out, |item| model(format, row, item));
    out.into()
}

fn model(format: Format, row: &ModelRow, out: &mut write::Object<'_>) {
    match format {
        Format::OpenAiChat
        | Format::OpenAiResponses
        | Format::BedrockConverse
        | Format::Cohere
        | Format::Watsonx => {
            out.text("id", &row.id);
            out.text("object", "model");
            out.number("created", u64::try_from(row.created).unwrap_or(0));
            out.text("owned_by", &row.owned_by);
        }
        Format::Gemini => {
            out.text("name", &format!("models/{}", row.id));
            out.text("version", "");
            out.text("displayName", &row.display_name);
            if let Some(tokens) = row.context {
                out.number("inputTokenLimit", tokens);
            }
            if let Some(tokens) = row.output_limit {
                out.number("outputTokenLimit", tokens);
            }
            out.array("supportedGenerationMethods", |list| list.text("generateContent"));
        }
        Format::AnthropicMessages => {
            out.text("type", "model");
            out.text("id", &row.id);
            out.text("display_name", &row.display_name);
            out.text("created_at", &rfc3339(row.created));
            out.text("lifecycle", "active");
            limit(out, "max_input_tokens", row.context);
            limit(out, "max_tokens", row.output_limit);
        }
    }
}

fn limit(out: &mut write::Object<'_>, name: &str, value: Option<u64>) {
    match value {
        Some(value) => out.number(name, value),
        None => out.null(name),
    }
}

/// Civil date from days since the epoch: Howard Hinnant's `civil_from_days`.
fn rfc3339(seconds: i64) -> String {
    let seconds = seconds.clamp(0, 253_402_300_799);
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_civil() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_795_132_799), "2026-11-19T23:59:59Z");
    }
}
