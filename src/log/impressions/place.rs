//! Places: what a column of impressions can hold, in the contract's words.

macro_rules! places {
    ($($variant:ident, $word:literal, [$($header:literal),*], $doc:literal;)*) => {
        /// What a column of impressions can hold.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Place { $(#[doc = $doc] $variant,)* }

        impl Place {
            /// Every place there is.
            pub const ALL: &'static [Place] = &[$(Place::$variant,)*];

            /// The word that a mapping takes: the contract's feature, and which part of it.
            pub const fn word(self) -> &'static str {
                match self { $(Place::$variant => $word,)* }
            }

            /// Headers that are taken for it, in lower case and without separators.
            pub(super) const fn headers(self) -> &'static [&'static str] {
                match self { $(Place::$variant => &[$($header),*],)* }
            }
        }
    };
}

places! {
    Clicked, "clicked", ["clicked", "click", "label", "target", "clk", "isclick"], "0 or 1.";
    Time, "time", ["time", "timestamp", "ts", "unixseconds", "datetime"], "When, as in a log of events.";
    Hour, "context.time.hour", ["hour", "hourofday"], "The hour of day, 0 to 23.";
    Weekday, "context.time.weekday", ["weekday", "dayofweek"], "1 for Monday to 6 for Saturday, 0 or 7 for Sunday.";
    Page, "context.page", ["page", "pagetype"], "The page type, in the contract's words.";
    Device, "context.device", ["device", "devicetype", "useragent", "platform"], "A device class, or a user agent that tells it.";
    Age, "profile.basic.age", ["age", "ageband", "agelevel"], "An age band, a level from 1 to 6, or years.";
    Gender, "profile.basic.gender", ["gender", "sex", "finalgendercode"], "A gender, or ISO/IEC 5218's 1 for male and 2 for female.";
    Region, "profile.basic.region", ["region", "province", "state"], "A region's name or number.";
    SessionItem, "session.item", ["hisitem", "histitem", "historyitem"], "An item looked at before; a column a step, the oldest first.";
    SessionCategory, "session.category", ["hiscate", "hiscategory", "historycategory"], "The same item's category.";
    SessionBrand, "session.brand", ["hisbrand", "historybrand"], "The same item's brand.";
    AdItem, "ad.item", ["item", "itemid", "adid", "creative", "creativeid", "adgroupid", "productid"], "The ad.";
    AdCategory, "ad.category", ["category", "categoryid", "cateid", "catid"], "The ad's category.";
    AdBrand, "ad.brand", ["brand", "brandid"], "The ad's brand.";
    AdPrice, "ad.price", ["price"], "The ad's price.";
}

/// Which column holds what: parsed from `PLACE=COLUMN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceMapping {
    /// What the column holds.
    pub place: Place,
    /// The column's name, as the header or the index writes it; the field's number in a libffm file.
    pub column: String,
}

impl std::str::FromStr for PlaceMapping {
    type Err = String;

    fn from_str(text: &str) -> Result<PlaceMapping, String> {
        let (word, column) = text.split_once('=').ok_or("write it as PLACE=COLUMN, such as ad.brand=brand_id")?;
        let place = Place::ALL.iter().copied().find(|place| place.word() == word.trim());
        let words = || Place::ALL.iter().map(|place| place.word()).collect::<Vec<_>>().join(", ");
        let place = place.ok_or_else(|| format!("what stands before `=` is one of {}", words()))?;
        Ok(PlaceMapping { place, column: column.trim().to_owned() })
    }
}
