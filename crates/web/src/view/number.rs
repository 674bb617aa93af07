//! Numbers and names of fields as people read them. The locale is English until texts are translated.

/// `1234567` as `1,234,567`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `last_four` as `Last four`.
#[must_use]
pub fn label(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `2 keys`, `1 key`.
#[must_use]
pub fn plural(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// Nano-units of a currency: two decimals from a cent on, up to six below it.
#[must_use]
pub fn money(nano: u64, currency: &str) -> String {
    const UNIT: u64 = 1_000_000_000;
    let (whole, rest) = (nano / UNIT, nano % UNIT);
    if nano == 0 {
        return format!("0.00 {currency}");
    }
    if nano < 1_000 {
        return format!("under 0.000001 {currency}");
    }
    if nano < UNIT / 100 {
        let micro = format!("{:06}", rest / 1_000);
        return format!("0.{} {currency}", micro.trim_end_matches('0'));
    }
    let cents = (rest + UNIT / 200) / (UNIT / 100);
    format!("{}.{:02} {currency}", count(whole + cents / 100), cents % 100)
}

/// A duration in milliseconds: `840 ms`, `2.4 s`, `3 min 5 s`.
#[must_use]
pub fn millis(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        _ => format!("{} min {} s", millis / 60_000, millis % 60_000 / 1_000),
    }
}

/// A size in bytes: `940 B`, `12 KiB`, `3.4 MiB`.
#[must_use]
pub fn bytes(size: u64) -> String {
    match size {
        0..1_024 => format!("{size} B"),
        1_024..1_048_576 => format!("{} KiB", size / 1_024),
        _ => format!("{}.{} MiB", size / 1_048_576, size % 1_048_576 * 10 / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_well() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(12), "12");
        assert_eq!(money(0, "USD"), "0.00 USD");
        assert_eq!(money(12, "USD"), "under 0.000001 USD");
        assert_eq!(money(2_500_000, "USD"), "0.0025 USD");
        assert_eq!(money(1_999_999_999, "USD"), "2.00 USD");
        assert_eq!(money(12_345_678_901_234, "EUR"), "12,345.68 EUR");
        assert_eq!(millis(2_440), "2.4 s");
        assert_eq!(plural(1, "key", "keys"), "1 key");
        assert_eq!(label("last_four"), "Last four");
        assert_eq!(label(""), "");
    }
}
