//! A bar chart as numbers for an SVG: requests per hour or day, answered and failed.

/// One bucket of time.
#[derive(Clone, Debug, Default)]
pub struct Bucket {
    /// In the table, such as `20 Nov, 09:00`.
    pub label: String,
    /// Under the bar, such as `09:00`; empty for none.
    pub short: String,
    pub answered: u64,
    pub failed: u64,
    pub input: u64,
    pub output: u64,
}

#[derive(Clone, Debug)]
pub struct Part {
    pub class: &'static str,
    pub y: String,
    pub height: String,
}

#[derive(Clone, Debug)]
pub struct Bar {
    pub x: String,
    pub width: String,
    pub title: String,
    pub parts: Vec<Part>,
}

#[derive(Clone, Debug)]
pub struct Tick {
    pub y: u32,
    pub label: String,
}

#[derive(Clone, Debug)]
pub struct Label {
    pub x: String,
    pub text: String,
}

#[derive(Clone, Debug)]
pub struct Row {
    pub label: String,
    pub answered: String,
    pub failed: String,
    pub input: String,
    pub output: String,
}

#[derive(Clone, Debug)]
pub struct Chart {
    pub title: String,
    /// Heads the first column of the table: `Hour` or `Day`.
    pub unit: String,
    pub width: u32,
    pub height: u32,
    pub left: u32,
    pub ticks: Vec<Tick>,
    pub bars: Vec<Bar>,
    pub labels: Vec<Label>,
    pub rows: Vec<Row>,
}

pub(super) const WIDTH: u32 = 960;
pub(super) const HEIGHT: u32 = 220;
pub(super) const LEFT: u32 = 48;
pub(super) const TOP: u32 = 10;
pub(super) const FLOOR: u32 = 192;

impl Chart {
    /// Draws `buckets`, oldest first; nothing when all are empty.
    #[must_use]
    pub fn new(title: String, unit: &str, buckets: &[Bucket]) -> Option<Self> {
        let most =
            buckets.iter().map(|one| one.answered + one.failed).max().filter(|most| *most > 0)?;
        let top = ceiling(most);
        let step = f64::from(WIDTH - LEFT) / buckets.len() as f64;
        let gap = if step > 12.0 { 3.0 } else { 1.0 };
        let mut chart = Self {
            title,
            unit: unit.to_owned(),
            width: WIDTH,
            height: HEIGHT,
            left: LEFT,
            ticks: ticks(top),
            bars: Vec::new(),
            labels: Vec::new(),
            rows: Vec::new(),
        };
        for (at, one) in buckets.iter().enumerate() {
            let x = step.mul_add(at as f64, f64::from(LEFT));
            chart.bars.push(bar(one, x + gap / 2.0, step - gap, top));
            if !one.short.is_empty() {
                chart.labels.push(Label { x: short(x + step / 2.0), text: one.short.clone() });
            }
            chart.rows.push(Row {
                label: one.label.clone(),
                answered: super::count(one.answered),
                failed: super::count(one.failed),
                input: super::count(one.input),
                output: super::count(one.output),
            });
        }
        Some(chart)
    }
}

fn bar(one: &Bucket, x: f64, width: f64, top: u64) -> Bar {
    let tall = |number: u64| f64::from(FLOOR - TOP) * number as f64 / top as f64;
    let (answered, failed) = (tall(one.answered), tall(one.failed));
    let floor = f64::from(FLOOR);
    let parts = [("ok", floor - answered, answered), ("bad", floor - answered - failed, failed)];
    let title = format!(
        "{}: {} answered, {} failed",
        one.label,
        super::count(one.answered),
        super::count(one.failed)
    );
    let parts = parts
        .into_iter()
        .filter(|(_, _, height)| *height > 0.0)
        .map(|(class, y, height)| Part { class, y: short(y), height: short(height) })
        .collect();
    Bar { x: short(x), width: short(width), title, parts }
}

fn ticks(top: u64) -> Vec<Tick> {
    // Halves only when they are whole numbers.
    let steps: &[u64] = if top.is_multiple_of(2) { &[0, 1, 2] } else { &[0, 2] };
    let tall = FLOOR - TOP;
    steps
        .iter()
        .map(|half| Tick {
            y: FLOOR - tall * u32::try_from(*half).unwrap_or(0) / 2,
            label: super::count(top * half / 2),
        })
        .collect()
}

/// The next of 1, 2, 4, 6, 8, 10, 20, 40, …
pub(super) fn ceiling(most: u64) -> u64 {
    let mut power = 1u64;
    loop {
        for factor in [1, 2, 4, 6, 8] {
            if power.saturating_mul(factor) >= most {
                return power.saturating_mul(factor);
            }
        }
        power = power.saturating_mul(10);
    }
}

pub(super) fn short(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tallest_bar_stays_under_the_top_line() {
        let buckets: Vec<_> = [0, 37, 4]
            .iter()
            .map(|&answered| Bucket { answered, failed: 2, ..Bucket::default() })
            .collect();
        let chart = Chart::new("Requests".to_owned(), "Hour", &buckets).unwrap();
        assert_eq!(chart.ticks.last().unwrap().label, "40");
        let highest = &chart.bars[1].parts[1];
        assert!(highest.y.parse::<f64>().unwrap() >= f64::from(TOP));
        assert!(Chart::new(String::new(), "Hour", &[Bucket::default()]).is_none());
    }
}
