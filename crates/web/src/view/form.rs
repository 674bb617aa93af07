//! Form fields as a page shows them: what was typed, and what is wrong with it.

/// One field: its value is kept when the form comes back with an error.
#[derive(Clone, Debug, Default)]
pub struct Field {
    pub value: String,
    pub error: Option<String>,
}

impl Field {
    pub fn new(value: impl Into<String>) -> Self {
        Self { value: value.into(), error: None }
    }

    #[must_use]
    pub fn wrong(mut self, error: impl Into<String>) -> Self {
        self.error = Some(error.into());
        self
    }
}

/// One line of the summary on top of a form; `field` is the id to jump to, or empty.
#[derive(Clone, Debug)]
pub struct Problem {
    pub field: &'static str,
    pub text: String,
}

impl Problem {
    /// The problems of these fields, in their order.
    #[must_use]
    pub fn of(fields: &[(&'static str, &Field)]) -> Vec<Self> {
        let one = |(name, field): &(&'static str, &Field)| {
            field.error.clone().map(|text| Self { field: name, text })
        };
        fields.iter().filter_map(one).collect()
    }

    /// A problem of a field that says nothing itself, such as a group of choices.
    pub fn at(field: &'static str, text: impl Into<String>) -> Self {
        Self { field, text: text.into() }
    }

    /// A problem that belongs to no single field.
    pub fn whole(text: impl Into<String>) -> Self {
        Self { field: "", text: text.into() }
    }
}

/// An option of a select or a radio group.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    pub value: String,
    pub label: String,
    pub help: String,
    pub chosen: bool,
}

impl Choice {
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into(), ..Self::default() }
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    #[must_use]
    pub const fn chosen(mut self, chosen: bool) -> Self {
        self.chosen = chosen;
        self
    }
}
