//! The task: which items compete, what may be learned, and what is asked.
//!
//! Items are numbers from 0, those of the training sessions first, in the order
//! in which the training log names them. An item that only the test sessions have is new:
//! no ranker that knows interactions alone can place it, so the protocol takes its
//! steps out, and questions about it are asked apart.

use std::collections::{BTreeSet, HashMap};

use nearside_log::{Facts, Log, Sequence, Step};
use nearside_train::Random;

use crate::error::{Error, Part};

/// A session that is played, and asked about after every step but the last.
#[derive(Clone, Debug)]
pub(crate) struct TestSession {
    /// Which of the test log's sessions.
    session: usize,
    /// Which of its steps.
    steps: Vec<usize>,
    /// The item of each step.
    pub(crate) items: Vec<u32>,
    /// How many steps the session has; more than are here where the last of them are not asked about.
    pub(crate) length: usize,
}

/// What is asked about an item that training never saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewItems {
    /// How many there are.
    pub(crate) items: usize,
    /// Their steps, which the protocol takes out.
    pub(crate) steps: usize,
    /// Sessions as they were, with the new items in them, where one comes after the first step.
    pub(crate) sessions: Vec<TestSession>,
}

/// Everything a ranker needs.
#[derive(Debug)]
pub(crate) struct Task<'a> {
    train: &'a Log,
    test: &'a Log,
    /// By item: its number in the training log, or, for a new one, in the test log.
    numbers: Vec<u32>,
    /// By training item: how many training steps name it.
    pub(crate) support: Vec<u32>,
    /// Training sessions, oldest first.
    pub(crate) training: Vec<Vec<u32>>,
    /// Test sessions without new items, two steps at least.
    pub(crate) sessions: Vec<TestSession>,
    /// Test sessions that had fewer than two steps left without their new items.
    pub(crate) emptied: usize,
    pub(crate) new: NewItems,
}

impl<'a> Task<'a> {
    /// Puts the parts together. Both may come from the same log.
    ///
    /// Either part without a sequence is [`Error::EmptySplit`].
    pub(crate) fn new(
        (train, training): (&'a Log, &[Sequence]),
        (test, tested): (&'a Log, &[Sequence]),
    ) -> Result<Task<'a>, Error> {
        let named: BTreeSet<u32> = training.iter().flat_map(|sequence| sequence.items(train)).collect();
        let mut numbers: Vec<u32> = named.into_iter().collect();
        let known = numbers.len();
        let mut items: HashMap<&str, u32> =
            numbers.iter().zip(0..).map(|(number, item)| (train.items().name(*number), item)).collect();
        let mut support = vec![0; known];
        let mut sequences = Vec::with_capacity(training.len());
        for sequence in training {
            let sequence: Vec<u32> = sequence.items(train).map(|number| items[train.items().name(number)]).collect();
            sequence.iter().for_each(|item| support[*item as usize] += 1);
            sequences.push(sequence);
        }
        if sequences.is_empty() {
            return Err(Error::EmptySplit { part: Part::Training, sessions: train.sessions().len() });
        }

        let (mut sessions, mut emptied, mut new) = (Vec::new(), 0, NewItems::default());
        for Sequence { session, steps } in tested {
            let number = |step: usize| test.sessions()[*session].steps[step].target;
            let (steps, length) = (steps.clone(), steps.len());
            let mut whole = TestSession { session: *session, steps, items: Vec::new(), length };
            for number in whole.steps.iter().filter_map(|step| number(*step)) {
                let item = *items.entry(test.items().name(number)).or_insert_with(|| {
                    numbers.push(number);
                    numbers.len() as u32 - 1
                });
                whole.items.push(item);
            }
            let is_new = |item: u32| item as usize >= known;
            new.steps += whole.items.iter().filter(|item| is_new(**item)).count();
            if whole.items.iter().skip(1).any(|item| is_new(*item)) {
                new.sessions.push(whole.clone());
            }
            let kept = whole.steps.iter().zip(&whole.items).filter(|(_, item)| !is_new(**item));
            let (steps, items): (Vec<usize>, Vec<u32>) = kept.unzip();
            if items.len() < 2 {
                emptied += 1;
            } else {
                let length = items.len();
                sessions.push(TestSession { session: *session, steps, items, length });
            }
        }
        new.items = numbers.len() - known;
        if sessions.is_empty() {
            return Err(Error::EmptySplit { part: Part::Test, sessions: test.sessions().len() });
        }
        Ok(Task { train, test, numbers, support, training: sequences, sessions, emptied, new })
    }

    /// How many items competed in training: all of them are ranked.
    pub(crate) fn items(&self) -> usize {
        self.support.len()
    }

    /// How many questions there are: one for every step but a session's first.
    pub(crate) fn pairs(&self) -> usize {
        self.sessions.iter().map(|session| session.items.len() - 1).sum()
    }

    /// The item's own name.
    pub(crate) fn name(&self, item: u32) -> &str {
        self.log(item).items().name(self.numbers[item as usize])
    }

    /// The items with what is known of them; `new` ones too where asked.
    pub(crate) fn facts(&self, new: bool) -> Vec<(&str, &Facts)> {
        let items = if new { self.numbers.len() } else { self.items() };
        (0..items as u32).map(|item| (self.name(item), self.log(item).facts(self.numbers[item as usize]))).collect()
    }

    /// The names of the training items, sorted: the vocabulary of whoever was not told another.
    pub(crate) fn sorted_names(&self) -> Vec<String> {
        let mut names: Vec<String> = (0..self.items() as u32).map(|item| self.name(item).to_owned()).collect();
        names.sort_unstable();
        names
    }

    fn log(&self, item: u32) -> &'a Log {
        if (item as usize) < self.items() { self.train } else { self.test }
    }

    /// The log that the test sessions are from.
    pub(crate) fn test_log(&self) -> &'a Log {
        self.test
    }

    /// A test session's own name.
    pub(crate) fn session_name(&self, session: &TestSession) -> &str {
        &self.test.sessions()[session.session].name
    }

    /// A test session's steps.
    pub(crate) fn steps(&self, session: &TestSession) -> impl Iterator<Item = &'a Step> {
        let steps = &self.test.sessions()[session.session].steps;
        session.steps.clone().into_iter().map(move |step| &steps[step])
    }

    /// Keeps `pairs` questions of sessions drawn at random, or all of them: of the last session that is drawn, the first
    /// ones.
    pub(crate) fn sample(&mut self, pairs: usize, seed: u64) {
        let mut random = Random::of_seed(seed);
        let mut order: Vec<usize> = (0..self.sessions.len()).collect();
        let (mut drawn, mut asked) = (0, 0);
        while asked < pairs && drawn < order.len() {
            let other = drawn + random.below(order.len() - drawn);
            order.swap(drawn, other);
            let session = &mut self.sessions[order[drawn]];
            session.items.truncate(pairs - asked + 1);
            session.steps.truncate(pairs - asked + 1);
            asked += session.items.len() - 1;
            drawn += 1;
        }
        self.new.sessions.truncate(self.new.sessions.len() * drawn / order.len().max(1));
        order.truncate(drawn);
        order.sort_unstable();
        self.sessions = order.into_iter().map(|session| self.sessions[session].clone()).collect();
    }
}
