//! What a provider says that it counted.

use domain::{Provenance, Units, Usage};

use super::Task;
use crate::json::{self, Fields, Raw};

/// Adds what a `usage` object says to `units`, and gives its tokens; `None` when it counts none.
pub(super) fn read(task: Task, raw: Raw<'_>, units: &mut Units) -> Option<Usage> {
    let mut fields = Fields::lenient(raw)?;
    let mut count =
        |names: &[&str]| names.iter().find_map(|name| fields.take(name)).and_then(json::whole);
    let total = count(&["total_tokens"]);
    let input = count(&["prompt_tokens", "input_tokens"]);
    let output = count(&["completion_tokens", "output_tokens"]).unwrap_or(0);
    if matches!(task, Task::Transcriptions | Task::Translations) {
        heard(&mut fields, &["seconds", "prompt_audio_seconds"], units);
    }
    let input = input.or(total)?;
    let mut detail = |objects: &[&str], name: &str| {
        let object = objects.iter().find_map(|object| fields.take(object))?;
        Fields::lenient(object)?.take(name).and_then(json::whole)
    };
    let inside = ["input_tokens_details", "input_token_details", "prompt_tokens_details"];
    let outside = ["output_tokens_details"];
    match task {
        Task::Images | Task::ImageEdits => {
            units.image_input = detail(&inside, "image_tokens").unwrap_or(0);
            // Nothing but images is made here.
            units.image_output = detail(&outside, "image_tokens").unwrap_or(output);
        }
        Task::Transcriptions | Task::Translations => {
            units.audio_input = detail(&inside, "audio_tokens").unwrap_or(0);
        }
        Task::Speech => units.audio_output = output,
        _ => {}
    }
    Some(Usage { input, output, provenance: Provenance::Reported, ..Usage::default() })
}

/// The same for the `meta` of Cohere's answers.
pub(super) fn of_meta(raw: Raw<'_>, units: &mut Units) -> Option<Usage> {
    let mut meta = Fields::lenient(raw)?;
    let mut billed = meta.take("billed_units").and_then(Fields::lenient);
    let mut of = |name: &str| billed.as_mut()?.take(name).and_then(json::whole);
    units.searches = of("search_units");
    units.image_input = of("image_tokens").unwrap_or(0);
    let text = of("input_tokens");
    if text.is_none() && units.image_input == 0 {
        return None;
    }
    let input = text.unwrap_or(0).saturating_add(units.image_input);
    Some(Usage { input, provenance: Provenance::Reported, ..Usage::default() })
}

/// How much was heard, as a number of seconds or a text that holds one.
pub(super) fn heard(fields: &mut Fields<'_>, names: &[&str], units: &mut Units) {
    let Some(raw) = names.iter().find_map(|name| fields.take(name)) else { return };
    let text = json::text(raw);
    let seconds = text.as_deref().unwrap_or(raw.get()).parse::<f64>().ok();
    let plausible = seconds.filter(|seconds| (0.0..1e9).contains(seconds));
    if let Some(seconds) = plausible {
        units.milliseconds = Some((seconds * 1000.0).round() as u64);
    }
}
