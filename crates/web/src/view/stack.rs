//! Amounts of money over time, told apart by colour: numbers for an SVG.

use std::collections::BTreeMap;

use domain::{CURRENCY, Timestamp};

use super::{
    chart::{Bar, Bucket, FLOOR, HEIGHT, LEFT, Label, Part, TOP, Tick, WIDTH, ceiling, short},
    money,
};

/// Amounts of one thing, by the start of their step, in nano-units.
#[derive(Clone, Debug)]
pub struct Series {
    pub name: String,
    pub values: BTreeMap<Timestamp, u64>,
}

/// What a colour stands for.
#[derive(Clone, Debug)]
pub struct Key {
    pub class: &'static str,
    pub name: String,
}

#[derive(Clone, Debug)]
pub struct StackRow {
    pub label: String,
    pub cells: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Stack {
    pub title: String,
    /// Heads the first column of the table: `Hour` or `Day`.
    pub unit: String,
    pub width: u32,
    pub height: u32,
    pub left: u32,
    pub ticks: Vec<Tick>,
    pub bars: Vec<Bar>,
    pub labels: Vec<Label>,
    pub legend: Vec<Key>,
    pub rows: Vec<StackRow>,
}

/// The last is that of everything else.
const CLASSES: [&str; 6] = ["s1", "s2", "s3", "s4", "s5", "s6"];

impl Stack {
    /// Draws at most six series over steps that begin at `starts` and are called as in `buckets`; nothing when all are
    /// zero.
    #[must_use]
    pub fn new(
        title: String,
        unit: &str,
        (starts, buckets): (&[Timestamp], &[Bucket]),
        mut series: Vec<Series>,
    ) -> Option<Self> {
        series.retain(|one| one.values.values().any(|nano| *nano > 0));
        let at = |one: &Series, start: &Timestamp| one.values.get(start).copied().unwrap_or(0);
        let sum = |start: &Timestamp| series.iter().map(|one| at(one, start)).sum::<u64>();
        let most = starts.iter().map(sum).max().filter(|most| *most > 0)?;
        let top = ceiling(most);
        let step = f64::from(WIDTH - LEFT) / starts.len() as f64;
        let gap = if step > 12.0 { 3.0 } else { 1.0 };
        let keys = series.iter().zip(CLASSES);
        let mut stack = Self {
            title,
            unit: unit.to_owned(),
            width: WIDTH,
            height: HEIGHT,
            left: LEFT,
            ticks: [0_u64, 1, 2].map(|half| tick(half, top)).to_vec(),
            bars: Vec::new(),
            labels: Vec::new(),
            legend: keys.map(|(one, class)| Key { class, name: one.name.clone() }).collect(),
            rows: Vec::new(),
        };
        for (place, (start, bucket)) in starts.iter().zip(buckets).enumerate() {
            let x = step.mul_add(place as f64, f64::from(LEFT));
            let values: Vec<_> = series.iter().map(|one| at(one, start)).collect();
            let title = format!("{}: {}", bucket.label, money(sum(start), CURRENCY));
            let (x_of, width) = (short(x + gap / 2.0), short(step - gap));
            stack.bars.push(Bar { x: x_of, width, title, parts: parts(&values, top) });
            if !bucket.short.is_empty() {
                stack.labels.push(Label { x: short(x + step / 2.0), text: bucket.short.clone() });
            }
            let cells = values.iter().map(|nano| money(*nano, CURRENCY)).collect();
            stack.rows.push(StackRow { label: bucket.label.clone(), cells });
        }
        Some(stack)
    }
}

fn tick(half: u64, top: u64) -> Tick {
    let tall = FLOOR - TOP;
    let nano = top / 2 * half;
    // Without the currency, which the legend says.
    let label = money(nano, "").trim_end().replace("under 0.000001", "");
    Tick { y: FLOOR - tall * u32::try_from(half).unwrap_or(0) / 2, label }
}

fn parts(values: &[u64], top: u64) -> Vec<Part> {
    let mut floor = f64::from(FLOOR);
    let drawn = values.iter().zip(CLASSES).filter(|(nano, _)| **nano > 0);
    drawn
        .map(|(nano, class)| {
            let height = f64::from(FLOOR - TOP) * *nano as f64 / top as f64;
            floor -= height;
            Part { class, y: short(floor), height: short(height) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_on_one_another_and_end_under_the_top() {
        let starts = [0, 1].map(Timestamp::from_millis);
        let buckets = [Bucket::default(), Bucket::default()];
        let series = |name: &str, value| Series {
            name: name.to_owned(),
            values: BTreeMap::from([(starts[1], value)]),
        };
        let all = vec![series("a", 3_000_000_000), series("none", 0), series("b", 1_000_000_000)];
        let stack = Stack::new(String::new(), "Day", (&starts, &buckets), all).unwrap();
        assert_eq!(
            stack.legend.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(),
            ["a", "b"]
        );
        let parts: Vec<_> = stack.bars[1]
            .parts
            .iter()
            .map(|part| (part.class, part.y.clone(), part.height.clone()))
            .collect();
        assert_eq!(
            parts,
            [("s1", "55.5".into(), "136.5".into()), ("s2", "10".into(), "45.5".into())]
        );
        assert!(stack.bars[0].parts.is_empty());
        assert_eq!(stack.ticks[2].label, "4.00");
        assert!(
            Stack::new(String::new(), "Day", (&starts, &buckets), vec![series("none", 0)])
                .is_none()
        );
    }
}
