//! Deltas: what makes one version of a catalogue the next, at a cost that follows what changed.
//!
//! Products that are gone keep their row and no longer compete; products that are new get the next rows. The item
//! vocabulary stays the one that models were trained with: a new product is unknown to it unless it was listed.

use serde::{Deserialize, Serialize};

use super::creatives::Creatives;
use super::file::Products;
use super::rows::State;
use super::sections::{Kind, Sections, Tag, Writer, damaged};
use super::texts::{Texts, Words};
use super::{Campaign, Catalogue, Placement};
use crate::error::Error;

const GONE: [Tag; 2] = [Tag::GoneText, Tag::GoneEnds];

#[derive(Serialize, Deserialize)]
struct Meta {
    before: String,
    version: String,
    /// Products that were there before; those behind them are new.
    changed: usize,
}

/// What became of a catalogue by a delta.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeltaReport {
    /// The version now in force.
    pub version: String,
    /// Products of which something is different.
    pub changed: usize,
    /// Products that are new.
    pub added: usize,
    /// Products that are gone.
    pub gone: usize,
    /// Products that the delta changes or takes away and that were not loaded.
    pub skipped: usize,
    /// Whether campaigns or placements were replaced.
    pub campaigns: bool,
}

/// A delta, read and sound.
pub(crate) struct Delta {
    before: String,
    version: String,
    changed: usize,
    products: Products,
    gone: Texts,
    campaigns: Option<(Vec<Campaign>, Vec<Placement>)>,
}

impl Catalogue {
    /// The bytes that make this catalogue `new`.
    ///
    /// Errors: `delta-impossible` where both have the same version, or vectors or vocabularies that differ in kind.
    pub fn delta(&self, new: &Catalogue) -> Result<Vec<u8>, Error> {
        let impossible = |what| Err(Error::DeltaImpossible { what });
        if self.version == new.version {
            return impossible("they have the same version");
        }
        if !self.rows.embeddings.same_kind(&new.rows.embeddings) || self.hashed != new.hashed {
            return impossible("their content vectors are of different kinds");
        }
        let listed = |catalogue: &Catalogue| catalogue.vocabulary.items.as_ref().map(Words::texts).cloned();
        if listed(self) != listed(new) && (listed(self).is_some() || !new.rows.item.is_empty()) {
            return impossible("their item vocabularies differ");
        }
        let sorted = |mut rows: Vec<usize>| {
            rows.sort_unstable_by(|a, b| new.row_order(*a, *b));
            rows
        };
        let there = (0..new.rows.len()).filter(|row| !new.is_gone(*row));
        let (mut changed, mut added) = (Vec::new(), Vec::new());
        for row in there {
            match self.product_index(new.rows.ids.get(row)) {
                Some(old) if self.same_product(old, new, row) => {}
                Some(_) => changed.push(row),
                None => added.push(row),
            }
        }
        let (changed, added) = (sorted(changed), sorted(added));
        let gone = (0..self.rows.len()).filter(|row| !self.is_gone(*row));
        let gone = gone.map(|row| self.rows.ids.get(row)).filter(|id| new.product_index(id).is_none());

        let mut writer = Writer::default();
        let meta = Meta { before: self.version.clone(), version: new.version.clone(), changed: changed.len() };
        writer.value(Tag::Meta, &meta);
        new.write_rows(&mut writer, &[changed, added].concat());
        writer.texts(GONE, &gone.collect());
        if (&self.campaigns, &self.placements) != (&new.campaigns, &new.placements) {
            writer.value(Tag::Campaigns, &(&new.campaigns, &new.placements));
        }
        Ok(writer.finish(Kind::Delta))
    }

    fn same_product(&self, row: usize, new: &Catalogue, new_row: usize) -> bool {
        self.listing(row) == new.listing(new_row)
            && self.rows.state[row] == new.rows.state[new_row]
            && self.rows.embeddings.same_row(row, &new.rows.embeddings, new_row)
    }

    /// Applies a delta. Returns the ads that are different, rising, or `None` where every number stands for another ad.
    /// On an error nothing changes.
    pub(crate) fn apply(&mut self, delta: Delta) -> Result<(DeltaReport, Option<Vec<usize>>), Error> {
        let Delta { before, version, changed, products, gone, campaigns } = delta;
        if before != self.version {
            return Err(Error::DeltaMismatch { expected: before, found: self.version.clone() });
        }
        let count = products.rows.len();
        if count > 0 && products.rows.embeddings.width() != self.embedding_width() {
            return Err(damaged("its content vectors are of another width"));
        }
        let mut report =
            DeltaReport { version, changed: 0, added: 0, gone: 0, skipped: 0, campaigns: campaigns.is_some() };
        let mut touched = Vec::with_capacity(count + gone.len());
        let mut new = Vec::new();
        for place in 0..count {
            let row = self.rows.find(products.rows.ids.get(place));
            match row {
                Some(row) => {
                    self.put(row, &products, place);
                    self.rows.embeddings.put(row, &products.rows.embeddings, place);
                    touched.push(row);
                    report.changed += usize::from(place < changed);
                    report.added += usize::from(place >= changed);
                }
                None if place < changed => report.skipped += 1,
                None => new.push(place),
            }
        }
        for id in gone.iter() {
            match self.product_index(id) {
                Some(row) => {
                    self.set_state(row, State::Gone);
                    self.rows.sales.remove(&(row as u32));
                    touched.push(row);
                    report.gone += 1;
                }
                None => report.skipped += 1,
            }
        }
        touched.extend(self.rows.len()..self.rows.len() + new.len());
        report.added += new.len();
        self.add(&products, &new);
        self.version.clone_from(&report.version);
        if let Some((campaigns, placements)) = campaigns {
            self.creatives = Creatives::new(&campaigns, &self.rows);
            (self.campaigns, self.placements) = (campaigns, placements);
            self.numbering.creatives = self.creatives.len();
            self.numbering.first_products = self.rows.len();
            return Ok((report, None));
        }
        let mut ads: Vec<usize> = touched.into_iter().flat_map(|row| self.ads_of(row)).collect();
        ads.sort_unstable();
        ads.dedup();
        Ok((report, Some(ads)))
    }

    /// Replaces what is known of a product but for its content vector.
    fn put(&mut self, row: usize, products: &Products, place: usize) {
        let (category, brand) = self.places_of(products, place);
        let from = &products.rows;
        self.rows.category.put(row, category);
        self.rows.brand.put(row, brand);
        self.rows.price[row] = from.price[place];
        self.set_state(row, from.state[place]);
        match from.sales.get(&(place as u32)) {
            Some(sale) => _ = self.rows.sales.insert(row as u32, *sale),
            None => _ = self.rows.sales.remove(&(row as u32)),
        }
    }

    /// Appends products, whose ids rise, as a run of their own.
    fn add(&mut self, products: &Products, places: &[usize]) {
        if places.is_empty() {
            return;
        }
        let first = self.rows.len();
        self.rows.reserve(places.len());
        self.rows.runs.push(first as u32);
        for (row, place) in (first..).zip(places) {
            let id = products.rows.ids.get(*place);
            if !self.rows.item.is_empty() {
                self.rows.item.push(self.vocabulary.listed_item(id).unwrap_or(0));
            }
            self.rows.ids.push(id);
            // A row of nothing, for `put` to fill.
            self.rows.price.push(f32::NAN);
            self.rows.state.push(State::Gone);
            self.gone += 1;
            self.put(row, products, *place);
        }
        self.rows.embeddings.extend(&products.rows.embeddings, places.iter().copied());
    }

    /// The indices of a product's category and brand among those of this catalogue.
    fn places_of(&mut self, products: &Products, place: usize) -> (u32, u32) {
        let path = products.categories.get(products.rows.category.get(place) as usize);
        let brand_name = products.brands.get(products.rows.brand.get(place) as usize);
        let category = self.categories.index_of(path);
        if category as usize == self.category_ids.len() {
            self.category_ids.push(self.vocabulary.category(path));
        }
        let brand = self.brands.index_of(brand_name);
        if brand as usize == self.brand_ids.len() {
            self.brand_ids.push(self.vocabulary.brand(brand_name));
        }
        (category, brand)
    }

    fn set_state(&mut self, row: usize, state: State) {
        let before = std::mem::replace(&mut self.rows.state[row], state);
        for (counted, count) in [(State::Gone, &mut self.gone), (State::OutOfStock, &mut self.sold_out)] {
            *count = *count + usize::from(state == counted) - usize::from(before == counted);
        }
    }
}

impl Delta {
    /// Reads what [`Catalogue::delta`] wrote.
    pub(crate) fn read(bytes: &[u8]) -> Result<Delta, Error> {
        let sections = Sections::read(bytes)?;
        if sections.kind != Kind::Delta as u16 {
            return Err(damaged("it is no delta"));
        }
        let Meta { before, version, changed } = sections.value(Tag::Meta)?;
        let products = Products::read(&sections)?;
        let count = products.rows.len();
        if changed > count || !products.ids_rise(0, changed) || !products.ids_rise(changed, count) {
            return Err(damaged("its ids are not in order"));
        }
        let campaigns = match sections.find(Tag::Campaigns) {
            Some(_) => Some(sections.value(Tag::Campaigns)?),
            None => None,
        };
        Ok(Delta { before, version, changed, products, gone: sections.texts(GONE)?, campaigns })
    }
}
