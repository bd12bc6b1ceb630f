//! Which ads are scored: all of them, or the few hundred that a scan of the content vectors finds.

use serde::Serialize;

use super::Ranking;
use super::competition::Competition;
use crate::catalogue::Embeddings;
use crate::cosine;
use crate::request::Retrieve;
use crate::scan::{self, Best};

/// Without a model, catalogues of more products than this are scanned before they are scored.
pub const SCAN_ABOVE: usize = 2000;
/// How many products a scan finds where the request does not say.
pub const RETRIEVED: usize = 400;

/// How the ads that were scored were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Retrieval {
    /// `all`, or `scan`: by the likeness of content to the profile and the page.
    pub by: &'static str,
    /// How many ads were scored.
    pub ads: usize,
}

/// The ads to score, in rising order; `None` for all.
pub(super) fn retrieve(
    ranking: &Ranking<'_>,
    competition: &Competition,
    has_model: bool,
    limit: usize,
) -> Option<Vec<usize>> {
    let catalogue = ranking.catalogue;
    let wanted = match ranking.request.retrieve {
        Retrieve::All => return None,
        // What a model prefers need not be alike in content.
        Retrieve::Auto if has_model || catalogue.row_count() <= SCAN_ABOVE => return None,
        Retrieve::Auto => RETRIEVED.max(limit),
        Retrieve::Best(count) => count.max(limit),
    };
    let tie = |a, b| catalogue.row_order(a, b);
    let mut best = Best::new(wanted.saturating_add(competition.kept_out()), &tie);
    let query = query(ranking);
    let in_stock = |row| catalogue.can_be_had(row);
    match catalogue.embeddings() {
        Embeddings::Int8 { rows, scales } => {
            let rows = rows.as_slice().expect("built in standard layout");
            let scales = scales.as_slice().expect("built in standard layout");
            scan::scan(rows, scales, &query, in_stock, &mut best);
        }
        exact @ Embeddings::Float(_) => {
            (0..catalogue.row_count())
                .filter(|row| in_stock(*row))
                .for_each(|row| best.offer(exact.dot(&query, row), row));
        }
    }
    let admitted = |row: &usize| competition.admits_row(ranking, *row);
    let mut rows: Vec<usize> = best.into_sorted().into_iter().map(|(_, row)| row).filter(admitted).collect();
    rows.truncate(wanted);
    rows.extend(ranking.known.iter().filter_map(|known| known.product).filter(admitted));
    rows.sort_unstable();
    rows.dedup();
    let ads = rows.into_iter().flat_map(|row| catalogue.ads_of(row)).filter(|ad| competition.admits(ranking, *ad));
    let mut ads: Vec<usize> = ads.collect();
    ads.sort_unstable();
    Some(ads)
}

/// The vector whose dot product with an ad's is what the cosine scorer makes of both interests.
fn query(ranking: &Ranking<'_>) -> Vec<f32> {
    let (profile, context) = (ranking.profile_interest(), ranking.context_interest());
    profile.iter().zip(context).map(|(p, c)| cosine::of_content(*p, c)).collect()
}
