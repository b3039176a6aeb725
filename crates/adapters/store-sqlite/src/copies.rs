//! Copies of a database together with its large values, and bringing them back (spec 8.1, `db backup` and `db restore`).

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    blobs::{copy_blobs, sync_folder},
    lock::DatabaseLock,
    maintenance::{backup, folder_of, give_name, remove_if_there, with_suffix},
    open::OpenError,
    options::Options,
    private,
};

/// What was brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// How many large values.
    pub values: u64,
    /// Where the database is now that was there before, if there was one.
    pub before: Option<PathBuf>,
}

/// Where the large values of a copy are: in a folder beside it.
pub fn values_of(copy: &Path) -> PathBuf {
    with_suffix(copy, ".blobs")
}

/// Writes a copy of a database and of its large values, which are in the folder `values`: to a file that does not exist
/// yet, and to a folder beside it ([`values_of`]). How many large values there are. Safe beside a running server: what is
/// written meanwhile is in both or in neither.
pub async fn back_up(database: &Path, values: &Path, target: &Path) -> Result<u64, OpenError> {
    let unusable = |error: io::Error| OpenError::folder(target, error);
    if target.exists() {
        return Err(unusable(io::Error::new(io::ErrorKind::AlreadyExists, "the file already exists")));
    }
    // A value is there before a row names it, so that after the database all values that it names can be copied. The copy
    // has its name only when they are.
    let incomplete = with_suffix(target, ".incomplete");
    remove_if_there(&incomplete).map_err(unusable)?;
    backup(database, &incomplete).await?;
    let folder = values_of(target);
    let finished = copy_blobs(values, &folder)
        .map_err(|error| OpenError::folder(&folder, error))
        .and_then(|copied| give_name(&incomplete, target).map(|()| copied).map_err(unusable));
    let removed = remove_if_there(&incomplete).map_err(unusable);
    finished.and_then(|copied| removed.map(|()| copied))
}

/// Brings a copy that [`back_up`] made back: the database to where `options` have it, the large values to the folder
/// `values`. A database that is there already is refused, or with `replace` moved, with its values, to a folder of this
/// name beside it. Refused while a server has it open.
pub fn restore(options: &Options, values: &Path, source: &Path, replace: Option<&str>) -> Result<Restored, OpenError> {
    let path = &options.path;
    let unusable = |error: io::Error| OpenError::folder(path, error);
    if !source.is_file() {
        return Err(OpenError::Missing(source.to_owned()));
    }
    private::create_folder(folder_of(path)).map_err(unusable)?;
    let lock = DatabaseLock::take(path)?;
    let before = match (path.exists(), replace) {
        (false, _) => None,
        (true, None) => {
            return Err(unusable(io::Error::new(io::ErrorKind::AlreadyExists, "there is a database already")));
        }
        (true, Some(name)) => Some(put_aside(path, values, name).map_err(unusable)?),
    };
    let copied = copy_blobs(&values_of(source), values).map_err(|error| OpenError::folder(values, error))?;
    // Last, so that a database that is there has all its values; a log of another one must not be taken for its own.
    for log in ["-wal", "-shm"] {
        remove_if_there(&with_suffix(path, log)).map_err(unusable)?;
    }
    let unfinished = with_suffix(path, ".unfinished");
    remove_if_there(&unfinished).map_err(unusable)?;
    private::create_file(&unfinished).map_err(unusable)?;
    let written = fs::copy(source, &unfinished).and_then(|_| give_name(&unfinished, path));
    let removed = remove_if_there(&unfinished);
    written.and(removed).map_err(unusable)?;
    drop(lock);
    Ok(Restored { values: copied, before })
}

/// Moves a database and its values to a new folder beside it.
fn put_aside(path: &Path, values: &Path, name: &str) -> io::Result<PathBuf> {
    let folder = folder_of(path).join(name);
    if folder.exists() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{} already exists", folder.display())));
    }
    private::create_folder(&folder)?;
    let files = [path.to_owned(), with_suffix(path, "-wal"), with_suffix(path, "-shm"), values.to_owned()];
    for file in files.iter().filter(|file| file.exists()) {
        let Some(name) = file.file_name() else { continue };
        fs::rename(file, folder.join(name))?;
    }
    sync_folder(&folder)?;
    Ok(folder)
}
