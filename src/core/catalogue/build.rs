//! From a feed to columns.

use ndarray::Array2;

use super::creatives::{Creatives, Numbering};
use super::distinct::{Categories, Distinct, Indices};
use super::rows::{Embeddings, Rows, State};
use super::texts::{Texts, order};
use super::vocabulary::Vocabulary;
use super::{Anchors, Campaign, Catalogue, CatalogueReport, Feed, Placement, Product};
use crate::content::{self, Content};

/// What a catalogue is put together from: everything that is not computed of something else.
pub(super) struct Parts {
    pub(super) version: String,
    pub(super) currency: Option<String>,
    pub(super) rows: Rows,
    pub(super) categories: Categories,
    pub(super) brands: Distinct,
    pub(super) campaigns: Vec<Campaign>,
    pub(super) placements: Vec<Placement>,
    pub(super) vocabulary: Vocabulary,
    pub(super) hashed: bool,
    pub(super) anchors: Option<Anchors>,
}

impl Catalogue {
    /// Makes columns of a feed. Content vectors are hashed where the feed brings none.
    pub fn new(feed: Feed) -> (Catalogue, CatalogueReport) {
        let Feed {
            version,
            currency,
            products,
            embeddings,
            campaigns,
            placements,
            vocabulary,
            problems,
            problems_total,
        } = feed;
        let order = order(products.iter().map(|product| product.id.as_str()));
        let (mut categories, mut brands) = (Categories::default(), Distinct::default());
        let in_order = || order.iter().map(|place| &products[*place]);
        let category: Indices = in_order().map(|product| categories.index_of(&product.category)).collect();
        let brand: Indices = in_order().map(|product| brands.index_of(&product.brand)).collect();
        let hashed = embeddings.is_none();
        let values = match embeddings {
            Some(brought) => {
                let width = brought.len() / products.len();
                order.iter().flat_map(|place| &brought[place * width..][..width]).copied().collect()
            }
            None => content_vectors(in_order(), &category, &categories),
        };
        let width = values.len() / products.len();
        let ids: Texts = in_order().map(|product| product.id.as_str()).collect();
        let vocabulary = Vocabulary::new(vocabulary, &ids, categories.paths().values().iter(), brands.values().iter());
        let sales = in_order().enumerate().filter_map(|(row, product)| Some((row as u32, product.sale?))).collect();
        let item = ids.iter().map_while(|id| vocabulary.listed_item(id)).collect();
        let rows = Rows {
            price: in_order().map(|product| product.price.unwrap_or(f32::NAN)).collect(),
            state: in_order().map(|product| State::from(product.availability)).collect(),
            embeddings: Embeddings::Float(
                Array2::from_shape_vec((products.len(), width), values).expect("one row of one width per product"),
            ),
            runs: vec![0],
            ids,
            category,
            brand,
            sales,
            item,
        };
        let parts = Parts {
            version,
            currency,
            rows,
            categories,
            brands,
            campaigns,
            placements,
            vocabulary,
            hashed,
            anchors: None,
        };
        let catalogue = Catalogue::of_parts(parts);
        let report = CatalogueReport::new(&catalogue, problems, problems_total);
        (catalogue, report)
    }

    pub(super) fn of_parts(parts: Parts) -> Catalogue {
        let Parts { version, currency, rows, categories, brands, campaigns, placements, vocabulary, hashed, anchors } =
            parts;
        let creatives = Creatives::new(&campaigns, &rows);
        // Of a catalogue that is loaded in part an anchor may be missing.
        let anchors = anchors.and_then(|anchors| anchors.rows(&rows).map(|rows| (anchors, rows)));
        let count = |wanted: fn(State) -> bool| rows.state.iter().filter(|state| wanted(**state)).count();
        Catalogue {
            gone: count(|state| state == State::Gone),
            sold_out: count(|state| state == State::OutOfStock),
            numbering: Numbering { first_products: rows.len(), creatives: creatives.len() },
            category_ids: categories.paths().values().iter().map(|path| vocabulary.category(path)).collect(),
            brand_ids: brands.values().iter().map(|brand| vocabulary.brand(brand)).collect(),
            version,
            currency,
            rows,
            categories,
            brands,
            campaigns,
            placements,
            creatives,
            vocabulary,
            hashed,
            anchors,
        }
    }

    /// Rounds the content vectors to eight bits a number: a quarter of the memory, and faster to scan.
    #[must_use]
    pub fn quantised(mut self) -> Catalogue {
        self.rows.embeddings = self.rows.embeddings.quantised();
        self
    }
}

/// The products' hashed content vectors, row-major.
fn content_vectors<'a>(
    products: impl Iterator<Item = &'a Product>,
    category: &Indices,
    categories: &Categories,
) -> Vec<f32> {
    let beginnings: Vec<_> = categories.paths().values().iter().map(Content::beginning).collect();
    let mut rows = Vec::with_capacity(category.len() * content::WIDTH);
    for (product, path) in products.zip(category.iter()) {
        rows.extend(Content::from(product).finish(beginnings[path as usize]));
    }
    rows
}
