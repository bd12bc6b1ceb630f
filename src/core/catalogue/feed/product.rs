//! One row of the products: Google Merchant's attributes, each in any of its spellings.

use super::{Reader, Severity};
use crate::catalogue::{Availability, Product, Sale};
use crate::content;
use crate::error::Error;
use crate::event::Timestamp;
use crate::hash::Index;
use crate::time;
use crate::value::Value;

/// The products that can be ranked.
#[derive(Default)]
pub(super) struct Products {
    pub(super) products: Vec<Product>,
    /// The content vectors they brought along, row-major; `None` where no row has one.
    pub(super) embeddings: Option<Vec<f32>>,
    pub(super) by_id: Index,
    /// Rows that cannot be ranked.
    pub(super) left_out: usize,
}

/// The attributes of a row that are read, found in one pass over its keys.
#[derive(Default)]
struct Attributes<'v> {
    id: Option<&'v Value<'v>>,
    title: Option<&'v Value<'v>>,
    link: Option<&'v Value<'v>>,
    image_link: Option<&'v Value<'v>>,
    price: Option<&'v Value<'v>>,
    sale_price: Option<&'v Value<'v>>,
    sale_window: Option<&'v Value<'v>>,
    availability: Option<&'v Value<'v>>,
    brand: Option<&'v Value<'v>>,
    product_type: Option<&'v Value<'v>>,
    google_category: Option<&'v Value<'v>>,
    embedding: Option<&'v Value<'v>>,
}

impl<'v> Attributes<'v> {
    fn of(row: &'v Value<'v>) -> Attributes<'v> {
        let mut found = Attributes::default();
        for (key, value) in row.entries().unwrap_or_default() {
            let place = match key.as_ref() {
                "id" => &mut found.id,
                "title" => &mut found.title,
                "link" => &mut found.link,
                "image_link" | "imageLink" => &mut found.image_link,
                "price" => &mut found.price,
                "sale_price" | "salePrice" => &mut found.sale_price,
                "sale_price_effective_date" | "salePriceEffectiveDate" => &mut found.sale_window,
                "availability" => &mut found.availability,
                "brand" => &mut found.brand,
                "product_type" | "productType" | "product_types" | "productTypes" => &mut found.product_type,
                "google_product_category" | "googleProductCategory" => &mut found.google_category,
                "embedding" => &mut found.embedding,
                _ => continue,
            };
            // Of two equal keys the last wins, as in JavaScript.
            *place = Some(value).filter(|value| **value != Value::Null);
        }
        found
    }
}

impl Reader {
    pub(super) fn products(&mut self, rows: &[Value<'_>]) -> Result<Products, Error> {
        self.section = "products";
        let width = rows.iter().find_map(|r| r.get("embedding")?.list()).map(<[Value<'_>]>::len);
        let mut read = Products { embeddings: width.map(|_| Vec::new()), ..Products::default() };
        for (index, row) in rows.iter().enumerate() {
            let row = Attributes::of(row);
            let Some(product) = self.product(index + 1, &row, width, read.embeddings.as_mut()) else {
                read.left_out += 1;
                continue;
            };
            if read.by_id.insert(product.id.clone(), read.products.len()).is_some() {
                return Err(Error::DuplicateId { kind: "product", id: product.id });
            }
            read.products.push(product);
        }
        Ok(read)
    }

    /// Reads a row, and appends its embedding where rows have one.
    fn product(
        &mut self,
        row: usize,
        given: &Attributes<'_>,
        width: Option<usize>,
        embeddings: Option<&mut Vec<f32>>,
    ) -> Option<Product> {
        const ERROR: Severity = Severity::Error;
        let Some(id) = given.id.and_then(Value::id) else {
            let id = given.id.unwrap_or(&Value::Null);
            self.problem(row, None, "id", id, ERROR, "Give every product a non-empty id");
            return None;
        };
        let text = |value: Option<&Value<'_>>| value.and_then(Value::text).map(|s| s.trim().to_owned());
        let Some(title) = text(given.title).filter(|title| !title.is_empty()) else {
            let title = given.title.unwrap_or(&Value::Null);
            self.problem(row, Some(&id), "title", title, ERROR, "Give every product a title");
            return None;
        };
        let price = self.price(row, &id, "price", given.price)?;
        let sale = self.sale(row, &id, given, price);
        let availability = match given.availability {
            None => Availability::default(),
            Some(given) => given.text().and_then(availability).or_else(|| {
                let remedy = "Use in_stock, out_of_stock, preorder or backorder";
                self.problem(row, Some(&id), "availability", given, ERROR, remedy);
                None
            })?,
        };
        if let (Some(width), Some(embeddings)) = (width, embeddings) {
            embeddings.extend(self.embedding(row, &id, given.embedding, width)?);
        }
        Some(Product {
            title,
            link: text(given.link),
            image_link: text(given.image_link),
            price,
            sale,
            availability,
            brand: text(given.brand).unwrap_or_default(),
            category: self.category(given),
            id,
        })
    }

    fn sale(&mut self, row: usize, id: &str, given: &Attributes<'_>, list: Option<f32>) -> Option<Sale> {
        let sale = given.sale_price?;
        let price = self.price(row, id, "sale_price", Some(sale)).flatten()?;
        if list.is_some_and(|list| price > list) {
            let remedy = "A sale price above the list price was ignored";
            self.problem(row, Some(id), "sale_price", sale, Severity::Warning, remedy);
            return None;
        }
        let (from, until) = match given.sale_window {
            None => (Timestamp(0), Timestamp(u64::MAX)),
            Some(window) => match window.text().and_then(time::interval) {
                Some(window) => window,
                None => {
                    let remedy = "Write two RFC 3339 times with a slash between; the sale was ignored";
                    self.problem(row, Some(id), "sale_price_effective_date", window, Severity::Warning, remedy);
                    return None;
                }
            },
        };
        Some(Sale { price, from, until })
    }

    fn embedding(&mut self, row: usize, id: &str, value: Option<&Value<'_>>, width: usize) -> Option<Vec<f32>> {
        let read = value.and_then(Value::list).map(|list| list.iter().filter_map(Value::number).map(|x| x as f32));
        let mut vector: Vec<f32> = read.into_iter().flatten().collect();
        if width == 0 || vector.len() != width || vector.iter().any(|x| !x.is_finite()) {
            let remedy = "Give every product an embedding of the same width, all numbers";
            self.problem(row, Some(id), "embedding", value.unwrap_or(&Value::Null), Severity::Error, remedy);
            return None;
        }
        content::normalise(&mut vector);
        Some(vector)
    }

    /// `product_type` is the shop's own tree and joins best to its events; Google's category is the second choice.
    fn category(&mut self, given: &Attributes<'_>) -> String {
        let first = match given.product_type.or(given.google_category) {
            Some(Value::List(list)) => list.first(),
            other => other,
        };
        let path = match first {
            Some(Value::Text(path)) => path.as_ref(),
            Some(number) => &number.id().unwrap_or_default(),
            None => "",
        };
        if let Some(known) = self.paths.get(path) {
            return known.clone();
        }
        let levels: Vec<&str> = path.split('>').map(str::trim).filter(|level| !level.is_empty()).collect();
        let kept = levels.join(" > ");
        self.paths.insert(path.to_owned(), kept.clone());
        kept
    }
}

fn availability(text: &str) -> Option<Availability> {
    let word = text.rsplit('/').next().unwrap_or(text);
    let plain: String = word.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect();
    Some(match plain.as_str() {
        "instock" | "limitedavailability" | "onlineonly" | "instoreonly" => Availability::InStock,
        "outofstock" | "soldout" | "discontinued" => Availability::OutOfStock,
        "preorder" | "presale" => Availability::Preorder,
        "backorder" => Availability::Backorder,
        _ => return None,
    })
}
