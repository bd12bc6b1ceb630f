//! The WebAssembly engines: compiled, bound to JavaScript, optimised, kept.
//!
//! A finished engine is kept under a hash of everything it is made from, so
//! the slow one is built once and every checkout with the same sources takes
//! it from there. `pkg/dist/wasm/NAME` receives a copy.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use wasm_bindgen_cli_support::Bindgen;

use crate::error::Error;
use crate::names;
use crate::project::{Project, answer};
use crate::setup::WASM;

/// For rustc. 128-bit SIMD came with Chrome 91, Firefox 89 and Safari 16.4; the package says so where it is missing.
const RUSTFLAGS: &str = "-C target-feature=+simd128";

/// For rustc, where there are the relaxed instructions too. The package asks the browser.
const RELAXED_RUSTFLAGS: &str = "-C target-feature=+simd128,+relaxed-simd";

/// What the optimiser may assume of a browser: what rustc assumes, and SIMD.
const FEATURES: [&str; 7] = [
    "--enable-simd",
    "--enable-bulk-memory",
    "--enable-sign-ext",
    "--enable-nontrapping-float-to-int",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// The optimiser's level. Higher ones make the file smaller but its brotli form larger (full engine: 1.55 MB at -O1,
/// 1.69 MB at -Oz), take four times as long, and rank no faster.
const LEVEL: &str = "-O1";

/// How many finished engines of one name are kept.
const KEPT: usize = 6;

/// Age at which an unfinished engine is not being built any more.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// One engine and how it is built.
#[derive(Debug)]
pub(crate) struct Engine {
    /// The folder and the end of the file's name.
    pub(crate) name: &'static str,
    /// `compact` or `full`: the cargo profile, the one cargo feature and the end of the name of the script.
    kind: &'static str,
    pub(crate) rustflags: &'static str,
}

/// What a shop ships.
pub(crate) const COMPACT: Engine = Engine { name: "compact", kind: "compact", rustflags: RUSTFLAGS };

/// The same in relaxed SIMD, fetched in its stead by browsers that have it. It runs under the other's script.
pub(crate) const RELAXED: Engine = Engine { name: "relaxed", kind: "compact", rustflags: RELAXED_RUSTFLAGS };

/// Fetched only when a model needs it.
pub(crate) const FULL: Engine = Engine { name: "full", kind: "full", rustflags: RUSTFLAGS };

impl Engine {
    /// The module's name, without an ending: that of its script.
    pub(crate) fn module(&self) -> String {
        format!("nearside_{}", self.kind)
    }

    /// The folder in the package that receives the engine.
    pub(crate) fn dist(&self, project: &Project) -> PathBuf {
        project.path("pkg/dist/wasm").join(self.name)
    }

    /// Adds this engine's feature, and no other, to a cargo command.
    pub(crate) fn with_feature<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.args(["--no-default-features", "--features", self.kind])
    }

    /// Builds the engine, or takes it from the cache, and puts it into the package.
    ///
    /// Returns the path of the same module with its function names, for [`crate::size`].
    pub(crate) fn build(&self, project: &Project) -> Result<PathBuf, Error> {
        let kept = self.kept(project)?;
        if kept.is_dir() {
            project.console.say(&format!("  {} wasm is up to date", self.name));
        } else {
            self.make(project, &kept)?;
            prune(&project.cache.join("wasm"), self.name)?;
        }
        let dist = self.dist(project);
        fs::create_dir_all(&dist).map_err(Error::file(&dist))?;
        let copy = |file: &Path, to: PathBuf| fs::copy(file, &to).map(drop).map_err(Error::file(&to));
        if self.name == self.kind {
            for file in files_of(&kept)? {
                copy(&file, dist.join(file.file_name().expect("a listed file has a name")))?;
            }
        } else {
            self.fits(project, &kept)?;
            let wasm = kept.join(format!("{}_bg.wasm", self.module()));
            copy(&wasm, dist.join(format!("nearside_{}_bg.wasm", self.name)))?;
        }
        Ok(kept.join("named").join(format!("{}_bg.wasm", self.module())))
    }

    /// Where the finished engine is kept.
    fn kept(&self, project: &Project) -> Result<PathBuf, Error> {
        Ok(project.cache.join("wasm").join(format!("{}-{}", self.name, self.key(project)?)))
    }

    /// Checks that the engine runs under the script of the one it stands in for, which was built before.
    fn fits(&self, project: &Project, kept: &Path) -> Result<(), Error> {
        let script = format!("{}.js", self.module());
        let read = |folder: &Path| fs::read(folder.join(&script)).map_err(Error::file(folder));
        if read(kept)? == read(&COMPACT.kept(project)?)? {
            return Ok(());
        }
        let detail = format!("the script differs from that of the {} engine", COMPACT.name);
        Err(Error::Product { what: kept.display().to_string(), detail })
    }

    /// A hash of sources, dependencies, profile, compiler and flags.
    fn key(&self, project: &Project) -> Result<String, Error> {
        let mut hasher = DefaultHasher::new();
        let mut tree = project.cargo();
        tree.args(["tree", "--locked", "-p", "nearside-wasm", "--target", WASM, "-e", "normal,build"]);
        tree.args(["--prefix", "none", "-f", "{p} {f}"]);
        // Which checkout it is must not matter.
        let here = project.root.display().to_string();
        let tree = project.ask("listing what an engine is made of", self.with_feature(&mut tree))?;
        tree.replace(&here, "").hash(&mut hasher);
        answer(Command::new("rustc").arg("-vV")).hash(&mut hasher);
        let manifest = project.path("Cargo.toml");
        profiles(&fs::read_to_string(&manifest).map_err(Error::file(&manifest))?).hash(&mut hasher);
        (self.name, self.kind, LEVEL, self.rustflags, FEATURES).hash(&mut hasher);
        let optimiser = wasm_opt(project)?.with_file_name("../package.json");
        fs::read(&optimiser).map_err(Error::file(&optimiser))?.hash(&mut hasher);
        for folder in ["src/core", "src/operators", "src/scorer", "src/wasm"] {
            hash_sources(&project.path(folder), &mut hasher)?;
        }
        Ok(format!("{:016x}", hasher.finish()))
    }

    fn make(&self, project: &Project, kept: &Path) -> Result<(), Error> {
        let mut rustc = project.cargo();
        rustc.args(["rustc", "--locked", "-p", "nearside-wasm", "--lib", "--crate-type", "cdylib"]);
        rustc.args(["--profile", self.kind, "--target", WASM]);
        rustc.env("RUSTFLAGS", self.rustflags).env_remove("CARGO_ENCODED_RUSTFLAGS");
        project.run(&format!("compiling {} wasm", self.name), self.with_feature(&mut rustc))?;
        let compiled = project.target.join(WASM).join(self.kind).join("nearside_wasm.wasm");

        // Made beside its place and moved there whole: an interrupted build leaves nothing that looks finished.
        let work = kept.with_extension(format!("{}.part", std::process::id()));
        let named = work.join("named");
        fs::create_dir_all(&named).map_err(Error::file(&named))?;
        let module = self.module();
        project.console.step(&format!("binding {} wasm to JavaScript", self.name), || {
            let mut bindgen = Bindgen::new();
            bindgen.input_path(&compiled).out_name(&module).typescript(true).keep_debug(false);
            // After a trap the package replaces the instance without loading the script again.
            bindgen.reset_state_function(true);
            let made = bindgen.web(true).and_then(|bindgen| bindgen.generate(&work));
            made.map_err(|error| Error::Product { what: compiled.display().to_string(), detail: format!("{error:#}") })
        })?;
        let bound = work.join(format!("{module}_bg.wasm"));
        let optimised = named.join(format!("{module}_bg.wasm"));
        let mut optimise = project.node();
        optimise.arg(wasm_opt(project)?).args(FEATURES).args([LEVEL, "-g"]);
        if self.rustflags == RELAXED_RUSTFLAGS {
            optimise.arg("--enable-relaxed-simd");
        }
        optimise.arg(&bound).arg("-o").arg(&optimised);
        project.run(&format!("optimising {} wasm", self.name), &mut optimise)?;
        let bytes = fs::read(&optimised).map_err(Error::file(&optimised))?;
        let bare = names::without_custom_sections(&bytes)
            .map_err(|detail| Error::Product { what: optimised.display().to_string(), detail })?;
        fs::write(&bound, bare).map_err(Error::file(&bound))?;
        match fs::rename(&work, kept) {
            // Another checkout was quicker with the same engine.
            Err(_) if kept.is_dir() => fs::remove_dir_all(&work).map_err(Error::file(&work)),
            done => done.map_err(Error::file(kept)),
        }
    }
}

/// The optimiser's program, from the npm package `binaryen` of the test tools or of the package.
fn wasm_opt(project: &Project) -> Result<PathBuf, Error> {
    ["pkg", "tests"]
        .iter()
        .map(|folder| project.path(folder).join("node_modules/binaryen/bin/wasm-opt"))
        .find(|path| path.is_file())
        .ok_or_else(|| Error::Missing {
            what: "wasm-opt is not installed: neither pkg nor tests has the npm package binaryen".into(),
            remedy: "npm --prefix pkg ci".into(),
        })
}

/// The sections of the root manifest that decide how code is compiled.
fn profiles(manifest: &str) -> String {
    let mut inside = false;
    let mut kept = String::new();
    for line in manifest.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('[') {
            inside =
                ["[profile.compact", "[profile.full", "[profile.release"].iter().any(|start| line.starts_with(start));
        }
        if inside {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// Folds a folder's sources into `hasher`, in the order of their names. Tests are not part of an engine.
fn hash_sources(folder: &Path, hasher: &mut DefaultHasher) -> Result<(), Error> {
    let mut entries =
        fs::read_dir(folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>()).map_err(Error::file(folder))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if name != "tests" && name != "benches" && name != "examples" {
                hash_sources(&path, hasher)?;
            }
            continue;
        }
        name.hash(hasher);
        fs::read(&path).map_err(Error::file(&path))?.hash(hasher);
    }
    Ok(())
}

/// The plain files of a folder.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>())
        .map_err(Error::file(folder))?;
    Ok(entries.into_iter().filter(|path| path.is_file()).collect())
}

/// Drops the oldest engines of one name beyond [`KEPT`], and what interrupted builds left.
fn prune(folder: &Path, name: &str) -> Result<(), Error> {
    let mut engines = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::file(folder))?.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(&format!("{name}-")) {
            continue;
        }
        let made = entry.metadata().and_then(|data| data.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        if entry.path().extension().is_none() {
            engines.push((made, entry.path()));
        } else if made.elapsed().is_ok_and(|age| age > ABANDONED) {
            fs::remove_dir_all(entry.path()).map_err(Error::file(entry.path()))?;
        }
    }
    engines.sort();
    let surplus = engines.len().saturating_sub(KEPT);
    for (_, path) in engines.drain(..surplus) {
        fs::remove_dir_all(&path).map_err(Error::file(path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_profiles_of_the_engines_decide_whether_one_is_rebuilt() {
        let manifest =
            "[workspace]\nmembers = []\n\n[profile.dev]\ndebug = 1\n[profile.compact]\n# why\nlto = \"fat\"\n";
        assert_eq!(profiles(manifest), "[profile.compact]\nlto = \"fat\"\n");
    }
}
