//! Feedback: what became of the ads that were shown.
//!
//! Counted per product and in total. The same feedback twice counts once, so
//! repeats and reordering are harmless.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::decision::DecisionRecord;
use crate::error::Error;
use crate::event::{EventName, Timestamp};
use crate::hash::Fnv;
use crate::value::Value;

/// How long a dismissed product stays away, in milliseconds.
pub const DISMISS_MS: u64 = 48 * 60 * 60 * 1000;
/// How many of the newest decisions can still receive feedback.
pub const DECISION_LIMIT: usize = 100;
/// How many identities of events and feedback are remembered to tell repeats.
const SEEN_LIMIT: usize = 2000;

/// What happened to an ad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedbackKind {
    /// Half of its pixels were seen for a second.
    Impression,
    /// It was clicked.
    Click,
    /// It was waved away; its product is not shown for [`DISMISS_MS`].
    Dismiss,
    /// Its product was bought through it.
    Purchase,
}

impl FeedbackKind {
    const WORDS: [(&'static str, FeedbackKind); 4] = [
        ("impression", FeedbackKind::Impression),
        ("click", FeedbackKind::Click),
        ("dismiss", FeedbackKind::Dismiss),
        ("purchase", FeedbackKind::Purchase),
    ];

    const fn word(self) -> &'static str {
        Self::WORDS[self as usize].0
    }

    /// The event that says the same about the product. A purchase is reported by the shop's own event.
    pub(crate) const fn event(self) -> EventName {
        match self {
            FeedbackKind::Impression | FeedbackKind::Purchase => EventName::AdImpression,
            FeedbackKind::Click => EventName::AdClick,
            FeedbackKind::Dismiss => EventName::AdDismiss,
        }
    }
}

/// One report about one ad of one decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feedback {
    /// The decision that showed it.
    pub decision: String,
    /// The ad.
    pub ad: String,
    /// What happened.
    pub kind: FeedbackKind,
}

impl Feedback {
    /// Reads `{ decision, ad, kind }`.
    pub fn read(value: &Value<'_>) -> Result<Feedback, Error> {
        if value.entries().is_none() {
            return Err(value.invalid("feedback", "an object such as { decision, ad, kind: 'click' }"));
        }
        let text = |field: &'static str| {
            let given = value.get(field).unwrap_or(&Value::Null);
            given.id().ok_or_else(|| given.invalid(field, "a string"))
        };
        let given = value.get("kind").unwrap_or(&Value::Null);
        let kind = FeedbackKind::WORDS.iter().find(|(word, _)| given.text() == Some(word));
        let kind = kind.ok_or_else(|| given.invalid("kind", "one of impression, click, dismiss, purchase"))?.1;
        Ok(Feedback { decision: text("decision")?, ad: text("ad")?, kind })
    }

    fn identity(&self) -> u64 {
        let hash = Fnv::new().with(self.decision.as_bytes()).with(b"\0").with(self.ad.as_bytes());
        hash.with(b"\0").with(self.kind.word().as_bytes()).value()
    }
}

/// Whether feedback was counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// `false` for a repeat.
    pub counted: bool,
    /// `repeat`, where it was not counted.
    pub reason: Option<&'static str>,
}

/// The newest identities, to tell repeats. Bounded: the oldest are forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen(VecDeque<u64>);

impl Seen {
    /// Whether `identity` is new; it no longer is afterwards.
    pub(crate) fn first_time(&mut self, identity: u64) -> bool {
        if self.0.contains(&identity) {
            return false;
        }
        if self.0.len() >= SEEN_LIMIT {
            self.0.pop_front();
        }
        self.0.push_back(identity);
        true
    }
}

/// Totals, and what must be remembered to count right.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
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
    dismissed: BTreeMap<String, Timestamp>,
    recent: VecDeque<DecisionRecord>,
    seen: Seen,
}

impl Counters {
    /// The products that were waved away within [`DISMISS_MS`].
    pub fn dismissed(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        let recent = self.dismissed.iter().filter(move |(_, at)| now.since(**at) < DISMISS_MS);
        recent.map(|(product, _)| product.as_str())
    }

    pub(crate) fn remember(&mut self, decision: DecisionRecord, fell_back: bool) {
        self.decisions += 1;
        self.fallbacks += u64::from(fell_back);
        self.recent.push_back(decision);
        if self.recent.len() > DECISION_LIMIT {
            self.recent.pop_front();
        }
    }

    /// Counts feedback. The product it is about, where it was counted; `None` for a repeat.
    pub(crate) fn count(&mut self, feedback: &Feedback, now: Timestamp) -> Result<Option<String>, Error> {
        let decision = self.recent.iter().find(|d| d.decision == feedback.decision);
        let decision = decision.ok_or_else(|| Error::UnknownDecision { decision: feedback.decision.clone() })?;
        let ad = decision.ads.iter().find(|(ad, _)| *ad == feedback.ad);
        let (_, product) =
            ad.ok_or_else(|| Error::UnknownAd { ad: feedback.ad.clone(), decision: feedback.decision.clone() })?;
        let product = product.clone();
        if !self.seen.first_time(feedback.identity()) {
            return Ok(None);
        }
        match feedback.kind {
            FeedbackKind::Impression => self.impressions += 1,
            FeedbackKind::Click => self.clicks += 1,
            FeedbackKind::Purchase => self.purchases += 1,
            FeedbackKind::Dismiss => {
                self.dismissals += 1;
                self.dismissed.retain(|_, at| now.since(*at) < DISMISS_MS);
                self.dismissed.insert(product.clone(), now);
            }
        }
        Ok(Some(product))
    }

    pub(crate) fn first_time(&mut self, identity: u64) -> bool {
        self.seen.first_time(identity)
    }
}
