//! Values of impressions as tables write them.

use nearside_core::{AGE_BANDS, Device, GENDERS, PageType, Timestamp};

/// Whether a value says something. `other` is what a table calls its rare values.
pub(super) fn is_told(value: &str) -> bool {
    !matches!(value, "" | "other" | "null" | "NULL" | "Na" | "NA" | "nan" | "NaN" | "unknown" | "-1")
}

/// A page type's number.
pub(super) fn page(text: &str) -> Option<u64> {
    let place = PageType::ALL.iter().position(|page| format!("{page:?}").eq_ignore_ascii_case(text.trim()))?;
    Some(place as u64)
}

/// A device class's number, from its word or from a user agent.
pub(super) fn device(text: &str) -> Option<u64> {
    const SIGNS: [(&str, Device); 12] = [
        ("tablet", Device::Tablet),
        ("ipad", Device::Tablet),
        ("phone", Device::Phone),
        ("android", Device::Phone),
        ("ios", Device::Phone),
        ("mobile", Device::Phone),
        ("desktop", Device::Desktop),
        ("windows", Device::Desktop),
        ("mac", Device::Desktop),
        ("linux", Device::Desktop),
        ("pc", Device::Desktop),
        ("computer", Device::Desktop),
    ];
    let text = text.to_lowercase();
    SIGNS.iter().find(|(sign, _)| text.contains(sign)).map(|(_, device)| *device as u64)
}

/// An age band's number, from its words, a level from 1 to 6, or years.
pub(super) fn age_band(text: &str) -> Option<u64> {
    if let Some(band) = AGE_BANDS.iter().position(|band| *band == text) {
        return Some(band as u64);
    }
    match text.parse::<f64>().ok()? {
        level if (1.0..=6.0).contains(&level) => Some(level as u64 - 1),
        years if (18.0..130.0).contains(&years) => {
            let first = [25.0, 35.0, 45.0, 55.0, 65.0];
            Some(first.iter().filter(|first| years >= **first).count() as u64)
        }
        _ => None,
    }
}

/// A gender's number, from its word or ISO/IEC 5218's number.
pub(super) fn gender(text: &str) -> Option<u64> {
    let word = match text.trim() {
        "1" | "m" | "M" => "male",
        "2" | "f" | "F" => "female",
        word => word,
    };
    GENDERS.iter().position(|gender| gender.eq_ignore_ascii_case(word)).map(|place| place as u64)
}

/// A moment of the week from Monday, 2026-01-05 UTC.
pub(super) fn in_week(weekday: Option<u64>, hour: Option<u64>) -> Timestamp {
    const MONDAY_MS: u64 = 1_767_571_200_000;
    const HOUR_MS: u64 = 60 * 60 * 1000;
    let day = weekday.map_or(0, |day| (day + 6) % 7);
    Timestamp(MONDAY_MS + (24 * day + hour.unwrap_or(0)) * HOUR_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_bands_levels_or_years() {
        assert_eq!(
            ["18-24", "65+", "1", "6", "24", "25", "70", "12", "x"].map(age_band),
            [Some(0), Some(5), Some(0), Some(5), Some(0), Some(1), Some(5), None, None]
        );
    }
}
