//! `cargo xtask demo`: the shop in a browser, to look at or to be played once.

use std::path::{Path, PathBuf};
use std::{fs, thread};

use crate::error::Error;
use crate::package;
use crate::project::Project;
use crate::{serve, setup};

/// Plays a short session against a served demo and takes a picture; exit code 0 where it went as it should.
const PLAYER: &str = "tests/browser/demo-once.mjs";

/// Builds and serves the demo until interrupted.
pub(crate) fn keep(project: &Project, port: u16) -> Result<(), Error> {
    package::build(project)?;
    let address = serve::serve(&project.path("www/dist"), port)?;
    println!("\nThe demo shop is at http://{address}/   (Ctrl-C ends it)");
    loop {
        thread::park();
    }
}

/// Builds the demo, plays a short session in a browser without a window, and leaves a screenshot.
pub(crate) fn once(project: &Project, screenshot: Option<&Path>) -> Result<(), Error> {
    package::build(project)?;
    setup::npm_packages(project, "tests")?;
    let chromium = setup::chromium(project)?;
    let picture = match screenshot {
        Some(path) => std::path::absolute(path).map_err(Error::file(path))?,
        None => project.target.join("demo.png"),
    };
    let folder = picture.parent().map(PathBuf::from).unwrap_or_default();
    fs::create_dir_all(&folder).map_err(Error::file(folder))?;
    let address = serve::serve(&project.path("www/dist"), 0)?;
    let mut player = project.node();
    player.arg(PLAYER).arg("--url").arg(format!("http://{address}/")).arg("--screenshot").arg(&picture);
    let said = project.run("playing a short session in the demo", player.env("CHROMIUM", chromium))?;
    project.console.say(said.trim_end());
    if !picture.is_file() {
        return Err(Error::Product { what: picture.display().to_string(), detail: "the screenshot is missing".into() });
    }
    println!("Screenshot: {}", picture.display());
    Ok(())
}
