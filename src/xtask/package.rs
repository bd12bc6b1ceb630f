//! The npm package and the demo: TypeScript, then Vite.

use crate::engine::{COMPACT, FULL};
use crate::error::Error;
use crate::project::Project;
use crate::setup;

/// Sets up what building needs and builds engines, package and demo.
pub(crate) fn build(project: &Project) -> Result<(), Error> {
    prepare(project, &["pkg", "www"])?;
    COMPACT.build(project)?;
    FULL.build(project)?;
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
