//! The `ad.` features: one value per ad, the same for every shopper, kept from one ranking to the next.
//!
//! A column is made when a scorer first asks for it. When a sale begins or ends, or a delta comes, only the ads
//! concerned are computed again, and the edition says which.

use std::borrow::Cow;
use std::ops::Range;

use crate::catalogue::{Catalogue, Embeddings};
use crate::event::Timestamp;
use crate::feature::{Edition, Feature, Source, Values};

/// The columns asked for so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct AdFeatures {
    columns: Vec<(Feature, Column)>,
    edition: Edition,
    /// From when until when the prices are those to pay: no sale begins or ends between.
    priced: Option<Range<Timestamp>>,
}

#[derive(Clone, Debug)]
enum Column {
    Id(Vec<i32>),
    Float(Vec<f32>),
    /// The catalogue's own content vectors.
    Embeddings,
}

impl AdFeatures {
    /// Stands for the values of all columns, those not yet made as well.
    pub(crate) fn edition(&self) -> &Edition {
        &self.edition
    }

    /// The values of one column, which must have been made ready.
    pub(super) fn values<'a>(&'a self, feature: Feature, catalogue: &'a Catalogue) -> Values<'a> {
        let found = self.columns.iter().find(|(made, _)| *made == feature);
        let (_, column) = found.expect("a scorer's `ad.` inputs are made before its features");
        match (column, catalogue.embeddings()) {
            (Column::Id(ids), _) => Values::Id(Cow::Borrowed(ids)),
            (Column::Float(values), _) => Values::Float(Cow::Borrowed(values)),
            (Column::Embeddings, Embeddings::Float(rows)) => {
                Values::Float(Cow::Borrowed(rows.as_slice().expect("built in standard layout")))
            }
            (Column::Embeddings, Embeddings::Int8 { .. }) => unreachable!("made of numbers"),
        }
    }

    /// Makes what a scorer reads ready for a moment.
    pub(crate) fn make_ready(&mut self, wanted: &[Feature], catalogue: &Catalogue, now: Timestamp) {
        self.follow_sales(catalogue, now);
        let price_of_gap = wanted.contains(&Feature::PairPriceGap).then_some(&Feature::AdPrice);
        for feature in wanted.iter().filter(|feature| feature.source() == Source::Ad).chain(price_of_gap) {
            if self.columns.iter().all(|(made, _)| made != feature) {
                self.columns.push((*feature, Column::whole(*feature, catalogue, now)));
            }
        }
    }

    /// Computes the values of some ads again, which may go on past the last ad there was, and of those whose sale began or
    /// ended meanwhile.
    pub(crate) fn change(&mut self, mut ads: Vec<usize>, catalogue: &Catalogue, now: Timestamp) {
        if let Some(Range { start: then, .. }) = self.priced {
            let turned = catalogue.sales().filter(|(_, sale)| sale.holds(then) != sale.holds(now));
            ads.extend(turned.flat_map(|(row, _)| catalogue.ads_of(row)));
        }
        ads.sort_unstable();
        ads.dedup();
        for (feature, column) in &mut self.columns {
            // The catalogue's vectors serve as they are only while every ad is a row.
            if let Column::Embeddings = Column::empty(*feature, catalogue) {
                continue;
            }
            if let Column::Embeddings = column {
                *column = Column::whole(*feature, catalogue, now);
            } else {
                ads.iter().for_each(|ad| column.put(*feature, *ad, catalogue, now));
            }
        }
        self.edition = Edition::after(&self.edition, ads);
        self.priced = Some(between_sales(catalogue, now));
    }

    fn follow_sales(&mut self, catalogue: &Catalogue, now: Timestamp) {
        match &self.priced {
            Some(priced) if priced.contains(&now) => {}
            Some(_) => self.change(Vec::new(), catalogue, now),
            None => self.priced = Some(between_sales(catalogue, now)),
        }
    }
}

/// The time around a moment in which no sale begins or ends.
fn between_sales(catalogue: &Catalogue, now: Timestamp) -> Range<Timestamp> {
    let (mut from, mut until) = (Timestamp(0), Timestamp(u64::MAX));
    for edge in catalogue.sales().flat_map(|(_, sale)| [sale.from, sale.until]) {
        if edge <= now {
            from = from.max(edge);
        } else {
            until = until.min(edge);
        }
    }
    from..until
}

impl Column {
    fn empty(feature: Feature, catalogue: &Catalogue) -> Column {
        match feature {
            Feature::AdItem | Feature::AdCategory | Feature::AdBrand => Column::Id(Vec::new()),
            Feature::AdEmbedding
                if matches!(catalogue.embeddings(), Embeddings::Float(_)) && catalogue.creative_ads().is_empty() =>
            {
                Column::Embeddings
            }
            _ => Column::Float(Vec::new()),
        }
    }

    /// The values of all ads.
    fn whole(feature: Feature, catalogue: &Catalogue, now: Timestamp) -> Column {
        let mut column = Column::empty(feature, catalogue);
        (0..catalogue.ad_count()).for_each(|ad| column.put(feature, ad, catalogue, now));
        column
    }

    /// Computes an ad's value, in its place or behind the last one.
    fn put(&mut self, feature: Feature, ad: usize, catalogue: &Catalogue, now: Timestamp) {
        let row = catalogue.row_of(ad);
        match self {
            Column::Embeddings => {}
            Column::Id(ids) => {
                let [item, category, brand] = catalogue.ids_of(row);
                let id = match feature {
                    Feature::AdItem => item,
                    Feature::AdCategory => category,
                    _ => brand,
                };
                set(ids, ad, &[id]);
            }
            Column::Float(values) => match feature {
                Feature::AdPrice => set(values, ad, &[catalogue.listing(row).price_at(now).map_or(0.0, libm::log1pf)]),
                Feature::AdDiscount => set(values, ad, &[catalogue.listing(row).discount_at(now)]),
                _ => {
                    let mut vector = Vec::with_capacity(catalogue.embedding_width());
                    catalogue.embeddings().append_to(row, &mut vector);
                    set(values, ad, &vector);
                }
            },
        }
    }
}

fn set<T: Copy>(column: &mut Vec<T>, ad: usize, values: &[T]) {
    match column.get_mut(ad * values.len()..(ad + 1) * values.len()) {
        Some(old) => old.copy_from_slice(values),
        None => column.extend_from_slice(values),
    }
}
