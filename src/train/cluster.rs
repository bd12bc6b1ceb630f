//! Spherical k-means: points of length 1, grouped by cosine (Dhillon and Modha 2001,
//! <https://doi.org/10.1023/A:1007612920971>), begun by k-means++ (Arthur and Vassilvitskii, SODA 2007).

use nearside_core::content::{dot, normalise};
use rayon::prelude::*;

use crate::random::{Random, Stream};

/// Beginnings that are tried; the one whose points are nearest to their centroids wins.
const BEGINNINGS: u64 = 8;
/// Most rounds from one beginning. Few logs need half of it.
const ROUNDS: usize = 60;

/// Centroids of length 1, rounded to [`DIGITS`](Clusters::DIGITS).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Clusters {
    centroids: Vec<Vec<f32>>,
}

/// The cluster of a point, and how near it is to it and to the next best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) cluster: usize,
    /// Cosine to the own centroid, up to its rounding.
    pub(crate) own: f32,
    /// The same to the second nearest, where there are two.
    pub(crate) second: Option<f32>,
}

/// Points end to end, each of length 1.
#[derive(Clone, Copy)]
pub(crate) struct Points<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) width: usize,
}

impl<'a> Points<'a> {
    fn get(self, index: usize) -> &'a [f32] {
        &self.values[index * self.width..(index + 1) * self.width]
    }

    pub(crate) fn len(self) -> usize {
        self.values.len() / self.width
    }
}

/// Centroids, and of how many points each is the mean.
struct Means {
    centroids: Vec<Vec<f32>>,
    sizes: Vec<usize>,
    /// Sum over the points of the cosine to the own centroid.
    nearness: f64,
}

impl Clusters {
    /// Decimal digits of a centroid's numbers.
    pub(crate) const DIGITS: i32 = 3;

    /// Groups points into `wanted` clusters or fewer: every centroid is the mean of at least `fewest` points.
    ///
    /// A smaller cluster joins its nearest neighbour. `None` where there are fewer points than that in all, or their
    /// sum is zero.
    pub(crate) fn of(points: Points<'_>, wanted: usize, fewest: usize, seed: u64) -> Option<Clusters> {
        let run = |beginning| {
            let mut random = Random::new(seed, Stream::Segments, beginning);
            means(points, seeds(points, wanted, &mut random))
        };
        let runs: Vec<Means> = (0..BEGINNINGS).map(run).collect();
        let best = runs.into_iter().reduce(|best, next| if next.nearness > best.nearness { next } else { best })?;
        let Means { mut centroids, .. } = joined(points, best, fewest.max(1))?;
        let unit = 10f64.powi(Clusters::DIGITS);
        for x in centroids.iter_mut().flatten() {
            *x = ((f64::from(*x) * unit).round() / unit) as f32;
        }
        Some(Clusters { centroids })
    }

    pub(crate) fn centroids(&self) -> &[Vec<f32>] {
        &self.centroids
    }

    /// Puts the clusters into another order: `order` names each once, the first first.
    pub(crate) fn reorder(&mut self, order: &[usize]) {
        self.centroids = order.iter().map(|cluster| self.centroids[*cluster].clone()).collect();
    }

    /// The cluster of every point, the first of equally near ones.
    pub(crate) fn places(&self, points: Points<'_>) -> Vec<Place> {
        (0..points.len()).into_par_iter().map(|index| place(&self.centroids, points.get(index))).collect()
    }
}

fn place(centroids: &[Vec<f32>], point: &[f32]) -> Place {
    let mut place = Place { cluster: 0, own: f32::NEG_INFINITY, second: None };
    for (cluster, centroid) in centroids.iter().enumerate() {
        let near = dot(centroid, point);
        if near > place.own {
            let second = (cluster > 0).then_some(place.own);
            place = Place { cluster, own: near, second };
        } else if place.second.is_none_or(|second| near > second) {
            place.second = Some(near);
        }
    }
    place
}

/// Points drawn one after the other, each with a chance that grows with its distance to those before. Fewer than
/// `wanted` where there are not as many different ones.
fn seeds(points: Points<'_>, wanted: usize, random: &mut Random) -> Vec<Vec<f32>> {
    let mut chosen: Vec<Vec<f32>> = Vec::with_capacity(wanted);
    if points.len() == 0 {
        return chosen;
    }
    let mut next = random.below(points.len());
    // Half the squared distance to the nearest of those chosen.
    let mut far = vec![f32::INFINITY; points.len()];
    loop {
        let centroid = points.get(next).to_vec();
        far.par_iter_mut().enumerate().for_each(|(index, far)| {
            // Rounding leaves a point some 1e-7 away from itself.
            let distance = 1.0 - dot(&centroid, points.get(index));
            *far = far.min(if distance < 1e-6 { 0.0 } else { distance });
        });
        chosen.push(centroid);
        let total: f64 = far.iter().map(|far| f64::from(*far)).sum();
        if chosen.len() == wanted || total <= 0.0 {
            return chosen;
        }
        let mut left = f64::from(random.uniform()) * total;
        let drawn = far.iter().position(|far| {
            left -= f64::from(*far);
            left < 0.0
        });
        // Sums in floating point may end a little short; then it is the last that can be drawn.
        next = drawn.or_else(|| far.iter().rposition(|far| *far > 0.0)).unwrap_or(0);
    }
}

/// Moves centroids to the means of their points until no point changes sides.
fn means(points: Points<'_>, mut centroids: Vec<Vec<f32>>) -> Means {
    let mut sides: Vec<usize> = Vec::new();
    let (mut sizes, mut nearness) = (vec![0; centroids.len()], 0.0);
    for _ in 0..ROUNDS {
        let places: Vec<Place> = (0..points.len()).into_par_iter().map(|i| place(&centroids, points.get(i))).collect();
        nearness = places.iter().map(|place| f64::from(place.own)).sum();
        let now: Vec<usize> = places.iter().map(|place| place.cluster).collect();
        if now == sides {
            break;
        }
        sides = now;
        let mut sums = vec![vec![0.0f64; points.width]; centroids.len()];
        sizes = vec![0; centroids.len()];
        for (index, side) in sides.iter().enumerate() {
            sizes[*side] += 1;
            sums[*side].iter_mut().zip(points.get(index)).for_each(|(sum, x)| *sum += f64::from(*x));
        }
        for ((centroid, sum), size) in centroids.iter_mut().zip(sums).zip(&mut sizes) {
            let mut mean: Vec<f32> = sum.into_iter().map(|x| x as f32).collect();
            normalise(&mut mean);
            if mean.iter().any(|x| *x != 0.0) {
                *centroid = mean;
            } else {
                // Points that cancel out have no direction in common: no cluster.
                *size = 0;
            }
        }
    }
    Means { centroids, sizes, nearness }
}

/// Lets clusters of fewer than `fewest` points join their nearest neighbours, the smallest first.
fn joined(points: Points<'_>, mut means_now: Means, fewest: usize) -> Option<Means> {
    loop {
        let Means { centroids, sizes, .. } = &mut means_now;
        let smallest = (0..sizes.len()).min_by_key(|cluster| sizes[*cluster])?;
        if sizes[smallest] >= fewest {
            return Some(means_now);
        }
        let (small, size) = (centroids.remove(smallest), sizes.remove(smallest));
        let nearness = |cluster: &usize| dot(&small, &centroids[*cluster]);
        let nearest = (0..centroids.len()).max_by(|a, b| nearness(a).total_cmp(&nearness(b)))?;
        let share = size as f32 / (size + sizes[nearest]).max(1) as f32;
        let centroid = &mut centroids[nearest];
        centroid.iter_mut().zip(&small).for_each(|(x, y)| *x += share * (y - *x));
        normalise(centroid);
        let beginning = std::mem::take(centroids);
        means_now = means(points, beginning);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points around the axes of eight dimensions: `counts` says how many around each.
    fn around_axes(counts: &[usize]) -> Vec<f32> {
        let mut random = Random::new(11, Stream::Segments, 99);
        let mut values = Vec::new();
        for (axis, count) in counts.iter().enumerate() {
            for _ in 0..*count {
                let mut point = [0.0f32; 8];
                point.iter_mut().for_each(|x| *x = 0.1 * random.normal());
                point[axis] += 1.0;
                normalise(&mut point);
                values.extend(point);
            }
        }
        values
    }

    fn sides(clusters: &Clusters, points: Points<'_>) -> Vec<usize> {
        clusters.places(points).iter().map(|place| place.cluster).collect()
    }

    #[test]
    fn every_axis_becomes_a_cluster_whatever_the_seed() {
        let values = around_axes(&[80, 40, 60, 120]);
        let points = Points { values: &values, width: 8 };
        for seed in 0..5 {
            let clusters = Clusters::of(points, 4, 10, seed).unwrap();
            let sides = sides(&clusters, points);
            let mut first = Vec::new();
            for range in [0..80, 80..120, 120..180, 180..300] {
                assert!(sides[range.clone()].iter().all(|side| *side == sides[range.start]));
                first.push(sides[range.start]);
            }
            first.sort_unstable();
            assert_eq!(first, [0, 1, 2, 3]);
        }
    }

    #[test]
    fn a_cluster_below_the_fewest_joins_the_neighbour_it_is_nearest_to() {
        // The small one lies between the third axis and nothing else.
        let mut values = around_axes(&[60, 60, 60]);
        let mut small = [0.0f32; 8];
        (small[2], small[5]) = (0.5, 1.0);
        normalise(&mut small);
        (0..9).for_each(|_| values.extend(small));
        let points = Points { values: &values, width: 8 };
        assert_eq!(Clusters::of(points, 4, 9, 1).unwrap().centroids().len(), 4);
        let clusters = Clusters::of(points, 4, 10, 1).unwrap();
        let sides = sides(&clusters, points);
        assert_eq!(clusters.centroids().len(), 3);
        assert!(sides[180..].iter().all(|side| *side == sides[120]));
    }

    #[test]
    fn the_same_seed_gives_the_same_clusters() {
        let values = around_axes(&[50, 50, 50, 50, 50, 50]);
        let points = Points { values: &values, width: 8 };
        // Four clusters of six axes can be had in many ways.
        assert_eq!(Clusters::of(points, 4, 10, 3), Clusters::of(points, 4, 10, 3));
    }

    #[test]
    fn centroids_have_three_digits_and_nearly_length_1() {
        let values = around_axes(&[50, 50]);
        let clusters = Clusters::of(Points { values: &values, width: 8 }, 2, 1, 1).unwrap();
        for centroid in clusters.centroids() {
            assert!(centroid.iter().all(|x| (x * 1000.0 - (x * 1000.0).round()).abs() < 1e-3));
            assert!((dot(centroid, centroid) - 1.0).abs() < 0.003);
        }
    }

    #[test]
    fn points_that_are_all_alike_are_one_cluster_and_too_few_are_none() {
        let values = [0.6, 0.8].repeat(20);
        let points = Points { values: &values, width: 2 };
        let clusters = Clusters::of(points, 5, 20, 1).unwrap();
        assert_eq!(clusters.centroids(), [vec![0.6, 0.8]]);
        assert_eq!(clusters.places(points)[0].second, None);
        assert_eq!(Clusters::of(points, 5, 21, 1), None);
        assert_eq!(Clusters::of(Points { values: &[], width: 2 }, 5, 1, 1), None);
    }

    #[test]
    fn the_second_nearest_is_told_beside_the_own() {
        let clusters = Clusters { centroids: vec![vec![1.0, 0.0], vec![0.0, 1.0], vec![-1.0, 0.0]] };
        let places = clusters.places(Points { values: &[0.6, 0.8, 1.0, 0.0], width: 2 });
        assert_eq!(places[0], Place { cluster: 1, own: 0.8, second: Some(0.6) });
        assert_eq!(places[1], Place { cluster: 0, own: 1.0, second: Some(0.0) });
    }
}
