//! Prices as shops write them.
//!
//! `"15.00 USD"`, `"$1,299.00"`, `"1.299,00 €"`, `{value, currency}`,
//! `{amountMicros, currencyCode}` and plain numbers are all one price.
//! Nothing is converted between currencies.

use crate::value::Value;

/// Unit price with the currency it was given in, if any.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Money {
    /// Amount in units of the currency. Finite, zero or more.
    pub(crate) amount: f32,
    /// ISO 4217 code, upper case.
    pub(crate) currency: Option<String>,
}

impl Money {
    /// Reads any of the spellings; `None` where there is no amount, or a negative one.
    pub(crate) fn read(value: &Value<'_>) -> Option<Money> {
        let (amount, currency) = match value {
            Value::Number(n) => (*n, None),
            Value::Text(s) => (amount(s)?, code(s)),
            Value::Map(_) => {
                let currency = value.get_any(&["currency", "currencyCode", "currency_code"]).and_then(Value::text);
                let amount = match value.get_any(&["amountMicros", "amount_micros"]) {
                    Some(micros) => micros.number()? / 1e6,
                    None => value.get_any(&["value", "amount"])?.number()?,
                };
                (amount, currency.and_then(code))
            }
            _ => return None,
        };
        // Above this an f32 no longer holds cents, and no shop sells.
        let sane = amount.is_finite() && (0.0..=1e9).contains(&amount);
        sane.then_some(Money { amount: amount as f32, currency })
    }
}

/// The number in a price string, with either decimal mark.
fn amount(text: &str) -> Option<f64> {
    let digits: String = text.chars().filter(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '-')).collect();
    let digits = digits.trim_matches(|c| matches!(c, '.' | ','));
    let decimal = decimal_mark(digits);
    let mut number = String::with_capacity(digits.len());
    for c in digits.chars() {
        match c {
            '.' | ',' if Some(c) == decimal => number.push('.'),
            '.' | ',' => {}
            c => number.push(c),
        }
    }
    number.parse().ok()
}

/// Which of `.` and `,` marks decimals: the last one where both occur, none where one repeats,
/// and a single comma before exactly three digits groups thousands.
fn decimal_mark(digits: &str) -> Option<char> {
    let last = digits.rfind(['.', ','])?;
    let mark = digits[last..].chars().next()?;
    let other = if mark == '.' { ',' } else { '.' };
    if digits.contains(other) {
        return Some(mark);
    }
    let once = digits.matches(mark).count() == 1;
    let groups = mark == ',' && digits.len() - last == 4;
    (once && !groups).then_some(mark)
}

/// A three-letter code, or one of the signs whose meaning is not in doubt.
fn code(text: &str) -> Option<String> {
    if text.contains('€') {
        return Some("EUR".into());
    }
    if text.contains('£') {
        return Some("GBP".into());
    }
    text.split(|c: char| !c.is_ascii_alphabetic()).find(|word| word.len() == 3).map(str::to_ascii_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<(f32, Option<String>)> {
        Money::read(&Value::from_json(json.as_bytes()).unwrap()).map(|m| (m.amount, m.currency))
    }

    #[test]
    fn every_spelling_of_a_price_is_read() {
        let usd = Some("USD".to_owned());
        for (json, amount, currency) in [
            (r#""15.00 USD""#, 15.0, usd.clone()),
            (r#""USD 15""#, 15.0, usd.clone()),
            (r#"{"value":"15.5","currency":"usd"}"#, 15.5, usd.clone()),
            (r#"{"amountMicros":"15990000","currencyCode":"USD"}"#, 15.99, usd),
            ("15.25", 15.25, None),
            (r#""1,299.00""#, 1299.0, None),
            (r#""1.299,00 €""#, 1299.0, Some("EUR".to_owned())),
            (r#""1,299""#, 1299.0, None),
            (r#""12,99""#, 12.99, None),
            (r#""£0""#, 0.0, Some("GBP".to_owned())),
            (r#""1.234.567""#, 1_234_567.0, None),
        ] {
            assert_eq!(read(json), Some((amount, currency)), "{json}");
        }
    }

    #[test]
    fn what_is_no_price_is_none() {
        for json in [r#""free""#, r#""-3""#, "-1", "1e30", "[]", "{}", r#"{"value":"x"}"#, "true", r#""""#, r#""1-2""#]
        {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
