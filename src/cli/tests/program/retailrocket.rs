//! Part of a real log: the first sessions of RetailRocket, where the data sets are.

use std::io::{BufRead, BufReader};

use flate2::read::GzDecoder;

use crate::run::{replay, shared, written};

/// Few enough for an engine built without optimisation.
const SESSIONS: usize = 300;

#[test]
fn on_real_sessions_what_the_shopper_did_beats_what_all_shoppers_did() {
    let Some(path) = shared("retailrocket_events/events.tsv.gz") else { return };
    let lines = BufReader::new(GzDecoder::new(std::fs::File::open(path).unwrap())).lines();
    let mut text = String::new();
    let (mut sessions, mut rows) = (Vec::new(), 0);
    for line in lines.map(|line| line.unwrap() + "\n") {
        let session = line.split('\t').next().unwrap().to_owned();
        if !sessions.contains(&session) {
            sessions.push(session);
        }
        // The first of them is the header's word.
        if sessions.len() > SESSIONS + 1 {
            break;
        }
        text += &line;
        rows += 1;
    }
    let ran = replay(&written("retailrocket-part.tsv", text), &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = ran.json();
    assert_eq!((&report["sessions"], &report["events"]), (&SESSIONS.into(), &(rows - 1).into()));
    assert_eq!((&report["skipped_rows"], &report["ignored"]), (&0.into(), &serde_json::json!({})));
    let mrr = |ranker: &str| report["rankers"][ranker]["mrr_20"].as_f64().unwrap();
    assert!(mrr("cosine") > 2.0 * mrr("popularity"), "{report}");
    assert!(mrr("session_popularity") > mrr("popularity"), "{report}");
}
