//! Rules beside a network: what they add to its scores.
//!
//! An item's score becomes the network's logit + weight * ln(1 + rules / SHARE), where `rules` is the sum of the session's
//! rules for the item. Nothing is added to items without a rule. The weight is the one that the softmax cross entropy of the
//! validation sessions' next items is least at; a convex function, so Newton's method finds it.

use crate::encoder::Shape;
use crate::error::Error;
use crate::export::gives_probability;
use crate::measure::{Figures, places, scores};
use crate::network::Query;
use crate::onnx::Graph;
use crate::ranker::enough;
use crate::rules::Rules;
use crate::sessions::Sessions;

/// Sums of rules well below this add in proportion, those well above it by their logarithm.
const SHARE: f32 = 0.01;

/// How rules are weighed beside a network, and how good both are together.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Blend {
    /// What the logarithm of the rules counts beside the network's logit, fitted to all validation sessions.
    pub weight: f32,
    /// Figures on the validation sessions, each half of them with the weight that suits the other half: what was fitted
    /// to the sessions that it is measured on would flatter itself.
    pub figures: Figures,
}

impl Blend {
    /// Whether rules may stand beside a network of this shape: they are added to a logit.
    ///
    /// Errors: `option-out-of-range` where the network gives a probability.
    pub fn check(shape: Shape) -> Result<(), Error> {
        if gives_probability(shape.architecture) {
            let range = "hybrid, gru or attention beside rules, which are added to a logit".into();
            return Err(Error::Option { name: "network", got: shape.architecture.name().into(), range });
        }
        Ok(())
    }

    /// Fits the weight to the validation sessions, and to the older and the newer half for the figures.
    ///
    /// Errors: `too-few-sessions` where a half has no step to ask about.
    pub(crate) fn new(
        rules: &Rules,
        (table, shape): (&[f32], Shape),
        queries: &[Vec<Query>],
        validation: &Sessions,
    ) -> Result<Blend, Error> {
        enough(validation, 2)?;
        let middle = validation.len() / 2;
        let halves = [0..middle, middle..validation.len()].map(|half| (&queries[half.clone()], validation.range(half)));
        for (_, sessions) in &halves {
            enough(sessions, 1)?;
        }
        let mut measured = Vec::with_capacity(validation.pairs());
        for [fitted, other] in [[0, 1], [1, 0]] {
            let ((queries, sessions), (asked, held_out)) = (&halves[fitted], &halves[other]);
            let weight = rules.weight((table, shape), queries, sessions)?;
            let mut blended = asked.to_vec();
            rules.blend(weight, shape.length, &mut blended, held_out);
            measured.extend(places(table, shape.width, &blended, held_out)?);
        }
        let weight = rules.weight((table, shape), queries, validation)?;
        Ok(Blend { weight, figures: Figures::of(&measured) })
    }
}

/// What one question says of the weight.
struct Asked {
    /// The logarithm of the sum of all items' exponentials, without rules.
    all: f64,
    /// Score without rules, and what one unit of weight adds, of each item that has a rule.
    ruled: Vec<(f64, f64)>,
    /// What one unit of weight adds to the next item.
    target: f64,
}

impl Rules {
    /// What one unit of weight adds to the scores of items after a session, of which a file reads the last `length` steps.
    fn additions(&self, session: &[u32], length: usize) -> Vec<(u32, f32)> {
        let mut sums = std::collections::BTreeMap::new();
        let mut factor = 1.0;
        for item in session.iter().rev().take(length) {
            for entry in &self.rows[*item as usize] {
                *sums.entry(entry.to).or_insert(0.0) += factor * entry.weight();
            }
            factor *= self.decay;
        }
        sums.into_iter().map(|(item, sum): (u32, f32)| (item, (1.0 + sum / SHARE).ln())).collect()
    }

    /// Adds the rules to the queries after every step but the last of some sessions.
    pub(crate) fn blend(&self, weight: f32, length: usize, queries: &mut [Vec<Query>], sessions: &Sessions) {
        for (session, queries) in sessions.iter().zip(queries) {
            for (end, query) in (1..).zip(queries) {
                let added = self.additions(&session[..end], length).into_iter();
                query.added.extend(added.map(|(item, addition)| (item, weight * addition)));
            }
        }
    }

    /// The weight at which the next items of some sessions are likeliest. Negative where the rules mislead.
    pub(crate) fn weight(
        &self,
        (table, shape): (&[f32], Shape),
        queries: &[Vec<Query>],
        sessions: &Sessions,
    ) -> Result<f32, Error> {
        let Shape { width, length, .. } = shape;
        let prefixes: Vec<(&[u32], u32)> = sessions
            .iter()
            .flat_map(|session| (1..session.len()).map(move |end| (&session[..end], session[end])))
            .collect();
        let mut asked = Vec::with_capacity(prefixes.len());
        scores(table, width, queries.iter().flatten(), |first, scores| {
            for (scores, (session, target)) in scores.chunks(table.len() / width).zip(&prefixes[first..]) {
                let largest = scores[1..].iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let sum: f64 = scores[1..].iter().map(|score| f64::from((score - largest).exp())).sum();
                let added = self.additions(session, length);
                let on_target = added.iter().find(|(item, _)| item == target);
                asked.push(Asked {
                    all: f64::from(largest) + sum.ln(),
                    ruled: added.iter().map(|(item, a)| (f64::from(scores[*item as usize]), f64::from(*a))).collect(),
                    target: on_target.map_or(0.0, |(_, addition)| f64::from(*addition)),
                });
            }
        })?;
        let mut weight = 0.0;
        for _ in 0..50 {
            let (mut slope, mut curve) = (0.0, 1e-9);
            for Asked { all, ruled, target } in &asked {
                // By how much the rules multiply the sum of exponentials.
                let grown: f64 = ruled.iter().map(|(score, a)| (score - all).exp() * (weight * a).exp_m1()).sum();
                let chance = |score: f64, a: f64| (score - all + weight * a).exp() / (1.0 + grown);
                let mean: f64 = ruled.iter().map(|(score, a)| chance(*score, *a) * a).sum();
                let square: f64 = ruled.iter().map(|(score, a)| chance(*score, *a) * a * a).sum();
                (slope, curve) = (slope + mean - target, curve + square - mean * mean);
            }
            // A full step from far away may overshoot.
            let step = (slope / curve).clamp(-0.5, 0.5);
            weight -= step;
            if step.abs() < 1e-7 {
                break;
            }
        }
        Ok(weight as f32)
    }

    /// Adds the rules to a graph that reads `length` items of the session.
    pub(crate) fn blend_into(&self, graph: &mut Graph, weight: f32, length: usize) {
        let sums = self.sums(graph, "session.item", "ad.item", length, None);
        let share = graph.floats("share", &[], &[1.0 / SHARE]);
        let one = graph.floats("one", &[], &[1.0]);
        let factor = graph.floats("weight", &[], &[weight]);
        let sums = graph.node("Mul", &[&sums, &share], &[]);
        let sums = graph.node("Add", &[&sums, &one], &[]);
        let sums = graph.node("Log", &[&sums], &[]);
        let sums = graph.node("Mul", &[&sums, &factor], &[]);
        graph.add_to_output(&sums);
    }
}

#[cfg(test)]
mod tests {
    use nearside_scorer::{Engine, Model};

    use super::*;
    use crate::content::NewItems;
    use crate::network::Network;
    use crate::random::Random;
    use crate::ranker::{Ranker, Shipping};
    use crate::rules::{Entropy, Mining, Rule};
    use crate::run::Outcome;

    const ITEMS: usize = 30;

    /// Sessions round a ring, or at random.
    fn sessions(count: usize, ring: bool) -> Sessions {
        let mut random = Random::of_seed(3);
        let mut all = Sessions::default();
        for _ in 0..count {
            let first = random.below(ITEMS);
            let step = |step: usize| if ring { (first + step) % ITEMS } else { random.below(ITEMS) };
            let steps: Vec<u32> = (0..4).map(step).map(|item| item as u32 + 1).collect();
            all.push(&steps);
        }
        all
    }

    fn ring() -> Rules {
        Rules::mine(&Mining::default(), &sessions(400, true), ITEMS, &mut Entropy::of_seed(1)).unwrap()
    }

    /// A network that has learnt nothing, with rules of the ring.
    fn blended(validation: &Sessions, new_items: Option<NewItems>) -> Ranker {
        let network = Network::new(Shape::of_width(8), ITEMS, 1);
        let outcome = Outcome { network, history: Vec::new(), best: 0 };
        let vocabulary = "5d1f0a3c2b4e6f78".into();
        let shipping = Shipping {
            levels: 127,
            vocabulary,
            about: "A test.".into(),
            segments: None,
            new_items,
            rules: Some(ring()),
        };
        outcome.ship(validation, None, &shipping).unwrap()
    }

    #[test]
    fn rules_that_know_more_than_the_network_are_weighed_and_every_engine_adds_them() {
        let ranker = blended(&sessions(100, true), None);
        let blend = ranker.blend.unwrap();
        assert!(blend.weight > 0.3, "{blend:?}");
        assert!(blend.figures.recall_10 > 0.9 && ranker.shipped.recall_10 < 0.7, "{blend:?} {:?}", ranker.shipped);
        assert_eq!(blend.figures.pairs, ranker.shipped.pairs);
        for engine in Engine::ALL {
            // Runs the golden cases, which hold the trainer's own scores.
            Model::load(&ranker.file, *engine).unwrap();
        }
    }

    #[test]
    fn an_item_that_no_rule_can_know_is_still_ranked_by_its_content() {
        let new_items = NewItems { novelty: 0.5, repeat: -1.5, profile: 2.0, context: 0.7 };
        let ranker = blended(&sessions(100, true), Some(new_items));
        for engine in Engine::ALL {
            // Each golden case has one new item among its ads.
            Model::load(&ranker.file, *engine).unwrap();
        }
    }

    #[test]
    fn rules_that_say_nothing_of_the_next_item_get_no_weight() {
        let validation = sessions(400, false);
        // All items alike: whatever the rules add is misled.
        let alike = Query { vector: vec![0.0], added: Vec::new() };
        let queries: Vec<Vec<Query>> =
            validation.iter().map(|session| vec![alike.clone(); session.len() - 1]).collect();
        let shape = Shape { width: 1, ..Shape::of_width(8) };
        let weight = ring().weight((&[0.0; ITEMS + 1], shape), &queries, &validation).unwrap();
        assert!(weight.abs() < 0.1, "{weight}");
    }
    #[test]
    fn rules_add_what_the_steps_say_that_a_file_reads() {
        let added = |session: &[u32], length: usize| {
            let mut queries = vec![vec![Query::default(); session.len() - 1]];
            ring().blend(1.0, length, &mut queries, &[session].into_iter().collect());
            queries[0].pop().unwrap().added
        };
        assert_eq!(added(&[1, 11, 21, 5], 2), added(&[11, 21, 5], 2));
        assert_ne!(added(&[1, 11, 21, 5], 3), added(&[11, 21, 5], 3));
    }
    #[test]
    fn the_figures_beside_rules_are_of_sessions_that_the_weight_was_not_fitted_to() {
        // The rules know the older half and mislead in the newer one, which goes round the ring the other way.
        let mut validation = sessions(60, true);
        for session in sessions(60, true).iter() {
            validation.push(&session.iter().rev().copied().collect::<Vec<_>>());
        }
        let alike = Query { vector: vec![0.0], added: Vec::new() };
        let queries: Vec<Vec<Query>> =
            validation.iter().map(|session| vec![alike.clone(); session.len() - 1]).collect();
        let shape = Shape { width: 1, ..Shape::of_width(8) };
        let sequential = Mining { rule: Rule::Sequential, ..Mining::default() };
        let rules = Rules::mine(&sequential, &sessions(400, true), ITEMS, &mut Entropy::of_seed(1)).unwrap();
        let table = [0.0; ITEMS + 1];
        let of = |half: std::ops::Range<usize>| {
            rules.weight((&table, shape), &queries[half.clone()], &validation.range(half)).unwrap()
        };
        let measured = |weight: f32, half: std::ops::Range<usize>| {
            let mut blended = queries[half.clone()].to_vec();
            rules.blend(weight, shape.length, &mut blended, &validation.range(half.clone()));
            places(&table, 1, &blended, &validation.range(half)).unwrap()
        };
        let crossed = [measured(of(60..120), 0..60), measured(of(0..60), 60..120)].concat();
        let blend = Blend::new(&rules, (&table, shape), &queries, &validation).unwrap();
        assert_eq!(blend.figures, Figures::of(&crossed));
        let itself = [measured(blend.weight, 0..60), measured(blend.weight, 60..120)].concat();
        assert!(Figures::of(&itself).mrr_20 > blend.figures.mrr_20 + 0.05, "{blend:?} {:?}", Figures::of(&itself));
    }

    #[test]
    fn a_half_without_a_session_is_refused() {
        let network = Network::new(Shape::of_width(8), ITEMS, 1);
        let outcome = Outcome { network, history: Vec::new(), best: 0 };
        let shipping = |rules| Shipping {
            levels: 127,
            vocabulary: "5d1f0a3c2b4e6f78".into(),
            about: "A test.".into(),
            segments: None,
            new_items: None,
            rules,
        };
        let refused = |count: usize, rules| {
            let error = outcome.ship(&sessions(count, true), None, &shipping(rules)).unwrap_err();
            (error.code(), error.value())
        };
        assert_eq!(refused(0, None), ("too-few-sessions", Some("0".into())));
        assert_eq!(refused(1, Some(ring())), ("too-few-sessions", Some("1".into())));
    }
}
