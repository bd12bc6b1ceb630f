//! The npm package and the demo: TypeScript, then Vite.

use std::thread;

use crate::engine::{COMPACT, FULL, RELAXED};
use crate::error::Error;
use crate::project::Project;
use crate::setup;

/// Sets up what building needs and builds engines, package and demo.
pub(crate) fn build(project: &Project) -> Result<(), Error> {
    prepare(project, &["pkg"])?;
    // The slow engine is mostly one compiler thread; the other core does the rest meanwhile.
    thread::scope(|scope| {
        let full = scope.spawn(|| FULL.build(project));
        COMPACT.build(project)?;
        RELAXED.build(project)?;
        setup::npm_packages(project, "www")?;
        full.join().expect("the build's failures are errors, not panics")
    })?;
    facade(project)?;
    demo(project)
}

/// Node, the WebAssembly target and the npm packages of `folders`.
pub(crate) fn prepare(project: &Project, folders: &[&str]) -> Result<(), Error> {
    setup::node()?;
    setup::wasm_target(project)?;
    folders.iter().try_for_each(|folder| setup::npm_packages(project, folder))
}

/// The package's JavaScript and types, from TypeScript.
pub(crate) fn facade(project: &Project) -> Result<(), Error> {
    project.run("building the npm package", project.npm("pkg").args(["run", "build"])).map(drop)
}

/// The demo shop, type-checked and bundled.
pub(crate) fn demo(project: &Project) -> Result<(), Error> {
    project.run("building the demo", project.npm("www").args(["run", "build"])).map(drop)
}
