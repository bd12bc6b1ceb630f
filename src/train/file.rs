//! Files that are whole or not there: written beside their place, put on the disk, then moved there.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Writes a file. However it ends, with a full disk or a killed program, the place holds what it held before or all of
/// `bytes`.
///
/// The file is written as `.part` beside its place, which is removed where that fails; what stands there and is no file,
/// such as a pipe or a device, is written into. Errors: what the system says.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|data| !data.is_file() && !data.is_dir()) {
        return fs::write(path, bytes);
    }
    let beside = path.with_extension("part");
    let write = || {
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        // Before it takes the old one's place; a crash of the machine must not leave an empty file.
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_written_leaves_the_old_one_and_no_part() {
        let folder = std::env::temp_dir().join(format!("nearside-file-{}", std::process::id()));
        fs::create_dir_all(folder.join("taken")).unwrap();
        let path = folder.join("model.onnx");
        write_whole(&path, b"old").unwrap();
        write_whole(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        // A folder stands where the file should.
        assert_eq!(write_whole(&folder.join("taken"), b"text").unwrap_err().kind(), io::ErrorKind::IsADirectory);
        #[cfg(target_os = "linux")]
        {
            std::os::unix::fs::symlink("/dev/full", folder.join("model.part")).unwrap();
            assert_eq!(write_whole(&path, b"newest").unwrap_err().kind(), io::ErrorKind::StorageFull);
            assert_eq!(fs::read(&path).unwrap(), b"new");
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
        #[cfg(unix)]
        {
            // A link, so that a place in this folder would be lost and not one of the system.
            let device = folder.join("device");
            std::os::unix::fs::symlink("/dev/null", &device).unwrap();
            write_whole(&device, b"text").unwrap();
            assert!(fs::symlink_metadata(&device).unwrap().is_symlink());
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
