//! Ranking: who competes, what the scorer sees, and the order that follows.

mod features;

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};

use crate::catalogue::{Catalogue, Exclusion, Placement};
use crate::decision::{Basis, Decision, Fallback, Filled, ScoredBy};
use crate::error::Error;
use crate::event::Timestamp;
use crate::feature::Features;
use crate::feedback::Counters;
use crate::hash::Fnv;
use crate::profile::{ItemInterest, Profile};
use crate::request::Request;
use crate::scorer::Scorer;

pub(crate) use features::Columns;

/// Everything a ranking reads.
pub(crate) struct Ranking<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) columns: &'a Columns,
    pub(crate) profile: &'a Profile,
    /// The profile's items.
    pub(crate) known: Vec<Known<'a>>,
    pub(crate) counters: &'a Counters,
    pub(crate) request: &'a Request,
    pub(crate) now: Timestamp,
}

/// An item that the profile holds.
pub(crate) struct Known<'a> {
    pub(crate) id: &'a str,
    pub(crate) interest: &'a ItemInterest,
    /// Index of the product, where the catalogue has it.
    pub(crate) product: Option<usize>,
}

impl<'a> Known<'a> {
    /// The profile's items, in its order. Looked up once per ranking: several features and rules ask for them.
    pub(crate) fn all(profile: &'a Profile, catalogue: &Catalogue) -> Vec<Known<'a>> {
        let items = profile.items().iter();
        items.map(|(id, interest)| Known { id, interest, product: catalogue.product_index(id) }).collect()
    }
}

impl Ranking<'_> {
    /// Makes the decision with `scorer`, or with `stand_in` where it fails.
    pub(crate) fn decide(
        &self,
        scorer: Option<&mut (dyn Scorer + 'static)>,
        stand_in: &mut dyn Scorer,
    ) -> Result<Decision, Error> {
        let placement = self.catalogue.placement(&self.request.placement).ok_or_else(|| self.unknown_placement())?;
        let (eligible, removed) = self.eligible(placement);
        let mut fallback = None;
        let mut scores = Vec::new();
        let mut scored_by = None;
        if let Some(scorer) = scorer {
            match self.score(scorer) {
                Ok(good) => {
                    scores = good;
                    scored_by = Some(name_of(scorer));
                }
                Err(error) => fallback = Some(Fallback::from(&error)),
            }
        }
        if scored_by.is_none() {
            scores = self.score(stand_in)?;
        }
        let limit = self.request.limit.map_or(placement.max_ads, |limit| limit.min(placement.max_ads));
        Ok(Decision {
            decision: self.identity(),
            placement: placement.id.clone(),
            at: self.now,
            seed: self.request.seed,
            slate: self.slate(order(self.catalogue, &eligible, &scores, limit), &scores),
            basis: if self.profile.is_empty() { Basis::Contextual } else { Basis::Profile },
            scorer: scored_by.unwrap_or_else(|| name_of(stand_in)),
            fallback,
            catalogue_version: self.catalogue.version().to_owned(),
            candidates: eligible.len(),
            removed,
        })
    }

    /// Scores every ad of the catalogue, eligible or not: what depends on the
    /// catalogue alone can then be computed once and reused, and few ads are removed.
    pub(crate) fn score(&self, scorer: &mut dyn Scorer) -> Result<Vec<f32>, Error> {
        let mut features = Features::new(self.catalogue.ads().len()).of_edition(self.columns.edition().clone());
        features::fill(self, scorer.inputs(), scorer.session_length(), &mut features);
        let mut scores = Vec::with_capacity(features.candidates());
        scorer.score(&features, &mut scores)?;
        check(self.catalogue, &scores)?;
        Ok(scores)
    }

    fn eligible(&self, placement: &Placement) -> (Vec<usize>, BTreeMap<&'static str, usize>) {
        let catalogue = self.catalogue;
        let obstacles = self.shoppers_obstacles(placement);
        let mut removed = BTreeMap::new();
        let mut eligible = Vec::with_capacity(catalogue.ads().len());
        for (ad, in_stock) in catalogue.in_stock().iter().enumerate() {
            let shops = if *in_stock { self.campaigns_obstacle(ad, placement) } else { Some("out_of_stock") };
            match shops.or_else(|| obstacles[catalogue.product_index_of(ad)]) {
                None => eligible.push(ad),
                Some(reason) => *removed.entry(reason).or_insert(0) += 1,
            }
        }
        (eligible, removed)
    }

    /// Why the ad's campaign does not show here.
    fn campaigns_obstacle(&self, ad: usize, placement: &Placement) -> Option<&'static str> {
        let runs = self.catalogue.campaign_of(ad).is_none_or(|c| c.runs(&placement.id, self.now));
        (!runs).then_some("campaign_not_running")
    }

    /// Why this shopper should not see a product here, for every product. The first reason stands.
    ///
    /// Goes through what the profile holds, which is bounded, and not through the catalogue.
    fn shoppers_obstacles(&self, placement: &Placement) -> Vec<Option<&'static str>> {
        let mut obstacles = vec![None; self.catalogue.products().len()];
        let mut keep_out = |product: Option<usize>, reason| {
            if let Some(product) = product {
                obstacles[product].get_or_insert(reason);
            }
        };
        let excludes = |exclusion| placement.exclude.contains(&exclusion);
        let index = |id: &str| self.catalogue.product_index(id);
        self.counters.dismissed(self.now).for_each(|id| keep_out(index(id), "dismissed"));
        if let Some(current) = self.request.page.item_id.as_deref().filter(|_| excludes(Exclusion::Current)) {
            keep_out(index(current), Exclusion::Current.word());
        }
        for known in &self.known {
            if excludes(Exclusion::Bought) && known.interest.bought.is_some() {
                keep_out(known.product, Exclusion::Bought.word());
            }
            if excludes(Exclusion::InCart) && known.interest.in_cart > 0 {
                keep_out(known.product, Exclusion::InCart.word());
            }
        }
        obstacles
    }

    fn slate(&self, order: Vec<usize>, scores: &[f32]) -> Vec<Filled> {
        let filled = order.into_iter().enumerate().map(|(position, index)| {
            let ad = &self.catalogue.ads()[index];
            let campaign = self.catalogue.campaign_of(index);
            Filled {
                position,
                ad: ad.id.clone(),
                item_id: self.catalogue.product_of(index).id.clone(),
                campaign: campaign.map(|c| c.id.clone()),
                sponsored: campaign.is_some(),
                score: scores[index],
                propensity: 1.0,
            }
        });
        filled.collect()
    }

    fn identity(&self) -> String {
        let hash = Fnv::new().with(self.request.placement.as_bytes()).with(b"\0");
        let hash = hash.with(&self.now.0.to_le_bytes()).with(&self.request.seed.to_le_bytes());
        // Two rankings of one placement in the same millisecond with the same seed are two decisions.
        hash.with(&self.counters.decisions.to_le_bytes()).hex()
    }

    fn unknown_placement(&self) -> Error {
        Error::UnknownPlacement {
            placement: self.request.placement.clone(),
            known: self.catalogue.placements().iter().map(|p| p.id.clone()).collect(),
        }
    }
}

fn name_of(scorer: &dyn Scorer) -> ScoredBy {
    ScoredBy { name: scorer.name(), model: scorer.model().map(str::to_owned) }
}

fn check(catalogue: &Catalogue, scores: &[f32]) -> Result<(), Error> {
    if scores.len() != catalogue.ads().len() {
        let ad = format!("{} ads", catalogue.ads().len());
        return Err(Error::NonFiniteScore { ad, value: format!("{} scores", scores.len()) });
    }
    match scores.iter().position(|s| !s.is_finite()) {
        None => Ok(()),
        Some(bad) => Err(Error::NonFiniteScore { ad: catalogue.ads()[bad].id.clone(), value: scores[bad].to_string() }),
    }
}

/// An ad and what it is ordered by. The greater goes first.
#[derive(Clone, Copy, PartialEq)]
struct Contender {
    score: f32,
    /// New ads share the prior score, so ties are common.
    tie_place: usize,
    ad: usize,
}

impl Eq for Contender {}

impl Ord for Contender {
    fn cmp(&self, other: &Contender) -> Ordering {
        self.score.total_cmp(&other.score).then_with(|| other.tie_place.cmp(&self.tie_place))
    }
}

impl PartialOrd for Contender {
    fn partial_cmp(&self, other: &Contender) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The best `limit` of the eligible ads, best first, no product twice.
fn order(catalogue: &Catalogue, eligible: &[usize], scores: &[f32], limit: usize) -> Vec<usize> {
    // A product competes once on its own and once per creative; this many are sure to hold `limit` products.
    let enough = limit.saturating_add(catalogue.ads().len() - catalogue.products().len());
    // The worst of the best so far is on top, and most ads are not better.
    let mut best = BinaryHeap::with_capacity(enough.min(eligible.len()));
    for ad in eligible {
        let contender = Contender { score: scores[*ad], tie_place: catalogue.tie_place(*ad), ad: *ad };
        if best.len() < enough {
            best.push(Reverse(contender));
        } else if let Some(mut worst) = best.peek_mut()
            && contender > worst.0
        {
            *worst = Reverse(contender);
        }
    }
    let mut shown: Vec<usize> = Vec::with_capacity(limit.min(best.len()));
    let mut order = Vec::with_capacity(limit.min(best.len()));
    for Reverse(Contender { ad, .. }) in best.into_sorted_vec() {
        let product = catalogue.product_index_of(ad);
        if shown.len() < limit && !shown.contains(&product) {
            shown.push(product);
            order.push(ad);
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn catalogue(products: usize, creatives: &[usize]) -> Catalogue {
        let products: Vec<String> =
            (0..products).map(|i| format!(r#"{{"id":"p{i}","title":"Product {i}"}}"#)).collect();
        let creatives: Vec<String> =
            creatives.iter().enumerate().map(|(n, p)| format!(r#"{{"id":"c{n}","item_id":"p{p}"}}"#)).collect();
        let json = format!(
            r#"{{"products":[{}],"campaigns":[{{"id":"c","creatives":[{}]}}],"placements":[{{"id":"home"}}]}}"#,
            products.join(","),
            creatives.join(",")
        );
        Catalogue::read(json.as_bytes()).unwrap().0
    }

    /// The order written the obvious way.
    fn plain_order(catalogue: &Catalogue, eligible: &[usize], scores: &[f32], limit: usize) -> Vec<usize> {
        let mut all = eligible.to_vec();
        all.sort_by_key(|ad| catalogue.ads()[*ad].id.clone());
        all.sort_by_key(|ad| catalogue.ads()[*ad].campaign.is_none());
        all.sort_by_key(|ad| catalogue.product_of(*ad).id.clone());
        all.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        let mut shown = Vec::new();
        let mut products = Vec::new();
        for ad in all {
            if !products.contains(&catalogue.ads()[ad].product) && shown.len() < limit {
                products.push(catalogue.ads()[ad].product);
                shown.push(ad);
            }
        }
        shown
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_a_plain_sort(
            scores in prop::collection::vec(prop::sample::select(vec![0.0f32, 0.25, 0.5, 0.5, 0.75, 1.0]), 60),
            eligible in prop::collection::vec(any::<bool>(), 60),
            limit in 1usize..70,
        ) {
            let catalogue = catalogue(40, &[0, 0, 1, 5, 5, 5, 39, 38, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
            let eligible: Vec<usize> = (0..60).filter(|i| eligible[*i]).collect();
            prop_assert_eq!(order(&catalogue, &eligible, &scores, limit), plain_order(&catalogue, &eligible, &scores, limit));
        }
    }

    #[test]
    fn a_scorer_that_gives_nan_is_refused_with_the_ad() {
        let catalogue = catalogue(3, &[]);
        let error = check(&catalogue, &[0.5, f32::NAN, 0.5]).unwrap_err();
        assert_eq!(error, Error::NonFiniteScore { ad: "p1".into(), value: "NaN".into() });
    }
}
