//! The rules as a file of the contract: `session.item` and `ad.item` in, `score` out, a logit.

use serde_json::json;

use crate::calibration::{Calibration, QUERIES, Tally};
use crate::encoder::StepInputs;
use crate::error::Error;
use crate::onnx::{Attribute, Element, Graph};
use crate::ranker::{Answer, compressed, golden, of_ads};
use crate::rules::{LENGTH, LEVELS, REPEAT, Rules};
use crate::sessions::Sessions;

/// The rules as they ship.
#[derive(Clone, Debug)]
pub struct RulesFile {
    /// The ONNX file.
    pub file: Vec<u8>,
    /// Its size after gzip.
    pub compressed: usize,
}

impl Rules {
    /// What a score means as a chance, fitted on sessions that the rules were not mined from.
    ///
    /// A private table is calibrated by its own arithmetic: a fitted line would tell of sessions without noise.
    pub fn calibrate(&self, validation: &Sessions) -> Calibration {
        if self.private {
            // A long session's decays add up to 1 / (1 - decay), which the score leaves undivided.
            return Calibration { scale: 1.0, offset: (1.0 - self.decay).max(1.0 / LENGTH as f32).ln() };
        }
        let asked =
            || validation.iter().flat_map(|session| (1..session.len()).map(move |end| (&session[..end], session[end])));
        let every = asked().count().div_ceil(QUERIES).max(1);
        let mut tally = Tally::default();
        asked().step_by(every).for_each(|(session, target)| tally.add(&self.scores(session), target));
        tally.line()
    }

    /// Writes the rules, for a vocabulary with this hash. `about` is one sentence about where they come from.
    pub fn ship(&self, calibration: Calibration, vocabulary: &str, about: &str) -> Result<RulesFile, Error> {
        let reveals = if self.private {
            let unit = self.unit.word();
            format!(
                "All of it, and which items the vocabulary names, is made from counts that are private for each {unit}."
            )
        } else {
            "It also holds how often each item occurs.".into()
        };
        let description = format!(
            "{about} {}; the score is the logarithm of a chance. {reveals} The file holds no session and no shopper; its golden \
             cases are drawn at random.",
            self.about()
        );
        let golden = golden(LENGTH, self.rows.len() - 1, StepInputs::default(), |steps, ads, _| {
            let session: Vec<u32> = steps.iter().map(|(item, _)| *item).collect();
            Ok(Answer { score: of_ads(&self.scores(&session), ads), inputs: Vec::new() })
        })?;
        let metadata = [
            ("nearside.schema", "1".to_owned()),
            ("nearside.output", "logit".to_owned()),
            ("nearside.vocabulary", vocabulary.to_owned()),
            ("nearside.calibration", json!({"scale": calibration.scale, "offset": calibration.offset}).to_string()),
            ("nearside.description", description),
            ("nearside.golden", golden),
        ];
        let file = self.graph(Some(&self.base)).file("nearside", &metadata);
        Ok(RulesFile { compressed: compressed(&file), file })
    }

    /// What the table is, for a description.
    pub(crate) fn about(&self) -> String {
        let (entries, fewest, unit) = (self.entries(), self.fewest, self.unit.word());
        format!(
            "Item-to-item rules, {entries} entries with {fewest} {unit}s or more behind each, weights in steps of exp(1/{LEVELS})"
        )
    }

    /// A file of what the rules add, without popularity, calibration and golden cases: what they take beside a network.
    pub(crate) fn alone(&self) -> Vec<u8> {
        self.graph(None).file("nearside", &[])
    }

    fn graph(&self, base: Option<&[f32]>) -> Graph {
        let mut g = Graph::default();
        let session = g.input("session.item", Element::Int64, &[Ok(1), Ok(LENGTH as u64)]);
        let ads = g.input("ad.item", Element::Int64, &[Err("N")]);
        let score = self.sums(&mut g, &session, &ads, LENGTH, base);
        let score = g.node("Log", &[&score], &[]);
        g.output(&score, "score", &[Err("N")]);
        g
    }

    /// For each ad, what the rules of the session's items add to `base`, with what steps add to their own items; without a
    /// base the rules alone. The session has `length` items.
    pub(super) fn sums(&self, g: &mut Graph, session: &str, ads: &str, length: usize, base: Option<&[f32]>) -> String {
        let items = self.rows.len();
        // The first column is the item itself.
        let columns = 1 + self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let (c, l) = (columns as i64, length as i64);
        // Rows are filled up with one item more than there are, which no ad is. Padding's row is full of it.
        let (mut neighbours, mut levels) = (vec![items as i32; items * columns], vec![0i8; items * columns]);
        for (item, row) in self.rows.iter().enumerate().skip(1) {
            if base.is_some() {
                (neighbours[item * columns], levels[item * columns]) = (item as i32, REPEAT);
            }
            for (place, entry) in (item * columns + 1..).zip(row) {
                neighbours[place] = entry.to as i32;
                levels[place] = entry.level;
            }
        }
        let to = |g: &mut Graph, value: &str, dims: &[i64]| {
            let dims = g.ints("dims", &[dims.len()], dims);
            g.node("Reshape", &[value, &dims], &[])
        };
        let ids = to(g, session, &[l]);
        let neighbours = g.indices("neighbours", &[items, columns], &neighbours);
        let neighbours = g.node("Gather", &[&neighbours, &ids], &[Attribute::Int("axis", 0)]);
        let neighbours = to(g, &neighbours, &[l * c]);
        let levels = g.bytes("levels", &[items, columns], &levels);
        let levels = g.node("Gather", &[&levels, &ids], &[Attribute::Int("axis", 0)]);
        let step = g.floats("step", &[], &[1.0 / LEVELS]);
        let logs = g.node("DequantizeLinear", &[&levels, &step], &[]);
        let weights = g.node("Exp", &[&logs], &[]);
        // The last position is the newest.
        let mut decays = vec![1.0; length];
        (0..length - 1).rev().for_each(|position| decays[position] = decays[position + 1] * self.decay);
        let decays = g.floats("decays", &[length, 1], &decays);
        let weights = g.node("Mul", &[&weights, &decays], &[]);
        let weights = to(g, &weights, &[l * c]);
        let mut base = base.map_or_else(|| vec![0.0; items], <[f32]>::to_vec);
        base.push(0.0);
        let base = g.floats("base", &[items + 1], &base);
        let sums = g.node(
            "ScatterElements",
            &[&base, &neighbours, &weights],
            &[Attribute::Int("axis", 0), Attribute::Text("reduction", "add")],
        );
        let ads = to(g, ads, &[-1]);
        g.node("Gather", &[&sums, &ads], &[Attribute::Int("axis", 0)])
    }
}

#[cfg(test)]
mod tests {
    use nearside_core::feature::Values;
    use nearside_scorer::{Engine, Input, Network as Scorer};

    use super::*;
    use crate::random::Random;
    use crate::rules::{Entropy, Mining, Privacy, Rule};

    const ITEMS: usize = 30;

    /// Sessions that walk upwards by one to three.
    fn sessions(count: usize) -> Sessions {
        let mut random = Random::of_seed(3);
        let mut all = Sessions::default();
        for _ in 0..count {
            let mut item = random.below(ITEMS) as u32;
            let steps: Vec<u32> = (0..2 + random.below(5))
                .map(|_| {
                    item = (item + 1 + random.below(3) as u32) % ITEMS as u32;
                    item + 1
                })
                .collect();
            all.push(&steps);
        }
        all
    }

    #[test]
    fn every_engine_computes_what_the_table_says() {
        for rule in [Rule::Sequential, Rule::Association] {
            let mining = Mining { rule, ..Mining::default() };
            let rules = Rules::mine(&mining, &sessions(500), ITEMS, &mut Entropy::of_seed(1)).unwrap();
            let shipped = rules.ship(rules.calibrate(&sessions(50)), "5d1f0a3c2b4e6f78", "A test.").unwrap();
            for engine in Engine::ALL {
                let mut scorer = Scorer::load(&shipped.file, *engine).unwrap();
                let long: Vec<u32> = (0..25).map(|step| step % ITEMS as u32 + 1).collect();
                for session in [&[7][..], &[3, 9, 3], &long] {
                    let read = &session[session.len().saturating_sub(LENGTH)..];
                    let mut ids = vec![0; LENGTH - read.len()];
                    ids.extend(read.iter().map(|id| *id as i32));
                    let ads: Vec<i32> = (0..=ITEMS as i32).collect();
                    let inputs = [
                        Input { name: "session.item", shape: &[1, LENGTH], values: Values::Id(ids.into()) },
                        Input { name: "ad.item", shape: &[ITEMS + 1], values: Values::Id(ads.into()) },
                    ];
                    let got = scorer.run(&inputs).unwrap().values;
                    let expected = rules.scores(session);
                    assert_eq!(got.len(), expected.len());
                    for (item, (got, expected)) in got.iter().zip(&expected).enumerate() {
                        // Sums of some f32 in another order, then a logarithm.
                        assert!((got - expected).abs() < 1e-4, "{} {item}: {got} {expected}", engine.name());
                    }
                }
            }
        }
    }

    #[test]
    fn a_fitted_calibration_makes_the_chances_of_all_items_add_up_to_one() {
        let rules = Rules::mine(&Mining::default(), &sessions(2000), ITEMS, &mut Entropy::of_seed(1)).unwrap();
        let Calibration { scale, offset } = rules.calibrate(&sessions(300));
        let chance = |score: &f32| 1.0 / (1.0 + (-(scale * score + offset)).exp());
        let sums: Vec<f32> =
            (1..20).map(|item| rules.scores(&[item, item + 2])[1..].iter().map(chance).sum()).collect();
        let mean = sums.iter().sum::<f32>() / sums.len() as f32;
        assert!((mean - 1.0).abs() < 0.2, "{sums:?}");
        let figures = rules.figures(&sessions(300));
        assert!(figures.recall_10 > 0.8, "{figures:?}");
    }

    #[test]
    fn a_private_table_is_calibrated_without_a_look_at_the_validation() {
        let privacy = Some(Privacy { epsilon: 4.0, delta: 1e-5, pairs: 3 });
        let mining = Mining { privacy, ..Mining::default() };
        let rules = Rules::mine(&mining, &sessions(2000), ITEMS, &mut Entropy::of_seed(1)).unwrap();
        assert_eq!(rules.calibrate(&sessions(10)), rules.calibrate(&sessions(90)));
    }
}
