//! What people read when money runs out.

use domain::{CURRENCY, Error, Timestamp};

use super::counter::Place;

const UNIT: u64 = 1_000_000_000;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const ASK: &str = "An admin of your organization can raise it.";

/// Nobody with a known price could be asked.
pub(super) fn no_price() -> Error {
    Error::forbidden(
        "A budget applies to this request, and no provider of this model has a known price, so nobody can say what it \
         would cost.",
    )
    .with_code("no_price")
}

/// Why the request was not sent, and whether that may pass by itself when other requests have ended.
pub(super) fn too_little(place: &Place) -> (String, bool) {
    let (limit, sums) = (place.counter.limit(), place.window.sums());
    let (which, renews) = (budget(place), renewal(place));
    if sums.all_spent() >= limit {
        return (format!("{which} is used up. {renews} {ASK}"), false);
    }
    if sums.all_reserved() > 0 {
        let (left, held) = (money(sums.free(limit)), money(sums.all_reserved()));
        return (
            format!(
                "{which} has {left} left, too little for this request, besides {held} that is set aside for requests \
                 under way. Try again when they have ended. {ASK}"
            ),
            true,
        );
    }
    let left = money(sums.free(limit));
    (format!("{which} has {left} left, too little for this request. {renews} {ASK}"), false)
}

/// Why the answer ends here.
pub(super) fn cut(place: &Place) -> String {
    let (which, renews) = (budget(place), renewal(place));
    format!("{which} was used up while this answer was written, so it ends here. {renews} {ASK}")
}

fn budget(place: &Place) -> String {
    let budget = &place.counter.budget;
    let whose = match budget.of {
        domain::BudgetOf::Key(_) => "this API key",
        domain::BudgetOf::User(_) => "the member who made this API key",
        domain::BudgetOf::Project(_) => "this project",
        domain::BudgetOf::Organization => "your organization",
    };
    let limit = money(place.counter.limit());
    format!("The budget of {whose} ({limit} {})", budget.period.says())
}

fn renewal(place: &Place) -> String {
    match place.window.span.until {
        Some(until) => format!("It begins anew on {}.", day(until)),
        None => "It does not begin anew.".to_owned(),
    }
}

/// The first moment of a day, as people write it.
fn day(at: Timestamp) -> String {
    let at = at.to_datetime();
    let month = MONTHS.get(usize::from(u8::from(at.month())) - 1).unwrap_or(&"");
    format!("{} {month} {} at 00:00 UTC", at.day(), at.year())
}

/// Two decimals from a cent on, up to nine below it.
fn money(nano: u64) -> String {
    if nano == 0 || nano >= UNIT / 100 {
        // Rounded down: nobody is told of money that is not there.
        return format!("{}.{:02} {CURRENCY}", nano / UNIT, nano % UNIT / (UNIT / 100));
    }
    let digits = format!("{nano:09}");
    format!("0.{} {CURRENCY}", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_days_read_well() {
        assert_eq!(money(0), "0.00 USD");
        assert_eq!(money(12_345_999_999_999), "12345.99 USD");
        assert_eq!(money(2_500_000), "0.0025 USD");
        assert_eq!(day(Timestamp::from_millis(1_798_761_600_000)), "1 Jan 2027 at 00:00 UTC");
    }
}
