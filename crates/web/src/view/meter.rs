//! How much of something is used up, as numbers for an SVG.

/// Widths are of a bar that is a hundred wide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meter {
    /// `good`, `waiting` or `failing`.
    pub tone: &'static str,
    /// For those who do not see it, such as `84 % spent`.
    pub label: String,
    pub spent: String,
    /// Begins where the spent part ends.
    pub reserved: String,
}

impl Meter {
    /// Of `limit`; the bar ends at it, the label may say more.
    #[must_use]
    pub fn new(spent: u64, reserved: u64, limit: u64) -> Self {
        let share = |part: u64| match limit {
            0 => 1_000,
            limit => {
                u64::try_from(u128::from(part) * 1_000 / u128::from(limit)).unwrap_or(u64::MAX)
            }
        };
        let of_spent = share(spent);
        let tone = match of_spent {
            0..800 => "good",
            800..1_000 => "waiting",
            _ => "failing",
        };
        let shown = of_spent.min(1_000);
        let rest = if limit == 0 { 0 } else { share(reserved).min(1_000 - shown) };
        Self {
            tone,
            label: format!("{} % spent", of_spent / 10),
            spent: tenths(shown),
            reserved: tenths(rest),
        }
    }
}

fn tenths(thousandths: u64) -> String {
    format!("{}.{}", thousandths / 10, thousandths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_ends_at_the_limit() {
        let meter = |spent, reserved, limit| {
            let meter = Meter::new(spent, reserved, limit);
            (meter.tone, meter.label, meter.spent, meter.reserved)
        };
        let told = |tone, label: &str, spent: &str, reserved: &str| {
            (tone, label.to_owned(), spent.to_owned(), reserved.to_owned())
        };
        assert_eq!(meter(0, 0, 10), told("good", "0 % spent", "0.0", "0.0"));
        assert_eq!(meter(123, 877, 1_000), told("good", "12 % spent", "12.3", "87.7"));
        assert_eq!(meter(80, 90, 100), told("waiting", "80 % spent", "80.0", "20.0"));
        assert_eq!(meter(150, 5, 100), told("failing", "150 % spent", "100.0", "0.0"));
        assert_eq!(meter(0, 0, 0), told("failing", "100 % spent", "100.0", "0.0"));
    }
}
