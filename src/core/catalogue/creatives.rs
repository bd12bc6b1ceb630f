//! Creatives: the ads that campaigns pay for, beside the products that compete on their own.

use std::ops::Range;

use super::Campaign;
use super::rows::Rows;
use super::texts::{Texts, order};

/// Every campaign's creatives, in the file's order.
#[derive(Clone, Debug, Default)]
pub(super) struct Creatives {
    /// `campaign/creative`.
    pub(super) ids: Texts,
    /// Row of the product each is about.
    pub(super) product: Vec<u32>,
    /// Index of the campaign that pays.
    pub(super) campaign: Vec<u32>,
    /// Creatives in the order of their products' rows, those of one product in the order of their ids.
    by_product: Vec<u32>,
}

impl Creatives {
    /// Those whose product is among the rows.
    pub(super) fn new(campaigns: &[Campaign], rows: &Rows) -> Creatives {
        let mut creatives = Creatives::default();
        for (index, campaign) in campaigns.iter().enumerate() {
            for creative in &campaign.creatives {
                if let Some(product) = rows.find(&creative.item_id) {
                    creatives.ids.push(&format!("{}/{}", campaign.id, creative.id));
                    creatives.product.push(product as u32);
                    creatives.campaign.push(index as u32);
                }
            }
        }
        let by_id = order(creatives.ids.iter());
        // As texts of one length, which go in the numbers' order, so that the one kind of sort will do.
        let products: Texts = by_id.iter().map(|creative| format!("{:010}", creatives.product[*creative])).collect();
        creatives.by_product = order(products.iter()).into_iter().map(|place| by_id[place] as u32).collect();
        creatives
    }

    pub(super) fn len(&self) -> usize {
        self.product.len()
    }

    /// The creatives about a product.
    pub(super) fn of(&self, product: usize) -> impl Iterator<Item = usize> {
        let first = self.by_product.partition_point(|c| (self.product[*c as usize] as usize) < product);
        let own = self.by_product[first..].iter().map(|c| *c as usize);
        own.take_while(move |creative| self.product[*creative] as usize == product)
    }

    pub(super) fn bytes(&self) -> usize {
        self.ids.bytes() + 3 * size_of::<u32>() * self.product.capacity()
    }
}

/// Which number each ad has: the products that were there first, then the creatives, then products that came later.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbering {
    pub(super) first_products: usize,
    pub(super) creatives: usize,
}

/// What an ad is.
pub(super) enum AdKind {
    /// A product on its own, by its row.
    Product(usize),
    /// A creative, by its number.
    Creative(usize),
}

impl Numbering {
    pub(super) fn kind(self, ad: usize) -> AdKind {
        if ad < self.first_products {
            AdKind::Product(ad)
        } else if ad < self.first_products + self.creatives {
            AdKind::Creative(ad - self.first_products)
        } else {
            AdKind::Product(ad - self.creatives)
        }
    }

    /// The ad that a product is on its own.
    pub(super) fn ad_of(self, row: usize) -> usize {
        if row < self.first_products { row } else { row + self.creatives }
    }

    /// The ads that are creatives.
    pub(super) fn creatives(self) -> Range<usize> {
        self.first_products..self.first_products + self.creatives
    }
}
