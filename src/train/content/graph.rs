//! What a file has beside the network's own graph, to rank items that are not in the vocabulary.
//!
//! `ad.embedding`, `profile.interest` and `context.interest` are content vectors, wider than the network's. The product of
//! query and items stays one product: known items get zeros behind their vector, and the query what those numbers of a
//! new item are to be multiplied with.

use nearside_core::content::{dot, normalise};
use serde_json::{Value, json};

use super::features::HASHED;
use super::new_items::NewItems;
use crate::network::Query;
use crate::onnx::{Attribute, Element, Graph};
use crate::random::Random;

/// How many numbers a content vector has, for a network of this width: its vector, what that lacks, hashed features.
pub(crate) const fn content_width(width: usize) -> usize {
    width + 1 + HASHED
}

/// Both parts of a content vector have length 1 before they share one: the factor that gives it back.
const WHOLE: f32 = std::f32::consts::SQRT_2;

/// A content vector of its two parts, of length 1 each.
pub(crate) fn joined(vector: &[f32], hashed: &[f32]) -> Vec<f32> {
    vector.iter().chain(hashed).map(|x| x / WHOLE).collect()
}

impl NewItems {
    /// The query of a file, `[content_width, 1]`, from that of the network, `[1, width]`, and the session's ids. Where no
    /// id is known, the direction of `profile.interest` is the query, of length `temperature`.
    pub(crate) fn query(&self, g: &mut Graph, ids: &str, query: &str, temperature: &str, width: usize) -> String {
        let whole = content_width(width);
        let [profile, context] = ["profile.interest", "context.interest"]
            .map(|name| g.input(name, Element::Float, &[Ok(1), Ok(whole as u64)]));
        let interest = direction(g, &profile, [0, width]);
        let interest = g.node("Mul", &[&interest, temperature], &[]);
        let known = g.node("Cast", &[ids], &[Attribute::Int("to", Element::Float as i64)]);
        let known = g.node("ReduceMax", &[&known], &[Attribute::Int("keepdims", 0)]);
        let half = g.floats("half", &[], &[0.5]);
        let known = g.node("Greater", &[&known, &half], &[]);
        let query = g.node("Where", &[&known, query, &interest], &[]);
        let novelty = g.floats("novelty", &[1, 1], &[self.novelty]);
        let [profile, context] = [(profile, self.profile), (context, self.context)].map(|(interest, factor)| {
            let hashed = direction(g, &interest, [width + 1, whole]);
            let factor = g.floats("factor", &[], &[factor]);
            g.node("Mul", &[&hashed, &factor], &[])
        });
        let hashed = g.node("Add", &[&profile, &context], &[]);
        let query = g.node("Concat", &[&query, &novelty, &hashed], &[Attribute::Int("axis", 1)]);
        let dims = g.ints("dims", &[2], &[whole as i64, 1]);
        g.node("Reshape", &[&query, &dims], &[])
    }

    /// The ads' vectors, `[N, content_width]`, from the network's own, `[N, width]`, and the ads' ids, `[N]`.
    pub(crate) fn vectors(&self, g: &mut Graph, ads: &str, vectors: &str, width: usize) -> String {
        let whole = content_width(width);
        let embeddings = g.input("ad.embedding", Element::Float, &[Err("N"), Ok(whole as u64)]);
        let column = g.ints("dims", &[2], &[-1, 1]);
        let ads = g.node("Reshape", &[ads, &column], &[]);
        let unknown = unknown(g, &ads);
        let scale = g.floats("scale", &[], &[WHOLE]);
        let new = g.node("Mul", &[&embeddings, &scale], &[]);
        let none = slice(g, &embeddings, [width, whole]);
        let zero = g.floats("zero", &[], &[0.0]);
        let none = g.node("Mul", &[&none, &zero], &[]);
        let vectors = g.node("Concat", &[vectors, &none], &[Attribute::Int("axis", 1)]);
        g.node("Where", &[&unknown, &new, &vectors], &[])
    }

    /// What is added to the ads' scores, `[N]`, from what the network adds and the ads' ids, `[N]` each.
    pub(crate) fn added(&self, g: &mut Graph, ads: &str, added: &str) -> String {
        let items = g.input("pair.item", Element::Float, &[Err("N")]);
        let unknown = unknown(g, ads);
        let (repeat, none) = (g.floats("repeat", &[], &[self.repeat]), g.floats("none", &[], &[0.0]));
        let factors = g.node("Where", &[&unknown, &repeat, &none], &[]);
        let items = g.node("Mul", &[&items, &factors], &[]);
        g.node("Add", &[added, &items], &[])
    }

    /// Makes the last ad of a golden case a new one, with the scores and the inputs that belong to it.
    pub(crate) fn golden(
        &self,
        random: &mut Random,
        query: &Query,
        ads: &mut [u32],
        score: &mut [f32],
    ) -> Vec<(&'static str, Value)> {
        let width = query.vector.len();
        let whole = content_width(width);
        // Rounded, as every digit is one of the file's.
        let mut content = || -> Vec<f32> { (0..whole).map(|_| rounded(0.2 * random.normal()) as f32).collect() };
        let (row, profile, context) = (content(), content(), content());
        let items: Vec<f32> = ads.iter().map(|_| rounded(random.between(-1.0, 1.0)) as f32).collect();
        // The known ads have zeros, which the graph must leave out.
        let mut rows = vec![0.0; ads.len().saturating_sub(1) * whole];
        rows.extend_from_slice(&row);
        if let (Some(ad), Some(score), Some(item)) = (ads.last_mut(), score.last_mut(), items.last()) {
            let cosine = |other: &[f32]| {
                let mut direction = other[width + 1..].to_vec();
                normalise(&mut direction);
                dot(&row[width + 1..], &direction)
            };
            *ad = 0;
            *score = WHOLE
                * (dot(&row[..width], &query.vector)
                    + self.novelty * row[width]
                    + self.profile * cosine(&profile)
                    + self.context * cosine(&context))
                + self.repeat * item;
        }
        let input = |shape: &[usize], data: &[f32]| json!({"shape": shape, "data": data.iter().map(|x| rounded(*x)).collect::<Vec<f64>>()});
        vec![
            ("ad.embedding", input(&[ads.len(), whole], &rows)),
            ("profile.interest", input(&[1, whole], &profile)),
            ("context.interest", input(&[1, whole], &context)),
            ("pair.item", input(&[ads.len()], &items)),
        ]
    }
}

/// To three digits behind the point.
fn rounded(x: f32) -> f64 {
    (f64::from(x) * 1e3).round() / 1e3
}

fn unknown(g: &mut Graph, ids: &str) -> String {
    let zero = g.ints("zero", &[1], &[0]);
    g.node("Equal", &[ids, &zero], &[])
}

/// Some columns of rows.
fn slice(g: &mut Graph, rows: &str, [start, end]: [usize; 2]) -> String {
    let [start, end, axis] = [start as i64, end as i64, 1].map(|number| g.ints("slice", &[1], &[number]));
    g.node("Slice", &[rows, &start, &end, &axis], &[])
}

/// Some columns of rows, scaled to length 1; zeros stay zeros.
fn direction(g: &mut Graph, rows: &str, columns: [usize; 2]) -> String {
    let part = slice(g, rows, columns);
    let tiny = g.floats("tiny", &[1], &[1e-6]);
    let length = g.node("ReduceL2", &[&part], &[Attribute::Ints("axes", &[-1]), Attribute::Int("keepdims", 1)]);
    let length = g.node("Max", &[&length, &tiny], &[]);
    g.node("Div", &[&part, &length], &[])
}
