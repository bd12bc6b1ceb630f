//! `nearside membership`: what someone who holds a shipped file learns about the sessions behind it.
//!
//! A coin for each session decides whether it is a member, which is learnt from, or held out. Both kinds are alike but for
//! that, so whatever tells them apart is what the model gives away.

use std::collections::HashMap;
use std::fmt;
use std::ops::ControlFlow;

use clap::Args;
use nearside_log::{Log, Sequence};
use nearside_train::{
    Data, Entropy, FINEST, Membership, Mining, Privacy, Progress, Random, Rules, Sessions, Shape, Told, Unit,
};
use serde::Serialize;

use crate::error::Error;
use crate::evaluate::figures::{Draws, Figure};
use crate::evaluate::groups::Thirds;
use crate::evaluate::index::Index;
use crate::evaluate::neighbours::VsKnn;
use crate::evaluate::popularity::Popularity;
use crate::evaluate::ranker::Scores;
use crate::evaluate::report::Named;
use crate::evaluate::task::Task;
use crate::output;
use crate::progress::progress;
use crate::range::{MOST, MOST_STEPS, PRIVACY_LOSS, SHARE, within};
use crate::rules::PAIRS;
use crate::source::TrainingLog;
use crate::train::queries;

/// What `--help` says below the options.
pub(crate) const HELP: &str = "\
Every session of the log is, by a coin, a member or held out; a model is made of the members alone. The attacker holds the
model's file and someone's session, and scores the session by the mean logarithm of the chance that the model gives to each
next item, less that of popularity: a model that remembers its members gives them higher scores. Items that one half has fewer
than --min-count times are taken out of both, so that whether an item is known tells nothing.
  auc    the chance that a member's score is above that of a held-out session: 0.5 tells nothing, 1 everything
  found  the share of members found where one held-out session in a hundred is taken for a member, in percent: 1 tells nothing
  (..)   the middle 95 % of 1,000 tests drawn from the sessions with replacement (bootstrap by session)

Models: network (as `nearside train` ships it, without teachers); rules (as `nearside rules` does, each entry named by --fewest);
rules_without_a_floor (every pair that one session names); rules_epsilon_E (differentially private, for each --epsilon); vs_knn
(nearest neighbours among the members' raw sessions, which never ships): it shows what the attack finds where there is
something to be found.

Groups: all; tail (an item of the session is among the less popular ones that make up the last third of all steps);
exact_pair (two items follow each other in this session and in no other, member or held out).

This attack bounds nothing: a better one may find more. --epsilon bounds every attack.

Examples:
  nearside membership --events events.tsv.gz
  nearside membership --events events.tsv.gz --width 64 --epochs 6 --epsilon 1 8 --json";

/// Whose sessions, and which models.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    log: TrainingLog,
    /// Leave out items with fewer steps than this, 1 to 1000000, among the members, or among the sessions held out
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = within::<usize>(1..=MOST_STEPS))]
    min_count: usize,
    /// Most sessions that are attacked, drawn at random: 100 to 1000000000, all where the log has fewer
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = within::<usize>(FEWEST_ATTACKED..=MOST))]
    sessions: usize,
    /// Width of the network's item vectors, 1 to 1024
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = within::<usize>(1..=1024))]
    width: usize,
    /// Passes of the network over the members, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = within::<u64>(1..=1000))]
    epochs: u64,
    /// Fewest visitors (sessions, where one has no visitor) behind every entry of the rules: 1 to 1000000
    #[arg(long, value_name = "N", default_value_t = Mining::default().fewest, value_parser = within::<u32>(1..=1_000_000))]
    fewest: u32,
    /// Private rules to be attacked, one table for each, above 0 and at most 100
    #[arg(long, num_args = 1.., value_name = "E", default_values_t = [2.0], value_parser = within(PRIVACY_LOSS))]
    epsilon: Vec<f64>,
    /// Chance beside --epsilon, above 0 and below 1
    #[arg(long, value_name = "D", default_value_t = 1e-6, value_parser = within(SHARE))]
    delta: f64,
    /// Most pairs that one visitor, or session, names under --epsilon: 1 to 1000
    #[arg(long, value_name = "C", default_value_t = PAIRS, value_parser = within::<usize>(1..=1000))]
    pairs: usize,
    /// Seed of the coins, of the network and of what is drawn: 0 or above. The noise of private rules follows it too:
    /// they do not ship
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = within::<u64>(0..=u64::MAX))]
    seed: u64,
    /// Print one JSON object, and nothing else, on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// Fewest sessions to be drawn. Of a handful, all may be members by chance, and there is no one to tell them from.
const FEWEST_ATTACKED: usize = 100;

/// The groups that the report tells apart.
const GROUPS: [&str; 3] = ["all", "tail", "exact_pair"];

/// A session that is attacked.
struct Attacked {
    items: Vec<u32>,
    member: bool,
    /// By group, whether it is in it.
    groups: [bool; GROUPS.len()],
}

/// How a model fares on one group.
#[derive(Clone, Copy, Debug, Serialize)]
struct Leak {
    auc: Figure,
    /// In percent.
    found: Figure,
}

/// How a model fares by group; none where a group is empty.
type Leaks = Named<&'static str, Option<Leak>>;

/// How many sessions of each kind there are.
#[derive(Clone, Copy, Debug, Serialize)]
struct Kinds {
    members: usize,
    others: usize,
}

#[derive(Debug, Serialize)]
struct Report {
    /// Sessions that were learnt from, and held out.
    sessions: Kinds,
    items: usize,
    unit: Unit,
    /// Of those attacked.
    groups: Named<&'static str, Kinds>,
    /// By model and group; none where no rule was left, and where a group is empty.
    models: Named<String, Option<Leaks>>,
}

/// Runs the command and prints its report.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let log = options.log.read()?;
    let mut random = Random::of_seed(options.seed);
    let halves =
        options.log.rules(options.min_count).keep(&log).sequences.into_iter().partition(|_| random.below(2) == 0);
    let [members, others] = of_common_items(&log, halves, options.min_count.max(1));
    let left = [&members, &others].map(Vec::len);
    // An item has to be in both halves, so that where one is empty the other is too.
    options.log.enough(left, [1, 1], || options.log.rules(1).keep(&log).sequences.len())?;
    let task = Task::new((&log, &members), (&log, &others))?;
    let support = support(&task);
    let attacked = attacked(&task, &support, options.sessions, &mut random);
    let mut attack = Attack {
        options,
        task: &task,
        draws: Draws::new(attacked.len(), options.seed),
        popularity: popularity(&support),
        attacked,
        models: Vec::new(),
    };

    attack.network()?;
    let visitors: Vec<u32> = members.iter().map(|member| log.sessions()[member.session].visitor).collect();
    let unit = attack.rules(&visitors)?;
    attack.vs_knn();

    let kinds = |group: usize| {
        let count = |member: bool| {
            attack.attacked.iter().filter(|session| session.groups[group] && session.member == member).count()
        };
        Kinds { members: count(true), others: count(false) }
    };
    let report = Report {
        sessions: Kinds { members: task.training.len(), others: task.sessions.len() },
        items: task.items(),
        unit,
        groups: Named((0..GROUPS.len()).map(|group| (GROUPS[group], kinds(group))).collect()),
        models: Named(attack.models),
    };
    output::print(&report, options.json)
}

/// Both halves with those items alone that each of them has so many times: whether an item is known then tells nothing.
fn of_common_items(log: &Log, halves: (Vec<Sequence>, Vec<Sequence>), least: usize) -> [Vec<Sequence>; 2] {
    let mut halves: [Vec<Sequence>; 2] = halves.into();
    let mut steps: HashMap<u32, [usize; 2]> = HashMap::new();
    for (half, sequences) in halves.iter().enumerate() {
        sequences.iter().flat_map(|s| s.items(log)).for_each(|item| steps.entry(item).or_default()[half] += 1);
    }
    for sequences in &mut halves {
        Sequence::retain_items(sequences, log, |item| steps[&item].iter().all(|steps| *steps >= least));
    }
    halves
}

/// How many steps each item has in both halves.
fn support(task: &Task<'_>) -> Vec<u32> {
    let mut support = task.support.clone();
    task.sessions.iter().flat_map(|session| &session.items).for_each(|item| support[*item as usize] += 1);
    support
}

/// The sessions to be attacked: all, or so many drawn at random.
fn attacked(task: &Task<'_>, support: &[u32], most: usize, random: &mut Random) -> Vec<Attacked> {
    let members = task.training.iter().map(|items| (items, true));
    let others = task.sessions.iter().map(|session| (&session.items, false));
    let mut all: Vec<(&Vec<u32>, bool)> = members.chain(others).collect();
    let mut holding: HashMap<(u32, u32), u32> = HashMap::new();
    let pairs = |items: &[u32]| {
        let mut pairs: Vec<(u32, u32)> = items.windows(2).map(|pair| (pair[0], pair[1])).collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    };
    all.iter().flat_map(|(items, _)| pairs(items)).for_each(|pair| *holding.entry(pair).or_insert(0) += 1);
    let thirds = Thirds::of_support(support);
    let drawn = most.min(all.len());
    for place in 0..drawn {
        let other = place + random.below(all.len() - place);
        all.swap(place, other);
    }
    let session = |(items, member): &(&Vec<u32>, bool)| Attacked {
        items: items.to_vec(),
        member: *member,
        groups: [
            true,
            items.iter().any(|item| thirds.of[*item as usize] == 2),
            pairs(items).iter().any(|pair| holding[pair] == 1),
        ],
    };
    all[..drawn].iter().map(session).collect()
}

/// The logarithm of each item's share of all steps.
fn popularity(support: &[u32]) -> Vec<f64> {
    let all: f64 = support.iter().map(|steps| f64::from(*steps)).sum();
    support.iter().map(|steps| (f64::from(*steps) / all).ln()).collect()
}

/// The attack, and what it has found.
struct Attack<'a> {
    options: &'a Options,
    task: &'a Task<'a>,
    attacked: Vec<Attacked>,
    draws: Draws,
    popularity: Vec<f64>,
    models: Vec<(String, Option<Leaks>)>,
}

/// How much popularity counts beside the neighbours of VS-KNN, so that no chance is nought.
const BACKOFF: f64 = 0.01;

impl Attack<'_> {
    /// Adds a model by the mean logarithms of the chances that it gives.
    fn add(&mut self, name: impl Into<String>, log_chances: &[f64]) {
        let common = |items: &[u32]| {
            items[1..].iter().map(|item| self.popularity[*item as usize]).sum::<f64>() / (items.len() - 1) as f64
        };
        let scores: Vec<f64> =
            self.attacked.iter().zip(log_chances).map(|(session, chance)| chance - common(&session.items)).collect();
        let leak = |group: usize| {
            let places: Vec<usize> =
                (0..self.attacked.len()).filter(|place| self.attacked[*place].groups[group]).collect();
            let of_group = Membership::new(places.iter().map(|place| (scores[*place], self.attacked[*place].member)));
            let told = |times: &[u8]| {
                let Told { auc, found } = of_group.told(|place| f64::from(times[places[place]]))?;
                Some([auc, 100.0 * found])
            };
            self.draws.spread(told).map(|[auc, found]| Leak { auc, found })
        };
        let leaks = (0..GROUPS.len()).map(|group| (GROUPS[group], leak(group))).collect();
        self.models.push((name.into(), Some(Named(leaks))));
    }

    /// The attacked sessions, with the item ids of a file: from 1.
    fn sessions(&self) -> Sessions {
        numbered(self.attacked.iter().map(|session| session.items.as_slice()))
    }

    fn network(&mut self) -> Result<(), Error> {
        let training = numbered(self.task.training.iter().map(Vec::as_slice));
        let settings = nearside_train::Options {
            shape: Shape::of_width(self.options.width),
            epochs: self.options.epochs,
            queries: queries(training.pairs()),
            seed: self.options.seed,
            ..nearside_train::Options::default()
        };
        let data = Data { training: &training, validation: &Sessions::default(), items: self.task.items() };
        let bar = progress("network", 0);
        let mut watch = |progress: Progress<'_>| {
            if let Progress::Step { step, steps, .. } = progress {
                bar.set_length(steps.max(step));
                bar.set_position(step);
            }
            ControlFlow::Continue(())
        };
        let outcome = nearside_train::train(&settings, data, &[], None, &mut watch).map_err(Error::Training)?;
        bar.finish_and_clear();
        let outcome = outcome.expect("nothing ends the run early");
        let chances = outcome.log_chances(&self.sessions(), FINEST).map_err(Error::Training)?;
        self.add("network", &chances);
        Ok(())
    }

    /// Adds the rules of the members, of whom each has one of `visitors`, 0 where the log does not say. Returns whom
    /// their entries count.
    fn rules(&mut self, visitors: &[u32]) -> Result<Unit, Error> {
        let Options { fewest, delta, pairs, seed, .. } = *self.options;
        let mut members = Sessions::default();
        for (items, visitor) in self.task.training.iter().zip(visitors) {
            members.push(&with_file_ids(items));
            members.set_visitor(*visitor);
        }
        let mut floored = Mining { fewest, ..Mining::default() };
        let unit = floored.unit_of(&[&members]).map_err(Error::Training)?;
        floored.unit = Some(unit);
        let mut tables = vec![
            ("rules".to_owned(), floored.clone()),
            ("rules_without_a_floor".to_owned(), Mining { fewest: 1, ..floored.clone() }),
        ];
        tables.extend(self.options.epsilon.iter().map(|epsilon| {
            let privacy = Some(Privacy { epsilon: *epsilon, delta, pairs });
            (format!("rules_epsilon_{epsilon}"), Mining { privacy, ..floored.clone() })
        }));
        let sessions = self.sessions();
        for (name, mining) in tables {
            match Rules::mine(&mining, &members, self.task.items(), &mut Entropy::of_seed(seed)) {
                Ok(rules) => self.add(name, &rules.log_chances(&sessions)),
                Err(error) if error.code() == "no-rules" => self.models.push((name, None)),
                Err(error) => return Err(Error::Training(error)),
            }
        }
        Ok(unit)
    }

    fn vs_knn(&mut self) {
        let index = Index::new(self.task);
        let popular = Popularity::new(self.task);
        let vs_knn = VsKnn::new(&index, &popular);
        let bar = progress("vs_knn", self.attacked.len());
        let mut scores = Scores::default();
        let mut log_chance = |session: &[u32], next: u32| {
            let popular = self.popularity[next as usize].exp();
            vs_knn.score(session, &mut scores);
            match scores.take_share(next) {
                Some(share) => ((1.0 - BACKOFF) * share + BACKOFF * popular).ln(),
                None => popular.ln(),
            }
        };
        let mut chances = Vec::with_capacity(self.attacked.len());
        for session in &self.attacked {
            let items = &session.items;
            let sum: f64 = (1..items.len()).map(|end| log_chance(&items[..end], items[end])).sum();
            chances.push(sum / (items.len() - 1) as f64);
            bar.inc(1);
        }
        bar.finish_and_clear();
        self.add("vs_knn", &chances);
    }
}

/// Items as a file numbers them, from 1.
fn with_file_ids(items: &[u32]) -> Vec<u32> {
    items.iter().map(|item| item + 1).collect()
}

fn numbered<'a>(sessions: impl Iterator<Item = &'a [u32]>) -> Sessions {
    let mut all = Sessions::default();
    sessions.for_each(|items| all.push(&with_file_ids(items)));
    all
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Kinds { members, others } = self.sessions;
        writeln!(
            f,
            "{members} members, {others} sessions held out, {} items; rules by {}",
            self.items,
            self.unit.word()
        )?;
        write!(f, "\n{:22}", "auc, found (95 %)")?;
        for (name, Kinds { members, others }) in &self.groups.0 {
            write!(f, "  {:>38}", format!("{name} ({members} / {others})"))?;
        }
        writeln!(f)?;
        for (name, groups) in &self.models.0 {
            write!(f, "{name:22}")?;
            let Some(groups) = groups else {
                writeln!(f, "  no rule is left")?;
                continue;
            };
            for (_, leak) in &groups.0 {
                let told = leak.map_or_else(String::new, |Leak { auc, found }| {
                    format!(
                        "{:.3} ({:.3}-{:.3}), {:.1} ({:.1}-{:.1})",
                        auc.value, auc.low, auc.high, found.value, found.low, found.high
                    )
                });
                write!(f, "  {told:>38}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
