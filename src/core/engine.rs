//! The engine: one shopper's memory, one catalogue, one scorer.
//!
//! Each method is a step of the loop. A step that fails leaves everything as
//! it was. Times are the caller's; a clock that jumps back is harmless,
//! since ages are never negative.

use serde::Serialize;

use crate::catalogue::{Catalogue, CatalogueReport, Delta, DeltaReport};
use crate::clean::{self, Flag, Flags, Rejection};
use crate::cosine::Cosine;
use crate::decision::{Decision, DecisionRecord, Fallback};
use crate::error::Error;
use crate::event::{Event, Item, Timestamp};
use crate::feature::Feature;
use crate::feedback::{Counted, Feedback};
use crate::profile::Profile;
use crate::rank::{AdFeatures, Known, Ranking};
use crate::request::Request;
use crate::scorer::Scorer;
use crate::snapshot::Memory;
use crate::statement::Statement;
use crate::stats::Stats;
use crate::value::Value;

/// More events than this within [`PACE_WINDOW_MS`] come from a machine.
pub const PACE_LIMIT: usize = 120;
/// The window in which the pace is measured, in milliseconds.
pub const PACE_WINDOW_MS: u64 = 60 * 1000;

/// What became of one event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Observed {
    /// Whether the profile learned from it.
    pub accepted: bool,
    /// Why not: a [`Reason`](clean::Reason)'s word.
    pub reason: Option<&'static str>,
    /// The field at fault.
    pub field: Option<&'static str>,
    /// What stood there, shortened.
    pub value: Option<String>,
    /// What to do about it.
    pub remedy: Option<&'static str>,
    /// What was changed or noticed: [`Flag`]s' words.
    pub flags: Vec<&'static str>,
}

/// One shopper's engine.
#[derive(Default)]
pub struct Engine {
    memory: Memory,
    catalogue: Option<Loaded>,
    scorer: Option<Box<dyn Scorer>>,
    cosine: Cosine,
}

struct Loaded {
    catalogue: Catalogue,
    report: CatalogueReport,
    ad_features: AdFeatures,
}

impl Loaded {
    /// A ranking with the `ad.` features among `inputs`.
    fn ranking<'a>(
        &'a mut self,
        memory: &'a Memory,
        request: &'a Request,
        inputs: &[Feature],
        now: Timestamp,
    ) -> Ranking<'a> {
        self.ad_features.make_ready(inputs, &self.catalogue, now);
        Ranking {
            catalogue: &self.catalogue,
            ad_features: &self.ad_features,
            profile: &memory.profile,
            known: Known::all(&memory.profile, &self.catalogue),
            counters: &memory.counters,
            request,
            now,
        }
    }

    /// Scores everything once, so that a model which cannot is found out before it is needed.
    fn try_out(&mut self, memory: &Memory, scorer: &mut dyn Scorer, now: Timestamp) -> Result<(), Error> {
        scorer.fits(&self.catalogue)?;
        self.ranking(memory, &Request::default(), scorer.inputs(), now).score(scorer, None).map(|_| ())
    }
}

impl Engine {
    /// An engine that knows nothing yet.
    pub fn new() -> Engine {
        Engine::default()
    }

    /// Takes in one event as the shop emits it.
    ///
    /// The error is for a caller who handed over no object; everything else is said in [`Observed`].
    pub fn observe(&mut self, value: &Value<'_>, now: Timestamp) -> Result<Observed, Error> {
        let catalogue = self.catalogue.as_ref().map(|l| &l.catalogue);
        let newest = self.memory.profile.history().newest();
        match clean::read(value, now, newest, catalogue)? {
            Err(rejection) => Ok(self.reject(rejection)),
            Ok((event, flags)) => {
                if event.identity.is_some_and(|identity| !self.memory.counters.first_time(identity)) {
                    return Ok(self.reject(Rejection::duplicate(value)));
                }
                Ok(self.accept(&event, flags))
            }
        }
    }

    fn accept(&mut self, event: &Event, mut flags: Flags) -> Observed {
        let robot = self.too_fast(event.at);
        if robot {
            flags.raise(Flag::RobotLike);
        } else {
            self.memory.cleaning.accepted += 1;
            self.memory.profile.learn(event);
        }
        for flag in flags.as_slice() {
            *self.memory.cleaning.flags.entry(*flag).or_insert(0) += 1;
        }
        Observed {
            accepted: !robot,
            flags: flags.as_slice().iter().map(|flag| flag.word()).collect(),
            ..Observed::default()
        }
    }

    fn reject(&mut self, rejection: Rejection) -> Observed {
        *self.memory.cleaning.ignored.entry(rejection.reason).or_insert(0) += 1;
        Observed {
            accepted: false,
            reason: Some(rejection.reason.word()),
            field: Some(rejection.field),
            value: Some(rejection.value),
            remedy: Some(rejection.reason.meaning()),
            flags: Vec::new(),
        }
    }

    fn too_fast(&mut self, at: Timestamp) -> bool {
        let pace = &mut self.memory.pace;
        pace.retain(|earlier| at.since(*earlier) < PACE_WINDOW_MS);
        let robot = pace.len() >= PACE_LIMIT;
        // Beyond the limit only the newest matter: the flag falls a window after the rush ends.
        if robot {
            pace.remove(0);
        }
        pace.push(at);
        robot
    }

    /// Takes in what the shopper tells of themselves.
    pub fn tell(&mut self, statement: Statement) {
        if let Some(basic) = statement.basic {
            self.memory.profile.set_basic(basic);
        }
        for (subject, weight) in statement.preferences {
            self.memory.profile.prefer(subject, weight);
        }
    }

    /// Replaces the catalogue. On an error the one before stays.
    ///
    /// A scorer that does not go with the new catalogue leaves, and the report says why: a shop replaces
    /// catalogue and model one after the other, and between the two the cosine scorer ranks.
    pub fn load_catalogue(&mut self, bytes: &[u8], now: Timestamp) -> Result<CatalogueReport, Error> {
        let (catalogue, report) = Catalogue::read(bytes)?;
        Ok(self.put_catalogue(catalogue, report, now))
    }

    /// Replaces the catalogue with one that was read already. As [`load_catalogue`](Engine::load_catalogue).
    pub fn put_catalogue(&mut self, catalogue: Catalogue, report: CatalogueReport, now: Timestamp) -> CatalogueReport {
        let loaded = self.catalogue.insert(Loaded { catalogue, report, ad_features: AdFeatures::default() });
        if let Some(mut scorer) = self.scorer.take() {
            match loaded.try_out(&self.memory, scorer.as_mut(), now) {
                Ok(()) => self.scorer = Some(scorer),
                Err(error) => loaded.report.model_dropped = Some(Fallback::from(&error)),
            }
        }
        loaded.report.clone()
    }

    /// Makes the catalogue in force the next version. On an error it stays as it was.
    ///
    /// The scorer stays: the vocabulary is the same.
    pub fn apply_delta(&mut self, bytes: &[u8], now: Timestamp) -> Result<DeltaReport, Error> {
        let loaded = self.catalogue.as_mut().ok_or(Error::NoCatalogue)?;
        let (report, changed) = loaded.catalogue.apply(Delta::read(bytes)?)?;
        match changed {
            Some(ads) => loaded.ad_features.change(ads, &loaded.catalogue, now),
            None => loaded.ad_features = AdFeatures::default(),
        }
        loaded.report.follow(&loaded.catalogue);
        Ok(report)
    }

    /// The catalogue in force.
    pub fn catalogue(&self) -> Option<&Catalogue> {
        self.catalogue.as_ref().map(|l| &l.catalogue)
    }

    /// Puts a scorer in force, once it has scored the whole catalogue with finite numbers.
    ///
    /// On an error the one before stays. Without a catalogue it is tried when one is loaded.
    pub fn set_scorer(&mut self, mut scorer: Box<dyn Scorer>, now: Timestamp) -> Result<(), Error> {
        if let Some(loaded) = &mut self.catalogue {
            loaded.try_out(&self.memory, scorer.as_mut(), now)?;
            loaded.report.model_dropped = None;
        }
        self.scorer = Some(scorer);
        Ok(())
    }

    /// Goes back to the cosine scorer.
    pub fn clear_scorer(&mut self) {
        self.scorer = None;
    }

    /// Ranks one placement.
    ///
    /// The scorer in force is used; where it fails, the cosine scorer stands in and the decision says so.
    pub fn rank(&mut self, request: &Request, now: Timestamp) -> Result<Decision, Error> {
        let loaded = self.catalogue.as_mut().ok_or(Error::NoCatalogue)?;
        let inputs = self.scorer.as_ref().map_or(&[][..], |scorer| scorer.inputs());
        let ranking = loaded.ranking(&self.memory, request, inputs, now);
        let decision = ranking.decide(self.scorer.as_deref_mut(), &mut self.cosine)?;
        self.memory.counters.remember(DecisionRecord::from(&decision), decision.fallback.is_some());
        Ok(decision)
    }

    /// Every ad's score by the scorer in force, in the order of the ads' numbers; no placement and no rule counts.
    ///
    /// Errors: `no-catalogue`, and the scorer's own.
    pub fn scores(&mut self, request: &Request, now: Timestamp) -> Result<Vec<f32>, Error> {
        let loaded = self.catalogue.as_mut().ok_or(Error::NoCatalogue)?;
        let scorer: &mut dyn Scorer = match &mut self.scorer {
            Some(scorer) => scorer.as_mut(),
            None => &mut self.cosine,
        };
        loaded.ranking(&self.memory, request, scorer.inputs(), now).score(scorer, None)
    }

    /// Takes in what became of an ad.
    pub fn feedback(&mut self, feedback: &Feedback, now: Timestamp) -> Result<Counted, Error> {
        let Some(product) = self.memory.counters.count(feedback, now)? else {
            return Ok(Counted { counted: false, reason: Some("repeat") });
        };
        let name = feedback.kind.event();
        if name.weight() != 0.0 {
            let item = self.item(product);
            let (terms, decision, ad) = (Vec::new(), Some(feedback.decision.clone()), Some(feedback.ad.clone()));
            let event = Event { name, at: now, items: vec![item], terms, decision, ad, identity: None };
            self.memory.profile.learn(&event);
        }
        Ok(Counted { counted: true, reason: None })
    }

    fn item(&self, id: String) -> Item {
        let product = self.catalogue().and_then(|c| c.product(&id));
        Item {
            brand: product.map(|p| p.brand.to_owned()).filter(|b| !b.is_empty()),
            category: product.map(|p| p.category.to_owned()).filter(|c| !c.is_empty()),
            price: product.and_then(|p| p.price),
            quantity: 1,
            id,
            ..Item::default()
        }
    }

    /// Everything remembered, as bytes.
    pub fn snapshot(&self) -> Vec<u8> {
        self.memory.to_bytes()
    }

    /// Replaces everything remembered. On an error nothing changes.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.memory = Memory::from_bytes(bytes)?;
        Ok(())
    }

    /// Forgets everything remembered; catalogue and scorer stay.
    pub fn forget(&mut self) {
        self.memory = Memory::default();
    }

    /// What this device remembers.
    pub fn profile(&self) -> &Profile {
        &self.memory.profile
    }

    /// A summary for people and dashboards.
    pub fn stats(&self, now: Timestamp) -> Stats {
        let report = self.catalogue.as_ref().map(|l| &l.report);
        let scorer = self.scorer.as_deref().unwrap_or(&self.cosine);
        Stats::new(&self.memory, report, scorer, now)
    }
}
