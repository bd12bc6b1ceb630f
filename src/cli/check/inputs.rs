//! Random inputs within the ranges that the feature table states.
//!
//! The same seed gives the same inputs, so a difference between engines can be looked at again.

use nearside_core::feature::{Shape, Values};
use nearside_core::{EventName, Feature};
use nearside_scorer::{Dim, Error, Input, Model, Port};
use nearside_train::Random;

/// One set of inputs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    /// `N`.
    pub(crate) candidates: usize,
    /// `L`, where the file fixes none.
    pub(crate) session: usize,
    pub(crate) seed: u64,
}

const fn case(candidates: usize, session: usize, seed: u64) -> Case {
    Case { candidates, session, seed }
}

/// A single candidate, a new shopper, a full history, and sizes that no unrolled loop divides.
pub(crate) const CASES: [Case; 8] = [
    case(1, 1, 1),
    case(2, 3, 2),
    case(7, 50, 3),
    case(16, 8, 4),
    case(33, 1, 5),
    case(100, 20, 6),
    case(257, 50, 7),
    case(1000, 5, 8),
];

/// What the catalogue's embeddings are wide where the file does not fix it.
const WIDTH: usize = nearside_core::content::WIDTH;

/// A named input with its values.
#[derive(Clone, Debug)]
pub(crate) struct Tensor {
    name: String,
    shape: Vec<usize>,
    values: Values<'static>,
}

impl Tensor {
    /// As an engine takes it.
    pub(crate) fn input(&self) -> Input<'_> {
        Input { name: &self.name, shape: &self.shape, values: self.values.clone() }
    }
}

/// Runs a model on tensors.
pub(crate) fn run(model: &mut Model, tensors: &[Tensor]) -> Result<Vec<f32>, Error> {
    let inputs: Vec<Input<'_>> = tensors.iter().map(Tensor::input).collect();
    Ok(model.run(&inputs)?.values)
}

/// What an id counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    Item,
    Category,
    Brand,
    Kind,
}

const TABLES: [Table; 4] = [Table::Item, Table::Category, Table::Brand, Table::Kind];

fn table(feature: Feature) -> Option<Table> {
    match feature {
        Feature::SessionItem | Feature::AdItem => Some(Table::Item),
        Feature::SessionCategory | Feature::AdCategory => Some(Table::Category),
        Feature::SessionBrand | Feature::AdBrand => Some(Table::Brand),
        Feature::SessionKind => Some(Table::Kind),
        _ => None,
    }
}

/// Makes inputs for one file.
#[derive(Debug)]
pub(crate) struct Generator {
    ports: Vec<(Feature, Port)>,
    /// The largest id of each of [`TABLES`].
    limits: [i32; TABLES.len()],
    random: Random,
}

impl Generator {
    pub(crate) fn new(inputs: &[Port]) -> Generator {
        let known = |port: &Port| Feature::from_name(&port.name).map(|feature| (feature, port.clone()));
        let kinds = EventName::ALL.iter().map(|e| e.id()).max().unwrap_or(1);
        Generator {
            ports: inputs.iter().filter_map(known).collect(),
            limits: [1, 1, 1, kinds],
            random: Random::of_seed(0),
        }
    }

    /// Finds how large ids may be: a file does not say how many rows its tables have, but an engine
    /// refuses an id beyond them. `runs` tells whether it accepts these inputs.
    pub(crate) fn find_limits(&mut self, mut runs: impl FnMut(&[Tensor]) -> bool) {
        for table in TABLES.into_iter().filter(|t| *t != Table::Kind) {
            for limit in [100_000, 10_000, 1_000, 100, 10, 1] {
                self.limits[table as usize] = limit;
                let mut tensors = self.tensors(case(2, 2, 0));
                for (tensor, (feature, _)) in tensors.iter_mut().zip(&self.ports) {
                    if let (Values::Id(ids), true) = (&mut tensor.values, self::table(*feature) == Some(table)) {
                        ids.to_mut().fill(limit);
                    }
                }
                if runs(&tensors) {
                    break;
                }
            }
        }
    }

    /// The inputs of a case.
    pub(crate) fn tensors(&mut self, case: Case) -> Vec<Tensor> {
        self.random = Random::of_seed(case.seed);
        let ports = self.ports.clone();
        ports.into_iter().map(|(feature, port)| self.tensor(feature, &port, case)).collect()
    }

    fn tensor(&mut self, feature: Feature, port: &Port, case: Case) -> Tensor {
        let symbols = match feature.shape() {
            Shape::PerEvent => [1, case.session],
            Shape::Row(width) => [1, width],
            Shape::Embedding => [1, WIDTH],
            Shape::PerAd => [case.candidates, 1],
            Shape::AdEmbedding => [case.candidates, WIDTH],
        };
        let rank = if feature.shape() == Shape::PerAd { 1 } else { 2 };
        let shape: Vec<usize> = match &port.shape {
            None => symbols[..rank].to_vec(),
            Some(dims) => dims
                .iter()
                .zip(symbols)
                .map(|(dim, size)| match dim {
                    Dim::Fixed(fixed) => *fixed,
                    Dim::Symbol(_) => size,
                })
                .collect(),
        };
        let count = shape.iter().product();
        let values = match table(feature) {
            Some(table) => {
                let limit = self.limits[table as usize];
                let mut ids: Vec<i32> = (0..count).map(|_| self.random.below(limit as usize + 1) as i32).collect();
                // A shorter session than the file's length is padded on the left.
                if feature.shape() == Shape::PerEvent {
                    ids[..count.saturating_sub(case.session)].fill(0);
                }
                Values::Id(ids.into())
            }
            None => Values::Float(self.floats(feature, count, shape.last().copied().unwrap_or(1)).into()),
        };
        Tensor { name: port.name.clone(), shape, values }
    }

    fn floats(&mut self, feature: Feature, count: usize, width: usize) -> Vec<f32> {
        use Feature::*;
        let random = &mut self.random;
        let mut between = |low: f32, high: f32| (0..count).map(|_| random.between(low, high)).collect::<Vec<_>>();
        match feature {
            // Logarithms: prices up to some 3,000, ages up to a day, a few dozen views.
            SessionPrice | AdPrice => between(0.0, 8.0),
            SessionAge => between(0.0, 11.0),
            PairViews => between(0.0, 4.0),
            PairPriceGap => between(-3.0, 3.0),
            AdDiscount => between(0.0, 0.9),
            ProfileBasic | ProfileStage | ContextPage | ContextDevice => {
                let hot = random.below(count);
                (0..count).map(|index| f32::from(u8::from(index == hot))).collect()
            }
            ProfileInterest | ContextInterest | AdEmbedding => {
                let mut rows = between(-1.0, 1.0);
                rows.chunks_mut(width.max(1)).for_each(nearside_core::content::normalise);
                rows
            }
            // Sines and cosines among them.
            _ => between(-1.0, 1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generator(inputs: &[(&str, &'static str, Option<Vec<Dim>>)]) -> Generator {
        let port = |(name, dtype, shape): &(&str, &'static str, Option<Vec<Dim>>)| Port {
            name: (*name).into(),
            dtype,
            shape: shape.clone(),
        };
        Generator::new(&inputs.iter().map(port).collect::<Vec<_>>())
    }

    #[test]
    fn shapes_follow_the_file_and_the_case() {
        let symbol = || Dim::Symbol("?".into());
        let mut generator = generator(&[
            ("session.item", "int64", Some(vec![Dim::Fixed(1), Dim::Fixed(20)])),
            ("session.price", "float", Some(vec![Dim::Fixed(1), symbol()])),
            ("ad.price", "float", Some(vec![symbol(), Dim::Fixed(1)])),
            ("ad.embedding", "float", Some(vec![symbol(), Dim::Fixed(8)])),
            ("pair.cosine", "float", None),
        ]);
        let shapes: Vec<Vec<usize>> = generator.tensors(case(7, 3, 1)).into_iter().map(|t| t.shape).collect();
        assert_eq!(shapes, [vec![1, 20], vec![1, 3], vec![7, 1], vec![7, 8], vec![7]]);
    }

    #[test]
    fn ids_stay_within_what_the_engine_accepts() {
        let mut generator = generator(&[("ad.item", "int64", None), ("ad.brand", "int64", None)]);
        let within = |tensors: &[Tensor], index: usize, limit: i32| match &tensors[index].values {
            Values::Id(ids) => ids.iter().all(|id| (0..=limit).contains(id)),
            Values::Float(_) => false,
        };
        generator.find_limits(|tensors| within(tensors, 0, 250) && within(tensors, 1, 99_999));
        let tensors = generator.tensors(case(500, 1, 9));
        assert!(within(&tensors, 0, 100) && !within(&tensors, 0, 10));
        assert!(within(&tensors, 1, 10_000) && !within(&tensors, 1, 100));
    }

    #[test]
    fn the_same_seed_gives_the_same_inputs() {
        let mut generator = generator(&[("pair.cosine", "float", None)]);
        let values = |g: &mut Generator, seed| g.tensors(case(5, 1, seed)).remove(0).values;
        let first = values(&mut generator, 1);
        assert_ne!(values(&mut generator, 2), first);
        assert_eq!(values(&mut generator, 1), first);
    }

    #[test]
    fn a_short_session_is_padded_on_the_left() {
        let mut generator = generator(&[("session.kind", "int64", Some(vec![Dim::Fixed(1), Dim::Fixed(10)]))]);
        let Values::Id(ids) = generator.tensors(case(1, 4, 3)).remove(0).values else { panic!("ids") };
        assert_eq!(ids[..6], [0; 6]);
        assert_ne!(ids[6..], [0; 4]);
    }
}
