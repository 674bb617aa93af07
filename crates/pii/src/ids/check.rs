//! Arithmetic that many numbers share. Digits are values from 0 to 9; what is missing counts as 0.

pub(super) fn digit(digits: &[u8], place: usize) -> u32 {
    digits.get(place).copied().map_or(0, u32::from)
}

/// The number that these digits spell.
pub(super) fn number(digits: &[u8], from: usize, length: usize) -> u64 {
    digits.iter().skip(from).take(length).fold(0, |sum, digit| sum * 10 + u64::from(*digit))
}

pub(super) fn two(digits: &[u8], from: usize) -> u32 {
    digit(digits, from) * 10 + digit(digits, from + 1)
}

/// The sum of digits times weights, over the shorter of both.
pub(super) fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| u32::from(*digit) * weight).sum()
}

pub(crate) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let doubled = u32::from(*digit) * if place % 2 == 1 { 2 } else { 1 };
            if doubled > 9 { doubled - 9 } else { doubled }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// ISO 7064 MOD 11,10.
pub(super) fn mod_11_10(digits: &[u8]) -> bool {
    let Some((last, rest)) = digits.split_last() else { return false };
    let product = rest.iter().fold(10, |product, digit| {
        let sum = (u32::from(*digit) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (product + u32::from(*last)) % 10 == 1
}

/// Weights 1 and 3 from the left, as on goods.
pub(super) fn ean_13(digits: &[u8]) -> bool {
    digits.len() == 13
        && weighted(digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

/// The dihedral group's multiplication and permutation, without tables of 100 entries.
pub(super) fn verhoeff(digits: &[u8]) -> bool {
    const POWERS: [u32; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let mut check = 0;
    for (place, digit) in digits.iter().rev().enumerate() {
        let mut value = u32::from(*digit);
        for _ in 0..place % 8 {
            value = POWERS.get(value as usize).copied().unwrap_or(0);
        }
        check = dihedral(check, value);
    }
    check == 0
}

fn dihedral(left: u32, right: u32) -> u32 {
    match (left < 5, right < 5) {
        (true, true) => (left + right) % 5,
        (true, false) => (left + right) % 5 + 5,
        (false, true) => (left + 5 - right) % 5 + 5,
        (false, false) => (left + 5 - right) % 5,
    }
}

pub(super) fn is_date(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().map(|byte| byte - b'0').collect()
    }

    #[test]
    fn verhoeff_finds_every_wrong_digit_and_every_swap() {
        let good: Vec<String> =
            (0..10).map(|last| format!("8314702{last}")).filter(|t| verhoeff(&digits(t))).collect();
        assert_eq!(good.len(), 1);
        let good = digits(&good[0]);
        for place in 0..good.len() {
            for value in 0..10 {
                let mut bad = good.clone();
                bad[place] = value;
                assert_eq!(verhoeff(&bad), bad == good);
            }
        }
        for place in 1..good.len() {
            let mut bad = good.clone();
            bad.swap(place - 1, place);
            assert_eq!(verhoeff(&bad), bad == good);
        }
        assert!(verhoeff(&digits("2363")), "the textbook's example");
    }

    #[test]
    fn dates_know_leap_years() {
        assert!(is_date(2000, 2, 29) && is_date(2024, 2, 29));
        assert!(!is_date(1900, 2, 29) && !is_date(2023, 2, 29));
        assert!(!is_date(2023, 4, 31) && !is_date(2023, 13, 1) && !is_date(2023, 0, 1));
        assert!(!is_date(2023, 1, 0) && !is_date(2023, 1, 32));
    }
}
