//! Cleaning: from what a shop emits to what the profile may learn from.
//!
//! [`read`] copies known fields and nothing else, so personal data stays
//! outside whatever key it hides under; keys that are known to carry it are
//! also reported, for the shop to fix. An event is refused with a [`Reason`] or accepted
//! with [`Flag`]s that say what was changed. Nothing is refused silently and nothing is thrown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalogue::Catalogue;
use crate::error::Error;
use crate::event::{Event, EventName, Item, Timestamp};
use crate::hash::Fnv;
use crate::money::Money;
use crate::value::{Value, shorten};

/// Most items of one event that are read. GA4's own limit.
pub const ITEM_LIMIT: usize = 200;
/// Oldest event that is accepted, in milliseconds before now. As long as the history is kept.
pub const HORIZON_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// How far a clock may run ahead before the event's time is replaced by now, in milliseconds.
pub const FUTURE_MS: u64 = 5 * 60 * 1000;
/// An event this much older than the newest one is late, in milliseconds; it is put in its place.
pub const LATE_MS: u64 = 60 * 1000;

/// More characters than this in an identifier or name are a mistake or an attack.
const TEXT_LIMIT: usize = 300;
const TERM_LIMIT: usize = 8;

macro_rules! words {
    ($(#[$meta:meta])* $enum:ident { $($variant:ident, $word:literal, $doc:literal;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $enum { $(#[doc = $doc] $variant,)* }

        impl $enum {
            /// The stable word.
            pub const fn word(self) -> &'static str {
                match self { $($enum::$variant => $word,)* }
            }

            /// What it means, as a sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $($enum::$variant => $doc,)* }
            }
        }
    };
}

words! {
    /// Why an event was not accepted.
    Reason {
        MissingEvent, "missing-event", "The event has no name: set `event` to one of GA4's e-commerce names.";
        UnknownEvent, "unknown-event", "The name is not an e-commerce event; it was counted and ignored.";
        InvalidTime, "invalid-time", "`ts` is not a time: use milliseconds since 1970, or leave it out.";
        TooOld, "too-old", "The event is older than the history that is kept.";
        Duplicate, "duplicate", "An event with this id, or this kind and transaction, was already seen.";
        MissingItem, "missing-item", "This event needs an item with `item_id` or `item_name`.";
        MissingSearchTerm, "missing-search-term", "A search needs `search_term`.";
    }
}

words! {
    /// What was changed, or noticed, in an event that was accepted.
    Flag {
        TimeFilled, "time-filled", "The event had no time; now was taken.";
        FutureTime, "future-time", "The event's time lay in the future; now was taken.";
        Late, "late", "The event is older than one already seen; it was put in its place.";
        PriceParsed, "price-parsed", "A price was text and was read as a number.";
        PriceDropped, "price-dropped", "A price could not be read and was left out.";
        QuantityFilled, "quantity-filled", "A quantity was missing or unreadable; 1 was taken.";
        PriceFilled, "price-filled", "A missing price was taken from the catalogue.";
        BrandFilled, "brand-filled", "A missing brand was taken from the catalogue.";
        CategoryFilled, "category-filled", "A missing category was taken from the catalogue.";
        ItemDropped, "item-dropped", "An item without id and name was left out.";
        ItemsTruncated, "items-truncated", "Items beyond the first 200 were left out.";
        TextCut, "text-cut", "A text was longer than 300 characters and was cut.";
        PersonalDataDropped, "personal-data-dropped", "The event carried personal data, which was dropped unread.";
        RobotLike, "robot-like", "Events come faster than a person acts; this one does not teach the profile.";
    }
}

/// An event that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Why.
    pub reason: Reason,
    /// The field at fault.
    pub field: &'static str,
    /// What stood there, shortened.
    pub value: String,
}

/// How many events were accepted, ignored and changed, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Events that taught the profile.
    pub accepted: u64,
    /// Events that did not, by reason.
    pub ignored: BTreeMap<Reason, u64>,
    /// Changes made to accepted events.
    pub flags: BTreeMap<Flag, u64>,
}

/// The flags of one event, each at most once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags(Vec<Flag>);

impl Flags {
    /// Adds a flag.
    pub fn raise(&mut self, flag: Flag) {
        if !self.0.contains(&flag) {
            self.0.push(flag);
        }
    }

    /// The flags raised, in the order they were.
    pub fn as_slice(&self) -> &[Flag] {
        &self.0
    }
}

/// Reads one event. `newest` is the time of the newest event already seen.
///
/// The outer error is for a caller who handed over no object at all.
pub fn read(
    value: &Value<'_>,
    now: Timestamp,
    newest: Option<Timestamp>,
    catalogue: Option<&Catalogue>,
) -> Result<Result<(Event, Flags), Rejection>, Error> {
    if value.entries().is_none() {
        return Err(value.invalid("event", "an object such as { event: 'view_item', items: [{ item_id: 'sku-1' }] }"));
    }
    Ok(Reader { value, ecommerce: value.get("ecommerce"), flags: Flags::default() }.event(now, newest, catalogue))
}

struct Reader<'a> {
    value: &'a Value<'a>,
    /// The data layer's shape nests the fields under `ecommerce`.
    ecommerce: Option<&'a Value<'a>>,
    flags: Flags,
}

impl<'a> Reader<'a> {
    fn event(
        mut self,
        now: Timestamp,
        newest: Option<Timestamp>,
        catalogue: Option<&Catalogue>,
    ) -> Result<(Event, Flags), Rejection> {
        if carries_personal_data(self.value) {
            self.flags.raise(Flag::PersonalDataDropped);
        }
        let name = self.name()?;
        let at = self.time(now, newest)?;
        let terms = self.terms(name)?;
        let items = self.items(name, catalogue)?;
        let event = Event {
            name,
            at,
            items,
            terms,
            decision: self.field("decision").and_then(Value::id),
            ad: self.field("promotion_id").or_else(|| self.field("creative_name")).and_then(Value::id),
            identity: self.identity(name),
        };
        Ok((event, self.flags))
    }

    fn field(&self, key: &str) -> Option<&'a Value<'a>> {
        self.value.get(key).or_else(|| self.ecommerce.and_then(|e| e.get(key)))
    }

    fn name(&self) -> Result<EventName, Rejection> {
        let Some(name) = self.value.get("event") else {
            return Err(Rejection { reason: Reason::MissingEvent, field: "event", value: "nothing".into() });
        };
        name.text().and_then(EventName::from_name).ok_or_else(|| Rejection {
            reason: Reason::UnknownEvent,
            field: "event",
            value: name.shown(),
        })
    }

    fn time(&mut self, now: Timestamp, newest: Option<Timestamp>) -> Result<Timestamp, Rejection> {
        /// 1973 in milliseconds; anything below is a time in seconds, or none.
        const FIRST_MS: f64 = 1e11;
        let Some(value) = self.field("ts") else {
            self.flags.raise(Flag::TimeFilled);
            return Ok(now);
        };
        let reject = |reason| Rejection { reason, field: "ts", value: value.shown() };
        let ms = value.number().filter(|ms| *ms >= FIRST_MS).ok_or_else(|| reject(Reason::InvalidTime))?;
        let at = Timestamp(ms as u64);
        if now.since(at) > HORIZON_MS {
            return Err(reject(Reason::TooOld));
        }
        if at.since(now) > FUTURE_MS {
            self.flags.raise(Flag::FutureTime);
            return Ok(now);
        }
        if newest.is_some_and(|newest| newest.since(at) > LATE_MS) {
            self.flags.raise(Flag::Late);
        }
        Ok(at)
    }

    fn terms(&mut self, name: EventName) -> Result<Vec<String>, Rejection> {
        if name != EventName::Search {
            return Ok(Vec::new());
        }
        let Some(text) = self.field("search_term").and_then(Value::id) else {
            return Err(Rejection { reason: Reason::MissingSearchTerm, field: "search_term", value: "nothing".into() });
        };
        let text = self.cut(text);
        let (words, personal): (Vec<String>, Vec<String>) =
            text.to_lowercase().split_whitespace().map(str::to_owned).partition(|word| !looks_personal(word));
        if !personal.is_empty() {
            self.flags.raise(Flag::PersonalDataDropped);
        }
        Ok(words.into_iter().take(TERM_LIMIT).collect())
    }

    fn items(&mut self, name: EventName, catalogue: Option<&Catalogue>) -> Result<Vec<Item>, Rejection> {
        let value = self.field("items");
        let list = match value {
            Some(Value::List(list)) => list.as_slice(),
            // One item without its brackets is a common slip.
            Some(one @ Value::Map(_)) => std::slice::from_ref(one),
            _ => &[],
        };
        if list.len() > ITEM_LIMIT {
            self.flags.raise(Flag::ItemsTruncated);
        }
        let mut items = Vec::with_capacity(list.len().min(ITEM_LIMIT));
        for value in list.iter().take(ITEM_LIMIT) {
            match self.item(value, catalogue) {
                Some(item) => items.push(item),
                None => self.flags.raise(Flag::ItemDropped),
            }
        }
        if items.is_empty() && name.needs_item() {
            let value = value.map_or("nothing".into(), Value::shown);
            return Err(Rejection { reason: Reason::MissingItem, field: "items", value });
        }
        Ok(items)
    }

    fn item(&mut self, value: &Value<'_>, catalogue: Option<&Catalogue>) -> Option<Item> {
        let name = value.get("item_name").and_then(Value::text).map(|s| self.cut(s.to_owned()));
        let id = value.get("item_id").and_then(Value::id).or_else(|| name.clone())?;
        let id = self.cut(id);
        let levels: Vec<&str> =
            ["item_category", "item_category2", "item_category3", "item_category4", "item_category5"]
                .iter()
                .filter_map(|key| value.get(key).and_then(Value::text))
                .map(str::trim)
                .filter(|level| !level.is_empty())
                .collect();
        let category = (!levels.is_empty()).then(|| self.cut(levels.join(" > ")));
        let brand = value.get("item_brand").and_then(Value::text).map(str::trim).filter(|s| !s.is_empty());
        let brand = brand.map(|s| self.cut(s.to_owned()));
        let mut item = Item {
            id,
            name,
            brand,
            category,
            price: self.price(value.get("price")),
            discount: self.price(value.get("discount")),
            quantity: self.quantity(value.get("quantity")),
        };
        self.fill(&mut item, catalogue);
        Some(item)
    }

    fn price(&mut self, value: Option<&Value<'_>>) -> Option<f32> {
        let value = value?;
        let Some(money) = Money::read(value) else {
            self.flags.raise(Flag::PriceDropped);
            return None;
        };
        if value.text().is_some() {
            self.flags.raise(Flag::PriceParsed);
        }
        Some(money.amount)
    }

    fn quantity(&mut self, value: Option<&Value<'_>>) -> u32 {
        const MOST: f64 = 10_000.0;
        match value.map(|v| v.number().filter(|n| (1.0..=MOST).contains(n))) {
            Some(Some(n)) => n as u32,
            // A missing quantity is the rule on product pages and means one; it is no finding.
            None => 1,
            Some(None) => {
                self.flags.raise(Flag::QuantityFilled);
                1
            }
        }
    }

    fn fill(&mut self, item: &mut Item, catalogue: Option<&Catalogue>) {
        let Some(product) = catalogue.and_then(|c| c.product(&item.id)) else { return };
        let mut fill = |missing: bool, known: bool, flag| {
            if missing && known {
                self.flags.raise(flag);
            }
            missing && known
        };
        if fill(item.price.is_none(), product.price.is_some(), Flag::PriceFilled) {
            item.price = product.price;
        }
        if fill(item.brand.is_none(), !product.brand.is_empty(), Flag::BrandFilled) {
            item.brand = Some(product.brand.to_owned());
        }
        // The catalogue's path decides even where the event has one: interests must join to ads.
        if !product.category.is_empty() {
            fill(item.category.is_none(), true, Flag::CategoryFilled);
            item.category = Some(product.category.to_owned());
        }
    }

    fn identity(&self, name: EventName) -> Option<u64> {
        if let Some(id) = self.field("id").and_then(Value::id) {
            return Some(Fnv::new().with(b"event\0").with(id.as_bytes()).value());
        }
        let transaction = self.field("transaction_id").and_then(Value::id)?;
        Some(Fnv::new().with(name.name().as_bytes()).with(b"\0").with(transaction.as_bytes()).value())
    }

    fn cut(&mut self, text: String) -> String {
        match text.char_indices().nth(TEXT_LIMIT) {
            Some((end, _)) => {
                self.flags.raise(Flag::TextCut);
                text[..end].to_owned()
            }
            None => text,
        }
    }
}

/// Keys that carry personal data, lower case and without separators.
const PERSONAL_KEYS: &[&str] = &[
    "email",
    "emailaddress",
    "mail",
    "sha256emailaddress",
    "phone",
    "phonenumber",
    "sha256phonenumber",
    "tel",
    "mobile",
    "userid",
    "uid",
    "clientid",
    "customerid",
    "visitorid",
    "gaid",
    "idfa",
    "name",
    "firstname",
    "lastname",
    "fullname",
    "username",
    "customername",
    "address",
    "street",
    "streetaddress",
    "postalcode",
    "zip",
    "zipcode",
    "userdata",
    "userproperties",
    "customer",
    "ip",
    "ipaddress",
    "birthdate",
    "dateofbirth",
];

const LONGEST_PERSONAL_KEY: usize = {
    let (mut longest, mut index) = (0, 0);
    while index < PERSONAL_KEYS.len() {
        if PERSONAL_KEYS[index].len() > longest {
            longest = PERSONAL_KEYS[index].len();
        }
        index += 1;
    }
    longest
};

fn carries_personal_data(value: &Value<'_>) -> bool {
    match value {
        Value::Map(entries) => entries.iter().any(|(key, value)| is_personal_key(key) || carries_personal_data(value)),
        Value::List(items) => items.iter().take(ITEM_LIMIT).any(carries_personal_data),
        _ => false,
    }
}

fn is_personal_key(key: &str) -> bool {
    // Asked for every key of every event, so without an allocation.
    let mut plain = [0; LONGEST_PERSONAL_KEY];
    let mut length = 0;
    for byte in key.bytes().filter(u8::is_ascii_alphanumeric) {
        let Some(place) = plain.get_mut(length) else { return false };
        *place = byte.to_ascii_lowercase();
        length += 1;
    }
    PERSONAL_KEYS.iter().any(|personal| personal.as_bytes() == &plain[..length])
}

/// Words of a search that may name a person: an e-mail address, or digits enough for a telephone.
fn looks_personal(word: &str) -> bool {
    const PHONE_DIGITS: usize = 7;
    word.contains('@') || word.chars().filter(char::is_ascii_digit).count() >= PHONE_DIGITS
}

impl Rejection {
    /// The rejection of an event that was seen before.
    pub(crate) fn duplicate(value: &Value<'_>) -> Rejection {
        let given = |key| value.get(key).or_else(|| value.get("ecommerce")?.get(key)).and_then(Value::id);
        let (field, id) = match given("id") {
            Some(id) => ("id", id),
            None => ("transaction_id", given("transaction_id").unwrap_or_default()),
        };
        Rejection { reason: Reason::Duplicate, field, value: shorten(&id) }
    }
}
