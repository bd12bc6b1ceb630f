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

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use nearside_core::content::{Content, WIDTH, normalise, prefixes};
use serde::Serialize;
use serde_json::json;

use crate::agreement::{adjusted_information, adjusted_rand};
use crate::cluster::{Clusters, Place, Points};
use crate::content::told;
use crate::error::Error;
use crate::sessions::Sessions;

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
    /// Fewest training sessions behind a segment, 1 and up; a smaller one joins its nearest neighbour. At 1 a
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
        let refuse = |name, got: String, range: String| Err(Error::Option { name, got, range });
        if !(2..=MOST).contains(&count) {
            return refuse("segments", count.to_string(), format!("2 to {MOST}"));
        }
        if fewest == 0 {
            return refuse("segment-min", "0".into(), "1 or more".into());
        }
        let known = |sessions: &Sessions| sessions.iter().flatten().all(|id| *id as usize <= items.len());
        if !known(training) || !known(validation) {
            return refuse("items", items.len().to_string(), "as many as the largest id".into());
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

/// What is known of an item, where anything is.
fn content<'c, 'a>(items: &'c [Content<'a>], id: u32) -> Option<&'c Content<'a>> {
    items.get((id as usize).checked_sub(1)?)
}

/// The category that most of a session's steps have; of equal ones, the one that came first.
fn leading_category<'a>(items: &[Content<'a>], session: &[u32]) -> Option<&'a str> {
    let mut counts: BTreeMap<&str, (usize, Reverse<usize>)> = BTreeMap::new();
    let categories = session.iter().filter_map(|id| Some(content(items, *id)?.category));
    for (step, category) in categories.enumerate().filter(|(_, category)| !category.is_empty()) {
        counts.entry(category).or_insert((0, Reverse(step))).0 += 1;
    }
    counts.into_iter().max_by_key(|(_, rank)| *rank).map(|(category, _)| category)
}

/// Categories in a name, at most.
const CATEGORIES: usize = 2;
/// Share of a segment's sessions that a word of its name is in, at least.
const NOTABLE: f64 = 0.15;

/// How segments come to their names: by the words that are in more of their sessions than in others'.
struct Naming<'a> {
    items: &'a [Content<'a>],
    /// How many sessions each word is in.
    overall: BTreeMap<Word<'a>, usize>,
    sessions: usize,
    fewest: usize,
}

/// A category path, any level of it, or a brand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Word<'a> {
    Category(&'a str),
    Brand(&'a str),
}

impl<'a> Naming<'a> {
    fn new(items: &'a [Content<'a>], sessions: &[&[u32]], fewest: usize) -> Naming<'a> {
        Naming { items, overall: counts(items, sessions), sessions: sessions.len(), fewest }
    }

    /// One for each segment; those that would be equal are numbered.
    fn names(&self, segments: &[Vec<&[u32]>]) -> Vec<String> {
        let mut used: BTreeMap<String, usize> = BTreeMap::new();
        let name = |members: &Vec<&[u32]>| {
            let name = self.name(members);
            let times = used.entry(name.clone()).or_insert(0);
            *times += 1;
            if *times == 1 { name } else { format!("{name} ({times})") }
        };
        segments.iter().map(name).collect()
    }

    fn name(&self, members: &[&[u32]]) -> String {
        let mut words: Vec<(f64, f64, Word<'_>)> = counts(self.items, members)
            .into_iter()
            .filter(|(_, count)| *count >= self.fewest)
            .map(|(word, count)| {
                let share = count as f64 / members.len() as f64;
                let elsewhere = self.overall[&word] as f64 / self.sessions as f64;
                // What the word adds to the divergence of the segment from all sessions: frequent and its own.
                (share * (share / elsewhere).ln(), share, word)
            })
            .collect();
        // A word that is rarer here than elsewhere would name what the segment is not.
        words.retain(|(adds, ..)| *adds >= 0.0);
        // Of equal ones the deeper path, which sorts later, says more.
        words.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)).then(b.2.cmp(&a.2)));
        let mut categories: Vec<&str> = Vec::new();
        let mut brand = None;
        for (_, share, word) in words {
            match word {
                Word::Category(path) => {
                    let another = categories.iter().all(|other| !within(path, other) && !within(other, path));
                    if another && share >= NOTABLE && categories.len() < CATEGORIES {
                        categories.push(path);
                    }
                }
                Word::Brand(name) if share >= NOTABLE => brand = brand.or(Some(name)),
                Word::Brand(_) => {}
            }
        }
        let led = !categories.is_empty() || brand.is_some();
        let lead = if led { categories.join(", ") } else { "mixed".into() };
        let parts = [lead, brand.unwrap_or_default().to_owned(), self.prices(members)];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
    }

    /// The middle half of the prices looked at, or nothing where too few sessions have any.
    fn prices(&self, members: &[&[u32]]) -> String {
        let price = |id: &u32| content(self.items, *id)?.price.filter(|price| price.is_finite());
        let priced = members.iter().filter(|session| session.iter().any(|id| price(id).is_some())).count();
        if priced < self.fewest {
            return String::new();
        }
        let mut prices: Vec<f32> = members.iter().flat_map(|session| session.iter().filter_map(price)).collect();
        prices.sort_by(f32::total_cmp);
        let [low, high] = [prices.len() / 4, prices.len() * 3 / 4].map(|place| two_digits(prices[place]));
        if low == high { low } else { format!("{low} to {high}") }
    }
}

/// Whether a category path is `other` or below it.
fn within(path: &str, other: &str) -> bool {
    prefixes(path).any(|prefix| prefix == other)
}

/// In how many of the sessions each word is.
fn counts<'a>(items: &'a [Content<'a>], sessions: &[&[u32]]) -> BTreeMap<Word<'a>, usize> {
    let mut counts = BTreeMap::new();
    for session in sessions {
        let known = session.iter().filter_map(|id| content(items, *id));
        let words: BTreeSet<Word<'a>> = known
            .flat_map(|c| {
                let brand = Some(c.brand).filter(|brand| !brand.is_empty());
                prefixes(c.category).map(Word::Category).chain(brand.map(Word::Brand))
            })
            .collect();
        words.into_iter().for_each(|word| *counts.entry(word).or_insert(0) += 1);
    }
    counts
}

/// A price to two digits, and no finer than a hundredth.
fn two_digits(price: f32) -> String {
    let price = f64::from(price);
    let step = if price >= 0.1 { 10f64.powf(price.log10().floor() - 1.0).max(0.01) } else { 0.01 };
    let rounded = (price / step).round() * step;
    format!("{}", (rounded * 100.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Random, Stream};

    const KINDS: [(&str, &str, f32); 3] =
        [("Music > Guitars", "Fender", 400.0), ("Music > Drums", "Pearl", 900.0), ("Kitchen > Kettles", "Bosch", 40.0)];
    const PER_KIND: u32 = 20;

    /// Items 1 to 20 are guitars, then drums, then kettles.
    fn items(ids: &[String]) -> Vec<Content<'_>> {
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

    fn ids() -> Vec<String> {
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

    #[test]
    fn equal_names_are_numbered_and_a_segment_that_nothing_leads_is_mixed() {
        let ids = ids();
        let items = items(&ids);
        let (guitars, drums) = ([1, 2], [21, 22]);
        let all: [&[u32]; 4] = [&guitars, &drums, &guitars, &drums];
        let naming = Naming::new(&items, &all, 1);
        let names = naming.names(&[vec![&guitars], vec![&guitars], vec![&drums]]);
        assert_eq!(names[1], format!("{} (2)", names[0]));
        assert!(names[2].starts_with("Music > Drums"), "{names:?}");
        let all: [&[u32]; 4] = [&guitars, &[41, 42], &guitars, &[41, 42]];
        let few = Naming::new(&items, &all, 3);
        assert_eq!(few.names(&[all.to_vec()]), ["mixed · 40 to 400"]);
        let fewer = Naming::new(&items, &all, 5);
        assert_eq!(fewer.names(&[all.to_vec()]), ["mixed"]);
    }

    #[test]
    fn the_leading_category_is_that_of_most_steps_and_of_equal_ones_the_first() {
        let ids = ids();
        let items = items(&ids);
        assert_eq!(leading_category(&items, &[1, 21, 22]), Some("Music > Drums"));
        assert_eq!(leading_category(&items, &[41, 1, 2, 42]), Some("Kitchen > Kettles"));
        assert_eq!(leading_category(&items, &[0, 999]), None);
    }

    #[test]
    fn prices_have_two_digits_and_no_more_than_cents() {
        let told = [0.0, 0.014, 1.234, 40.4, 1234.0, 99_600.0].map(two_digits);
        assert_eq!(told, ["0", "0.01", "1.2", "40", "1200", "100000"]);
    }
}
