//! Cargo's target folder, which checkouts share so that dependencies are compiled once.
//!
//! Cargo tells a workspace's sources apart by their place in it and their time. Two checkouts look alike to it, and
//! the older one would be handed what was compiled from the newer. So whoever comes makes cargo forget what it knows
//! of our own crates, unless it was here last.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// How our crates' names begin.
const OURS: &str = "nearside";

/// How deep below the target folder fingerprints lie: `debug/.fingerprint`, `TRIPLE/PROFILE/.fingerprint`.
const DEPTH: usize = 3;

/// Makes `target` that of the checkout at `root`.
pub(crate) fn claim(target: &Path, root: &Path) -> Result<(), Error> {
    let owner = target.join("checkout");
    let name = root.display().to_string();
    if fs::read_to_string(&owner).is_ok_and(|last| last == name) {
        return Ok(());
    }
    for folder in fingerprints(target, DEPTH) {
        for entry in fs::read_dir(&folder).map_err(Error::file(&folder))?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(OURS) {
                fs::remove_dir_all(entry.path()).map_err(Error::file(entry.path()))?;
            }
        }
    }
    fs::create_dir_all(target).map_err(Error::file(target))?;
    fs::write(&owner, name).map_err(Error::file(owner))
}

fn fingerprints(folder: &Path, depth: usize) -> Vec<PathBuf> {
    if folder.ends_with(".fingerprint") {
        return vec![folder.to_owned()];
    }
    if depth == 0 {
        return Vec::new();
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.map(|entry| entry.path()).filter(|path| path.is_dir());
    folders.flat_map(|inside| fingerprints(&inside, depth - 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_checkout_finds_dependencies_and_none_of_our_crates() {
        let target = std::env::temp_dir().join(format!("nearside-target-{}", std::process::id()));
        let known = |name: &str| target.join("wasm32-unknown-unknown/compact/.fingerprint").join(name);
        let compile = || {
            for name in ["nearside-core-1f", "nearside-2e", "serde-3d"] {
                fs::create_dir_all(known(name)).unwrap();
            }
        };
        compile();
        claim(&target, Path::new("/first")).unwrap();
        compile();
        claim(&target, Path::new("/first")).unwrap();
        assert!(known("nearside-core-1f").exists(), "the same checkout keeps what it compiled");
        claim(&target, Path::new("/second")).unwrap();
        assert!(!known("nearside-core-1f").exists() && !known("nearside-2e").exists());
        assert!(known("serde-3d").exists());
        fs::remove_dir_all(&target).unwrap();
    }
}
