//! Words and times as logs write them.

use nearside_core::{EventName, Timestamp};

/// The kind of event a log's word stands for: GA4's own names, and what common logs call them.
pub(crate) fn kind(word: &str) -> Option<EventName> {
    use EventName::*;
    if let Some(name) = EventName::from_name(word) {
        return Some(name);
    }
    let plain: String = word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    Some(match plain.as_str() {
        "view" | "viewitem" | "productview" | "viewproduct" | "itemview" | "detail" | "detailview" | "click"
        | "clicks" | "clickitem" | "pv" => ViewItem,
        "addtocart" | "cart" | "addcart" | "add" | "basket" | "addtobasket" => AddToCart,
        "removefromcart" | "remove" | "removecart" | "removefrombasket" => RemoveFromCart,
        "addtowishlist" | "wishlist" | "favorite" | "favourite" | "fav" | "like" => AddToWishlist,
        "transaction" | "purchase" | "buy" | "bought" | "order" | "sale" => Purchase,
        "refund" | "return" => Refund,
        _ => return None,
    })
}

/// Reads a time: seconds, milli-, micro- or nanoseconds since 1970, told apart by their size, or a date in
/// RFC 3339, with ` UTC` or ` GMT` for a zone too. `None` before 1973, where a number is more likely a count.
pub(crate) fn time(text: &str) -> Option<Timestamp> {
    const FIRST_S: f64 = 1e8;
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        // Each limit is the year 5138 in its unit.
        let ms = match number {
            n if !(FIRST_S..1e20).contains(&n) => return None,
            n if n < 1e11 => n * 1000.0,
            n if n < 1e14 => n,
            n if n < 1e17 => n / 1000.0,
            n => n / 1e6,
        };
        return Some(Timestamp(ms.round() as u64));
    }
    let text = text.strip_suffix("UTC").or_else(|| text.strip_suffix("GMT")).unwrap_or(text);
    Timestamp::from_rfc3339(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_words_for_events_are_understood() {
        for (word, name) in [
            ("view", "view_item"),
            ("product_view", "view_item"),
            ("click", "view_item"),
            ("addtocart", "add_to_cart"),
            ("cart", "add_to_cart"),
            ("remove_from_cart", "remove_from_cart"),
            ("transaction", "purchase"),
            ("purchase", "purchase"),
            ("view_item_list", "view_item_list"),
        ] {
            assert_eq!(kind(word).map(EventName::name), Some(name), "{word}");
        }
        assert_eq!(kind("teleport"), None);
    }

    #[test]
    fn times_in_every_unit_are_the_same_moment() {
        for text in [
            "1442004589",
            "1442004589.000",
            "1442004589000",
            "1442004589000000",
            "1442004589000000000",
            "2015-09-11 20:49:49 UTC",
            "2015-09-11T20:49:49Z",
            "2015-09-11T22:49:49+02:00",
        ] {
            assert_eq!(time(text), Some(Timestamp(1_442_004_589_000)), "{text}");
        }
    }

    #[test]
    fn fractions_of_a_second_are_kept() {
        assert_eq!(time("1411994583.727"), Some(Timestamp(1_411_994_583_727)));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "soon", "17", "-1442004589", "inf", "nan", "1e300"] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
