//! Impressions: tables of ads that were shown, with whether each was clicked, and what was known of the shopper.
//!
//! CSV and TSV with a header; libfm and libffm lines (`0 17:1 ...`, `0 3:17:1 ...`). A libfm line has numbers for names, so an
//! index file says which column and value each stands for (`column:value`, a tab, the number). Every column has one
//! [`Place`] in the contract, or none: what has none is named, so that nothing is left out in silence.

mod place;
mod values;

use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nearside_core::{Basic, Device, PageType, Timestamp};

use crate::error::Error;
use crate::source::{open, text};
use crate::{Facts, Notice, Skipped, table, words};
use values::{age_band, device, gender, in_week, is_told, page};

pub use place::{Place, PlaceMapping};

/// The files of one table, and how to read them.
#[derive(Clone, Debug, Default)]
pub struct ImpressionSource {
    /// Plain or gzip, whatever their names; read one after the other.
    pub paths: Vec<PathBuf>,
    /// Columns that are not to be guessed from their names.
    pub mappings: Vec<PlaceMapping>,
    /// Names of the numbers in libfm and libffm files.
    pub index: Option<PathBuf>,
    /// Whether the first row that cannot be used ends the reading with [`Error::UnusableRow`].
    pub strict: bool,
}

/// One ad that was shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Impression {
    /// Whether it was clicked.
    pub clicked: bool,
    /// When. Where only hour and weekday are known, in the first full week of 2026; where nothing is, its first moment.
    pub at: Timestamp,
    /// The page it was on.
    pub page: PageType,
    /// The shopper's device, where known.
    pub device: Option<Device>,
    /// What is known of the shopper.
    pub basic: Basic,
    /// What the shopper looked at before, oldest first: id, and what is known of it.
    pub history: Vec<(String, Facts)>,
    /// Which of [`Impressions::ads`].
    pub ad: usize,
}

/// Everything that was read. See [`Impressions::read`].
#[derive(Clone, Debug, Default)]
pub struct Impressions {
    /// In the order of time where every row has one, otherwise in the files' order.
    pub rows: Vec<Impression>,
    /// The ads that were shown: id, and what the rows tell of them.
    pub ads: Vec<(String, Facts)>,
    /// Columns that have no place in the contract.
    pub unplaced: Vec<String>,
    /// Values that are not understood, by place; they count as not told.
    pub unread: BTreeMap<Place, usize>,
    /// Rows that could not be used.
    pub skipped: usize,
}

impl Impressions {
    /// Reads files into one table. Each row that cannot be used is told as it is met, and counted.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`]; [`Error::UnknownFormat`]; [`Error::NoColumn`] without labels or without a column that a
    /// mapping names;
    /// [`Error::InvalidLabel`] where no label is 0 or 1; [`Error::MissingIndex`] for a libfm file without an index;
    /// [`Error::UnusableRow`] where the source is strict; [`Error::Empty`].
    pub fn read(source: &ImpressionSource, told: &mut dyn FnMut(Notice<'_>)) -> Result<Impressions, Error> {
        let mut reader = Reader {
            columns: Columns { mappings: &source.mappings, names: Vec::new(), places: Vec::new() },
            index: source.index.as_deref().map(index).transpose()?,
            numbers: HashMap::new(),
            found: Impressions::default(),
            timed: 0,
            invalid_label: None,
            path: PathBuf::new(),
            strict: source.strict,
            told,
        };
        for path in &source.paths {
            reader.path.clone_from(path);
            let mut file = open(path, Rc::default())?;
            if is_sparse(file.as_mut(), path)? { reader.lines(file)? } else { reader.table(file)? }
        }
        let Reader { columns, mut found, timed, invalid_label, .. } = reader;
        columns.all_found(&source.paths)?;
        if found.rows.is_empty() {
            if let Some((path, line, value)) = invalid_label {
                return Err(Error::InvalidLabel { path, line, value });
            }
            return Err(Error::Empty { paths: source.paths.clone(), skipped: found.skipped });
        }
        found.unplaced = columns.unplaced();
        if timed == found.rows.len() {
            found.rows.sort_by_key(|row| row.at);
        }
        Ok(found)
    }
}

/// Whether the first line is a label and numbers, as libfm writes it.
fn is_sparse(file: &mut dyn BufRead, path: &Path) -> Result<bool, Error> {
    const KNOWN: &str = "a table of impressions in UTF-8, plain or as .gz: CSV or TSV with a header, libfm or libffm";
    let head = file.fill_buf().map_err(Error::reading(path))?;
    // Text in braces is JSON; a first column would be called so by nobody.
    let head = text(head).filter(|head| !head.trim_start().starts_with(['{', '[']));
    let head = head.ok_or_else(|| Error::UnknownFormat { path: path.to_owned(), known: KNOWN })?;
    let mut words = head.lines().next().unwrap_or_default().split_ascii_whitespace().skip(1);
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    Ok(words.next().and_then(|word| word.split_once(':')).is_some_and(|(first, _)| number(first)))
}

/// Reads the names of numbers: `column:value`, a tab, the number.
fn index(path: &Path) -> Result<HashMap<u32, (String, String)>, Error> {
    let mut names = HashMap::new();
    for line in open(path, Rc::default())?.lines() {
        let line = line.map_err(Error::reading(path))?;
        let Some((name, number)) = line.rsplit_once('\t') else { continue };
        if let (Some((column, value)), Ok(number)) = (name.split_once(':'), number.trim().parse()) {
            names.insert(number, (column.to_owned(), value.to_owned()));
        }
    }
    if names.is_empty() {
        return Err(Error::MissingIndex { path: path.to_owned() });
    }
    Ok(names)
}

/// The columns so far, and where each belongs.
struct Columns<'a> {
    mappings: &'a [PlaceMapping],
    names: Vec<String>,
    places: Vec<Option<Place>>,
}

impl Columns<'_> {
    fn place(&self, name: &str) -> Option<Place> {
        if let Some(mapping) = self.mappings.iter().find(|mapping| mapping.column == name) {
            return Some(mapping.place);
        }
        let plain = crate::columns::plain(name);
        let guessed = Place::ALL.iter().copied().find(|place| place.headers().contains(&plain.as_str()))?;
        self.mappings.iter().all(|mapping| mapping.place != guessed).then_some(guessed)
    }

    /// The place of a column by its name; it is noted where it is met for the first time.
    fn met(&mut self, name: &str) -> Option<Place> {
        if let Some(number) = self.names.iter().position(|known| known == name) {
            return self.places[number];
        }
        let place = self.place(name);
        self.names.push(name.to_owned());
        self.places.push(place);
        place
    }

    fn unplaced(&self) -> Vec<String> {
        let unplaced = self.names.iter().zip(&self.places).filter(|(_, place)| place.is_none());
        unplaced.map(|(name, _)| name.clone()).collect()
    }

    fn all_found(&self, paths: &[PathBuf]) -> Result<(), Error> {
        let missing = self.mappings.iter().find(|mapping| !self.names.contains(&mapping.column));
        missing.map_or(Ok(()), |mapping| Err(self.lack(mapping.place, paths.first().cloned().unwrap_or_default())))
    }

    /// That there is no column for a place.
    fn lack(&self, place: Place, path: PathBuf) -> Error {
        let mut mapped = self.mappings.iter().filter(|mapping| mapping.place == place);
        let column = mapped.find(|mapping| !self.names.contains(&mapping.column)).map(|m| m.column.clone());
        Error::NoColumn { path, place, column, columns: self.names.clone() }
    }
}

/// The table so far.
struct Reader<'a> {
    columns: Columns<'a>,
    index: Option<HashMap<u32, (String, String)>>,
    /// The number of each ad.
    numbers: HashMap<String, usize>,
    found: Impressions,
    /// Rows with a time of their own.
    timed: usize,
    /// The first label that is neither 0 nor 1, with its file and line.
    invalid_label: Option<(PathBuf, u64, String)>,
    path: PathBuf,
    strict: bool,
    told: &'a mut dyn FnMut(Notice<'_>),
}

impl Reader<'_> {
    fn table(&mut self, mut file: Box<dyn BufRead>) -> Result<(), Error> {
        let head = file.fill_buf().map_err(Error::reading(&self.path))?;
        let tabs = head.split(|byte| *byte == b'\n').next().is_some_and(|line| line.contains(&b'\t'));
        let delimiter = if tabs { b'\t' } else { table::delimiter(file.as_mut(), &self.path)? };
        let mut rows = table::rows(file, delimiter, !tabs);
        let mut record = csv::ByteRecord::new();
        let path = self.path.clone();
        let broken = |e| table::broken(&path, e);
        if !rows.read_byte_record(&mut record).map_err(broken)? {
            return Ok(());
        }
        let header = table::header(&record);
        let places: Vec<Option<Place>> = header.iter().map(|name| self.columns.met(name)).collect();
        if !places.contains(&Some(Place::Clicked)) {
            // Of a file that breaks off it is not the columns that should be looked at.
            while rows.read_byte_record(&mut record).map_err(broken)? {}
            return Err(self.columns.lack(Place::Clicked, path));
        }
        let mut fields = Vec::new();
        while rows.read_byte_record(&mut record).map_err(broken)? {
            let line = record.position().map_or(0, csv::Position::line);
            table::fields(&record, &mut fields);
            if fields.len() != header.len() {
                self.skip(line, format!("{} fields, the header has {}", fields.len(), header.len()))?;
                continue;
            }
            let placed = places.iter().zip(&fields).filter_map(|(place, field)| Some(((*place)?, field.as_str())));
            self.row(line, placed.collect())?;
        }
        Ok(())
    }

    /// Reads libfm and libffm lines.
    fn lines(&mut self, file: Box<dyn BufRead>) -> Result<(), Error> {
        for (line, text) in (1..).zip(file.lines()) {
            let text = text.map_err(Error::reading(&self.path))?;
            let mut words = text.split_ascii_whitespace();
            let Some(label) = words.next() else { continue };
            let mut named: Vec<(String, String)> = Vec::new();
            for word in words {
                let parts: Vec<&str> = word.split(':').collect();
                let name = |number: &str| self.index.as_ref()?.get(&number.parse().ok()?).cloned();
                match (parts.as_slice(), &self.index) {
                    ([field, number, _], None) => named.push(((*field).to_owned(), (*number).to_owned())),
                    ([number, _] | [_, number, _], Some(_)) => named.extend(name(number)),
                    ([_, _], None) => return Err(Error::MissingIndex { path: self.path.clone() }),
                    _ => {
                        self.skip(line, format!("`{word}` is neither number:value nor field:number:value"))?;
                        named.clear();
                        break;
                    }
                }
            }
            let mut placed = vec![(Place::Clicked, label)];
            for (column, value) in &named {
                placed.extend(self.columns.met(column).map(|place| (place, value.as_str())));
            }
            if !named.is_empty() {
                self.row(line, placed)?;
            }
        }
        Ok(())
    }

    fn skip(&mut self, line: u64, why: String) -> Result<(), Error> {
        let skipped = Skipped { path: self.path.clone(), line, why };
        if self.strict {
            return Err(Error::UnusableRow(skipped));
        }
        (self.told)(Notice::Skipped(&skipped));
        self.found.skipped += 1;
        Ok(())
    }

    /// One row: values by place, several where a place has several columns.
    fn row(&mut self, line: u64, values: Vec<(Place, &str)>) -> Result<(), Error> {
        let all = |wanted: Place| values.iter().filter(move |(place, _)| *place == wanted).map(|(_, value)| *value);
        let told = |wanted: Place| all(wanted).find(|value| is_told(value));
        let clicked = match all(Place::Clicked).next().unwrap_or_default() {
            "0" | "0.0" => false,
            "1" | "1.0" => true,
            value => {
                self.invalid_label.get_or_insert_with(|| (self.path.clone(), line, value.to_owned()));
                return self.skip(line, format!("clicked is `{value}`, neither 0 nor 1"));
            }
        };
        let mut unread = Vec::new();
        let mut read = |place: Place, read: &dyn Fn(&str) -> Option<u64>| {
            let value = told(place)?;
            let got = read(value);
            unread.extend(got.is_none().then_some(place));
            got
        };
        let within = |most: u64| move |text: &str| text.parse::<u64>().ok().filter(|n| *n <= most);
        let time = read(Place::Time, &|text| words::time(text).map(|at| at.0));
        let (hour, weekday) = (read(Place::Hour, &within(23)), read(Place::Weekday, &within(7)));
        let page = read(Place::Page, &page);
        let device = read(Place::Device, &device);
        let (age, gender) = (read(Place::Age, &age_band), read(Place::Gender, &gender));
        for place in unread {
            *self.found.unread.entry(place).or_insert(0) += 1;
        }
        self.timed += usize::from(time.is_some());
        let columns =
            [Place::SessionItem, Place::SessionCategory, Place::SessionBrand].map(|p| all(p).collect::<Vec<_>>());
        let steps = columns.iter().map(Vec::len).max().unwrap_or(0);
        let history = (0..steps).filter_map(|step| {
            let [item, category, brand] =
                [0, 1, 2].map(|c| columns[c].get(step).copied().filter(|v| is_told(v) && *v != "0"));
            let id =
                item.map(str::to_owned).or_else(|| Some(format!("{}/{}", category?, brand.unwrap_or_default())))?;
            let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
            Some((id, Facts { category: text(category), brand: text(brand), ..Facts::default() }))
        });
        let history = history.collect();
        let text = |place| told(place).unwrap_or_default().to_owned();
        let price = told(Place::AdPrice).and_then(|p| p.parse::<f64>().ok()).filter(|p| p.is_finite() && *p >= 0.0);
        let facts = Facts { category: text(Place::AdCategory), brand: text(Place::AdBrand), price, ..Facts::default() };
        // An ad without a name is told by what it is.
        let id = told(Place::AdItem).map_or_else(|| format!("{}/{}", facts.category, facts.brand), str::to_owned);
        let Impressions { ads, .. } = &mut self.found;
        let ad = *self.numbers.entry(id.clone()).or_insert_with(|| {
            ads.push((id, facts));
            ads.len() - 1
        });
        self.found.rows.push(Impression {
            clicked,
            at: time.map_or_else(|| in_week(weekday, hour), Timestamp),
            page: page.map_or(PageType::Other, |page| PageType::ALL[page as usize]),
            device: device.map(|device| Device::ALL[device as usize]),
            basic: Basic {
                age_band: age.map(|band| band as u8),
                gender: gender.map(|gender| gender as u8),
                region: told(Place::Region).map(str::to_owned),
            },
            history,
            ad,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str, index: Option<&str>, map: &[&str]) -> Result<Impressions, Error> {
        read_telling(name, text, index, map, false, &mut |_| ())
    }

    fn read_telling(
        name: &str,
        text: impl AsRef<[u8]>,
        index: Option<&str>,
        map: &[&str],
        strict: bool,
        told: &mut dyn FnMut(Notice<'_>),
    ) -> Result<Impressions, Error> {
        let file = |name: &str, text: &[u8]| {
            let path = std::env::temp_dir().join(format!("nearside-impressions-{name}-{}", std::process::id()));
            std::fs::write(&path, text).unwrap();
            path
        };
        let source = ImpressionSource {
            paths: vec![file(name, text.as_ref())],
            mappings: map.iter().map(|m| m.parse().unwrap()).collect(),
            index: index.map(|text| file(&format!("{name}-index"), text.as_bytes())),
            strict,
        };
        let read = Impressions::read(&source, told);
        source.paths.iter().chain(&source.index).for_each(|path| std::fs::remove_file(path).unwrap());
        read
    }

    #[test]
    fn a_table_is_read_by_its_headers_and_what_has_no_place_is_named() {
        let text = "his_cate,his_cate,final_gender_code,age_level,occupation,cate_id,brand,price,pid,target\n\
                    7,0,2,3,1,12,b1,0.99,4,1\n7,8,5,0,1,13,b1,0.98,4,0\n";
        let read = read("table", text, None, &[]).unwrap();
        assert_eq!(read.unplaced, ["occupation", "pid"]);
        assert_eq!(read.rows.iter().map(|row| row.clicked).collect::<Vec<_>>(), [true, false]);
        assert_eq!((read.rows[0].basic.gender, read.rows[0].basic.age_band), (Some(0), Some(2)));
        assert_eq!((read.rows[0].history.len(), read.rows[1].history.len()), (1, 2));
        assert_eq!((read.ads.len(), read.ads[1].1.category.as_str()), (2, "13"));
        // A gender of 5 and an age level of 0 say nothing.
        assert_eq!(read.unread, BTreeMap::from([(Place::Age, 1), (Place::Gender, 1)]));
    }

    #[test]
    fn numbers_of_a_libfm_file_are_named_by_its_index() {
        let index = "weekday:4\t1\nhour:18\t2\nuseragent:android_safari\t3\ncreative:77\t4\nIP:1.2.3.*\t5\n";
        let read = read("libfm", "0 1:1 2:1 3:1 4:1 5:1\n1 1:1 3:1 4:1\n", Some(index), &[]).unwrap();
        assert_eq!(read.unplaced, ["IP"]);
        assert_eq!(read.rows[0].device, Some(Device::Phone));
        // Thursday, 2026-01-08, 18:00 UTC.
        assert_eq!(read.rows[0].at, Timestamp::from_rfc3339("2026-01-08T18:00:00Z").unwrap());
        assert_eq!((read.ads.len(), read.ads[0].0.as_str(), read.rows[1].clicked), (1, "77", true));
    }

    #[test]
    fn fields_of_a_libffm_file_are_named_by_a_mapping() {
        let read = read("libffm", "1 0:5:1 1:9:1\n0 0:6:1 1:9:1\n", None, &["ad.item=0"]).unwrap();
        assert_eq!((read.ads.len(), read.unplaced), (2, vec!["1".to_owned()]));
    }

    #[test]
    fn a_row_whose_label_is_neither_0_nor_1_is_told_and_left_out_and_strictly_it_is_the_end() {
        let (table, mut rows) = ("click,item\n1,a\nmaybe,b\n0,c\n", Vec::new());
        let mut told = |notice: Notice<'_>| match notice {
            Notice::Skipped(row) => rows.push((row.line, row.why.clone())),
            _ => unreachable!("nothing else is told"),
        };
        let read = read_telling("maybe", table, None, &[], false, &mut told).unwrap();
        assert_eq!((read.rows.len(), read.skipped), (2, 1));
        assert_eq!(rows, [(3, "clicked is `maybe`, neither 0 nor 1".to_owned())]);
        let refused = read_telling("maybe-strict", table, None, &[], true, &mut |_| ()).unwrap_err();
        assert!(matches!(refused, Error::UnusableRow(Skipped { line: 3, .. })), "{refused}");
    }

    #[test]
    fn a_column_that_a_mapping_names_and_nobody_wrote_is_named_with_those_there_are() {
        for (name, map, message) in [
            ("foo", "clicked=foo", "has no column foo for clicked, only item, price"),
            ("free", "ad.item=item", "has no column for clicked, only item, price"),
        ] {
            let refused = read(&format!("mapped-{name}"), "item,price\na,1\n", None, &[map]).unwrap_err();
            assert!(refused.to_string().ends_with(message), "{refused}");
            assert_eq!(refused.field(), Some(if name == "foo" { "foo" } else { "clicked" }));
            assert!(refused.remedy().ends_with("item, price"), "{}", refused.remedy());
        }
        let refused = read("mapped-maker", "click,item\n1,a\n", None, &["ad.brand=maker"]).unwrap_err();
        assert!(refused.to_string().ends_with("has no column maker for ad.brand, only click, item"), "{refused}");
    }

    #[test]
    fn what_is_no_table_is_in_no_known_format_and_what_breaks_off_is_unreadable() {
        let bytes: Vec<u8> = (0..=255).rev().cycle().take(3000).collect();
        for (name, bytes) in [("binary", &bytes[..]), ("json", b"{\"click\":1}\n"), ("parquet", b"PAR1\x15\x00\x15")] {
            let refused = read_telling(name, bytes, None, &[], false, &mut |_| ()).unwrap_err();
            assert_eq!(refused.code(), "unknown-format", "{name}: {refused}");
            assert!(refused.remedy().contains("libffm"), "{}", refused.remedy());
        }
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        let rows: String = (0..3000u32).map(|row| format!("{},i{}\n", row % 2, row * row % 977)).collect();
        std::io::Write::write_all(&mut gzip, format!("shown,item\n{rows}").as_bytes()).unwrap();
        let mut bytes = gzip.finish().unwrap();
        bytes.truncate(bytes.len() / 2);
        let refused = read_telling("cut", bytes, None, &[], false, &mut |_| ()).unwrap_err();
        assert_eq!(refused.code(), "unreadable-file", "{refused}");
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_a_code() {
        let code = |name: &str, text: &str, index, map: &[&str]| read(name, text, index, map).unwrap_err().code();
        assert_eq!(code("no-label", "item,price\na,1\n", None, &[]), "missing-column");
        assert_eq!(code("label", "click,item\nyes,a\nno,b\n", None, &[]), "invalid-label");
        assert_eq!(code("no-index", "1 5:1 9:1\n", None, &[]), "missing-index");
        assert_eq!(code("bad-index", "1 5:1 9:1\n", Some("nothing\n"), &[]), "missing-index");
        assert_eq!(code("no-column", "click,item\n1,a\n", None, &["ad.brand=maker"]), "missing-column");
        assert_eq!(code("empty", "click,item\n", None, &[]), "empty-log");
        assert!("ad.colour=c".parse::<PlaceMapping>().unwrap_err().contains("ad.brand"));
    }
}
