//! Directions in the space of the content vectors: where the shopper points, and where the page does.

use super::{Known, Ranking};
use crate::content::{self, Content};
use crate::profile::Subject;

impl Ranking<'_> {
    /// The seed formula: u = sum of w_j x_j over what the shopper did, then scaled to length 1.
    pub(super) fn profile_interest(&self) -> Vec<f32> {
        let Ranking { catalogue, profile, ref known, now, .. } = *self;
        let mut sum = vec![0.0; catalogue.embedding_width()];
        for Known { id, interest: item, product } in known {
            let weight = item.interest.value(now) as f32;
            match product {
                Some(row) => catalogue.embeddings().add_to(&mut sum, *row, weight),
                None if catalogue.embeddings_are_hashed() => {
                    let known = Content {
                        id: Some(id),
                        title: "",
                        category: &item.category,
                        brand: &item.brand,
                        price: item.price,
                    };
                    add(&mut sum, &known.vector(), weight);
                }
                // Brought-along embeddings have no place for what they do not list.
                None => {}
            }
        }
        if catalogue.embeddings_are_hashed() {
            for (term, weight) in profile.terms() {
                add(&mut sum, &content::words_vector([term.as_str()].into_iter()), weight.value(now) as f32);
            }
            for (subject, weight) in profile.preferences() {
                let known = match subject {
                    Subject::Category(path) => Content { category: path, ..Content::default() },
                    Subject::Brand(brand) => Content { brand, ..Content::default() },
                };
                add(&mut sum, &known.vector(), *weight as f32);
            }
        }
        content::normalise(&mut sum);
        sum
    }

    /// What the page is about.
    pub(super) fn context_interest(&self) -> Vec<f32> {
        let Ranking { catalogue, request, .. } = *self;
        let mut sum = vec![0.0; catalogue.embedding_width()];
        if let Some(row) = request.page.item_id.as_deref().and_then(|id| catalogue.product_index(id)) {
            catalogue.embeddings().add_to(&mut sum, row, 1.0);
        }
        if catalogue.embeddings_are_hashed() {
            if let Some(category) = &request.page.category {
                add(&mut sum, &Content { category, ..Content::default() }.vector(), 1.0);
            }
            if let Some(words) = &request.page.search_term {
                let words = words.to_lowercase();
                add(&mut sum, &content::words_vector(words.split_whitespace()), 1.0);
            }
        }
        content::normalise(&mut sum);
        sum
    }
}

fn add(sum: &mut [f32], vector: &[f32], weight: f32) {
    sum.iter_mut().zip(vector).for_each(|(s, x)| *s += weight * x);
}
