//! What an evaluation prints: tables for people, one object for programs.

use std::fmt;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::figures::{DRAWS, Draws, Figure, Figures, Sums};
use super::groups::{Grouping, Thirds};
use super::ranker::{Oddities, Place, Played};
use super::task::Task;

/// Pairs of names and values that keep their order as a JSON object.
#[derive(Clone, Debug)]
pub(crate) struct Named<N, T>(pub(crate) Vec<(N, T)>);

impl<N: Serialize, T: Serialize> Serialize for Named<N, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The whole result.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Report {
    pub(crate) train: TrainFacts,
    pub(crate) test: TestFacts,
    pub(crate) new_items: NewFacts,
    /// Head, torso and tail: how many items each has, and the training steps of the least popular one.
    popularity: Named<&'static str, Third>,
    pub(crate) interval: Interval,
    pub(crate) rankers: Named<String, RankerReport>,
}

/// The part that was learned from.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct TrainFacts {
    pub(crate) sessions: usize,
    pub(crate) steps: usize,
    /// All of them are ranked.
    pub(crate) items: usize,
    /// Sessions left out because they had fewer than two steps; of the whole log where it was split.
    pub(crate) short_sessions: usize,
    /// Items left out because too few steps name them; of the whole log where it was split.
    pub(crate) rare_items: usize,
    /// Items taken out to be asked about, as `--hold-out-items` wants.
    pub(crate) held_out_items: usize,
    /// Rows that could not be used.
    pub(crate) skipped_rows: usize,
    /// Training items that the catalogue given does not have.
    pub(crate) items_the_catalogue_lacks: usize,
}

/// The part that was measured on.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct TestFacts {
    pub(crate) sessions: usize,
    pub(crate) pairs: usize,
    /// Whether these are only a sample, as `--max-queries` asks.
    pub(crate) sampled: bool,
    /// Sessions left out because they had fewer than two steps.
    pub(crate) short_sessions: usize,
    /// Sessions left out because new items were all but one of their steps, or all.
    pub(crate) emptied_sessions: usize,
    /// Rows that could not be used.
    pub(crate) skipped_rows: usize,
}

/// What training never saw.
#[derive(Debug, serde::Serialize)]
pub(crate) struct NewFacts {
    /// How many items occur in test sessions only.
    pub(crate) items: usize,
    /// Their steps, which the protocol takes out of the sessions.
    pub(crate) steps: usize,
    /// Questions whose answer is one of them, asked apart.
    pub(crate) pairs: usize,
    /// Who was asked, and how well it ranked them.
    pub(crate) rankers: Named<String, NewReport>,
}

/// One ranker's figures over the questions whose answer training never saw.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(crate) struct NewReport {
    /// All items compete.
    pub(crate) among_all: Figures,
    /// The same, of answers that the session has not seen before.
    pub(crate) first_among_all: Option<Figures>,
    /// Of these, where the new items alone compete.
    pub(crate) first_among_new: Option<Figures>,
}

#[derive(Clone, Copy, Debug, serde::Serialize)]
struct Third {
    items: usize,
    least_steps: u32,
}

/// How `low` and `high` came about.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(crate) struct Interval {
    percent: u32,
    draws: usize,
    seed: u64,
}

impl Interval {
    pub(crate) fn new(seed: u64) -> Interval {
        Interval { percent: 95, draws: DRAWS, seed }
    }
}

/// One ranker's figures.
#[derive(Debug, serde::Serialize)]
pub(crate) struct RankerReport {
    /// What runs it; none for a baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) engine: Option<&'static str>,
    #[serde(flatten)]
    pub(crate) figures: Figures,
    pub(crate) pairs: usize,
    pub(crate) us_per_query: f64,
    /// By grouping, by group; a group without a question is left out.
    pub(crate) groups: Named<&'static str, Named<&'static str, GroupReport>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<ModelReport>,
}

/// What only a model has.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(crate) struct ModelReport {
    /// How much it lies above VS-KNN, in points.
    pub(crate) above_vs_knn: Figures,
    pub(crate) fallbacks: u64,
    pub(crate) ignored: u64,
    pub(crate) pauses: u64,
    pub(crate) ties: u64,
}

impl ModelReport {
    pub(crate) fn new(above_vs_knn: Figures, oddities: Oddities) -> ModelReport {
        let Oddities { fallbacks, ignored, pauses, ties } = oddities;
        ModelReport { above_vs_knn, fallbacks, ignored, pauses, ties }
    }
}

/// One group's figures.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(crate) struct GroupReport {
    pub(crate) pairs: usize,
    #[serde(flatten)]
    pub(crate) figures: Figures,
}

/// What a ranker adds to the figures, session by session: all questions, and each group's.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) all: Sums,
    groups: Vec<Vec<Sums>>,
}

impl Counted {
    pub(crate) fn new(task: &Task<'_>, thirds: &Thirds, places: &[Vec<Place>]) -> Counted {
        let empty = |grouping: &Grouping| vec![Sums::default(); grouping.groups().len()];
        let mut counted = Counted { all: Sums::default(), groups: Grouping::ALL.iter().map(empty).collect() };
        for (index, (session, places)) in task.sessions.iter().zip(places).enumerate() {
            for (place, prefix) in places.iter().zip(1..) {
                counted.all.add(index, *place);
                for (grouping, sums) in Grouping::ALL.iter().zip(&mut counted.groups) {
                    sums[grouping.group(session, prefix, thirds)].add(index, *place);
                }
            }
        }
        counted
    }

    /// The figures of a ranker.
    pub(crate) fn report(&self, draws: &Draws, played: &Played, engine: Option<&'static str>) -> Option<RankerReport> {
        let groups = Grouping::ALL.iter().zip(&self.groups).map(|(grouping, sums)| {
            let groups = grouping.groups().iter().zip(sums);
            let groups = groups.filter_map(|(name, sums)| {
                Some((*name, GroupReport { pairs: sums.pairs(), figures: draws.figures(sums)? }))
            });
            (grouping.name(), Named(groups.collect()))
        });
        Some(RankerReport {
            engine,
            figures: draws.figures(&self.all)?,
            pairs: self.all.pairs(),
            us_per_query: played.us_per_query(),
            groups: Named(groups.collect()),
            model: None,
        })
    }
}

impl Report {
    pub(crate) fn new(
        train: TrainFacts,
        test: TestFacts,
        new_items: NewFacts,
        thirds: &Thirds,
        interval: Interval,
        rankers: Vec<(String, RankerReport)>,
    ) -> Report {
        let parts = thirds.items.into_iter().zip(thirds.least).map(|(items, least_steps)| Third { items, least_steps });
        let popularity = Named(Grouping::Popularity.groups().iter().copied().zip(parts).collect());
        Report { train, test, new_items, popularity, interval, rankers: Named(rankers) }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.facts(f)?;
        writeln!(
            f,
            "\n{:20}  {:>20}  {:>20}  {:>20}  {:>20}  {:>8}",
            "percent (95 %)", "Recall@10", "Recall@20", "MRR@10", "MRR@20", "us/query"
        )?;
        for (name, ranker) in &self.rankers.0 {
            let Figures { recall_10, recall_20, mrr_10, mrr_20 } = ranker.figures;
            let [a, b, c, d] = [recall_10, recall_20, mrr_10, mrr_20].map(spread);
            writeln!(f, "{name:20}  {a:>20}  {b:>20}  {c:>20}  {d:>20}  {:8.1}", ranker.us_per_query)?;
        }
        for grouping in Grouping::ALL {
            self.grouping(f, grouping)?;
        }
        self.new_items(f)?;
        for (name, ranker) in &self.rankers.0 {
            if let Some(model) = &ranker.model {
                writeln!(f)?;
                model.describe(f, name)?;
            }
        }
        Ok(())
    }
}

impl Report {
    fn facts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TrainFacts { sessions, steps, items, short_sessions, rare_items, skipped_rows, .. } = &self.train;
        writeln!(f, "training  {sessions} sessions, {steps} steps, {items} items, all of them ranked")?;
        if short_sessions + rare_items + skipped_rows > 0 {
            writeln!(
                f,
                "          left out: {short_sessions} sessions too short, {rare_items} rare items, {skipped_rows} rows"
            )?;
        }
        let lacks = self.train.items_the_catalogue_lacks;
        if lacks > 0 {
            writeln!(f, "          the catalogue lacks {lacks} of the items; the log stands in for it")?;
        }
        let TestFacts { sessions, pairs, sampled, short_sessions, emptied_sessions, skipped_rows } = &self.test;
        let sample = if *sampled { " (a sample)" } else { "" };
        writeln!(f, "test      {sessions} sessions, {pairs} questions{sample}")?;
        if short_sessions + emptied_sessions + skipped_rows > 0 {
            writeln!(
                f,
                "          left out: {short_sessions} sessions too short, {emptied_sessions} emptied by new items, \
                 {skipped_rows} rows"
            )?;
        }
        let NewFacts { items, steps, pairs, .. } = &self.new_items;
        if *items > 0 {
            writeln!(
                f,
                "new       {items} items that training never saw; {steps} steps taken out, {pairs} asked apart"
            )?;
        }
        Ok(())
    }

    /// A table of Recall@20 and MRR@20 over new items.
    fn new_items(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.new_items.rankers.0.is_empty() {
            return Ok(());
        }
        write!(f, "\n{:20}", "new items")?;
        for title in ["among all", "not seen before", "among the new alone"] {
            write!(f, "  {title:>44}")?;
        }
        writeln!(f)?;
        for (name, new) in &self.new_items.rankers.0 {
            write!(f, "{name:20}")?;
            for figures in [Some(new.among_all), new.first_among_all, new.first_among_new] {
                let told = figures.map(|f| format!("{} / {}", spread(f.recall_20), spread(f.mrr_20)));
                write!(f, "  {:>44}", told.unwrap_or_default())?;
            }
            writeln!(f)?;
        }
        Ok(())
    }

    /// A table of Recall@20 and MRR@20 by group.
    fn grouping(&self, f: &mut fmt::Formatter<'_>, grouping: Grouping) -> fmt::Result {
        let Some((_, first)) = self.rankers.0.first() else { return Ok(()) };
        let of = |ranker: &RankerReport| {
            let found = ranker.groups.0.iter().find(|(name, _)| *name == grouping.name());
            found.map(|(_, groups)| groups.0.clone()).unwrap_or_default()
        };
        let title = format!("by {}", grouping.name().replace('_', " "));
        write!(f, "\n{title:20}")?;
        for (name, group) in of(first) {
            write!(f, "  {:>22}", format!("{name} ({})", group.pairs))?;
        }
        writeln!(f)?;
        for (name, ranker) in &self.rankers.0 {
            write!(f, "{name:20}")?;
            for (_, group) in of(ranker) {
                let (recall, mrr) = (group.figures.recall_20.value, group.figures.mrr_20.value);
                write!(f, "  {:>22}", format!("{recall:.2} / {mrr:.2}"))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl ModelReport {
    fn describe(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        let Figures { recall_20, mrr_20, .. } = self.above_vs_knn;
        writeln!(f, "{name}: above VS-KNN by {} in Recall@20, {} in MRR@20", spread(recall_20), spread(mrr_20))?;
        for (count, what) in [
            (self.fallbacks, "rankings in which the model failed and the cosine scorer stood in"),
            (self.ignored, "steps that the engine did not learn from"),
            (self.pauses, "questions after a pause of 30 minutes, before which the engine sees nothing"),
            (self.ties, "questions whose answer shared its score with others, which were put before it"),
        ] {
            if count > 0 {
                writeln!(f, "  {count} {what}")?;
            }
        }
        Ok(())
    }
}

/// A figure with its interval.
fn spread(figure: Figure) -> String {
    format!("{:.2} [{:.2}, {:.2}]", figure.value, figure.low, figure.high)
}
