//! Large values as files (spec 2.4): written whole and synced before they have their name, and never overwritten.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::UNIX_EPOCH,
};

use async_trait::async_trait;
use procession_application::ports::{BlobError, BlobStore, is_blob_key};

use crate::private;

/// Where files are until they are whole. No key begins with a dot.
const UNFINISHED: &str = ".unfinished";

/// A folder may be removed, since it is empty, while a blob is about to be put into it: then it is made again.
const TRIES: usize = 16;

/// Blobs as files below a folder, each under its key.
#[derive(Debug, Clone)]
pub struct FileBlobs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    /// Tells files that are being written apart.
    writes: AtomicU64,
}

impl FileBlobs {
    /// Blobs below this folder, which is created when it is missing. What an earlier process left unfinished is removed,
    /// so one process at a time may open it.
    pub async fn open(folder: impl Into<PathBuf>) -> Result<Self, BlobError> {
        let inner = Inner { folder: folder.into(), writes: AtomicU64::new(0) };
        let blobs = Self(Arc::new(inner));
        blobs.run(Inner::prepare).await?;
        Ok(blobs)
    }

    /// Runs something that waits for the disk, where that holds up nobody else.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> io::Result<T> + Send + 'static,
    ) -> Result<T, BlobError> {
        let inner = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        let unavailable = |error: io::Error| {
            let folder = self.0.folder.display();
            BlobError::Unavailable(match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    format!("the disk of {folder} is full: free some space on it, and the work goes on by itself")
                }
                _ => format!("{folder}: {error}"),
            })
        };
        done.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(unavailable)
    }
}

#[async_trait]
impl BlobStore for FileBlobs {
    async fn put(&self, key: &str, content: &[u8]) -> Result<(), BlobError> {
        if !is_blob_key(key) {
            return Err(BlobError::Unavailable(format!("`{key}` is not the key of a value")));
        }
        let (key, content) = (key.to_owned(), content.to_vec());
        self.run(move |inner| inner.put(&key, &content)).await
    }

    async fn get(&self, key: &str) -> Result<Vec<u8>, BlobError> {
        let missing = || BlobError::Missing(key.to_owned());
        if !is_blob_key(key) {
            return Err(missing());
        }
        let wanted = key.to_owned();
        let found = self.run(move |inner| if_there(fs::read(inner.path(&wanted)))).await?;
        found.ok_or_else(missing)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, i64)>, BlobError> {
        let prefix = prefix.to_owned();
        self.run(move |inner| inner.list(&prefix)).await
    }

    async fn delete(&self, key: &str) -> Result<(), BlobError> {
        if !is_blob_key(key) {
            return Ok(());
        }
        let key = key.to_owned();
        self.run(move |inner| inner.delete(&key)).await
    }
}

impl Inner {
    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(key)
    }

    fn prepare(&self) -> io::Result<()> {
        let unfinished = self.folder.join(UNFINISHED);
        private::create_folder(&unfinished)?;
        for file in fs::read_dir(&unfinished)? {
            fs::remove_file(file?.path())?;
        }
        Ok(())
    }

    fn put(&self, key: &str, content: &[u8]) -> io::Result<()> {
        let path = self.path(key);
        if !path.is_file() {
            let number = self.writes.fetch_add(1, Ordering::Relaxed);
            let unfinished = self.folder.join(UNFINISHED).join(number.to_string());
            let written = write_synced(&unfinished, content).and_then(|()| give_name(&unfinished, &path));
            let removed = fs::remove_file(&unfinished);
            written.and(removed)?;
        }
        // Also if it was there: whoever wrote it may not have come this far.
        self.sync_folders(&path)
    }

    /// Syncs every folder on the way to a file, since any of them may be new.
    fn sync_folders(&self, path: &Path) -> io::Result<()> {
        let above = path.ancestors().skip(1);
        for folder in above.take_while(|folder| folder.starts_with(&self.folder)) {
            sync_folder(folder)?;
        }
        Ok(())
    }

    fn list(&self, prefix: &str) -> io::Result<Vec<(String, i64)>> {
        // Whole names at the beginning lead to a folder, so that only that one is looked through.
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut found = Vec::new();
        if folder.is_empty() || is_blob_key(folder) {
            list_below(&self.path(folder), folder, &mut found)?;
        }
        found.retain(|(key, _)| key.starts_with(prefix));
        Ok(found)
    }

    fn delete(&self, key: &str) -> io::Result<()> {
        let path = self.path(key);
        let removed = fs::remove_file(&path);
        if removed.as_ref().is_err_and(is_absence) {
            return Ok(());
        }
        removed?;
        let above = path.ancestors().skip(1);
        for folder in above.take_while(|folder| folder.starts_with(&self.folder) && *folder != self.folder) {
            if fs::remove_dir(folder).is_err() {
                // It is not empty.
                break;
            }
        }
        Ok(())
    }
}

/// Makes the entries of a folder survive a crash of the machine.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Copies what is missing of the blobs below one folder to another one, which is created. How many blobs there are.
pub(crate) fn copy_blobs(from: &Path, to: &Path) -> io::Result<u64> {
    let mut found = Vec::new();
    list_below(from, "", &mut found)?;
    if found.is_empty() {
        return Ok(0);
    }
    let source = Inner { folder: from.to_owned(), writes: AtomicU64::new(0) };
    let target = Inner { folder: to.to_owned(), writes: AtomicU64::new(0) };
    target.prepare()?;
    let mut copied = 0;
    for (key, _) in found {
        // One that is gone meanwhile is named by no row.
        if let Some(content) = if_there(fs::read(source.path(&key)))? {
            target.put(&key, &content)?;
            copied += 1;
        }
    }
    fs::remove_dir(to.join(UNFINISHED))?;
    sync_folder(to)?;
    Ok(copied)
}

fn write_synced(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    private::files(&mut options);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Gives a finished file its name, unless another one has it, which then has the same content.
fn give_name(finished: &Path, path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    let mut tries = 0;
    loop {
        private::create_folder(folder)?;
        match fs::hard_link(finished, path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries < TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

fn list_below(folder: &Path, key: &str, found: &mut Vec<(String, i64)>) -> io::Result<()> {
    let Some(entries) = if_there(fs::read_dir(folder))? else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| is_blob_key(name)) else {
            continue;
        };
        let key = if key.is_empty() { name.to_owned() } else { format!("{key}/{name}") };
        let Some(metadata) = if_there(entry.metadata())? else {
            continue;
        };
        if metadata.is_dir() {
            list_below(&entry.path(), &key, found)?;
        } else {
            let since = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            found.push((key, i64::try_from(since.as_micros()).unwrap_or(i64::MAX)));
        }
    }
    Ok(())
}

pub(crate) fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether an error says that there is no such file: also if a folder has its name, or a file that of its folder.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory)
}
