//! What the shopper tells of themselves: basic information and preferences.

use crate::error::Error;
use crate::profile::{AGE_BANDS, Basic, GENDERS, Subject};
use crate::value::Value;

/// A statement, read from `{ basic?: { age_band?, gender?, region? } | null, preferences?: [{ category? | brand?, weight }] }`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statement {
    /// Replaces all basic information. `Some` of the default takes it back; `None` leaves it.
    pub basic: Option<Basic>,
    /// Preferences to add or change.
    pub preferences: Vec<(Subject, f64)>,
}

impl Statement {
    /// Reads a statement. Nothing is taken from one with a fault in it.
    pub fn read(value: &Value<'_>) -> Result<Statement, Error> {
        let Some(entries) = value.entries() else {
            return Err(value.invalid("statement", "an object with `basic` or `preferences`"));
        };
        // `null` takes back what was told; leaving the key out does not.
        let basic = match entries.iter().find(|(key, _)| key == "basic").map(|(_, v)| v) {
            None => None,
            Some(Value::Null) => Some(Basic::default()),
            Some(basic) => Some(read_basic(basic)?),
        };
        let preferences = match value.get("preferences") {
            None => Vec::new(),
            Some(list) => {
                let rows = list.list().ok_or_else(|| list.invalid("preferences", "an array"))?;
                rows.iter().map(read_preference).collect::<Result<_, _>>()?
            }
        };
        Ok(Statement { basic, preferences })
    }
}

fn read_basic(value: &Value<'_>) -> Result<Basic, Error> {
    if value.entries().is_none() {
        return Err(value.invalid("basic", "an object with age_band, gender or region, or null"));
    }
    let one_of = |key: &str, field: &'static str, words: &[&str], expected: &'static str| match value.get(key) {
        None => Ok(None),
        Some(given) => match words.iter().position(|word| given.text() == Some(word)) {
            Some(index) => Ok(Some(index as u8)),
            None => Err(given.invalid(field, expected)),
        },
    };
    let region = match value.get("region") {
        None => None,
        Some(region) => Some(region.id().ok_or_else(|| region.invalid("basic.region", "a string"))?),
    };
    Ok(Basic {
        age_band: one_of("age_band", "basic.age_band", &AGE_BANDS, "one of 18-24, 25-34, 35-44, 45-54, 55-64, 65+")?,
        gender: one_of("gender", "basic.gender", &GENDERS, "one of female, male, other")?,
        region,
    })
}

fn read_preference(value: &Value<'_>) -> Result<(Subject, f64), Error> {
    let weight = value.get("weight").unwrap_or(&Value::Null);
    let valid = weight.number().filter(|w| (-1.0..=1.0).contains(w));
    let weight = valid.ok_or_else(|| weight.invalid("preferences.weight", "a number from -1 to 1"))?;
    let text = |key: &str| value.get(key).and_then(Value::id);
    match (text("category"), text("brand")) {
        (Some(path), None) => Ok((Subject::Category(path), weight)),
        (None, Some(brand)) => Ok((Subject::Brand(brand), weight)),
        _ => Err(value.invalid("preferences", "either a category or a brand in each preference")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Statement, Error> {
        Statement::read(&Value::from_json(json.as_bytes()).unwrap())
    }

    #[test]
    fn null_takes_basic_information_back_and_silence_leaves_it() {
        assert_eq!(read(r#"{"basic":null}"#).unwrap().basic, Some(Basic::default()));
        assert_eq!(read("{}").unwrap().basic, None);
    }

    #[test]
    fn each_wrong_field_is_named() {
        for (json, field) in [
            ("3", "statement"),
            (r#"{"basic":7}"#, "basic"),
            (r#"{"basic":{"age_band":"12-17"}}"#, "basic.age_band"),
            (r#"{"preferences":{}}"#, "preferences"),
            (r#"{"preferences":[{"category":"A","weight":2}]}"#, "preferences.weight"),
            (r#"{"preferences":[{"weight":1}]}"#, "preferences"),
        ] {
            assert_eq!(read(json).unwrap_err().field(), Some(field), "{json}");
        }
    }
}
