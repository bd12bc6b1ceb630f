//! `nearside.segments`: kinds of shoppers that the trainer found, as directions to compare a profile with.
//!
//! ```json
//! {"schema": 1, "space": "profile.interest", "segments": [{"name": "Guitars", "share": 0.31, "centroid": [0.12, ...]}]}
//! ```
//!
//! Centroids have length 1, up to rounding to three digits, and the width of the core's hashed content vectors: in a
//! catalogue that brings its own embeddings, `profile.interest` is in another space and says nothing of them.

use nearside_core::content::{WIDTH, dot};
use nearside_core::{Feature, Value};

use crate::{Error, limits};

/// The metadata's key.
pub(crate) const KEY: &str = "nearside.segments";

/// The form of the metadata that this build reads.
const SCHEMA: f64 = 1.0;
/// How far the square of a centroid's length may be from 1. Three digits in 64 numbers leave at most 0.008.
const LENGTH_TOLERANCE: f32 = 0.01;

/// A kind of shopper.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// What leads in it, for people.
    pub name: String,
    /// Its share of the sessions that were trained on, 0 to 1.
    pub share: f32,
    /// Where `profile.interest` points in its middle: [`WIDTH`] numbers.
    pub centroid: Vec<f32>,
}

/// The segment whose centroid is nearest to a `profile.interest`, as its index; of equally near ones the first. `None`
/// where there are none, where the vector is all zeros (an empty profile) and where it has another width.
pub fn nearest(segments: &[Segment], interest: &[f32]) -> Option<usize> {
    if interest.len() != WIDTH || interest.iter().all(|x| *x == 0.0) {
        return None;
    }
    let mut nearest: Option<(usize, f32)> = None;
    for (index, segment) in segments.iter().enumerate() {
        let cosine = dot(&segment.centroid, interest);
        if nearest.is_none_or(|(_, best)| cosine > best) {
            nearest = Some((index, cosine));
        }
    }
    nearest.map(|(index, _)| index)
}

/// Reads the metadata.
///
/// Errors: `model-damaged` for [`KEY`] where it has another form, space or width or a centroid that is no direction;
/// `model-too-large` for more than [`limits::SEGMENTS`].
pub(crate) fn read(text: &str) -> Result<Vec<Segment>, Error> {
    let damaged = |fault: &str| Error::damaged(KEY, fault);
    let value = Value::from_json(text.as_bytes()).map_err(|_| damaged("is not JSON"))?;
    if !matches!(value.get("schema"), Some(Value::Number(schema)) if *schema == SCHEMA) {
        return Err(damaged("is not of schema 1"));
    }
    if value.get("space").and_then(Value::text) != Some(Feature::ProfileInterest.name()) {
        return Err(damaged("is in another space than profile.interest"));
    }
    let rows = value.get("segments").and_then(Value::list).ok_or_else(|| damaged("has no list of segments"))?;
    if rows.len() > limits::SEGMENTS {
        let (limit, got) = (limits::SEGMENTS as u64, rows.len() as u64);
        return Err(Error::TooLarge { what: KEY.into(), limit, got });
    }
    let mut segments = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        segments.push(segment(row).map_err(|fault| Error::damaged(KEY, format!("has a segment {index} {fault}")))?);
    }
    Ok(segments)
}

fn segment(row: &Value<'_>) -> Result<Segment, &'static str> {
    let number = |value: &Value<'_>| if let Value::Number(x) = value { Some(*x as f32) } else { None };
    let name = row.get("name").and_then(Value::text).filter(|name| !name.is_empty()).ok_or("without a name")?;
    let share = row.get("share").and_then(number).filter(|share| (0.0..=1.0).contains(share));
    let centroid: Vec<f32> =
        row.get("centroid").and_then(Value::list).unwrap_or_default().iter().filter_map(number).collect();
    if centroid.len() != WIDTH {
        return Err("whose centroid is not 64 numbers");
    }
    if centroid.iter().any(|x| !x.is_finite()) {
        return Err("whose centroid is not finite");
    }
    if (dot(&centroid, &centroid) - 1.0).abs() > LENGTH_TOLERANCE {
        return Err("whose centroid is not of length 1");
    }
    Ok(Segment { name: name.into(), share: share.ok_or("whose share is not 0 to 1")?, centroid })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn axis(axis: usize, length: f64) -> Vec<f64> {
        let mut centroid = vec![0.0; WIDTH];
        centroid[axis] = length;
        centroid
    }

    fn written(segments: serde_json::Value) -> String {
        json!({"schema": 1, "space": "profile.interest", "segments": segments}).to_string()
    }

    fn one(name: &str, share: f64, centroid: &[f64]) -> serde_json::Value {
        json!([{"name": name, "share": share, "centroid": centroid}])
    }

    #[test]
    fn names_shares_and_centroids_are_read_in_their_order() {
        let text = written(json!([
            {"name": "Guitars", "share": 0.75, "centroid": axis(3, 1.0)},
            {"name": "Drums", "share": 0.25, "centroid": axis(9, -0.998)},
        ]));
        let segments = read(&text).unwrap();
        let told: Vec<(&str, f32)> = segments.iter().map(|s| (s.name.as_str(), s.share)).collect();
        assert_eq!(told, [("Guitars", 0.75), ("Drums", 0.25)]);
        assert_eq!((segments[0].centroid[3], segments[1].centroid[9]), (1.0, -0.998));
    }

    #[test]
    fn what_is_no_direction_of_the_width_is_refused_and_says_what_is_wrong() {
        let right = axis(0, 1.0);
        for (text, fault) in [
            ("[".to_owned(), "is not JSON"),
            (written(json!([])).replace(":1,", ":2,"), "is not of schema 1"),
            (written(json!([])).replace("profile", "session"), "is in another space than profile.interest"),
            (written(json!({})), "has no list of segments"),
            (written(one("", 0.5, &right)), "has a segment 0 without a name"),
            (written(one("a", 1.5, &right)), "has a segment 0 whose share is not 0 to 1"),
            (written(one("a", 0.5, &right[1..])), "has a segment 0 whose centroid is not 64 numbers"),
            (written(one("a", 0.5, &axis(0, 1e200))), "has a segment 0 whose centroid is not finite"),
            (written(one("a", 0.5, &axis(0, 0.99))), "has a segment 0 whose centroid is not of length 1"),
            (written(one("a", 0.5, &axis(0, 0.0))), "has a segment 0 whose centroid is not of length 1"),
        ] {
            assert_eq!(read(&text), Err(Error::damaged(KEY, fault)), "{text}");
        }
    }

    #[test]
    fn more_than_the_limit_are_refused() {
        let row = &one("a", 0.01, &axis(0, 1.0))[0];
        let many = |count: usize| written(vec![row.clone(); count].into());
        assert_eq!(read(&many(limits::SEGMENTS)).unwrap().len(), limits::SEGMENTS);
        let error = read(&many(limits::SEGMENTS + 1)).unwrap_err();
        assert_eq!((error.code(), error.field()), ("model-too-large", Some(KEY)));
    }

    #[test]
    fn a_profile_is_in_the_segment_it_points_to_and_an_empty_one_in_none() {
        let segment = |at: usize| Segment {
            name: at.to_string(),
            share: 0.5,
            centroid: axis(at, 1.0).into_iter().map(|x| x as f32).collect(),
        };
        let segments = [segment(1), segment(2), segment(2)];
        let mut interest = vec![0.0; WIDTH];
        assert_eq!(nearest(&segments, &interest), None);
        (interest[1], interest[2]) = (0.6, 0.8);
        assert_eq!(nearest(&segments, &interest), Some(1));
        assert_eq!(nearest(&segments, &interest[1..]), None);
        assert_eq!(nearest(&[], &interest), None);
    }
}
