//! Ranges: which numbers an option takes.

use std::fmt::{self, Display};
use std::ops::{Bound, RangeBounds};
use std::str::FromStr;

/// Most threads that may be asked for.
pub(crate) const MOST_THREADS: usize = 1024;
/// Most steps that may be asked of an item.
pub(crate) const MOST_STEPS: usize = 1_000_000;
/// Most sessions or questions.
pub(crate) const MOST: usize = 1_000_000_000;

/// A share of a whole, neither nothing nor all of it.
pub(crate) const SHARE: (Bound<f64>, Bound<f64>) = (Bound::Excluded(0.0), Bound::Excluded(1.0));
/// The share that is held out to validate.
pub(crate) const VALIDATION: (Bound<f64>, Bound<f64>) = up_to(0.5);
/// An epsilon of differential privacy. Beyond it nothing is promised that anyone could tell from no promise.
pub(crate) const PRIVACY_LOSS: (Bound<f64>, Bound<f64>) = up_to(100.0);

/// Above 0, and at most so much.
pub(crate) const fn up_to(most: f64) -> (Bound<f64>, Bound<f64>) {
    (Bound::Excluded(0.0), Bound::Included(most))
}

/// A number outside the range of its option. Holds what the option takes.
#[derive(Debug)]
pub(crate) struct OutOfRange(pub(crate) String);

impl Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it should be {}", self.0)
    }
}

impl std::error::Error for OutOfRange {}

/// Why a text is no value of an option.
type Refusal = Box<dyn std::error::Error + Send + Sync>;

/// Reads a number of a range, as the parser of an option's value. A number outside it is refused as [`OutOfRange`].
pub(crate) fn within<T: FromStr + PartialOrd + Display>(
    range: impl RangeBounds<T> + Clone + Send + Sync + 'static,
) -> impl Fn(&str) -> Result<T, Refusal> + Clone + Send + Sync + 'static {
    move |text| match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        // Numbers that the type cannot hold too: below 0, with a fraction, or too large.
        _ if text.parse::<f64>().is_ok() => Err(OutOfRange(told(&range)).into()),
        _ => Err("not a number".into()),
    }
}

fn told<T: FromStr + Display>(range: &impl RangeBounds<T>) -> String {
    let kind = if "0.5".parse::<T>().is_ok() { "a number" } else { "a whole number" };
    let low = match range.start_bound() {
        Bound::Included(low) => Some(format!("at least {low}")),
        Bound::Excluded(low) => Some(format!("above {low}")),
        Bound::Unbounded => None,
    };
    let high = match range.end_bound() {
        Bound::Included(high) => Some(format!("at most {high}")),
        Bound::Excluded(high) => Some(format!("below {high}")),
        Bound::Unbounded => None,
    };
    let limits: Vec<String> = low.into_iter().chain(high).collect();
    format!("{kind}, {}", limits.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_up_to_both_ends_of_their_range() {
        let threads = within::<usize>(1..=8);
        assert_eq!((threads("1").unwrap(), threads("8").unwrap()), (1, 8));
        for text in ["0", "9", "-1", "1.5", "1e300", "99999999999999999999999", "nan"] {
            let refusal = threads(text).unwrap_err();
            let OutOfRange(range) = refusal.downcast_ref().unwrap();
            assert_eq!(range, "a whole number, at least 1 and at most 8", "{text}");
        }
        let share = within(VALIDATION);
        assert_eq!(share("0.5").unwrap(), 0.5);
        for text in ["0", "0.51", "-0.1", "inf", "nan"] {
            assert_eq!(
                share(text).unwrap_err().to_string(),
                "it should be a number, above 0 and at most 0.5",
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_number_is_in_no_range() {
        for text in ["", "many", "1,5", "0x10"] {
            assert!(within::<u64>(0..=u64::MAX)(text).unwrap_err().downcast_ref::<OutOfRange>().is_none(), "{text}");
        }
    }
}
