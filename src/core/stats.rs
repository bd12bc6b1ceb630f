//! Statistics: what happened, in numbers and names, for people and dashboards.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::catalogue::CatalogueReport;
use crate::decision::ScoredBy;
use crate::event::Timestamp;
use crate::profile::Stage;
use crate::scorer::Scorer;
use crate::snapshot::Memory;

/// How many interests of each kind are listed.
const SHOWN: usize = 10;

/// A summary of one engine.
#[derive(Clone, Debug, Serialize)]
pub struct Stats {
    /// What became of the events.
    pub events: EventStats,
    /// What the profile holds.
    pub profile: ProfileStats,
    /// The catalogue in force.
    pub catalogue: Option<CatalogueReport>,
    /// What scores.
    pub scorer: ScoredBy,
    /// Decisions made.
    pub decisions: u64,
    /// Decisions in which the model failed and the cosine scorer stood in.
    pub fallbacks: u64,
    /// Impressions counted.
    pub impressions: u64,
    /// Clicks counted.
    pub clicks: u64,
    /// Dismissals counted.
    pub dismissals: u64,
    /// Purchases counted.
    pub purchases: u64,
    /// Size of a snapshot taken now.
    pub snapshot_bytes: usize,
}

/// What became of the events.
#[derive(Clone, Debug, Serialize)]
pub struct EventStats {
    /// Events that taught the profile.
    pub accepted: u64,
    /// Events that did not, by reason.
    pub ignored: BTreeMap<&'static str, u64>,
    /// What was changed or noticed, by flag.
    pub flags: BTreeMap<&'static str, u64>,
}

/// What the profile holds.
#[derive(Clone, Debug, Serialize)]
pub struct ProfileStats {
    /// Products it remembers.
    pub items: usize,
    /// The strongest category interests.
    pub categories: Vec<Interest>,
    /// The strongest brand interests.
    pub brands: Vec<Interest>,
    /// Mean price looked at, in the catalogue's currency; none before one was seen.
    pub mean_price: Option<f32>,
    /// How far along the shopper is.
    pub stage: Stage,
    /// Events in the open session.
    pub session_events: usize,
    /// When the open session began.
    pub session_start: Option<Timestamp>,
}

/// One interest by name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Interest {
    /// Category path or brand.
    pub name: String,
    /// -1 to 1.
    pub weight: f32,
}

impl Stats {
    pub(crate) fn new(
        memory: &Memory,
        catalogue: Option<&CatalogueReport>,
        scorer: &dyn Scorer,
        now: Timestamp,
    ) -> Stats {
        let (profile, counters, cleaning) = (&memory.profile, &memory.counters, &memory.cleaning);
        let session = profile.history().session(now);
        Stats {
            events: EventStats {
                accepted: cleaning.accepted,
                ignored: cleaning.ignored.iter().map(|(reason, n)| (reason.word(), *n)).collect(),
                flags: cleaning.flags.iter().map(|(flag, n)| (flag.word(), *n)).collect(),
            },
            profile: ProfileStats {
                items: profile.items().len(),
                categories: strongest(profile.category_interests(now)),
                brands: strongest(profile.brand_interests(now)),
                mean_price: profile.mean_log_price(now).map(libm::expm1f),
                stage: profile.stage(now),
                session_events: session.len(),
                session_start: session.first().map(|r| r.at),
            },
            catalogue: catalogue.cloned(),
            scorer: ScoredBy { name: scorer.name(), model: scorer.model().map(str::to_owned) },
            decisions: counters.decisions,
            fallbacks: counters.fallbacks,
            impressions: counters.impressions,
            clicks: counters.clicks,
            dismissals: counters.dismissals,
            purchases: counters.purchases,
            snapshot_bytes: memory.to_bytes().len(),
        }
    }
}

fn strongest(mut interests: Vec<(&str, f32)>) -> Vec<Interest> {
    interests.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then_with(|| a.0.cmp(b.0)));
    interests.into_iter().take(SHOWN).map(|(name, weight)| Interest { name: name.to_owned(), weight }).collect()
}
