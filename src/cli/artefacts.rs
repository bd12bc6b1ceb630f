//! What `train` and `rules` leave in the folder of --out: no file of an earlier run beside the model of a later one.
//!
//! Only names that a run gives are ever removed, and none but by the run that puts its model in place.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Files that a run may leave.
const FILES: [&str; 4] = ["model.onnx", "vocabulary.json", "content.safetensors", "train.jsonl"];
/// Files in the folder of a network's checkpoints; the last two are there where a run was killed.
const CHECKPOINTS: [&str; 4] = ["last.safetensors", "best.safetensors", "last.part", "best.part"];

/// The networks that a run of `train` trains: each has a page and a folder of checkpoints under its name.
pub(crate) fn networks(teachers: u64, refit: bool) -> Vec<String> {
    let first = [("network", "teacher"), ("refit", "refit-teacher")];
    let named = |(network, teacher): (&str, &str)| {
        let network = std::iter::once(network.to_owned());
        network.chain((1..=teachers).map(move |number| format!("{teacher}-{number}"))).collect::<Vec<_>>()
    };
    first.into_iter().take(1 + usize::from(refit)).flat_map(named).collect()
}

/// Whether a run of `train` may have trained a network of this name.
fn is_network(name: &str) -> bool {
    let number = name.strip_prefix("refit-").unwrap_or(name).strip_prefix("teacher-");
    let numbered = number.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()));
    matches!(name, "network" | "refit") || numbered
}

/// Whether a run may leave a file of this name, or remove that of an earlier one, or write it on the way.
fn is_artefact(name: &str) -> bool {
    let on_the_way = |file: &str| name.strip_suffix(".part") == file.split('.').next();
    FILES.contains(&name)
        || FILES.iter().any(|file| on_the_way(file))
        || name.strip_suffix(".html").is_some_and(is_network)
}

/// The files in a folder that a run may write over or remove; none where there is no folder yet.
pub(crate) fn artefacts(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.filter(|entry| entry.file_name().to_str().is_some_and(is_artefact)).map(|entry| entry.path()).collect()
}

/// Removes what earlier runs left in a folder: all files that a run may leave but `files`, and what belongs to networks
/// but `networks`. Everything else stays.
pub(crate) fn remove_others(folder: &Path, files: &[&str], networks: &[String]) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(Error::writing(folder))? {
        let entry = entry.map_err(Error::writing(folder))?;
        let (path, name) = (entry.path(), entry.file_name());
        let Some(name) = name.to_str() else { continue };
        let other = |network: &str| is_network(network) && !networks.iter().any(|kept| kept == network);
        if entry.file_type().map_err(Error::writing(&path))?.is_dir() {
            if other(name) {
                CHECKPOINTS.iter().map(|name| path.join(name)).try_for_each(|path| removed(&path))?;
                // It stays where it holds anything else.
                let _ = fs::remove_dir(&path);
            }
        } else if (FILES.contains(&name) && !files.contains(&name)) || name.strip_suffix(".html").is_some_and(other) {
            removed(&path)?;
        }
    }
    Ok(())
}

fn removed(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::writing(path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_networks_of_a_run_are_named_as_their_files_are() {
        let names = networks(2, true);
        assert_eq!(names, ["network", "teacher-1", "teacher-2", "refit", "refit-teacher-1", "refit-teacher-2"]);
        assert!(names.iter().all(|name| is_network(name)));
        assert_eq!(networks(0, false), ["network"]);
        assert!(is_artefact("model.part") && is_artefact("train.part") && !is_artefact("events.part"));
        for foreign in ["networks", "teacher", "teacher-", "teacher-one", "refit-", "refit-network", "notes"] {
            assert!(!is_network(foreign), "{foreign}");
        }
    }
}
