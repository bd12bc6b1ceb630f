//! Computing the feature table for one ranking.

use std::borrow::Cow;

use crate::catalogue::Catalogue;
use crate::content::{self, Content};
use crate::event::Timestamp;
use crate::feature::{BASIC_WIDTH, Edition, Feature, Features, SESSION_LIMIT, STAGE_WIDTH, TIME_WIDTH, Values};
use crate::hash::Fnv;
use crate::history::Record;
use crate::profile::{AGE_BANDS, GENDERS, Subject};
use crate::rank::{Known, Ranking};
use crate::request::{Device, PageType};

/// The `ad.` features that change when a sale begins or ends, one value per ad.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns {
    price: Vec<f32>,
    discount: Vec<f32>,
    edition: Edition,
    valid: Option<(Timestamp, Timestamp)>,
}

impl Columns {
    /// Whether the values hold at `now`.
    pub(crate) fn hold(&self, now: Timestamp) -> bool {
        self.valid.is_some_and(|(from, until)| from <= now && now < until)
    }

    /// Stands for these values and the catalogue's.
    pub(crate) fn edition(&self) -> &Edition {
        &self.edition
    }

    /// The values at `now`, good until the next sale begins or ends.
    pub(crate) fn new(catalogue: &Catalogue, now: Timestamp) -> Columns {
        let (mut from, mut until) = (Timestamp(0), Timestamp(u64::MAX));
        for edge in catalogue.products().iter().filter_map(|p| p.sale).flat_map(|sale| [sale.from, sale.until]) {
            if edge <= now {
                from = from.max(edge);
            } else {
                until = until.min(edge);
            }
        }
        let products = catalogue.products().iter();
        let prices = products.clone().map(|p| p.price_at(now).map_or(0.0, libm::log1pf)).collect();
        Columns {
            price: catalogue.per_ad(prices),
            discount: catalogue.per_ad(products.map(|p| p.discount_at(now)).collect()),
            edition: Edition::new(),
            valid: Some((from, until)),
        }
    }
}

/// Computes `wanted` into `features`. `session_length` is the length the model's file fixes, if it does.
pub(super) fn fill<'a>(
    ranking: &'a Ranking<'_>,
    wanted: &[Feature],
    session_length: Option<usize>,
    features: &mut Features<'a>,
) {
    let mut computer = Computer { ranking, session_length, interest: None, context: None };
    for feature in wanted {
        features.set(*feature, computer.values(*feature));
    }
}

struct Computer<'r, 'a> {
    ranking: &'a Ranking<'r>,
    session_length: Option<usize>,
    interest: Option<Vec<f32>>,
    context: Option<Vec<f32>>,
}

impl<'a> Computer<'_, 'a> {
    fn values(&mut self, feature: Feature) -> Values<'a> {
        let Ranking { catalogue, columns, request, profile, now, .. } = *self.ranking;
        let vocabulary = catalogue.vocabulary();
        match feature {
            Feature::SessionItem => self.session_ids(|r| vocabulary.item(&r.item)),
            Feature::SessionCategory => self.session_ids(|r| vocabulary.category(&r.category)),
            Feature::SessionBrand => self.session_ids(|r| vocabulary.brand(&r.brand)),
            Feature::SessionKind => self.session_ids(|r| r.name.id()),
            Feature::SessionPrice => self.session_floats(|r| r.price.map_or(0.0, libm::log1pf)),
            Feature::SessionAge => self.session_floats(|r| libm::log1pf(now.since(r.at) as f32 / 1000.0)),
            Feature::ProfileInterest => floats(self.interest().to_vec()),
            Feature::ProfileBasic => floats(self.basic()),
            Feature::ProfileStage => floats(one_hot(STAGE_WIDTH, Some(profile.stage(now) as usize))),
            Feature::ContextPage => floats(one_hot(PageType::ALL.len(), Some(request.page.kind as usize))),
            Feature::ContextTime => floats(time_of_week(now)),
            Feature::ContextDevice => floats(one_hot(Device::ALL.len(), request.device.map(|d| d as usize))),
            Feature::ContextInterest => floats(self.context().to_vec()),
            Feature::AdItem => Values::Id(Cow::Borrowed(catalogue.item_ids())),
            Feature::AdCategory => Values::Id(Cow::Borrowed(catalogue.category_ids())),
            Feature::AdBrand => Values::Id(Cow::Borrowed(catalogue.brand_ids())),
            Feature::AdPrice => Values::Float(Cow::Borrowed(&columns.price)),
            Feature::AdDiscount => Values::Float(Cow::Borrowed(&columns.discount)),
            Feature::AdEmbedding => Values::Float(Cow::Borrowed(catalogue.all_embeddings())),
            Feature::PairCosine => {
                self.interest();
                cosines(catalogue, self.interest.as_deref().unwrap_or_default())
            }
            Feature::PairContext => {
                self.context();
                cosines(catalogue, self.context.as_deref().unwrap_or_default())
            }
            Feature::PairCategory => self.category_affinity(),
            Feature::PairBrand => self.brand_affinity(),
            Feature::PairItem => self.item_affinity(),
            Feature::PairViews => self.views(),
            Feature::PairPriceGap => self.price_gap(),
        }
    }

    /// The newest steps, zeros on the left up to a fixed length; one zero for an empty session.
    fn session<T: Default + Copy>(&self, value: impl Fn(&Record) -> T) -> Vec<T> {
        let newest = self.ranking.profile.steps(self.ranking.now).rev();
        let most = self.session_length.unwrap_or(SESSION_LIMIT);
        let mut values: Vec<T> = newest.take(most).map(value).collect();
        values.resize(self.session_length.unwrap_or(values.len().max(1)), T::default());
        values.reverse();
        values
    }

    fn session_ids(&self, value: impl Fn(&Record) -> i32) -> Values<'a> {
        Values::Id(Cow::Owned(self.session(value)))
    }

    fn session_floats(&self, value: impl Fn(&Record) -> f32) -> Values<'a> {
        floats(self.session(value))
    }

    /// The seed formula: u = sum of w_j x_j over what the shopper did, then scaled to length 1.
    fn interest(&mut self) -> &[f32] {
        let Ranking { catalogue, profile, ref known, now, .. } = *self.ranking;
        self.interest.get_or_insert_with(|| {
            let mut sum = vec![0.0; catalogue.embedding_width()];
            for Known { id, interest: item, product } in known {
                let weight = item.interest.value(now) as f32;
                match product {
                    // The first ads are the products, in the same order.
                    Some(product) => add(&mut sum, catalogue.embedding(*product), weight),
                    None if catalogue.embeddings_are_hashed() => {
                        let known = Content {
                            id: Some(id),
                            title: "",
                            category: &item.category,
                            brand: &item.brand,
                            price: item.price,
                        };
                        add(&mut sum, &known.vector(), weight);
                    }
                    // Brought-along embeddings have no place for what they do not list.
                    None => {}
                }
            }
            if catalogue.embeddings_are_hashed() {
                for (term, weight) in profile.terms() {
                    add(&mut sum, &content::words_vector([term.as_str()].into_iter()), weight.value(now) as f32);
                }
                for (subject, weight) in profile.preferences() {
                    let known = match subject {
                        Subject::Category(path) => Content { category: path, ..Content::default() },
                        Subject::Brand(brand) => Content { brand, ..Content::default() },
                    };
                    add(&mut sum, &known.vector(), *weight as f32);
                }
            }
            content::normalise(&mut sum);
            sum
        })
    }

    fn context(&mut self) -> &[f32] {
        let Ranking { catalogue, request, .. } = *self.ranking;
        self.context.get_or_insert_with(|| {
            let mut sum = vec![0.0; catalogue.embedding_width()];
            if let Some(vector) = request.page.item_id.as_deref().and_then(|id| catalogue.product_embedding(id)) {
                add(&mut sum, vector, 1.0);
            }
            if catalogue.embeddings_are_hashed() {
                if let Some(category) = &request.page.category {
                    add(&mut sum, &Content { category, ..Content::default() }.vector(), 1.0);
                }
                if let Some(words) = &request.page.search_term {
                    let words = words.to_lowercase();
                    add(&mut sum, &content::words_vector(words.split_whitespace()), 1.0);
                }
            }
            content::normalise(&mut sum);
            sum
        })
    }

    fn basic(&self) -> Vec<f32> {
        let basic = self.ranking.profile.basic();
        let mut row = vec![0.0; BASIC_WIDTH];
        let (ages, genders) = (AGE_BANDS.len(), GENDERS.len());
        let regions = BASIC_WIDTH - ages - genders;
        if let Some(age) = basic.age_band {
            row[usize::from(age).min(ages - 1)] = 1.0;
        }
        if let Some(gender) = basic.gender {
            row[ages + usize::from(gender).min(genders - 1)] = 1.0;
        }
        if let Some(region) = &basic.region {
            let bucket = Fnv::new().with(region.to_lowercase().as_bytes()).value() % regions as u64;
            row[ages + genders + bucket as usize] = 1.0;
        }
        row
    }

    fn category_affinity(&self) -> Values<'a> {
        let Ranking { catalogue, profile, now, .. } = *self.ranking;
        floats(catalogue.per_ad(catalogue.category_affinities(&profile.category_interests(now))))
    }

    fn brand_affinity(&self) -> Values<'a> {
        let Ranking { catalogue, profile, now, .. } = *self.ranking;
        floats(catalogue.per_ad(catalogue.brand_affinities(&profile.brand_interests(now))))
    }

    fn item_affinity(&self) -> Values<'a> {
        self.per_known_item(self.ranking.profile.item_interests(self.ranking.now).into_iter())
    }

    fn views(&self) -> Values<'a> {
        self.per_known_item(self.ranking.known.iter().map(|known| libm::log1pf(known.interest.views as f32)))
    }

    /// `values` of the items that the profile holds, in its order; 0 for all others.
    fn per_known_item(&self, values: impl Iterator<Item = f32>) -> Values<'a> {
        let catalogue = self.ranking.catalogue;
        let mut column = vec![0.0; catalogue.products().len()];
        for (known, value) in self.ranking.known.iter().zip(values) {
            if let Some(product) = known.product {
                column[product] = value;
            }
        }
        floats(catalogue.per_ad(column))
    }

    fn price_gap(&self) -> Values<'a> {
        let Ranking { columns, profile, now, .. } = *self.ranking;
        let Some(mean) = profile.mean_log_price(now) else {
            return floats(vec![0.0; columns.price.len()]);
        };
        floats(columns.price.iter().map(|price| if *price == 0.0 { 0.0 } else { price - mean }).collect())
    }
}

fn floats<'a>(values: Vec<f32>) -> Values<'a> {
    Values::Float(Cow::Owned(values))
}

fn one_hot(width: usize, index: Option<usize>) -> Vec<f32> {
    let mut row = vec![0.0; width];
    if let Some(index) = index {
        row[index] = 1.0;
    }
    row
}

fn add(sum: &mut [f32], vector: &[f32], weight: f32) {
    sum.iter_mut().zip(vector).for_each(|(s, x)| *s += weight * x);
}

fn cosines<'a>(catalogue: &Catalogue, query: &[f32]) -> Values<'a> {
    let width = catalogue.embedding_width();
    floats(catalogue.all_embeddings().chunks_exact(width).map(|ad| content::dot(query, ad).clamp(-1.0, 1.0)).collect())
}

/// Sine and cosine of the hour of day and of the weekday, UTC.
fn time_of_week(now: Timestamp) -> Vec<f32> {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    let turn = |part: u64, whole: u64| part as f64 / whole as f64 * std::f64::consts::TAU;
    let day = turn(now.0 % DAY_MS, DAY_MS);
    // 1970-01-01 was a Thursday; Monday is 0.
    let week = turn((now.0 / DAY_MS + 3) % 7, 7);
    let row = [libm::sin(day), libm::cos(day), libm::sin(week), libm::cos(week)];
    debug_assert_eq!(row.len(), TIME_WIDTH);
    row.map(|x| x as f32).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_monday_at_noon_points_where_it_should() {
        // 2026-11-23T12:00:00Z, a Monday.
        let row = time_of_week(Timestamp(1_795_435_200_000));
        for (value, expected) in row.iter().zip([0.0, -1.0, 0.0, 1.0]) {
            assert!((value - expected).abs() < 1e-6, "{row:?}");
        }
    }
}
