//! Catalogues as bytes: one file, or a first shard with everything common and further ones with products alone.

use serde::{Deserialize, Serialize};

use super::build::Parts;
use super::distinct::{Categories, Distinct, Indices};
use super::rows::{Embeddings, Rows, State};
use super::sections::{Kind, Sections, Tag, Writer, damaged};
use super::texts::{Texts, Words};
use super::vocabulary::Vocabulary;
use super::{Anchors, Campaign, Catalogue, CatalogueReport, Placement, Sale};
use crate::error::Error;

const IDS: [Tag; 2] = [Tag::IdText, Tag::IdEnds];
const CATEGORIES: [Tag; 2] = [Tag::CategoryText, Tag::CategoryEnds];
const BRANDS: [Tag; 2] = [Tag::BrandText, Tag::BrandEnds];
const ITEM_WORDS: [Tag; 2] = [Tag::ItemWordText, Tag::ItemWordEnds];
const CATEGORY_WORDS: [Tag; 2] = [Tag::CategoryWordText, Tag::CategoryWordEnds];
const BRAND_WORDS: [Tag; 2] = [Tag::BrandWordText, Tag::BrandWordEnds];
const EMBEDDINGS: [Tag; 2] = [Tag::Embedding, Tag::Scale];

/// What all shards of a catalogue have in common.
#[derive(Serialize, Deserialize)]
struct Meta {
    version: String,
    currency: Option<String>,
    hashed: bool,
    item_count: usize,
    item_hash: String,
}

impl Catalogue {
    /// Everything as one file, which [`read`](Catalogue::read) takes back.
    pub fn to_bytes(&self) -> Vec<u8> {
        let rows: Vec<usize> = (0..self.rows.len()).collect();
        self.to_shards(&rows, rows.len()).swap_remove(0)
    }

    /// The products in `rows` as files of at most `size` products each, at least 1, in this order. The first has
    /// whatever is not about single products, and is a catalogue by itself.
    pub fn to_shards(&self, rows: &[usize], size: usize) -> Vec<Vec<u8>> {
        let there: Vec<usize> = rows.iter().copied().filter(|row| !self.is_gone(*row)).collect();
        let shards = there.chunks(size.max(1)).enumerate().map(|(index, shard)| {
            let mut rows = shard.to_vec();
            rows.sort_unstable_by(|a, b| self.row_order(*a, *b));
            let mut writer = Writer::default();
            self.write_rows(&mut writer, &rows);
            // Products that a delta added have no vectors.
            if let Some((anchors, _)) = self.anchors.as_ref().filter(|(a, _)| a.vectors.count() == self.rows.len()) {
                anchors.write(&mut writer, &rows, index == 0);
            }
            if index > 0 {
                return writer.finish(Kind::Shard);
            }
            writer.value(
                Tag::Meta,
                &Meta {
                    version: self.version.clone(),
                    currency: self.currency.clone(),
                    hashed: self.hashed,
                    item_count: self.vocabulary.item_count,
                    item_hash: self.vocabulary.item_hash.clone(),
                },
            );
            if let Some(items) = &self.vocabulary.items {
                writer.texts(ITEM_WORDS, items.texts());
            }
            writer.texts(CATEGORY_WORDS, self.vocabulary.categories.texts());
            writer.texts(BRAND_WORDS, self.vocabulary.brands.texts());
            writer.value(Tag::Campaigns, &(&self.campaigns, &self.placements));
            writer.finish(Kind::Catalogue)
        });
        shards.collect()
    }

    /// Writes products, which are in rising order of their ids.
    pub(super) fn write_rows(&self, writer: &mut Writer, rows: &[usize]) {
        let ids: Texts = rows.iter().map(|row| self.rows.ids.get(*row)).collect();
        writer.texts(IDS, &ids);
        let (mut categories, mut brands) = (Distinct::default(), Distinct::default());
        let listed = || rows.iter().map(|row| self.listing(*row));
        writer.numbers(Tag::Category, listed().map(|product| categories.index_of(product.category).to_le_bytes()));
        writer.numbers(Tag::Brand, listed().map(|product| brands.index_of(product.brand).to_le_bytes()));
        writer.texts(CATEGORIES, categories.values());
        writer.texts(BRANDS, brands.values());
        writer.numbers(Tag::Price, rows.iter().map(|row| self.rows.price[*row].to_le_bytes()));
        writer.bytes(Tag::State, rows.iter().map(|row| self.rows.state[*row] as u8).collect());
        let sales = listed().enumerate().filter_map(|(place, product)| Some((place as u32, product.sale?)));
        writer.value(Tag::Sales, &sales.collect::<Vec<(u32, Sale)>>());
        let items: Vec<i32> = rows.iter().map(|row| self.row_item_id(*row)).collect();
        let numbered = items.iter().zip(1..).all(|(item, place)| *item == place);
        if !numbered || self.vocabulary.item_count != rows.len() {
            writer.numbers(Tag::Item, items.iter().map(|item| item.to_le_bytes()));
        }
        self.rows.embeddings.write(writer, EMBEDDINGS, rows);
    }

    /// Reads what [`to_bytes`](Catalogue::to_bytes) wrote.
    pub(super) fn read_binary(bytes: &[u8]) -> Result<(Catalogue, CatalogueReport), Error> {
        Ok(Parts::read(&Sections::read(bytes)?)?.finish())
    }
}

/// Products with the categories and brands they point into.
pub(super) struct Products {
    pub(super) rows: Rows,
    pub(super) categories: Texts,
    pub(super) brands: Texts,
}

impl Products {
    pub(super) fn read(sections: &Sections<'_>) -> Result<Products, Error> {
        let ids = sections.texts(IDS)?;
        let count = ids.len();
        let (categories, brands) = (sections.texts(CATEGORIES)?, sections.texts(BRANDS)?);
        let index = |tag, among: &Texts| {
            let indices = sections.numbers(tag, u32::from_le_bytes)?;
            let known = indices.iter().all(|index| (*index as usize) < among.len());
            if known {
                Ok(indices.into_iter().collect::<Indices>())
            } else {
                Err(damaged("a product points at no category or brand"))
            }
        };
        let price = sections.numbers(Tag::Price, f32::from_le_bytes)?;
        let state: Option<Vec<State>> = sections.bytes(Tag::State)?.iter().map(|byte| State::read(*byte)).collect();
        let sales: Vec<(u32, Sale)> = sections.value(Tag::Sales)?;
        let rows = Rows {
            category: index(Tag::Category, &categories)?,
            brand: index(Tag::Brand, &brands)?,
            price,
            state: state.ok_or(damaged("a product's state is none"))?,
            item: sections.optional(Tag::Item, || sections.numbers(Tag::Item, i32::from_le_bytes))?.unwrap_or_default(),
            embeddings: Embeddings::read(sections, EMBEDDINGS, count)?
                .ok_or(damaged("the content vectors do not fit"))?,
            runs: vec![0],
            sales: sales.into_iter().collect(),
            ids,
        };
        let columns = [rows.category.len(), rows.brand.len(), rows.price.len(), rows.state.len()];
        let sound = columns.iter().all(|length| *length == count)
            && (rows.item.is_empty() || rows.item.len() == count)
            && rows.item.iter().all(|item| *item >= 0)
            && rows.price.iter().all(|price| price.is_nan() || *price >= 0.0 && price.is_finite())
            && rows.sales.iter().all(|(row, sale)| (*row as usize) < count && sale.price.is_finite());
        if !sound {
            return Err(damaged("its columns do not fit each other"));
        }
        Ok(Products { rows, categories, brands })
    }

    /// Whether the ids from `from` to before `until` rise, which finding one rests on.
    pub(super) fn ids_rise(&self, from: usize, until: usize) -> bool {
        (from + 1..until).all(|place| self.rows.ids.get(place - 1) < self.rows.ids.get(place))
    }
}

impl Parts {
    /// Reads a catalogue, or the first shard of one.
    pub(super) fn read(sections: &Sections<'_>) -> Result<Parts, Error> {
        if sections.kind != Kind::Catalogue as u16 {
            return Err(damaged("it is no catalogue, but a shard or a delta of one"));
        }
        let Meta { version, currency, hashed, item_count, item_hash } = sections.value(Tag::Meta)?;
        let (campaigns, placements): (Vec<Campaign>, Vec<Placement>) = sections.value(Tag::Campaigns)?;
        let products = Products::read(sections)?;
        let words = |tags| sections.texts(tags).map(Words::new);
        let items = sections.optional(Tag::ItemWordText, || words(ITEM_WORDS))?;
        let anchors = Anchors::read(sections, products.rows.len())?;
        if products.rows.len() == 0 || products.rows.embeddings.width() == 0 {
            return Err(damaged("it has no products"));
        }
        if !products.ids_rise(0, products.rows.len()) {
            return Err(damaged("its ids are not in order"));
        }
        let (mut categories, mut brands) = (Categories::default(), Distinct::default());
        products.categories.iter().for_each(|path| _ = categories.index_of(path));
        products.brands.iter().for_each(|brand| _ = brands.index_of(brand));
        if categories.paths().values() != &products.categories || brands.values() != &products.brands {
            return Err(damaged("a category or brand comes twice"));
        }
        Ok(Parts {
            version,
            currency,
            rows: products.rows,
            categories,
            brands,
            campaigns,
            placements,
            vocabulary: Vocabulary {
                items,
                item_count,
                item_hash,
                categories: words(CATEGORY_WORDS)?,
                brands: words(BRAND_WORDS)?,
            },
            hashed,
            anchors,
        })
    }

    /// Adds the products of another shard.
    pub(super) fn add_shard(&mut self, sections: &Sections<'_>) -> Result<(), Error> {
        if sections.kind != Kind::Shard as u16 {
            return Err(damaged("it is no further shard of a catalogue"));
        }
        let products = Products::read(sections)?;
        let numbered = self.rows.item.is_empty() == products.rows.item.is_empty();
        if !self.rows.embeddings.same_kind(&products.rows.embeddings) || !numbered {
            return Err(damaged("it belongs to another catalogue"));
        }
        if !products.ids_rise(0, products.rows.len()) {
            return Err(damaged("its ids are not in order"));
        }
        if let Some(anchors) = &mut self.anchors {
            anchors.add_shard(sections, products.rows.len())?;
        }
        let categories: Vec<u32> = products.categories.iter().map(|path| self.categories.index_of(path)).collect();
        let brands: Vec<u32> = products.brands.iter().map(|brand| self.brands.index_of(brand)).collect();
        self.rows.append(products.rows, &categories, &brands);
        Ok(())
    }

    pub(super) fn finish(self) -> (Catalogue, CatalogueReport) {
        let catalogue = Catalogue::of_parts(self);
        let report = CatalogueReport::new(&catalogue, Vec::new(), 0);
        (catalogue, report)
    }
}
