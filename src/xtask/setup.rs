//! What the machine must have before anything is built, and how it gets it.
//!
//! Nothing is installed that is there already, and nothing outside the
//! checkout is changed except by the tools meant for it: rustup and apt-get.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::error::Error;
use crate::project::{Project, answer};

/// The only target the engines are built for.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// Oldest Node whose test runner and module loading the tests rely on.
const NODE_MAJOR: u32 = 20;

/// Names under which Chromium is installed, in order of preference.
const CHROMIUM: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The standard library for WebAssembly, through rustup where it is missing.
pub(crate) fn wasm_target(project: &Project) -> Result<(), Error> {
    let installed = || {
        answer(Command::new("rustc").args(["--print", "target-libdir", "--target", WASM]))
            .is_some_and(|folder| Path::new(&folder).is_dir())
    };
    if installed() {
        return Ok(());
    }
    let added = project.run(&format!("adding the target {WASM}"), Command::new("rustup").args(["target", "add", WASM]));
    if added.is_ok() && installed() {
        return Ok(());
    }
    Err(Error::Missing {
        what: format!("Rust's standard library for {WASM} is not installed, and rustup could not add it"),
        remedy: format!(
            "rustup target add {WASM}   (for a Rust from elsewhere, install its package of that target's std)"
        ),
    })
}

/// rustfmt and clippy, which a minimal Rust installation lacks.
pub(crate) fn rust_components(project: &Project) -> Result<(), Error> {
    for (component, command) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        let installed = || answer(project.cargo().args([command, "--version"])).is_some();
        if installed() {
            continue;
        }
        let title = format!("adding the component {component}");
        let added = project.run(&title, Command::new("rustup").args(["component", "add", component]));
        if added.is_err() || !installed() {
            return Err(Error::Missing {
                what: format!("`cargo {command}` is not installed, and rustup could not add it"),
                remedy: format!("rustup component add {component}"),
            });
        }
    }
    Ok(())
}

/// Node and npm, which are not ours to install.
pub(crate) fn node() -> Result<(), Error> {
    let remedy = format!("install Node {NODE_MAJOR} or newer, with npm, and put both on PATH");
    let Some(version) = answer(Command::new("node").arg("--version")) else {
        return Err(Error::Missing { what: "Node is not installed".into(), remedy });
    };
    if major(&version).is_none_or(|number| number < NODE_MAJOR) {
        return Err(Error::Missing { what: format!("Node is too old: {version}"), remedy });
    }
    if answer(Command::new("npm").arg("--version")).is_none() {
        return Err(Error::Missing { what: "npm is not installed".into(), remedy });
    }
    Ok(())
}

/// The number before the first dot of a version such as `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').next()?.parse().ok()
}

/// The packages of one folder's lock file, exactly. Skipped while the lock file is the one they were installed from.
pub(crate) fn npm_packages(project: &Project, folder: &str) -> Result<(), Error> {
    let lock = project.path(folder).join("package-lock.json");
    let stamp = project.path(folder).join("node_modules/.nearside-lock");
    let mut hasher = DefaultHasher::new();
    fs::read(&lock).map_err(Error::file(&lock))?.hash(&mut hasher);
    let wanted = format!("{:016x}", hasher.finish());
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    project.run(
        &format!("installing the npm packages of {folder}"),
        project.npm(folder).args(["ci", "--no-audit", "--no-fund"]),
    )?;
    fs::create_dir_all(project.path(folder).join("node_modules")).map_err(Error::file(&stamp))?;
    fs::write(&stamp, wanted).map_err(Error::file(&stamp))
}

/// Chromium: the variable `CHROMIUM`, one on PATH, or Debian's where we may install it.
pub(crate) fn chromium(project: &Project) -> Result<PathBuf, Error> {
    if let Some(path) = env::var_os("CHROMIUM").filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        return match path.is_file() {
            true => Ok(path),
            false => Err(Error::Missing {
                what: format!("CHROMIUM names {}, which is not a file", path.display()),
                remedy: "set CHROMIUM to the browser's program, or unset it".into(),
            }),
        };
    }
    if let Some(path) = CHROMIUM.iter().find_map(|name| on_path(name)) {
        return Ok(path);
    }
    if on_path("apt-get").is_some() && answer(Command::new("id").arg("-u")).as_deref() == Some("0") {
        let mut update = Command::new("apt-get");
        project.run("updating Debian's package list", update.arg("update"))?;
        let mut install = Command::new("apt-get");
        // Without a font the browser draws empty boxes, and a text's width is not what it will be.
        install.args(["install", "-y", "--no-install-recommends", "chromium", "fonts-liberation"]);
        project.run("installing Chromium", install.env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    CHROMIUM.iter().find_map(|name| on_path(name)).ok_or_else(|| Error::Missing {
        what: "Chromium is not installed, and only root on Debian can have it installed from here".into(),
        remedy: "sudo apt-get install chromium, or set CHROMIUM to the path of a Chromium or Chrome".into(),
    })
}

/// A program on PATH.
fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_node_prints() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("22.0.0-nightly"), Some(22));
        assert_eq!(major("unknown"), None);
    }

    #[test]
    fn a_shell_is_found_on_the_path_and_nonsense_is_not() {
        assert!(on_path("sh").is_some());
        assert_eq!(on_path("no-such-program-here"), None);
    }
}
