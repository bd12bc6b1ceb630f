//! The boundary between the core and JavaScript: convert, call, convert back.
//!
//! Nothing is decided here. Time comes in as milliseconds, the seed of a
//! ranking from the platform where the request names none. Failures are thrown
//! as plain objects `{ code, message, field?, value?, remedy }`; the package's
//! facade makes `EngineError`s of them on either side of the worker.

mod convert;
mod network;

use js_sys::{Reflect, Uint8Array};
use nearside_core::{Assembly, Engine, Error, Feedback, Fnv, Request, Statement, Timestamp};
use nearside_scorer::Model;
use wasm_bindgen::prelude::*;
use web_sys::Performance;

use convert::{millis, plain, read, throw};

/// One shopper's engine. See the package's `Engine` for what each method does.
#[wasm_bindgen]
#[derive(Default)]
pub struct NearsideEngine {
    inner: Engine,
    /// A catalogue whose shards are still coming.
    assembly: Option<Assembly>,
    seeds: Seeds,
    stopwatch: Option<Performance>,
}

#[wasm_bindgen]
impl NearsideEngine {
    /// An engine that knows nothing yet.
    #[wasm_bindgen(constructor)]
    pub fn new() -> NearsideEngine {
        NearsideEngine { stopwatch: stopwatch(), ..NearsideEngine::default() }
    }

    /// Takes in one event as the shop emits it.
    pub fn observe(&mut self, event: JsValue, now_ms: f64) -> Result<JsValue, JsValue> {
        let observed = self.inner.observe(&read(event, "event")?, millis(now_ms)?).map_err(throw)?;
        plain(&observed)
    }

    /// Ranks one placement.
    pub fn rank(&mut self, request: JsValue, now_ms: f64) -> Result<JsValue, JsValue> {
        let start = self.stopwatch.as_ref().map(Performance::now);
        let now = millis(now_ms)?;
        let request = Request::read(&read(request, "request")?, self.seeds.next(now)).map_err(throw)?;
        let decision = self.inner.rank(&request, now).map_err(throw)?;
        let end = self.stopwatch.as_ref().map(Performance::now);
        let elapsed_us = start.zip(end).map(|(start, end)| (end - start) * 1000.0);
        let answer = plain(&decision)?;
        // Set here and not in a struct around it: flattened, every key would be made anew each time.
        Reflect::set(&answer, &"elapsed_us".into(), &elapsed_us.map_or(JsValue::NULL, JsValue::from))?;
        Ok(answer)
    }

    /// Takes in what became of an ad.
    pub fn feedback(&mut self, feedback: JsValue, now_ms: f64) -> Result<JsValue, JsValue> {
        let feedback = Feedback::read(&read(feedback, "feedback")?).map_err(throw)?;
        plain(&self.inner.feedback(&feedback, millis(now_ms)?).map_err(throw)?)
    }

    /// Takes in what the shopper tells of themselves.
    pub fn tell(&mut self, statement: JsValue, _now_ms: f64) -> Result<(), JsValue> {
        self.inner.tell(Statement::read(&read(statement, "statement")?).map_err(throw)?);
        Ok(())
    }

    /// Begins a catalogue in shards with its manifest. One begun before is given up.
    pub fn open_manifest(&mut self, bytes: &[u8]) -> Result<(), JsValue> {
        self.assembly = Some(Assembly::new(bytes).map_err(throw)?);
        Ok(())
    }

    /// Adds the next shard, in the manifest's order.
    pub fn add_shard(&mut self, bytes: &[u8]) -> Result<(), JsValue> {
        self.assembly.as_mut().ok_or_else(|| throw(Error::NoCatalogue))?.add(bytes).map_err(throw)
    }

    /// Replaces the catalogue with that of the shards added.
    pub fn load_shards(&mut self, now_ms: f64) -> Result<JsValue, JsValue> {
        let now = millis(now_ms)?;
        let assembly = self.assembly.take().ok_or_else(|| throw(Error::NoCatalogue))?;
        let (catalogue, report) = assembly.finish().map_err(throw)?;
        plain(&self.inner.put_catalogue(catalogue, report, now))
    }

    /// Makes the catalogue the next version.
    pub fn apply_delta(&mut self, bytes: &[u8], now_ms: f64) -> Result<JsValue, JsValue> {
        plain(&self.inner.apply_delta(bytes, millis(now_ms)?).map_err(throw)?)
    }

    /// Replaces the catalogue with one read from UTF-8 JSON, or from a binary file.
    pub fn load_catalogue(&mut self, bytes: &[u8], now_ms: f64) -> Result<JsValue, JsValue> {
        plain(&self.inner.load_catalogue(bytes, millis(now_ms)?).map_err(throw)?)
    }

    /// Replaces the model with one read from an ONNX file.
    pub fn load_model(&mut self, bytes: &[u8], now_ms: f64) -> Result<JsValue, JsValue> {
        let now = millis(now_ms)?;
        let model = Model::load(bytes, ENGINE).map_err(throw)?;
        let report = plain(&model.report())?;
        self.inner.set_scorer(Box::new(model), now).map_err(throw)?;
        Ok(report)
    }

    /// Goes back to ranking without a model.
    pub fn unload_model(&mut self) {
        self.inner.clear_scorer();
    }

    /// Everything remembered, as bytes.
    pub fn snapshot(&self) -> Uint8Array {
        Uint8Array::from(self.inner.snapshot().as_slice())
    }

    /// Replaces everything remembered.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), JsValue> {
        self.inner.restore(bytes).map_err(throw)
    }

    /// Forgets everything remembered; catalogue and model stay.
    pub fn forget(&mut self) {
        self.inner.forget();
    }

    /// A summary of what happened and what is remembered.
    pub fn stats(&self, now_ms: f64) -> Result<JsValue, JsValue> {
        plain(&self.inner.stats(millis(now_ms)?))
    }
}

/// The engine this build brings.
#[cfg(feature = "full")]
const ENGINE: nearside_scorer::Engine = nearside_scorer::Engine::Full;
#[cfg(not(feature = "full"))]
const ENGINE: nearside_scorer::Engine = nearside_scorer::Engine::Compact;

/// Seeds that JavaScript can hold exactly: one draw of the platform's entropy, then a hash of it with a count.
/// Where entropy is closed off, the time of the first ranking stands in.
#[derive(Default)]
struct Seeds {
    drawn: Option<u64>,
    count: u64,
}

impl Seeds {
    fn next(&mut self, now: Timestamp) -> u64 {
        const EXACT_BITS: u32 = 53;
        let drawn = *self.drawn.get_or_insert_with(|| getrandom::u64().unwrap_or(now.0));
        self.count += 1;
        let hash = Fnv::new().with(&drawn.to_le_bytes()).with(&self.count.to_le_bytes());
        hash.value() >> (u64::BITS - EXACT_BITS)
    }
}

/// The platform's stopwatch. `performance` is a global in pages, workers and Node.
fn stopwatch() -> Option<Performance> {
    let performance = Reflect::get(&js_sys::global(), &"performance".into()).ok()?;
    (!performance.is_undefined()).then(|| performance.unchecked_into())
}

/// Runs the constructors behind tract's registries, once. Where no export calls them, the linker puts a
/// call in front of every export instead.
#[cfg(feature = "full")]
#[wasm_bindgen(start)]
#[expect(unsafe_code, reason = "the linker's own function has no safe declaration")]
fn construct() {
    unsafe extern "C" {
        fn __wasm_call_ctors();
    }
    // SAFETY: the linker makes it, without arguments or result; `start` runs once, before any other export.
    unsafe { __wasm_call_ctors() }
}
