//! Which ads are scored: all of them, or the few hundred that a scan of vectors finds.

use serde::Serialize;

use super::Ranking;
use super::competition::Competition;
use crate::catalogue::Embeddings;
use crate::cosine;
use crate::error::Error;
use crate::request::Retrieve;
use crate::scan::{self, Best};
use crate::scorer::Scorer;

/// Catalogues of more products than this are scanned before they are scored, where there is no model or there are anchors
/// of it.
pub const SCAN_ABOVE: usize = 2000;
/// How many products a scan finds where the request does not say.
pub const RETRIEVED: usize = 400;

/// One of so many products that are found beside a model's anchors is found by content: a category that few shoppers
/// wanted is not foretold.
const CONTENT_SHARE: usize = 4;

/// How the ads that were scored were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Retrieval {
    /// `all`; `content`: the most alike in content to the profile and the page; or `anchors`: those to which the model's
    /// scores of a few foretell the highest.
    pub by: &'static str,
    /// How many ads were scored at the end.
    pub ads: usize,
    /// Whether the catalogue has anchors of another model than the one in force, which were left aside.
    pub other_anchors: bool,
}

/// Which ads are scored.
pub(super) struct Found {
    by: &'static str,
    other_anchors: bool,
    /// In rising order; `None` for all.
    pub(super) ads: Option<Vec<usize>>,
}

impl Found {
    /// What a decision says of it.
    pub(super) fn retrieval(&self, scored: usize) -> Retrieval {
        Retrieval { by: self.by, ads: scored, other_anchors: self.other_anchors }
    }
}

/// Finds the ads to score. Errors are the model's, in scoring the anchors.
pub(super) fn retrieve(
    ranking: &Ranking<'_>,
    competition: &Competition,
    model: Option<&mut (dyn Scorer + 'static)>,
    limit: usize,
) -> Result<Found, Error> {
    let catalogue = ranking.catalogue;
    let mut anchors = catalogue.anchors();
    let hash = model.as_ref().and_then(|model| model.model());
    let other_anchors = anchors.is_some_and(|(anchors, _)| hash != Some(anchors.model()));
    if other_anchors {
        anchors = None;
    }
    // Without a model, anchors are of no use and none are missed.
    let other_anchors = other_anchors && model.is_some();
    let wanted = match ranking.request.retrieve {
        Retrieve::Best(count) => Some(count.max(limit)),
        Retrieve::Auto if catalogue.row_count() > SCAN_ABOVE && (model.is_none() || anchors.is_some()) => {
            Some(RETRIEVED.max(limit))
        }
        // What a model prefers need not be alike in content.
        Retrieve::All | Retrieve::Auto => None,
    };
    let Some(wanted) = wanted else { return Ok(Found { by: "all", other_anchors, ads: None }) };
    let (by, found) = match (model, anchors) {
        (Some(model), Some((anchors, rows))) => {
            let mut ads: Vec<usize> = rows.iter().map(|row| catalogue.ad_of(*row)).collect();
            let order = ads.clone();
            ads.sort_unstable();
            let scores = ranking.score(model, Some(&ads))?;
            let score = |ad: &usize| scores[ads.binary_search(ad).expect("every anchor was scored")];
            let query = anchors.query(&order.iter().map(score).collect::<Vec<f32>>());
            let by_content = wanted / CONTENT_SHARE;
            let mut found = best(ranking, competition, wanted - by_content, anchors.vectors(), &query);
            found.extend(best(ranking, competition, by_content, catalogue.embeddings(), &self::query(ranking)));
            // What a delta added has no vector, and is scored in any case.
            found.extend(anchors.vectors().count()..catalogue.row_count());
            ("anchors", found)
        }
        _ => ("content", best(ranking, competition, wanted, catalogue.embeddings(), &query(ranking))),
    };
    let admitted = |row: &usize| competition.admits_row(ranking, *row);
    let known = ranking.known.iter().filter_map(|known| known.product);
    let mut rows: Vec<usize> = found.into_iter().chain(known).filter(admitted).collect();
    rows.sort_unstable();
    rows.dedup();
    let ads = rows.into_iter().flat_map(|row| catalogue.ads_of(row)).filter(|ad| competition.admits(ranking, *ad));
    let mut ads: Vec<usize> = ads.collect();
    ads.sort_unstable();
    Ok(Found { by, other_anchors, ads: Some(ads) })
}

/// The rows whose vectors go best with a query, of those that may be shown.
fn best(
    ranking: &Ranking<'_>,
    competition: &Competition,
    wanted: usize,
    vectors: &Embeddings,
    query: &[f32],
) -> Vec<usize> {
    let catalogue = ranking.catalogue;
    let tie = |a, b| catalogue.row_order(a, b);
    let in_stock = |row| catalogue.can_be_had(row);
    let mut best = Best::new(wanted.saturating_add(competition.kept_out()), &tie);
    match vectors {
        Embeddings::Int8 { rows, scales } => {
            let rows = rows.as_slice().expect("built in standard layout");
            scan::scan(rows, scales, query, in_stock, &mut best);
        }
        exact @ Embeddings::Float(_) => {
            (0..exact.count()).filter(|row| in_stock(*row)).for_each(|row| best.offer(exact.dot(query, row), row));
        }
    }
    let rows = best.into_sorted().into_iter().map(|(_, row)| row);
    rows.filter(|row| competition.admits_row(ranking, *row)).take(wanted).collect()
}

/// The vector whose dot product with an ad's is what the cosine scorer makes of both interests.
fn query(ranking: &Ranking<'_>) -> Vec<f32> {
    let (profile, context) = (ranking.profile_interest(), ranking.context_interest());
    profile.iter().zip(context).map(|(p, c)| cosine::of_content(*p, c)).collect()
}
