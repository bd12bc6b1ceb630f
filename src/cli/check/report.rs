//! What a check prints: a page for people, one object for programs.

use std::fmt;
use std::time::Duration;

use nearside_core::Feature;
use nearside_scorer::{Calibration, Engine, Error, ModelFile, Output, Port, SegmentReport};
use serde::{Serialize, Serializer};

/// What a browser fetches for the full engine, in MB: `full_wasm_brotli` of `cargo xtask size`. It comes on top,
/// since the compact one is there by then.
const FULL_ENGINE_MB: f64 = 1.6;

/// What one engine made of the file.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct EngineRow {
    pub(crate) engine: Engine,
    runs: bool,
    load_ms: Option<f64>,
    /// Median time of a ranking of 1,000 candidates.
    pub(crate) us_per_1000: Option<f64>,
    #[serde(serialize_with = "told")]
    pub(crate) error: Option<Error>,
}

/// An engine's refusal in the shape of every error here.
#[derive(Serialize)]
struct Told {
    code: &'static str,
    message: String,
    remedy: String,
}

fn told<S: Serializer>(error: &Option<Error>, serializer: S) -> Result<S::Ok, S::Error> {
    let told = error.as_ref().map(|e| Told { code: e.code(), message: e.to_string(), remedy: e.remedy() });
    told.serialize(serializer)
}

impl EngineRow {
    /// It loaded the file, golden cases included, in this time.
    pub(crate) fn loaded(engine: Engine, time: Duration) -> EngineRow {
        EngineRow { engine, runs: true, load_ms: Some(time.as_secs_f64() * 1e3), us_per_1000: None, error: None }
    }

    /// It did not.
    pub(crate) fn refused(engine: Engine, error: Error) -> EngineRow {
        EngineRow { engine, runs: false, load_ms: None, us_per_1000: None, error: Some(error) }
    }
}

/// How far the engines are apart.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Agreement {
    /// Sets of random inputs.
    pub(crate) cases: usize,
    /// Relative to the score's size where that is above 1.
    pub(crate) largest_difference: f32,
    pub(crate) tolerance: f32,
}

impl Agreement {
    /// Whether they do not agree.
    pub(crate) fn is_broken(&self) -> bool {
        self.largest_difference > self.tolerance
    }
}

/// An operator, and which engines have it.
#[derive(Clone, Debug, Serialize)]
struct Operator {
    name: String,
    compact: bool,
    full: bool,
}

/// The whole result.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    model: String,
    bytes: usize,
    opset: i64,
    parameters: u64,
    description: Option<String>,
    vocabulary: Option<String>,
    output: Output,
    calibration: Option<Calibration>,
    inputs: Vec<Port>,
    operators: Vec<Operator>,
    golden: usize,
    segments: Vec<SegmentReport>,
    engines: Vec<EngineRow>,
    agreement: Option<Agreement>,
    warnings: Vec<String>,
    /// The engine a shop needs for it.
    verdict: Engine,
}

impl Report {
    pub(crate) fn new(file: &ModelFile, engines: Vec<EngineRow>, agreement: Option<Agreement>) -> Report {
        let compact = engines.iter().any(|row| row.engine == Engine::Compact && row.runs);
        let operators = file.operators.iter().map(|name| Operator {
            name: name.clone(),
            compact: Engine::Compact.runs(name),
            full: Engine::Full.runs(name),
        });
        Report {
            model: file.hash.clone(),
            bytes: file.bytes,
            opset: file.opset,
            parameters: file.parameters,
            description: file.description.clone(),
            vocabulary: file.vocabulary.clone(),
            output: file.output,
            calibration: file.calibration,
            inputs: file.inputs.clone(),
            operators: operators.collect(),
            golden: file.golden.len(),
            segments: file.segments.iter().map(SegmentReport::from).collect(),
            engines,
            agreement,
            warnings: file.warnings.clone(),
            verdict: if compact { Engine::Compact } else { Engine::Full },
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "model {}, {} bytes, {} parameters, opset {}",
            self.model, self.bytes, self.parameters, self.opset
        )?;
        if let Some(description) = &self.description {
            writeln!(f, "  {description}")?;
        }
        if let Some(vocabulary) = &self.vocabulary {
            writeln!(f, "  trained with item vocabulary {vocabulary}")?;
        }
        writeln!(f, "\ninputs")?;
        for port in &self.inputs {
            let unit = Feature::from_name(&port.name).map_or("", Feature::unit);
            writeln!(f, "  {:18}  {:5}  {:9}  {unit}", port.name, port.dtype, port.shape_text())?;
        }
        let output = match self.output {
            Output::Probability => "a probability",
            Output::Logit => "a logit",
        };
        write!(f, "output\n  score: {output}")?;
        if let Some(Calibration { scale, offset }) = self.calibration {
            write!(f, ", calibrated as {scale} * logit + {offset}")?;
        }
        writeln!(f)?;
        if !self.segments.is_empty() {
            writeln!(f, "\nsegments")?;
        }
        for SegmentReport { name, share } in &self.segments {
            writeln!(f, "  {:5.1} %  {name}", 100.0 * share)?;
        }
        writeln!(f, "\noperators")?;
        for Operator { name, compact, full } in &self.operators {
            let lack = match (compact, full) {
                (true, true) => "",
                (false, true) => "not in the compact engine",
                (true, false) => "not in the full engine",
                (false, false) => "in neither engine",
            };
            writeln!(f, "  {:18}  {lack}", name.as_str())?;
        }
        writeln!(f, "\nengines")?;
        for EngineRow { engine, load_ms, us_per_1000, error, .. } in &self.engines {
            let name = engine.name();
            match error {
                Some(error) => writeln!(f, "  {name:8}  error[{}]: {error}", error.code())?,
                None => {
                    let (load, run) = (load_ms.unwrap_or_default(), us_per_1000.unwrap_or_default());
                    writeln!(f, "  {name:8}  loads in {load:.1} ms, scores 1000 candidates in {run:.0} microseconds")?;
                }
            }
        }
        writeln!(f, "  {} golden cases passed in each engine that runs it", self.golden)?;
        match self.agreement {
            Some(Agreement { cases, largest_difference, tolerance }) => writeln!(
                f,
                "  {cases} random cases in both: largest difference {largest_difference:.1e}, tolerance {tolerance:.0e}"
            )?,
            None => writeln!(f, "  only one engine runs it, so there is nothing to compare")?,
        }
        for warning in &self.warnings {
            writeln!(f, "\nwarning: {warning}")?;
        }
        if self.agreement.is_some_and(|agreement| agreement.is_broken()) {
            return writeln!(f, "\nrefused: the engines differ");
        }
        match self.verdict {
            Engine::Compact => writeln!(f, "\naccepted: runs in the compact engine"),
            Engine::Full => writeln!(f, "\naccepted: needs the full engine, +{FULL_ENGINE_MB} MB for each visitor"),
        }
    }
}
