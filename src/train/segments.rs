//! Segments: kinds of sessions, as directions that a device can compare its own profile with.
//!
//! A session is the mean of its items' content vectors ([`nearside_core::content`]), scaled to length 1: what
//! `profile.interest` of the contract is for a device that did the same. The core has that vector for every model and
//! needs no engine for it, it outlives the next training, and it can be named, since it is made of the words that the
//! names are. The network's item vectors are to be had through the engine alone and move with every training. Measured
//! beside each other (README), they group sessions less by category, as is to be expected, and no more stably.
//!
//! Every centroid is the mean of at least so many sessions as asked, and every word of a name was in as many. A
//! visitor with many sessions counts as often.

mod naming;

use nearside_core::content::{Content, WIDTH, normalise};
use serde::Serialize;
use serde_json::json;

use crate::agreement::{adjusted_information, adjusted_rand};
use crate::cluster::{Clusters, Place, Points};
use crate::content::told;
use crate::error::Error;
use crate::sessions::Sessions;
use naming::{Naming, leading_category};

/// Version of the metadata's form.
const SCHEMA: u32 = 1;
/// The vector of a session that centroids are compared with.
const SPACE: &str = "profile.interest";
/// Most segments: what a reader of the contract accepts.
const MOST: usize = 64;
/// Sessions that are looked at, evenly spread over the log; more would hardly move a mean.
const LOOKED_AT: usize = 50_000;

/// How sessions are grouped.
#[derive(Clone, Copy, Debug)]
pub struct Segmenting {
    /// Segments asked for, 2 to 64. Fewer come out where some are too small, or where there are not as many kinds.
    pub count: usize,
    /// Fewest training sessions behind a segment, 1 to 50,000; a smaller one joins its nearest neighbour. At 1 a
    /// centroid may be one shopper's session.
    pub fewest: usize,
    /// Where all randomness starts.
    pub seed: u64,
}

impl Default for Segmenting {
    fn default() -> Self {
        Segmenting { count: 8, fewest: 50, seed: 1 }
    }
}

impl Segmenting {
    fn check(self) -> Result<(), Error> {
        for (name, got, range) in [("segments", self.count, 2..=MOST), ("segment-min", self.fewest, 1..=LOOKED_AT)] {
            if !range.contains(&got) {
                let range = format!("{} to {}", range.start(), range.end());
                return Err(Error::Option { name, got: got.to_string(), range });
            }
        }
        Ok(())
    }
}

/// One kind of session.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Segment {
    /// Its leading categories, or `mixed`, brand and price band, parted by ` · `; unlike all others'.
    pub name: String,
    /// Its share of the training sessions, 0 to 1.
    pub share: f64,
    /// How many training sessions that is, of those looked at.
    pub sessions: usize,
    #[serde(skip)]
    centroid: Vec<f32>,
}

/// How clear the segments are, on the validation sessions, which no centroid has seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Clarity {
    /// Mean cosine of a session to the centroid of its segment.
    pub own: f64,
    /// The same to the second nearest centroid; absent for a single segment. The further below `own`, the clearer.
    pub second: Option<f64>,
    /// Adjusted mutual information of the segments and the sessions' leading categories: 1 where each tells the
    /// other, 0 where they have as much in common as by chance. Absent where the log has no categories.
    pub categories: Option<f64>,
    /// Adjusted Rand index of two sets of segments, each of one half of the training sessions: 1 where both group
    /// the validation sessions alike, 0 where no more than by chance. Absent where a half is too small.
    pub stability: Option<f64>,
}

/// The segments of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct Segments {
    /// The largest first.
    pub all: Vec<Segment>,
    /// How clear they are; absent without validation sessions.
    pub clarity: Option<Clarity>,
    fewest: usize,
}

impl Segments {
    /// Groups the training sessions. `items` tells what is known of every item, from id 1 on.
    ///
    /// Errors: `option-out-of-range`, also for an id beyond `items`; `unknown-content` where no item has a title, a
    /// category, a brand or a price; `too-few-sessions` where there are not enough for one segment.
    pub fn of(
        items: &[Content<'_>],
        training: &Sessions,
        validation: &Sessions,
        segmenting: Segmenting,
    ) -> Result<Segments, Error> {
        told(items, "segments")?;
        let table: Vec<f32> = items.iter().flat_map(Content::vector).collect();
        let space = Space { table: &table, width: WIDTH };
        space.segments(items, training, validation, segmenting)
    }

    /// What they reveal, as a sentence.
    pub(crate) fn about(&self) -> String {
        format!("Each of its {} segments is a mean of {} sessions or more.", self.all.len(), self.fewest)
    }

    /// `nearside.segments` of the file's metadata.
    pub(crate) fn metadata(&self) -> String {
        let digits = |x: f64, digits: i32| (x * 10f64.powi(digits)).round() / 10f64.powi(digits);
        let segment = |segment: &Segment| {
            let centroid: Vec<f64> = segment.centroid.iter().map(|x| digits(f64::from(*x), Clusters::DIGITS)).collect();
            json!({"name": segment.name, "share": digits(segment.share, 4), "centroid": centroid})
        };
        let segments: Vec<_> = self.all.iter().map(segment).collect();
        json!({"schema": SCHEMA, "space": SPACE, "segments": segments}).to_string()
    }
}

/// Item vectors from id 1 on, end to end.
#[derive(Clone, Copy)]
struct Space<'a> {
    table: &'a [f32],
    width: usize,
}

/// Sessions that have a direction, and those directions end to end.
struct Directions<'a> {
    sessions: Vec<&'a [u32]>,
    values: Vec<f32>,
    width: usize,
}

impl Directions<'_> {
    fn points(&self) -> Points<'_> {
        Points { values: &self.values, width: self.width }
    }

    /// Every other one, from `first` on.
    fn half(&self, first: usize) -> Vec<f32> {
        self.values.chunks(self.width).skip(first).step_by(2).flatten().copied().collect()
    }
}

impl Space<'_> {
    fn directions(self, sessions: &Sessions) -> Directions<'_> {
        let taken = sessions.len().min(LOOKED_AT);
        let mut all = Directions { sessions: Vec::new(), values: Vec::new(), width: self.width };
        for index in 0..taken {
            let session = sessions.get(index * sessions.len() / taken);
            let mut sum = vec![0.0; self.width];
            for id in session.iter().filter(|id| **id > 0) {
                let vector = self.table.chunks(self.width).nth(*id as usize - 1).unwrap_or_default();
                sum.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x);
            }
            normalise(&mut sum);
            if sum.iter().any(|x| *x != 0.0) {
                all.sessions.push(session);
                all.values.extend(sum);
            }
        }
        all
    }

    fn segments(
        self,
        items: &[Content<'_>],
        training: &Sessions,
        validation: &Sessions,
        segmenting: Segmenting,
    ) -> Result<Segments, Error> {
        let Segmenting { count, fewest, seed } = segmenting;
        segmenting.check()?;
        let known = |sessions: &Sessions| sessions.iter().flatten().all(|id| *id as usize <= items.len());
        if !known(training) || !known(validation) {
            let range = "as many as the largest id".into();
            return Err(Error::Option { name: "items", got: items.len().to_string(), range });
        }
        let trained = self.directions(training);
        let points = trained.points();
        let Some(mut clusters) = Clusters::of(points, count, fewest, seed) else {
            return Err(Error::SmallSegment { got: points.len(), needed: fewest });
        };
        let mut members: Vec<(usize, Vec<&[u32]>)> = (0..clusters.centroids().len()).map(|c| (c, Vec::new())).collect();
        for (place, session) in clusters.places(points).iter().zip(&trained.sessions) {
            members[place.cluster].1.push(session);
        }
        members.sort_by_key(|(cluster, members)| (usize::MAX - members.len(), *cluster));
        clusters.reorder(&members.iter().map(|(cluster, _)| *cluster).collect::<Vec<_>>());

        let members: Vec<Vec<&[u32]>> = members.into_iter().map(|(_, members)| members).collect();
        let names = Naming::new(items, &trained.sessions, fewest).names(&members);
        let segment = |((name, members), centroid): ((String, &Vec<&[u32]>), &Vec<f32>)| Segment {
            name,
            share: members.len() as f64 / points.len() as f64,
            sessions: members.len(),
            centroid: centroid.clone(),
        };
        let all = names.into_iter().zip(&members).zip(clusters.centroids()).map(segment).collect();
        let clarity = self.clarity(items, &trained, validation, &clusters, segmenting);
        Ok(Segments { all, clarity, fewest })
    }

    fn clarity(
        self,
        items: &[Content<'_>],
        trained: &Directions<'_>,
        validation: &Sessions,
        clusters: &Clusters,
        Segmenting { count, fewest, seed }: Segmenting,
    ) -> Option<Clarity> {
        let held_out = self.directions(validation);
        let places = clusters.places(held_out.points());
        if places.is_empty() {
            return None;
        }
        let mean = |cosine: &dyn Fn(&Place) -> Option<f32>| -> Option<f64> {
            let cosines: Option<Vec<f32>> = places.iter().map(cosine).collect();
            cosines.map(|cosines| cosines.iter().map(|x| f64::from(*x)).sum::<f64>() / places.len() as f64)
        };
        let (segment_of, category_of): (Vec<usize>, Vec<&str>) = places
            .iter()
            .zip(&held_out.sessions)
            .filter_map(|(place, session)| Some((place.cluster, leading_category(items, session)?)))
            .unzip();
        let halves = [0, 1].map(|first| {
            let half = trained.half(first);
            let points = Points { values: &half, width: self.width };
            let clusters = Clusters::of(points, count, fewest.div_ceil(2), seed)?;
            let places = clusters.places(held_out.points());
            Some(places.iter().map(|place| place.cluster).collect::<Vec<_>>())
        });
        Some(Clarity {
            own: mean(&|place| Some(place.own))?,
            second: mean(&|place| place.second),
            categories: (!category_of.is_empty()).then(|| adjusted_information(&segment_of, &category_of)),
            stability: match halves {
                [Some(first), Some(second)] => Some(adjusted_rand(&first, &second)),
                _ => None,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Random, Stream};

    const KINDS: [(&str, &str, f32); 3] =
        [("Music > Guitars", "Fender", 400.0), ("Music > Drums", "Pearl", 900.0), ("Kitchen > Kettles", "Bosch", 40.0)];
    const PER_KIND: u32 = 20;

    /// Items 1 to 20 are guitars, then drums, then kettles.
    pub(super) fn items(ids: &[String]) -> Vec<Content<'_>> {
        ids.iter()
            .enumerate()
            .map(|(index, id)| {
                let (category, brand, price) = KINDS[index / PER_KIND as usize];
                // Half of the items have no brand, and kettles go up by a hundredth.
                let brand = if index % 2 == 0 { brand } else { "" };
                let price =
                    Some(if price < 100.0 { price * (1.0 + 0.01 * (index as u32 % PER_KIND) as f32) } else { price });
                Content { id: Some(id), category, brand, price, ..Content::default() }
            })
            .collect()
    }

    pub(super) fn ids() -> Vec<String> {
        (0..3 * PER_KIND).map(|id| format!("sku-{id}")).collect()
    }

    /// Sessions of three steps, all of one kind; `counts` says how many of each, in turns.
    fn sessions(counts: [usize; 3], seed: u64) -> Sessions {
        let mut random = Random::new(seed, Stream::Order, 0);
        let mut all = Sessions::default();
        let most = counts.into_iter().max().unwrap();
        for round in 0..most {
            for (kind, _) in counts.iter().enumerate().filter(|(_, count)| round < **count) {
                let step = |_| kind as u32 * PER_KIND + random.below(PER_KIND as usize) as u32 + 1;
                all.push(&(0..3).map(step).collect::<Vec<_>>());
            }
        }
        all
    }

    fn segments(counts: [usize; 3], segmenting: Segmenting) -> Result<Segments, Error> {
        let ids = ids();
        Segments::of(&items(&ids), &sessions(counts, 1), &sessions([30, 30, 30], 2), segmenting)
    }

    fn three() -> Segmenting {
        Segmenting { count: 3, ..Segmenting::default() }
    }

    #[test]
    fn known_kinds_are_found_named_and_clear() {
        let Segments { all, clarity, .. } = segments([120, 60, 300], three()).unwrap();
        let told: Vec<(&str, usize)> = all.iter().map(|s| (s.name.as_str(), s.sessions)).collect();
        assert_eq!(
            told,
            [
                ("Kitchen > Kettles · Bosch · 42 to 46", 300),
                ("Music > Guitars · Fender · 400", 120),
                ("Music > Drums · Pearl · 900", 60),
            ]
        );
        assert!((all[0].share - 300.0 / 480.0).abs() < 1e-12);
        let Clarity { own, second, categories, stability } = clarity.unwrap();
        assert!(own > 0.8 && second.unwrap() < 0.6, "{own} {second:?}");
        assert!((categories.unwrap() - 1.0).abs() < 1e-9 && (stability.unwrap() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_kind_below_the_fewest_is_neither_a_segment_nor_a_word_of_a_name() {
        let few = |fewest| {
            let Segments { all, .. } = segments([120, 20, 300], Segmenting { fewest, ..three() }).unwrap();
            all.into_iter().map(|s| (s.name, s.sessions)).collect::<Vec<_>>()
        };
        assert_eq!(few(20).len(), 3);
        let merged = few(21);
        // Drums join guitars, with which they share a parent.
        assert_eq!(merged.iter().map(|(_, sessions)| *sessions).collect::<Vec<_>>(), [300, 140]);
        assert!(merged[1].0.starts_with("Music") && !merged[1].0.contains("Drums"), "{merged:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_segments() {
        let segmenting = Segmenting { count: 2, ..three() };
        assert_eq!(segments([90, 90, 90], segmenting).unwrap(), segments([90, 90, 90], segmenting).unwrap());
    }

    #[test]
    fn a_log_that_tells_nothing_of_its_items_is_refused_and_so_is_one_too_short() {
        let ids = ids();
        let plain: Vec<Content<'_>> = ids.iter().map(|id| Content { id: Some(id), ..Content::default() }).collect();
        let training = sessions([90, 90, 90], 1);
        let code = |items: &[Content<'_>], segmenting| {
            Segments::of(items, &training, &Sessions::default(), segmenting).unwrap_err().code()
        };
        assert_eq!(code(&plain, three()), "unknown-content");
        assert_eq!(code(&items(&ids), Segmenting { fewest: 271, ..three() }), "too-few-sessions");
        assert_eq!(code(&items(&ids)[..50], three()), "option-out-of-range");
        for segmenting in [
            Segmenting { count: 1, ..three() },
            Segmenting { count: 65, ..three() },
            Segmenting { fewest: 0, ..three() },
        ] {
            assert_eq!(code(&items(&ids), segmenting), "option-out-of-range");
        }
    }

    #[test]
    fn without_validation_sessions_nothing_is_said_of_clarity() {
        let ids = ids();
        let got = Segments::of(&items(&ids), &sessions([60, 60, 60], 1), &Sessions::default(), three()).unwrap();
        assert_eq!((got.all.len(), got.clarity), (3, None));
    }
}
