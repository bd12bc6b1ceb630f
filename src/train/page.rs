//! The page of a run: its curves, in one HTML file that needs nothing else.

use std::fmt::Write as _;

use crate::run::Epoch;

/// Size of a chart, in CSS pixels.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 220.0;
/// Room for the numbers at the left and the bottom.
const MARGIN: f64 = 44.0;

/// One curve.
struct Curve<'a> {
    name: &'a str,
    /// A CSS colour that is told apart without colour vision.
    colour: &'a str,
    points: Vec<(f64, f64)>,
}

/// The page. `losses` holds pairs of step and mean loss; `title` is shown as text.
pub fn page(title: &str, losses: &[(u64, f32)], history: &[Epoch]) -> String {
    let title = escaped(title);
    let loss = Curve {
        name: "loss",
        colour: "#0072b2",
        points: losses.iter().map(|(step, loss)| (*step as f64, f64::from(*loss))).collect(),
    };
    let figure = |name, colour, of: &dyn Fn(&crate::Figures) -> f64| Curve {
        name,
        colour,
        points: history.iter().filter_map(|e| Some((e.epoch as f64, 100.0 * of(e.validation.as_ref()?)))).collect(),
    };
    let recall = figure("Recall@20", "#d55e00", &|f| f.recall_20);
    let mrr = figure("MRR@20", "#009e73", &|f| f.mrr_20);
    let mut rows = String::new();
    for Epoch { epoch, loss, validation } in history {
        let cells = match validation {
            Some(f) => [f.recall_10, f.recall_20, f.mrr_10, f.mrr_20].map(|x| format!("{:.2}", 100.0 * x)),
            None => ["", "", "", ""].map(String::from),
        };
        let _ = writeln!(rows, "<tr><td>{epoch}<td>{loss:.4}<td>{}", cells.join("<td>"));
    }
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\n\
         <style>body{{font:15px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}}\
         svg{{width:100%;height:auto}}text{{font-size:11px;fill:currentColor}}\
         td,th{{text-align:right;padding:0 .7rem}}@media(prefers-color-scheme:dark)\
         {{body{{background:#111;color:#ddd}}}}</style>\n<h1>{title}</h1>\n\
         <h2>Loss by step</h2>\n{}\n<h2>Recall@20 by epoch, percent</h2>\n{}\n<h2>MRR@20 by epoch, percent</h2>\n{}\n\
         <h2>Epochs</h2>\n<table><tr><th>epoch<th>loss<th>Recall@10<th>Recall@20<th>MRR@10<th>MRR@20\n{rows}</table>\n",
        chart(&loss),
        chart(&recall),
        chart(&mrr),
    )
}

fn chart(curve: &Curve<'_>) -> String {
    let finite: Vec<(f64, f64)> = curve.points.iter().copied().filter(|(_, y)| y.is_finite()).collect();
    let range = |of: &dyn Fn(&(f64, f64)) -> f64| {
        let low = finite.iter().map(of).fold(f64::INFINITY, f64::min);
        let high = finite.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        if low.is_finite() { (low, if high > low { high } else { low + 1.0 }) } else { (0.0, 1.0) }
    };
    let ((left, right), (low, high)) = (range(&|p| p.0), range(&|p| p.1));
    let x = |value: f64| MARGIN + (value - left) / (right - left) * (WIDTH - 2.0 * MARGIN);
    let y = |value: f64| HEIGHT - MARGIN / 2.0 - (value - low) / (high - low) * (HEIGHT - MARGIN);
    let points: Vec<String> = finite.iter().map(|(a, b)| format!("{:.1},{:.1}", x(*a), y(*b))).collect();
    let dots: String = if finite.len() > 50 {
        String::new()
    } else {
        finite
            .iter()
            .map(|(a, b)| {
                format!(
                    "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{}\"><title>{a}: {b:.3}</title></circle>",
                    x(*a),
                    y(*b),
                    curve.colour
                )
            })
            .collect()
    };
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{} from {low:.3} to {high:.3}\">\
         <text x=\"0\" y=\"{:.1}\">{high:.3}</text><text x=\"0\" y=\"{:.1}\">{low:.3}</text>\
         <text x=\"{MARGIN}\" y=\"{HEIGHT}\">{left}</text>\
         <text x=\"{:.1}\" y=\"{HEIGHT}\" text-anchor=\"end\">{right}</text>\
         <polyline fill=\"none\" stroke=\"{}\" stroke-width=\"2\" points=\"{}\"/>{dots}</svg>",
        curve.name,
        y(high) + 4.0,
        y(low) + 4.0,
        WIDTH - MARGIN,
        curve.colour,
        points.join(" "),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_shows_every_epoch_and_loads_nothing() {
        let validation = Some(crate::Figures { recall_20: 0.5, mrr_20: 0.2, ..Default::default() });
        let history = [Epoch { epoch: 1, loss: 7.5, validation }, Epoch { epoch: 2, loss: f32::NAN, validation: None }];
        let page = page("<kettles> & co", &[(1, 9.0), (2, f32::INFINITY), (3, 8.0)], &history);
        assert!(page.contains("<h1>&lt;kettles&gt; &amp; co</h1>"));
        assert!(page.contains("<td>1<td>7.5000<td>0.00<td>50.00"));
        for part in ["http", "src=", "href=", "url(", "NaN,", "inf"] {
            assert!(!page.contains(part), "{part}");
        }
    }

    #[test]
    fn a_run_without_an_epoch_has_a_page() {
        assert!(page("run", &[], &[]).contains("<svg"));
    }
}
