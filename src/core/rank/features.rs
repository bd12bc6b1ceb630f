//! Computing the feature table for one ranking.

use std::borrow::Cow;

use crate::event::Timestamp;
use crate::feature::{BASIC_WIDTH, Feature, Features, SESSION_LIMIT, STAGE_WIDTH, TIME_WIDTH, Values};
use crate::hash::Fnv;
use crate::history::Record;
use crate::profile::{AGE_BANDS, GENDERS};
use crate::rank::Ranking;
use crate::request::{Device, PageType};

/// Computes `wanted` into `features`. `session_length` is the length the model's file fixes, if it does.
pub(super) fn fill<'a>(
    ranking: &'a Ranking<'_>,
    wanted: &[Feature],
    session_length: Option<usize>,
    features: &mut Features<'a>,
) {
    let rows = features.rows();
    let mut computer = Computer { ranking, rows, session_length, interest: None, context: None };
    for feature in wanted {
        features.set(*feature, computer.values(*feature));
    }
}

struct Computer<'r, 'a> {
    ranking: &'a Ranking<'r>,
    /// The ads that are scored; `None`: all.
    rows: Option<&'a [usize]>,
    session_length: Option<usize>,
    interest: Option<Vec<f32>>,
    context: Option<Vec<f32>>,
}

impl<'a> Computer<'_, 'a> {
    fn values(&mut self, feature: Feature) -> Values<'a> {
        let Ranking { catalogue, ad_features, request, profile, now, .. } = *self.ranking;
        let vocabulary = catalogue.vocabulary();
        match feature {
            Feature::SessionItem => self.session_ids(|r| catalogue.item_id(&r.item)),
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
            Feature::AdItem
            | Feature::AdCategory
            | Feature::AdBrand
            | Feature::AdPrice
            | Feature::AdDiscount
            | Feature::AdEmbedding => ad_features.values(feature, catalogue),
            Feature::PairCosine => {
                self.interest();
                self.cosines(self.interest.as_deref().unwrap_or_default())
            }
            Feature::PairContext => {
                self.context();
                self.cosines(self.context.as_deref().unwrap_or_default())
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

    fn interest(&mut self) -> &[f32] {
        self.interest.get_or_insert_with(|| self.ranking.profile_interest())
    }

    fn context(&mut self) -> &[f32] {
        self.context.get_or_insert_with(|| self.ranking.context_interest())
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

    /// A `pair.` feature, of a function of the product's row.
    fn pair(&self, value: impl Fn(usize) -> f32) -> Values<'a> {
        let catalogue = self.ranking.catalogue;
        floats(match self.rows {
            None => catalogue.per_ad((0..catalogue.row_count()).map(value).collect()),
            Some(ads) => ads.iter().map(|ad| value(catalogue.row_of(*ad))).collect(),
        })
    }

    fn cosines(&self, query: &[f32]) -> Values<'a> {
        let embeddings = self.ranking.catalogue.embeddings();
        self.pair(|row| embeddings.dot(query, row).clamp(-1.0, 1.0))
    }

    fn category_affinity(&self) -> Values<'a> {
        let Ranking { catalogue, profile, now, .. } = *self.ranking;
        let affinities = catalogue.category_affinities(&profile.category_interests(now));
        self.pair(|row| affinities[catalogue.category_of(row)])
    }

    fn brand_affinity(&self) -> Values<'a> {
        let Ranking { catalogue, profile, now, .. } = *self.ranking;
        let affinities = catalogue.brand_affinities(&profile.brand_interests(now));
        self.pair(|row| affinities[catalogue.brand_of(row)])
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
        let known = self.ranking.known.iter().map(|known| known.product).zip(values);
        let known = known.filter_map(|(row, value)| Some((row?, value)));
        if let Some(ads) = self.rows {
            let mut column = vec![0.0; ads.len()];
            let of_ads = known.flat_map(|(row, value)| catalogue.ads_of(row).map(move |ad| (ad, value)));
            for (ad, value) in of_ads {
                // The ads are in rising order.
                if let Ok(place) = ads.binary_search(&ad) {
                    column[place] = value;
                }
            }
            return floats(column);
        }
        let mut column = vec![0.0; catalogue.row_count()];
        known.for_each(|(row, value)| column[row] = value);
        floats(catalogue.per_ad(column))
    }

    fn price_gap(&self) -> Values<'a> {
        let Ranking { catalogue, ad_features, profile, now, .. } = *self.ranking;
        let Values::Float(prices) = ad_features.values(Feature::AdPrice, catalogue) else {
            unreachable!("prices are no ids")
        };
        let mean = profile.mean_log_price(now);
        let gap = |price: f32| mean.filter(|_| price != 0.0).map_or(0.0, |mean| price - mean);
        floats(match self.rows {
            None => prices.iter().map(|price| gap(*price)).collect(),
            Some(ads) => ads.iter().map(|ad| gap(prices[*ad])).collect(),
        })
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
