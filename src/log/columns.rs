//! Columns: which of a table's columns holds what.
//!
//! Headers are compared without case and separators, so `SessionId`,
//! `session_id` and `SESSION-ID` are one name. `--map` goes before every guess.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

/// What a column can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Whose session, by the log's own count.
    Session,
    /// Who; sessions are cut by 30 minutes without an event where the log has none of its own.
    Visitor,
    /// When.
    Time,
    /// Milliseconds to add to the time: Diginetica's `timeframe` beside `eventdate`.
    Offset,
    /// What happened; a view where there is no such column.
    Event,
    /// To which item.
    Item,
    /// The item's name.
    Name,
    /// The item's category.
    Category,
    /// The item's brand.
    Brand,
    /// The item's price.
    Price,
}

impl Role {
    /// Every role there is.
    pub const ALL: [Role; 10] = [
        Role::Session,
        Role::Visitor,
        Role::Time,
        Role::Offset,
        Role::Event,
        Role::Item,
        Role::Name,
        Role::Category,
        Role::Brand,
        Role::Price,
    ];

    /// The word that `--map` takes.
    pub const fn word(self) -> &'static str {
        match self {
            Role::Session => "session",
            Role::Visitor => "visitor",
            Role::Time => "time",
            Role::Offset => "offset",
            Role::Event => "event",
            Role::Item => "item",
            Role::Name => "name",
            Role::Category => "category",
            Role::Brand => "brand",
            Role::Price => "price",
        }
    }

    /// Headers that are taken for it, the surest first, in lower case and without separators.
    const fn headers(self) -> &'static [&'static str] {
        match self {
            Role::Session => &["session", "sessionid", "usersession", "gasessionid"],
            Role::Visitor => {
                &["visitor", "visitorid", "userid", "user", "userpseudoid", "customerid", "clientid", "uid"]
            }
            Role::Time => &[
                "unixseconds",
                "timestamp",
                "eventtime",
                "time",
                "ts",
                "datetime",
                "timems",
                "unixtime",
                "createdat",
                "eventdate",
                "date",
            ],
            Role::Offset => &["timeframe"],
            Role::Event => &["event", "eventtype", "eventname", "action", "behavior", "behaviortype", "type"],
            Role::Item => &["item", "itemid", "productid", "product", "sku", "articleid", "article"],
            Role::Name => &["itemname", "productname", "title", "name"],
            // A code such as `appliances.kitchen` says more than a number, which stands in where the code is empty.
            Role::Category => {
                &["categorycode", "categorypath", "producttype", "itemcategory", "category", "categoryid", "catid"]
            }
            Role::Brand => &["brand", "itembrand", "brandname", "brandid"],
            Role::Price => &["price", "itemprice", "unitprice"],
        }
    }

    /// Parts of a header that suggest it, for the remedy.
    const fn hints(self) -> &'static [&'static str] {
        match self {
            Role::Session => &["sess", "visit"],
            Role::Visitor => &["visitor", "user", "cust", "client", "shopper"],
            Role::Time => &["time", "date", "when", "stamp"],
            Role::Item => &["item", "prod", "sku", "art", "asin", "good"],
            _ => &[],
        }
    }
}

/// Which column holds what: parsed from `ROLE=COLUMN`, one part of `--map`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// What the column holds.
    pub role: Role,
    /// The column's name, as the header writes it.
    pub column: String,
}

impl std::str::FromStr for Mapping {
    type Err = String;

    fn from_str(text: &str) -> Result<Mapping, String> {
        let words = || Role::ALL.map(Role::word).join(", ");
        let (role, column) = text.split_once('=').ok_or("write it as ROLE=COLUMN, such as item=itemid")?;
        let role = Role::ALL.into_iter().find(|r| r.word() == role.trim());
        let role = role.ok_or_else(|| format!("the role before `=` is one of {}", words()))?;
        Ok(Mapping { role, column: column.trim().to_owned() })
    }
}

/// Where each role is found in a row: the first of its columns that is not empty.
#[derive(Debug)]
pub(crate) struct Columns {
    /// By role, in the order of [`Role::ALL`].
    places: [Vec<usize>; Role::ALL.len()],
    width: usize,
    /// Dots in this column part the levels of a category path.
    dotted: Option<usize>,
}

impl Columns {
    /// Finds the columns of a header. Session or visitor, time and item must be there.
    pub(crate) fn find(header: &[String], mappings: &[Mapping], path: &Path) -> Result<Columns, MissingColumns> {
        let plain: Vec<String> = header.iter().map(|name| plain(name)).collect();
        let mut unknown = Vec::new();
        let places = Role::ALL.map(|role| {
            let mut mapped = mappings.iter().filter(|m| m.role == role).peekable();
            if mapped.peek().is_none() {
                return role.headers().iter().filter_map(|name| plain.iter().position(|p| p == name)).collect();
            }
            let mut places = Vec::new();
            for Mapping { column, .. } in mapped {
                match header.iter().position(|name| name == column) {
                    Some(place) => places.push(place),
                    None => unknown.push(column.clone()),
                }
            }
            places
        });
        let dotted = plain.iter().position(|name| name == "categorycode");
        let columns = Columns { places, width: header.len(), dotted };
        let has = |role| !columns.places(role).is_empty();
        let mut roles = Vec::new();
        if !has(Role::Session) && !has(Role::Visitor) {
            roles.push(Role::Session);
        }
        roles.extend([Role::Time, Role::Item].into_iter().filter(|role| !has(*role)));
        if roles.is_empty() && unknown.is_empty() {
            return Ok(columns);
        }
        let free = (0..header.len()).filter(|i| columns.places.iter().all(|places| !places.contains(i)));
        let free = free.map(|i| header[i].clone()).collect();
        Err(MissingColumns { path: path.to_owned(), roles, unknown, header: header.to_vec(), free })
    }

    fn places(&self, role: Role) -> &[usize] {
        &self.places[role as usize]
    }

    /// How many columns the header has.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// The value of a role in a row, trimmed; `None` where every such column is empty.
    pub(crate) fn get<'a>(&self, role: Role, row: &'a [String]) -> Option<&'a str> {
        self.places(role).iter().map(|place| row[*place].trim()).find(|text| !text.is_empty())
    }

    /// The category path of a row.
    pub(crate) fn category<'a>(&self, row: &'a [String]) -> Cow<'a, str> {
        let text = self.get(Role::Category, row).unwrap_or_default();
        match self.dotted {
            Some(place) if row[place].trim() == text => text.replace('.', " > ").into(),
            _ => text.into(),
        }
    }
}

/// A header without case and separators.
pub(crate) fn plain(header: &str) -> String {
    header.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A table without the columns that a log needs, or without one that `--map` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingColumns {
    path: PathBuf,
    roles: Vec<Role>,
    /// Columns named in `--map` that are not there.
    unknown: Vec<String>,
    header: Vec<String>,
    /// Columns that no role has taken.
    free: Vec<String>,
}

impl MissingColumns {
    /// The first thing that is missing.
    pub fn first(&self) -> &str {
        self.unknown.first().map(String::as_str).or(self.roles.first().map(|r| r.word())).unwrap_or_default()
    }

    /// The columns there are.
    pub fn columns(&self) -> String {
        self.header.join(", ")
    }

    /// The `--map` that would do, with the likeliest columns.
    pub fn remedy(&self) -> String {
        if !self.unknown.is_empty() {
            return format!("Use columns that are there in --map: {}", self.columns());
        }
        let free: Vec<(&str, String)> = self.free.iter().map(|name| (name.as_str(), plain(name))).collect();
        let maps = self.roles.iter().map(|role| {
            let likely = free.iter().find(|(_, plain)| role.hints().iter().any(|hint| plain.contains(hint)));
            // A visitor's name where no column looks like a session's: sessions are then cut from it.
            let visitor = (*role == Role::Session && likely.is_none())
                .then(|| free.iter().find(|(_, plain)| Role::Visitor.hints().iter().any(|hint| plain.contains(hint))))
                .flatten();
            match (likely, visitor) {
                (Some((name, _)), _) => format!("{}={name}", role.word()),
                (None, Some((name, _))) => format!("visitor={name}"),
                (None, None) => format!("{}=COLUMN", role.word()),
            }
        });
        format!("Say which columns to read, such as --map {}", maps.collect::<Vec<_>>().join(","))
    }
}

impl fmt::Display for MissingColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        let there = self.columns();
        if !self.unknown.is_empty() {
            return write!(f, "{path} has no column {}, only {there}", self.unknown.join(", "));
        }
        let roles = self.roles.iter().map(|role| match role {
            Role::Session => "session (or visitor)",
            role => role.word(),
        });
        write!(f, "{path} has no column for {}, only {there}", roles.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(header: &str, map: &[&str]) -> Result<Columns, MissingColumns> {
        let header: Vec<String> = header.split(',').map(str::to_owned).collect();
        let mappings: Vec<Mapping> = map.iter().map(|m| m.parse().unwrap()).collect();
        Columns::find(&header, &mappings, Path::new("log.csv"))
    }

    fn row(text: &str) -> Vec<String> {
        text.split(',').map(str::to_owned).collect()
    }

    #[test]
    fn common_headers_are_found_without_a_map() {
        for (header, session, visitor, time, item) in [
            ("session,visitor,unix_seconds,event,item,category", "0", "1", "2", "4"),
            (
                "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session",
                "8",
                "7",
                "0",
                "2",
            ),
            ("SessionId,ItemId,CatId,Time", "0", "", "3", "1"),
            ("timestamp,visitorid,event,itemid,transactionid", "", "1", "0", "3"),
            ("session_id,user_id,item_id,timeframe,eventdate", "0", "1", "4", "2"),
        ] {
            let columns = find(header, &[]).unwrap();
            let row: Vec<String> = (0..columns.width()).map(|i| i.to_string()).collect();
            let got =
                [Role::Session, Role::Visitor, Role::Time, Role::Item].map(|r| columns.get(r, &row).unwrap_or(""));
            assert_eq!(got, [session, visitor, time, item], "{header}");
        }
    }

    #[test]
    fn a_category_code_is_a_path_and_the_number_stands_in_for_an_empty_one() {
        let columns = find("user_session,event_time,product_id,category_id,category_code", &[]).unwrap();
        assert_eq!(columns.category(&row("s,t,p,17,home.kitchen")), "home > kitchen");
        assert_eq!(columns.category(&row("s,t,p,17,")), "17");
    }

    #[test]
    fn a_map_goes_before_what_the_headers_suggest() {
        let columns = find("session,time,item,real_item", &["item=real_item"]).unwrap();
        assert_eq!(columns.get(Role::Item, &row("s,t,a,b")), Some("b"));
    }

    #[test]
    fn missing_columns_are_named_with_the_map_that_would_fix_them() {
        let missing = find("shopper,purchase_moment,art_no", &[]).unwrap_err();
        let message = missing.to_string();
        assert_eq!(
            message,
            "log.csv has no column for session (or visitor), time, item, only shopper, purchase_moment, art_no"
        );
        assert_eq!(
            missing.remedy(),
            "Say which columns to read, such as --map visitor=shopper,time=COLUMN,item=art_no"
        );
    }

    #[test]
    fn a_map_to_a_column_that_is_not_there_is_refused() {
        let missing = find("session,time,item", &["item=itemid"]).unwrap_err();
        assert_eq!(missing.first(), "itemid");
    }

    #[test]
    fn a_role_that_does_not_exist_is_refused_with_those_that_do() {
        let error = "colour=red".parse::<Mapping>().unwrap_err();
        assert!(error.contains("session, visitor, time"), "{error}");
    }
}
