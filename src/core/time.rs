//! RFC 3339 times, as campaign and sale windows write them.

use crate::event::Timestamp;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Reads `2026-11-24T10:00:00Z`, `2026-11-24T10:00+0100`, `2026-11-24 10:00:00.5+01:00` and `2026-11-24`
/// (its first moment, UTC). Times before 1970 are refused.
pub(crate) fn rfc3339(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let date = text.get(..10)?;
    let ms = days(date)? * DAY_MS + time_of_day(text.get(10..)?)?;
    u64::try_from(ms).ok().map(Timestamp)
}

/// Reads `START/END`, the end after the start.
pub(crate) fn interval(text: &str) -> Option<(Timestamp, Timestamp)> {
    let (from, until) = text.split_once('/')?;
    let window = (rfc3339(from)?, rfc3339(until)?);
    (window.0 < window.1).then_some(window)
}

/// Days since 1970 of a proleptic Gregorian date (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn days(date: &str) -> Option<i64> {
    let bytes = date.as_bytes();
    if bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (year, month, day) = (number(&date[..4])?, number(&date[5..7])?, number(&date[8..])?);
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let longest = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => 31,
    };
    if !(1..=12).contains(&month) || !(1..=longest).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Milliseconds after midnight UTC of what follows the date; nothing is midnight.
fn time_of_day(rest: &str) -> Option<i64> {
    let Some(rest) = rest.strip_prefix(['T', 't', ' ']) else {
        return rest.is_empty().then_some(0);
    };
    let end = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(end);
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (number(parts.next()?)?, number(parts.next()?)?);
    let second: f64 = parts.next().map_or(Some(0.0), |s| s.parse().ok())?;
    if !(0..24).contains(&hour) || !(0..60).contains(&minute) || !(0.0..61.0).contains(&second) {
        return None;
    }
    let ms = (hour * 60 + minute) * 60_000 + (second * 1000.0) as i64;
    Some(ms - zone_offset(zone)?)
}

/// Milliseconds that a zone is ahead of UTC. A time without a zone is UTC.
fn zone_offset(zone: &str) -> Option<i64> {
    if zone.is_empty() || zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("-", digits) => (-1, digits),
        ("+", digits) => (1, digits),
        _ => return None,
    };
    let digits = digits.replacen(':', "", 1);
    let (hours, minutes) = digits.split_at_checked(2)?;
    if minutes.len() != 2 {
        return None;
    }
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60_000)
}

fn number(digits: &str) -> Option<i64> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_are_read() {
        // Values from GNU date.
        for (text, ms) in [
            ("1970-01-01", 0),
            ("2026-11-24T10:00:00Z", 1_795_514_400_000),
            ("2026-11-24T11:00:00+01:00", 1_795_514_400_000),
            ("2026-11-24T11:00+0100", 1_795_514_400_000),
            ("2024-02-29T23:59:59.500Z", 1_709_251_199_500),
            ("2000-03-01 00:00:00Z", 951_868_800_000),
        ] {
            assert_eq!(rfc3339(text), Some(Timestamp(ms)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "soon",
            "2026-13-01",
            "2025-02-29",
            "2026-11-24T25:00Z",
            "1960-01-01",
            "2026-11-24T10:00+1",
            "2026-11-24T10:00+1é1",
            "2026-11-24x",
            "２０２６-01-01",
        ] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn an_interval_ends_after_it_starts() {
        assert!(interval("2026-01-01/2026-01-02").is_some());
        assert!(interval("2026-01-02/2026-01-01").is_none());
    }
}
