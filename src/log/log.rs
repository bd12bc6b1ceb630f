//! The log: sessions of steps, and what is known of the items in them.

use nearside_core::{EventName, Timestamp, Value};

use crate::Names;

/// What the log tells of an item: the first value of each kind. Text is empty where the log has none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Its title.
    pub name: String,
    /// Its category; levels of a path are parted by ` > `.
    pub category: String,
    /// Its brand.
    pub brand: String,
    /// Its price in the log's currency, not negative.
    pub price: Option<f64>,
}

/// What a step was.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A row of a table; 0 where it names no category or brand.
    Row { kind: EventName, category: u32, brand: u32, price: Option<f64> },
    /// A GA4 event as the shop emitted it.
    Given(Box<Value<'static>>),
}

/// One event of a session.
#[derive(Clone, Debug)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// What the shopper went for, as a number in [`Log::items`]: what a ranking before this step has to
    /// predict. `None` for searches, lists shown, pages.
    pub target: Option<u32>,
    pub(crate) event: Event,
    /// Its first item, 0 where it names none.
    pub(crate) item: u32,
}

impl Step {
    /// What kind of event it is. `None` for one that GA4's e-commerce does not know.
    pub fn kind(&self) -> Option<EventName> {
        match &self.event {
            Event::Row { kind, .. } => Some(*kind),
            Event::Given(value) => value.get("event").and_then(Value::text).and_then(EventName::from_name),
        }
    }
}

/// One session.
#[derive(Clone, Debug)]
pub struct Session {
    /// The log's own name for it, or the visitor's with a count.
    pub name: String,
    /// Whose it is, by the first of its rows that says so; 0 where the log does not say.
    pub visitor: u32,
    /// At least one, in time order.
    pub steps: Vec<Step>,
}

impl Session {
    /// What a ranking after step `step` has to predict, where it has to.
    pub fn next_target(&self, step: usize) -> Option<u32> {
        self.steps.get(step + 1).and_then(|next| next.target)
    }
}

/// Everything that was read. See [`Log::read`].
#[derive(Debug, Default)]
pub struct Log {
    pub(crate) sessions: Vec<Session>,
    pub(crate) order: Vec<u32>,
    pub(crate) items: Names,
    pub(crate) visitors: usize,
    pub(crate) skipped: usize,
    /// By number of the item.
    pub(crate) facts: Vec<Facts>,
    pub(crate) categories: Names,
    pub(crate) brands: Names,
}

impl Log {
    /// The sessions, in the order of their first events.
    pub fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// The session of each event, as an index into [`sessions`](Log::sessions), in time order over the whole log.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// Every item that occurs, in order of appearance.
    pub fn items(&self) -> &Names {
        &self.items
    }

    /// How many visitors the log names.
    pub fn visitors(&self) -> usize {
        self.visitors
    }

    /// How many rows could not be used.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// How many events there are.
    pub fn events(&self) -> usize {
        self.order.len()
    }

    /// How many steps a session's earlier steps have to predict: targets that are not the session's first step.
    pub fn predictions(&self) -> usize {
        let of = |session: &Session| session.steps.iter().skip(1).filter(|step| step.target.is_some()).count();
        self.sessions.iter().map(of).sum()
    }

    /// What the log tells of an item, by its number in [`items`](Log::items).
    pub fn facts(&self, item: u32) -> &Facts {
        &self.facts[item as usize]
    }

    /// Keeps the first sessions. Items and their facts stay.
    pub fn truncate(&mut self, sessions: usize) {
        self.sessions.truncate(sessions);
        self.order.retain(|session| (*session as usize) < sessions);
    }

    /// A step of this log as a shop hands it to `observe`.
    pub fn event<'a>(&'a self, step: &'a Step) -> Value<'a> {
        let (kind, category, brand, price) = match &step.event {
            Event::Given(value) => return (**value).clone(),
            Event::Row { kind, category, brand, price } => (kind, *category, *brand, *price),
        };
        let text = |text: &'a str| Value::Text(text.into());
        let mut item = vec![("item_id".into(), text(self.items.name(step.item)))];
        if category != 0 {
            item.push(("item_category".into(), text(self.categories.name(category))));
        }
        if brand != 0 {
            item.push(("item_brand".into(), text(self.brands.name(brand))));
        }
        if let Some(price) = price {
            item.push(("price".into(), Value::Number(price)));
        }
        Value::Map(vec![
            ("event".into(), text(kind.name())),
            ("ts".into(), Value::Number(step.at.0 as f64)),
            ("items".into(), Value::List(vec![Value::Map(item)])),
        ])
    }
}
