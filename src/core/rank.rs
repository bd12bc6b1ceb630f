//! Ranking: who competes, what the scorer sees, and the order that follows.

mod ad_features;
mod competition;
mod features;
mod interest;
mod retrieval;

use crate::catalogue::Catalogue;
use crate::decision::{Basis, Decision, Fallback, Filled, ScoredBy};
use crate::error::Error;
use crate::event::Timestamp;
use crate::feature::Features;
use crate::feedback::Counters;
use crate::hash::Fnv;
use crate::profile::{ItemInterest, Profile};
use crate::request::Request;
use crate::scan::Best;
use crate::scorer::Scorer;

pub(crate) use ad_features::AdFeatures;
use competition::Competition;
pub use retrieval::{RETRIEVED, Retrieval, SCAN_ABOVE};

/// Everything a ranking reads.
pub(crate) struct Ranking<'a> {
    pub(crate) catalogue: &'a Catalogue,
    /// The `ad.` features that the scorer asks for.
    pub(crate) ad_features: &'a AdFeatures,
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
    /// The product's row, where the catalogue has it.
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
        let competition = Competition::new(self, placement);
        let limit = self.request.limit.map_or(placement.max_ads, |limit| limit.min(placement.max_ads));
        let mut fallback = None;
        let mut scorer = scorer;
        let found = match retrieval::retrieve(self, &competition, scorer.as_deref_mut(), limit) {
            Ok(found) => found,
            Err(error) => {
                fallback = Some(Fallback::from(&error));
                scorer = None;
                retrieval::retrieve(self, &competition, None, limit)?
            }
        };
        let rows = found.ads.as_deref();
        let mut scores = Vec::new();
        let mut scored_by = None;
        if let Some(scorer) = scorer {
            match self.score(scorer, rows) {
                Ok(good) => {
                    scores = good;
                    scored_by = Some(name_of(scorer));
                }
                Err(error) => fallback = Some(Fallback::from(&error)),
            }
        }
        if scored_by.is_none() {
            scores = self.score(stand_in, rows)?;
        }
        let scored = |(index, score): (usize, &f32)| (rows.map_or(index, |rows| rows[index]), *score);
        let scored = scores.iter().enumerate().map(scored);
        let admits = |ad| competition.admits(self, ad);
        Ok(Decision {
            decision: self.identity(),
            placement: placement.id.clone(),
            at: self.now,
            seed: self.request.seed,
            slate: self.slate(order(self.catalogue, scored, admits, limit)),
            basis: if self.profile.is_empty() { Basis::Contextual } else { Basis::Profile },
            scorer: scored_by.unwrap_or_else(|| name_of(stand_in)),
            fallback,
            retrieval: found.retrieval(scores.len()),
            catalogue_version: self.catalogue.version().to_owned(),
            candidates: competition.candidates,
            removed: competition.removed,
        })
    }

    /// Scores some ads, or all of the catalogue, eligible or not: what depends on the
    /// catalogue alone can then be computed once and reused, and few ads are removed.
    pub(crate) fn score(&self, scorer: &mut dyn Scorer, rows: Option<&[usize]>) -> Result<Vec<f32>, Error> {
        let mut features = Features::new(self.catalogue.ad_count()).of_edition(self.ad_features.edition().clone());
        if let Some(rows) = rows {
            features = features.of_rows(rows);
        }
        features::fill(self, scorer.inputs(), scorer.session_length(), &mut features);
        let mut scores = Vec::with_capacity(features.candidates());
        scorer.score(&features, &mut scores)?;
        check(self.catalogue, rows, &scores)?;
        Ok(scores)
    }

    fn slate(&self, order: Vec<(f32, usize)>) -> Vec<Filled> {
        let filled = order.into_iter().enumerate().map(|(position, (score, ad))| {
            let campaign = self.catalogue.campaign_of(ad);
            Filled {
                position,
                ad: self.catalogue.ad_id(ad).to_owned(),
                item_id: self.catalogue.listing(self.catalogue.row_of(ad)).id.to_owned(),
                campaign: campaign.map(|c| c.id.clone()),
                sponsored: campaign.is_some(),
                score,
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

fn check(catalogue: &Catalogue, rows: Option<&[usize]>, scores: &[f32]) -> Result<(), Error> {
    let expected = rows.map_or(catalogue.ad_count(), <[usize]>::len);
    if scores.len() != expected {
        return Err(Error::NonFiniteScore { ad: format!("{expected} ads"), value: format!("{} scores", scores.len()) });
    }
    match scores.iter().position(|s| !s.is_finite()) {
        None => Ok(()),
        Some(bad) => {
            let ad = catalogue.ad_id(rows.map_or(bad, |rows| rows[bad])).to_owned();
            Err(Error::NonFiniteScore { ad, value: scores[bad].to_string() })
        }
    }
}

/// The best `limit` of the scored ads that may be shown, best first, no product twice.
fn order(
    catalogue: &Catalogue,
    scored: impl Iterator<Item = (usize, f32)>,
    admits: impl Fn(usize) -> bool,
    limit: usize,
) -> Vec<(f32, usize)> {
    // A product competes once on its own and once per creative; this many are sure to hold `limit` products.
    let enough = limit.saturating_add(catalogue.creative_ads().len());
    let tie = |a, b| catalogue.tie_order(a, b);
    let mut best = Best::new(enough, &tie);
    for (ad, score) in scored {
        // Most ads are not better than the best so far, and need no look at the rules.
        if score >= best.floor() && admits(ad) {
            best.offer(score, ad);
        }
    }
    let mut shown: Vec<usize> = Vec::new();
    let mut order = Vec::new();
    for (score, ad) in best.into_sorted() {
        let row = catalogue.row_of(ad);
        if shown.len() < limit && !shown.contains(&row) {
            shown.push(row);
            order.push((score, ad));
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
        all.sort_by_key(|ad| catalogue.ad_id(*ad).to_owned());
        all.sort_by_key(|ad| catalogue.campaign_of(*ad).is_none());
        all.sort_by_key(|ad| catalogue.listing(catalogue.row_of(*ad)).id.to_owned());
        all.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        let mut shown = Vec::new();
        let mut products = Vec::new();
        for ad in all {
            if !products.contains(&catalogue.row_of(ad)) && shown.len() < limit {
                products.push(catalogue.row_of(ad));
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
            let scored = scores.iter().copied().enumerate();
            let found = order(&catalogue, scored, |ad| eligible.contains(&ad), limit);
            let found: Vec<usize> = found.into_iter().map(|(_, ad)| ad).collect();
            prop_assert_eq!(found, plain_order(&catalogue, &eligible, &scores, limit));
        }
    }

    #[test]
    fn a_scorer_that_gives_nan_is_refused_with_the_ad() {
        let catalogue = catalogue(3, &[]);
        let error = check(&catalogue, None, &[0.5, f32::NAN, 0.5]).unwrap_err();
        assert_eq!(error, Error::NonFiniteScore { ad: "p1".into(), value: "NaN".into() });
    }
}
