//! Who competes for a placement, and why the others do not.

use std::collections::BTreeMap;

use super::Ranking;
use crate::catalogue::{Exclusion, Placement};

/// The rules of one ranking, applied to this shopper.
pub(super) struct Competition {
    /// Rows that this shopper should not see here, and why.
    kept_out: Vec<(usize, &'static str)>,
    /// For each creative, whether its campaign shows here.
    runs: Vec<bool>,
    first_creative: usize,
    /// How many ads compete.
    pub(super) candidates: usize,
    /// How many do not, by reason. The first reason that holds counts.
    pub(super) removed: BTreeMap<&'static str, usize>,
}

impl Competition {
    /// Goes through what the profile holds and through the creatives, which are few, and not through the catalogue.
    pub(super) fn new(ranking: &Ranking<'_>, placement: &Placement) -> Competition {
        let catalogue = ranking.catalogue;
        let creatives = catalogue.creative_ads();
        let campaign_runs =
            |ad| catalogue.campaign_of(ad).is_none_or(|campaign| campaign.runs(&placement.id, ranking.now));
        let mut competition = Competition {
            kept_out: kept_out(ranking, placement),
            runs: creatives.clone().map(campaign_runs).collect(),
            first_creative: creatives.start,
            candidates: 0,
            removed: BTreeMap::new(),
        };
        competition.count(ranking);
        competition
    }

    fn count(&mut self, ranking: &Ranking<'_>) {
        let catalogue = ranking.catalogue;
        let mut ads = catalogue.product_count();
        let mut removed = BTreeMap::new();
        let mut remove = |reason, count| {
            if count > 0 {
                *removed.entry(reason).or_insert(0) += count;
            }
        };
        remove("out_of_stock", catalogue.sold_out());
        for (ad, runs) in catalogue.creative_ads().zip(&self.runs) {
            let row = catalogue.row_of(ad);
            ads += usize::from(!catalogue.is_gone(row));
            if catalogue.can_be_had(row) {
                remove("campaign_not_running", usize::from(!runs));
            } else {
                remove("out_of_stock", usize::from(!catalogue.is_gone(row)));
            }
        }
        for (row, reason) in self.kept_out.iter().filter(|(row, _)| catalogue.can_be_had(*row)) {
            remove(reason, catalogue.ads_of(*row).filter(|ad| self.campaign_allows(*ad)).count());
        }
        self.candidates = ads - removed.values().sum::<usize>();
        self.removed = removed;
    }

    fn campaign_allows(&self, ad: usize) -> bool {
        let creative = ad.checked_sub(self.first_creative).and_then(|creative| self.runs.get(creative));
        creative.copied().unwrap_or(true)
    }

    /// How many rows this shopper should not see.
    pub(super) fn kept_out(&self) -> usize {
        self.kept_out.len()
    }

    /// Whether the product in a row may be shown.
    pub(super) fn admits_row(&self, ranking: &Ranking<'_>, row: usize) -> bool {
        ranking.catalogue.can_be_had(row) && self.kept_out.iter().all(|(kept_out, _)| *kept_out != row)
    }

    /// Whether an ad may be shown.
    pub(super) fn admits(&self, ranking: &Ranking<'_>, ad: usize) -> bool {
        self.campaign_allows(ad) && self.admits_row(ranking, ranking.catalogue.row_of(ad))
    }
}

/// Bounded by what the profile holds. The first reason stands.
fn kept_out(ranking: &Ranking<'_>, placement: &Placement) -> Vec<(usize, &'static str)> {
    let mut rows: Vec<(usize, &'static str)> = Vec::new();
    let mut keep_out = |row: Option<usize>, reason| {
        if let Some(row) = row.filter(|row| rows.iter().all(|(known, _)| known != row)) {
            rows.push((row, reason));
        }
    };
    let excludes = |exclusion| placement.exclude.contains(&exclusion);
    let row = |id: &str| ranking.catalogue.product_index(id);
    ranking.counters.dismissed(ranking.now).for_each(|id| keep_out(row(id), "dismissed"));
    if let Some(current) = ranking.request.page.item_id.as_deref().filter(|_| excludes(Exclusion::Current)) {
        keep_out(row(current), Exclusion::Current.word());
    }
    for known in &ranking.known {
        if excludes(Exclusion::Bought) && known.interest.bought.is_some() {
            keep_out(known.product, Exclusion::Bought.word());
        }
        if excludes(Exclusion::InCart) && known.interest.in_cart > 0 {
            keep_out(known.product, Exclusion::InCart.word());
        }
    }
    rows
}
