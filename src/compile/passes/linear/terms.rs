//! What a product of rows with a matrix is the sum of.

use std::collections::HashMap;

use crate::facts::{Facts, Per, axis};
use crate::graph::{Graph, Node};
use crate::passes::expand::unrepeated;
use crate::size::Size;
use crate::weight::Weight;

/// A matrix of stored numbers, row-major.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Matrix {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) values: Vec<f32>,
}

impl Matrix {
    /// A stored matrix, `turned` where the file has it by output and input.
    pub(super) fn of(weight: &Weight, turned: bool) -> Option<Matrix> {
        let [rows, columns] = weight.dims[..] else { return None };
        let values = weight.to_floats()?;
        if !turned {
            return Some(Matrix { rows, columns, values });
        }
        let turned = (0..columns).flat_map(|row| values.iter().skip(row).step_by(columns.max(1)).copied()).collect();
        Some(Matrix { rows: columns, columns: rows, values: turned })
    }

    fn part(&self, from: usize, rows: usize) -> Matrix {
        let values = self.values[from * self.columns..(from + rows) * self.columns].to_vec();
        Matrix { rows, values, ..*self }
    }

    /// Every row times its factor.
    fn scaled(mut self, factors: &[f32]) -> Matrix {
        for (row, factor) in self.values.chunks_mut(self.columns.max(1)).zip(factors.iter().cycle()) {
            row.iter_mut().for_each(|x| *x *= factor);
        }
        self
    }

    fn add(&mut self, other: &Matrix) {
        self.values.iter_mut().zip(&other.values).for_each(|(x, y)| *x += y);
    }

    /// More rows below.
    pub(super) fn append(&mut self, other: &Matrix) {
        self.rows += other.rows;
        self.values.extend_from_slice(&other.values);
    }
}

/// `W (u * a)`, with what the ad alone contributes beside.
#[derive(Clone, Debug)]
pub(super) struct Product {
    /// `[1, L, K]`, or `[1, K]`.
    pub(super) shopper: String,
    /// `[N, 1, K]`, or `[N, K]`.
    pub(super) ad: String,
    /// `L`, where there are steps.
    pub(super) steps: Option<Size>,
    /// `W`.
    pub(super) matrix: Matrix,
    /// The matrix that the same `a` goes through by itself.
    pub(super) of_ad: Option<Matrix>,
}

/// The sum of values times matrices, and of products.
#[derive(Debug, Default)]
pub(super) struct Terms {
    pub(super) values: Vec<(String, Matrix)>,
    pub(super) products: Vec<Product>,
}

/// Where values come from.
struct Sources<'g> {
    graph: &'g Graph,
    facts: &'g Facts,
    producers: HashMap<&'g str, usize>,
}

impl Terms {
    /// Takes `value` times `matrix` apart. `None` where nothing of it could be hoisted by that.
    pub(super) fn of(value: &str, matrix: Matrix, graph: &Graph, facts: &Facts) -> Option<Terms> {
        let sources = Sources { graph, facts, producers: graph.producers() };
        let mut terms = Terms::default();
        sources.split(value, matrix, &mut terms);
        let hoists = !terms.products.is_empty() || terms.values.iter().any(|(name, _)| facts.per(name).is_hoisted());
        if !hoists {
            return None;
        }
        for product in &mut terms.products {
            if let Some(at) = terms.values.iter().position(|(name, _)| *name == product.ad) {
                product.of_ad = Some(terms.values.remove(at).1);
            }
        }
        Some(terms)
    }

    fn add(&mut self, value: &str, matrix: Matrix) {
        match self.values.iter_mut().find(|(name, _)| name == value) {
            Some((_, sum)) => sum.add(&matrix),
            None => self.values.push((value.into(), matrix)),
        }
    }

    fn add_product(&mut self, product: Product) {
        let same = |other: &&mut Product| (&other.shopper, &other.ad) == (&product.shopper, &product.ad);
        match self.products.iter_mut().find(same) {
            Some(other) => other.matrix.add(&product.matrix),
            None => self.products.push(product),
        }
    }
}

impl Sources<'_> {
    fn split(&self, value: &str, matrix: Matrix, terms: &mut Terms) {
        let value = unrepeated(value, self.graph, &self.producers, self.facts);
        // What is hoisted already is best computed whole.
        let node = self.producers.get(value).map(|at| &self.graph.nodes[*at]).filter(|node| node.domain.is_empty());
        let split = match node {
            Some(node) if !self.facts.per(value).is_hoisted() => match node.operator.as_str() {
                "Concat" => self.concat(node, &matrix, terms),
                "Add" => self.sum(node, &matrix, 1.0, terms),
                "Sub" => self.sum(node, &matrix, -1.0, terms),
                "Mul" => self.product(node, &matrix, terms),
                _ => None,
            },
            _ => None,
        };
        if split.is_none() {
            terms.add(value, matrix);
        }
    }

    /// Every part goes through its own rows of the matrix.
    fn concat(&self, node: &Node, matrix: &Matrix, terms: &mut Terms) -> Option<()> {
        let rank = self.facts.get(node.output())?.dims.as_ref()?.len();
        let columns = |name: &String| self.facts.get(name)?.columns();
        let parts = node.inputs.iter().map(columns).collect::<Option<Vec<usize>>>()?;
        if axis(node.int("axis")?, rank)? + 1 != rank || parts.iter().sum::<usize>() != matrix.rows {
            return None;
        }
        let mut from = 0;
        for (name, columns) in node.inputs.iter().zip(parts) {
            self.split(name, matrix.part(from, columns), terms);
            from += columns;
        }
        Some(())
    }

    /// Both sides go through the matrix, which spares work where both are hoisted.
    fn sum(&self, node: &Node, matrix: &Matrix, sign: f32, terms: &mut Terms) -> Option<()> {
        let sides = [self.side(node, 0, matrix.rows)?, self.side(node, 1, matrix.rows)?];
        let [left, right] = sides.map(|side| self.alone(side, matrix.clone()));
        left?.join(right?, sign, terms);
        Some(())
    }

    fn product(&self, node: &Node, matrix: &Matrix, terms: &mut Terms) -> Option<()> {
        for (factor, other) in [(0, 1), (1, 0)] {
            let weight = node.input(factor).and_then(|name| self.graph.weights.get(name));
            let Some(factors) = weight.and_then(|weight| row(weight, matrix.rows)) else { continue };
            let scaled = matrix.clone().scaled(&factors);
            self.alone(self.side(node, other, matrix.rows)?, scaled)?.join(Terms::default(), 1.0, terms);
            return Some(());
        }
        let sides = [self.side(node, 0, matrix.rows)?, self.side(node, 1, matrix.rows)?];
        let shopper = sides.iter().position(|side| self.facts.per(side) == Per::Ranking)?;
        let (shopper, ad) = (sides[shopper], sides[1 - shopper]);
        let columns = Size::fixed(matrix.rows as i64);
        let steps = match (&self.facts.sizes(shopper)?[..], &self.facts.sizes(ad)?[..]) {
            ([Size::ONE, steps, k], [Size::ADS, Size::ONE, k2]) if (*k, *k2) == (columns, columns) => Some(*steps),
            ([Size::ONE, k], [Size::ADS, k2]) if (*k, *k2) == (columns, columns) => None,
            _ => return None,
        };
        if self.facts.per(ad) != Per::Catalogue {
            return None;
        }
        let (shopper, ad) = (shopper.to_owned(), ad.to_owned());
        terms.add_product(Product { shopper, ad, steps, matrix: matrix.clone(), of_ad: None });
        Some(())
    }

    /// An operand with all of the columns.
    fn side<'n>(&'n self, node: &'n Node, index: usize, columns: usize) -> Option<&'n str> {
        let side = unrepeated(node.input(index)?, self.graph, &self.producers, self.facts);
        (self.facts.get(side)?.columns() == Some(columns)).then_some(side)
    }

    /// The terms of one side. `None` where they are computed for every ad as the side itself is.
    fn alone(&self, side: &str, matrix: Matrix) -> Option<Terms> {
        let mut terms = Terms::default();
        self.split(side, matrix, &mut terms);
        let whole = terms.values.iter().any(|(name, _)| name == side) && !self.facts.per(side).is_hoisted();
        (!whole).then_some(terms)
    }
}

impl Terms {
    /// Adds these and `sign` times others to `sum`.
    fn join(self, others: Terms, sign: f32, sum: &mut Terms) {
        for (terms, sign) in [(self, 1.0), (others, sign)] {
            terms.values.into_iter().for_each(|(name, matrix)| sum.add(&name, matrix.scaled(&[sign])));
            for product in terms.products {
                sum.add_product(Product { matrix: product.matrix.scaled(&[sign]), ..product });
            }
        }
    }
}

/// The numbers of a stored row, or of a single number, as factors of `columns` rows of a matrix.
fn row(weight: &Weight, columns: usize) -> Option<Vec<f32>> {
    let values = weight.to_floats()?;
    let is_row = weight.dims.last() == Some(&columns) && values.len() == columns;
    (is_row || values.len() == 1 && weight.dims.len() < 2).then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_by_output_and_input_is_turned() {
        let weight = Weight::floats(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let turned = Matrix::of(&weight, true).unwrap();
        assert_eq!((turned.rows, turned.columns), (3, 2));
        assert_eq!(turned.values, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(Matrix::of(&weight, false).unwrap().part(1, 1).values, [4.0, 5.0, 6.0]);
    }

    #[test]
    fn rows_are_scaled_each_by_its_factor_or_all_by_one() {
        let matrix = Matrix { rows: 2, columns: 2, values: vec![1.0, 2.0, 3.0, 4.0] };
        assert_eq!(matrix.clone().scaled(&[2.0, -1.0]).values, [2.0, 4.0, -3.0, -4.0]);
        assert_eq!(matrix.scaled(&[10.0]).values, [10.0, 20.0, 30.0, 40.0]);
    }
}
