//! The content encoder: from what an item is to its vector.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use nearside_core::Fnv;
use nearside_core::content::{Content, dot};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use serde::{Deserialize, Serialize};

use super::features::Features;
use super::graph::{content_width, joined};
use super::new_items::{Guesses, NewItems};
use super::ridge::{Ridge, Sparse};
use super::told;
use crate::error::Error;
use crate::run::Outcome;
use crate::sessions::Sessions;

/// Penalties that are tried: how much the items of one kind differ against how much kinds do.
const PENALTIES: [f32; 5] = [30.0, 10.0, 3.0, 1.0, 0.3];
/// Parts of the items; the vectors of each are predicted from the others when something is to be chosen.
const FOLDS: u64 = 5;
/// Steps at which an item's trained vector counts half: rare items' vectors are mostly where they began.
const HALF: f32 = 5.0;
/// Features of fewer items tell nothing of another item.
const FEWEST_ITEMS: usize = 2;
/// The name of the metadata that holds [`About`].
const ABOUT: &str = "nearside.content";

/// What is known of an encoder beside its numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct About {
    schema: u32,
    fingerprint: String,
    width: usize,
    penalty: f32,
    explained: f32,
    #[serde(flatten)]
    new_items: NewItems,
}

/// Version of the file's form.
const SCHEMA: u32 = 1;

/// Turns what an item is into its vector in the space of one network.
#[derive(Clone, Debug)]
pub struct ContentEncoder {
    features: Features,
    /// In rising order, with a row of `width` numbers each.
    buckets: Vec<u32>,
    rows: Vec<f32>,
    about: About,
}

impl ContentEncoder {
    /// How many numbers a vector has.
    pub fn width(&self) -> usize {
        content_width(self.about.width)
    }

    /// How many features have a row.
    pub fn features(&self) -> usize {
        self.buckets.len()
    }

    /// Share of the squared length of the network's item vectors that was predicted for items that were left out, 0 to 1.
    pub fn explained(&self) -> f32 {
        self.about.explained
    }

    /// What the network's file names this encoder by, 16 hexadecimal digits; see
    /// [`named_encoder`](crate::named_encoder). Another network's encoder has another one.
    pub fn fingerprint(&self) -> &str {
        &self.about.fingerprint
    }

    /// How the network's file ranks items by their vectors.
    pub fn new_items(&self) -> NewItems {
        self.about.new_items
    }

    /// The vector of an item, of length 1: as many numbers as the network's items have, what those lack to a length of
    /// their own, which is the larger the less is known, and hashed features.
    pub fn vector(&self, item: &Content<'_>) -> Vec<f32> {
        let width = self.about.width;
        let mut vector = vec![0.0; width];
        for (bucket, weight) in self.features.of(item) {
            // A feature that no trained item has says nothing.
            if let Ok(place) = self.buckets.binary_search(&bucket) {
                let row = &self.rows[place * width..][..width];
                vector.iter_mut().zip(row).for_each(|(sum, x)| *sum += weight * x);
            }
        }
        joined(&completed(&vector), &self.features.hashed(item))
    }

    /// The encoder as a safetensors file: `buckets` `[F]` (int64), `rows` `[F, width]` (float), and metadata.
    pub fn to_bytes(&self) -> Vec<u8> {
        let buckets: Vec<u8> = self.buckets.iter().flat_map(|bucket| i64::from(*bucket).to_le_bytes()).collect();
        let rows: Vec<u8> = self.rows.iter().flat_map(|x| x.to_le_bytes()).collect();
        let (count, width) = (self.buckets.len(), self.about.width);
        let view = |kind, shape, bytes| TensorView::new(kind, shape, bytes).expect("as many bytes as the shape says");
        let tensors = [
            ("buckets", view(Dtype::I64, vec![count], &buckets)),
            ("rows", view(Dtype::F32, vec![count, width], &rows)),
        ];
        let about = serde_json::to_string(&self.about).expect("numbers are JSON");
        serialize(tensors, Some(HashMap::from([(ABOUT.into(), about)]))).expect("two tensors make a file")
    }

    /// Reads what [`to_bytes`](ContentEncoder::to_bytes) wrote.
    ///
    /// Errors: `unreadable-file`, `invalid-content`.
    pub fn read(path: &Path) -> Result<ContentEncoder, Error> {
        let bytes = std::fs::read(path).map_err(|source| Error::Unreadable { path: path.to_owned(), source })?;
        ContentEncoder::from_bytes(&bytes).map_err(|fault| Error::Content { path: path.to_owned(), fault })
    }

    fn from_bytes(bytes: &[u8]) -> Result<ContentEncoder, String> {
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| e.to_string())?;
        let about = metadata.metadata().as_ref().and_then(|texts| texts.get(ABOUT));
        let about = about.ok_or_else(|| format!("its metadata lacks {ABOUT}"))?;
        let about: About = serde_json::from_str(about).map_err(|e| e.to_string())?;
        let file = SafeTensors::deserialize(bytes).map_err(|e| e.to_string())?;
        let tensor = |name: &str, kind: Dtype| match file.tensor(name) {
            Ok(tensor) if tensor.dtype() == kind => Ok(tensor),
            Ok(tensor) => Err(format!("{name} holds {:?}, it should hold {kind:?}", tensor.dtype())),
            Err(e) => Err(e.to_string()),
        };
        let (buckets, rows) = (tensor("buckets", Dtype::I64)?, tensor("rows", Dtype::F32)?);
        let buckets: Vec<u32> =
            buckets.data().as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes) as u32).collect();
        let rows: Vec<f32> = rows.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        if about.schema != SCHEMA {
            return Err(format!("its schema is {}, this build reads {SCHEMA}", about.schema));
        }
        if about.width == 0 || rows.len() != buckets.len() * about.width || !buckets.is_sorted() {
            return Err(format!("{} rows of {} do not make {} numbers", buckets.len(), about.width, rows.len()));
        }
        if rows.iter().any(|x| !x.is_finite()) {
            return Err("a row holds what is no number".into());
        }
        Ok(ContentEncoder { features: Features::new(), buckets, rows, about })
    }
}

/// A vector no longer than 1, and what it lacks to length 1.
fn completed(vector: &[f32]) -> Vec<f32> {
    let square = dot(vector, vector);
    let scale = if square > 1.0 { 1.0 / square.sqrt() } else { 1.0 };
    let rest = (1.0 - square * scale * scale).max(0.0).sqrt();
    vector.iter().map(|x| x * scale).chain([rest]).collect()
}

/// The training items, with what is known of them.
struct Items<'a> {
    sparse: Sparse,
    buckets: Vec<u32>,
    folds: Vec<u64>,
    /// How much each trained vector counts.
    weights: Vec<f32>,
    /// `[items, width]`.
    vectors: &'a [f32],
    width: usize,
}

impl<'a> Items<'a> {
    fn new(features: &Features, items: &[Content<'_>], counts: &[u32], vectors: &'a [f32], width: usize) -> Items<'a> {
        let read: Vec<Vec<(u32, f32)>> = items.iter().map(|item| features.of(item)).collect();
        let mut support: BTreeMap<u32, usize> = BTreeMap::new();
        read.iter().flatten().for_each(|(bucket, _)| *support.entry(*bucket).or_insert(0) += 1);
        let kept = support.into_iter().filter(|(_, items)| *items >= FEWEST_ITEMS).map(|(bucket, _)| bucket);
        let buckets: Vec<u32> = kept.collect();
        let column = |bucket: &u32| buckets.binary_search(bucket).ok().map(|column| column as u32);
        let row = |row: Vec<(u32, f32)>| row.iter().filter_map(|(bucket, x)| Some((column(bucket)?, *x))).collect();
        // By hash, as neighbours in a sorted vocabulary are often variants of one product.
        let fold = |item: usize| {
            let hash = Fnv::new().with(&(item as u64).to_le_bytes()).value();
            (hash ^ (hash >> 32)) % FOLDS
        };
        Items {
            sparse: Sparse::new(read.into_iter().map(row)),
            folds: (0..items.len()).map(fold).collect(),
            weights: counts.iter().map(|count| *count as f32 / (*count as f32 + HALF)).collect(),
            buckets,
            vectors,
            width,
        }
    }

    fn ridge(&self) -> Ridge<'_> {
        Ridge::new(&self.sparse, self.buckets.len(), self.vectors, self.width)
    }

    fn blank(&self) -> Vec<f32> {
        vec![0.0; self.buckets.len() * self.width]
    }

    /// Weights without those of one fold.
    fn without(&self, fold: u64) -> Vec<f32> {
        self.weights.iter().zip(&self.folds).map(|(w, of)| if *of == fold { 0.0 } else { *w }).collect()
    }

    /// Share of the squared length of one fold's vectors that is predicted.
    fn explained(&self, predicted: &[f32], fold: impl Fn(u64) -> bool) -> f32 {
        let (mut off, mut all) = (0.0, 0.0);
        let rows = self.vectors.chunks(self.width).zip(predicted.chunks(self.width));
        for ((row, guess), (weight, of)) in rows.zip(self.weights.iter().zip(&self.folds)) {
            if fold(*of) {
                let square = |(x, y): (&f32, &f32)| f64::from((x - y) * (x - y));
                off += f64::from(*weight) * row.iter().zip(guess).map(square).sum::<f64>();
                all += f64::from(*weight) * f64::from(dot(row, row));
            }
        }
        if all > 0.0 { (1.0 - off / all) as f32 } else { 0.0 }
    }

    /// The penalty under which one fold is predicted best from the others.
    fn penalty(&self, ridge: &Ridge<'_>) -> f32 {
        let weights = self.without(0);
        let (mut best, mut rows) = ((f32::NEG_INFINITY, PENALTIES[0]), self.blank());
        for penalty in PENALTIES {
            rows = ridge.solve(&weights, penalty, &rows);
            let explained = self.explained(&self.sparse.times(&rows, self.width), |fold| fold == 0);
            if explained > best.0 {
                best = (explained, penalty);
            }
        }
        best.1
    }

    /// Every item's vector as predicted from the other folds, `[items, width]`.
    fn predicted_from_others(&self, ridge: &Ridge<'_>, penalty: f32) -> Vec<f32> {
        let mut all = vec![0.0; self.vectors.len()];
        for fold in 0..FOLDS {
            let rows = ridge.solve(&self.without(fold), penalty, &self.blank());
            let predicted = self.sparse.times(&rows, self.width);
            let own = self.folds.iter().enumerate().filter(|(_, of)| **of == fold);
            for place in own.map(|(item, _)| item * self.width..(item + 1) * self.width) {
                all[place.clone()].copy_from_slice(&predicted[place]);
            }
        }
        all
    }
}

impl Outcome {
    /// Learns what items of some content are to this network. `items` tells of every item, from id 1 on.
    ///
    /// What is chosen (the penalty, [`NewItems`]) is chosen on items that are left out and on `validation`, which must be
    /// sessions the network did not learn from; where it learnt from all, hand over its twin's encoder for that.
    ///
    /// Errors: `option-out-of-range` where `items` are not as many as the network has; `unknown-content` where no item has
    /// a title, a category, a brand or a price.
    pub fn content(
        &self,
        items: &[Content<'_>],
        training: &Sessions,
        validation: &Sessions,
        twin: Option<&ContentEncoder>,
    ) -> Result<ContentEncoder, Error> {
        let network = &self.network;
        let (width, table) = (network.shape.width, network.table());
        let known = table.len() / width - 1;
        if items.len() != known {
            return Err(Error::Option { name: "items", got: items.len().to_string(), range: known.to_string() });
        }
        told(items, "content")?;
        let features = Features::new();
        let counts = training.counts(known);
        let learnt = Items::new(&features, items, &counts[1..], &table[width..], width);
        let ridge = learnt.ridge();
        let about = match twin {
            Some(twin) => {
                let fingerprint = twin.about.new_items.fingerprint(network);
                About { width, fingerprint, ..twin.about.clone() }
            }
            None => {
                let penalty = learnt.penalty(&ridge);
                let predicted = learnt.predicted_from_others(&ridge, penalty);
                let guess = |(vector, item)| [completed(vector), features.hashed(item)].concat();
                let vectors: Vec<Vec<f32>> = predicted.chunks(width).zip(items).map(guess).collect();
                let guesses = Guesses { vectors: &vectors, folds: &learnt.folds, count: FOLDS };
                let new_items = NewItems::fit(network, &guesses, validation)?;
                let explained = learnt.explained(&predicted, |_| true);
                let fingerprint = new_items.fingerprint(network);
                About { schema: SCHEMA, fingerprint, width, penalty, explained, new_items }
            }
        };
        let rows = ridge.solve(&learnt.weights, about.penalty, &learnt.blank());
        let buckets = learnt.buckets;
        Ok(ContentEncoder { features, buckets, rows, about })
    }
}
