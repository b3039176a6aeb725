//! One process at a time: a lock file beside the database (architecture, leases).

use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

use crate::OpenError;

/// The right to open a database for writing. It ends when this is dropped, or with the process, however that ends.
#[derive(Debug)]
pub(crate) struct DatabaseLock {
    /// The operating system holds the lock as long as the file is open.
    _file: File,
}

impl DatabaseLock {
    /// Takes the lock and notes the process in it. The error names the process that has it.
    pub fn take(database: &Path) -> Result<Self, OpenError> {
        let path = lock_path(database);
        let mut file = open(&path).map_err(|error| OpenError::folder(&path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Without its number the message says less, but says it.
                let _ = file.read_to_string(&mut holder);
                return Err(OpenError::InUse { path: database.to_owned(), holder: holder.trim().to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(OpenError::folder(&path, error)),
        }
        note_holder(&mut file).map_err(|error| OpenError::folder(&path, error))?;
        Ok(Self { _file: file })
    }
}

fn lock_path(database: &Path) -> PathBuf {
    let mut name: OsString = database.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

fn open(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    crate::private::files(&mut options);
    options.open(path)
}

fn note_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())?;
    file.flush()
}
