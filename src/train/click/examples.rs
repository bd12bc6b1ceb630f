//! Examples: the features of ads that were shown, or could have been, and whether they were clicked.
//!
//! The features are the core's own, taken where a scorer would get them: training and serving cannot differ.

use std::cell::RefCell;
use std::rc::Rc;

use nearside_core::{Engine, Error, Feature, Features, Request, Scorer, ScorerError, Timestamp};

use super::logistic::Line;
use super::terms::{Row, Terms};

/// What came of an ad.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Whether it was clicked.
    pub clicked: bool,
    /// Its place in the list it stood in, 0 the first; `None` where there is no list.
    pub position: Option<usize>,
    /// Share of the non-clicks that were kept, above 0 and at most 1: the chance of a click is told for all of them
    /// (King and Zeng 2001, <https://doi.org/10.1093/oxfordjournals.pan.a004868>).
    pub rate: f64,
}

/// An ad's features in one ranking.
#[derive(Clone, Debug)]
pub struct Example(Row);

impl Example {
    pub(super) fn row(&self) -> &[(u16, f32)] {
        &self.0
    }
}

/// Examples in groups, the oldest group first. A group, a session, is never parted.
#[derive(Clone, Debug, Default)]
pub struct Examples {
    entries: Row,
    all: Vec<Known>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    end: usize,
    group: u32,
    clicked: bool,
    rate: f64,
}

impl Examples {
    /// Adds an example of a group; groups come in the order of time.
    pub fn push(&mut self, terms: &Terms, group: u32, example: &Example, outcome: Outcome) {
        self.entries.extend(&example.0);
        self.entries.extend(outcome.position.map(|place| (terms.position(place), 1.0)));
        let Outcome { clicked, rate, .. } = outcome;
        self.all.push(Known { end: self.entries.len(), group, clicked, rate });
    }

    /// Adds examples of later groups.
    pub fn append(&mut self, later: &Examples) {
        let start = self.entries.len();
        self.entries.extend(&later.entries);
        self.all.extend(later.all.iter().map(|known| Known { end: start + known.end, ..*known }));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// How many were clicked.
    pub fn clicks(&self) -> usize {
        self.all.iter().filter(|known| known.clicked).count()
    }

    /// How many groups there are.
    pub fn groups(&self) -> usize {
        self.all.chunk_by(|a, b| a.group == b.group).count()
    }

    /// The newest groups, a share of them, apart from the rest.
    pub fn split(&self, share: f64) -> (Examples, Examples) {
        let groups: Vec<usize> = self.all.chunk_by(|a, b| a.group == b.group).map(<[Known]>::len).collect();
        let newest = (groups.len() as f64 * share).round() as usize;
        let first: usize = groups[..groups.len() - newest.min(groups.len())].iter().sum();
        let cut = first.checked_sub(1).map_or(0, |last| self.all[last].end);
        let older = Examples { entries: self.entries[..cut].to_vec(), all: self.all[..first].to_vec() };
        let newer = self.all[first..].iter().map(|known| Known { end: known.end - cut, ..*known });
        (older, Examples { entries: self.entries[cut..].to_vec(), all: newer.collect() })
    }

    fn entries(&self, index: usize) -> &[(u16, f32)] {
        let start = index.checked_sub(1).map_or(0, |before| self.all[before].end);
        &self.entries[start..self.all[index].end]
    }

    /// What the fit learns from. Of sampled non-clicks the odds are too good by the rate's inverse; that is no news.
    pub(super) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let line = |(index, known): (usize, &Known)| Line {
            entries: self.entries(index),
            base: -libm::log(known.rate),
            clicked: known.clicked,
            weight: 1.0,
        };
        self.all.iter().enumerate().map(line)
    }

    /// Group, and how many examples each stands for.
    pub(super) fn counts(&self) -> impl Iterator<Item = (u32, f64)> {
        self.all.iter().map(|known| (known.group, if known.clicked { 1.0 } else { 1.0 / known.rate }))
    }
}

/// Takes the place of an engine's scorer, and notes the features of the ads that are asked for.
#[derive(Debug)]
pub struct Recorder {
    notes: Rc<RefCell<Notes>>,
}

#[derive(Debug, Default)]
struct Notes {
    ads: Vec<usize>,
    examples: Vec<Example>,
}

impl Recorder {
    /// Puts a recorder of `terms` in force in an engine that has its catalogue.
    pub fn new(engine: &mut Engine, terms: &Terms, now: Timestamp) -> Result<Recorder, Error> {
        let notes = Rc::<RefCell<Notes>>::default();
        let pen = Pen { terms: terms.clone(), inputs: terms.inputs(), notes: Rc::clone(&notes) };
        engine.set_scorer(Box::new(pen), now)?;
        Ok(Recorder { notes })
    }

    /// The features that the engine would rank `ads` by, by their numbers in the catalogue.
    pub fn examples(
        &self,
        engine: &mut Engine,
        request: &Request,
        now: Timestamp,
        ads: &[usize],
    ) -> Result<Vec<Example>, Error> {
        self.notes.borrow_mut().ads = ads.to_vec();
        engine.rank(request, now)?;
        let mut notes = self.notes.borrow_mut();
        notes.ads.clear();
        Ok(std::mem::take(&mut notes.examples))
    }
}

/// The scorer behind a recorder.
struct Pen {
    terms: Terms,
    inputs: Vec<Feature>,
    notes: Rc<RefCell<Notes>>,
}

impl Scorer for Pen {
    fn name(&self) -> &'static str {
        "recorder"
    }

    fn model(&self) -> Option<&str> {
        None
    }

    fn inputs(&self) -> &[Feature] {
        &self.inputs
    }

    fn score(&mut self, features: &Features<'_>, scores: &mut Vec<f32>) -> Result<(), ScorerError> {
        let Notes { ads, examples } = &mut *self.notes.borrow_mut();
        examples.extend(ads.iter().map(|ad| Example(self.terms.row(features, *ad))));
        scores.resize(scores.len() + features.candidates(), 0.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples(groups: &[u32]) -> (Terms, Examples) {
        let terms = Terms::of_names(&["pair.category"], 4).unwrap();
        let mut examples = Examples::default();
        for (index, group) in groups.iter().enumerate() {
            let outcome = Outcome { clicked: index == 0, position: Some(index), rate: 1.0 };
            examples.push(&terms, *group, &Example(vec![(0, 1.0), (1, index as f32)]), outcome);
        }
        (terms, examples)
    }

    #[test]
    fn a_split_parts_no_group_and_keeps_every_number() {
        let (_, all) = examples(&[3, 3, 5, 5, 5, 9]);
        let (older, newer) = all.split(0.34);
        assert_eq!((older.len(), newer.len(), older.groups(), newer.groups()), (5, 1, 2, 1));
        let shown = |e: &Examples| e.lines().map(|line| line.entries.to_vec()).collect::<Vec<_>>();
        assert_eq!([shown(&older), shown(&newer)].concat(), shown(&all));
        let mut joined = older.clone();
        joined.append(&newer);
        assert_eq!(shown(&joined), shown(&all));
    }

    #[test]
    fn every_split_is_possible() {
        let (_, all) = examples(&[1, 2]);
        let parts = |share| {
            let (a, b) = all.split(share);
            (a.len(), b.len())
        };
        assert_eq!([parts(0.0), parts(0.5), parts(1.0)], [(2, 0), (1, 1), (0, 2)]);
        assert_eq!(Examples::default().split(0.5).1.len(), 0);
    }
}
