//! The data folder (spec 8.2): for its owner only, with the key that signs tokens.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use procession_application::access::random_secret;
use procession_store_sqlite::private;
use secrecy::SecretString;

/// The file of the key that signs tokens.
const SECRET_KEY: &str = "secret.key";

/// The folder of everything that this server keeps.
#[derive(Debug, Clone)]
pub struct DataFolder(PathBuf);

/// The folder can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{} can't be used: {reason}", .path.display())]
pub struct DataFolderError {
    path: PathBuf,
    reason: io::Error,
}

impl DataFolder {
    /// The folder, made for its owner only when it is missing.
    pub fn open(path: &Path) -> Result<Self, DataFolderError> {
        private::create_folder(path).map_err(|reason| DataFolderError { path: path.to_owned(), reason })?;
        Ok(Self(path.to_owned()))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The key that signs tokens: made once, then kept. Only who has the folder's database to itself may ask.
    pub fn secret_key(&self) -> Result<SecretString, DataFolderError> {
        let path = self.0.join(SECRET_KEY);
        let failed = |reason| DataFolderError { path: path.clone(), reason };
        match fs::read_to_string(&path) {
            Ok(text) if !text.trim().is_empty() => {
                if File::open(&path).and_then(|file| private::take_from_others(&file)).map_err(failed)? {
                    tracing::warn!(file = %path.display(), "others could read this file; from now on they can't");
                }
                return Ok(text.trim().into());
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let secret = random_secret();
        self.write_private(SECRET_KEY, format!("{secret}\n").as_bytes()).map_err(failed)?;
        Ok(secret.into())
    }

    /// Keeps a small file below it, for its owner only.
    pub fn keep(&self, name: &str, content: &[u8]) -> io::Result<()> {
        if let Some(folder) = self.0.join(name).parent() {
            private::create_folder(folder)?;
        }
        self.write_private(name, content)
    }

    /// Whether others than its owner may look into it.
    pub fn is_open_to_others(&self) -> bool {
        private::is_open_to_others(&self.0)
    }

    /// Writes a file for its owner only, whole or not at all.
    fn write_private(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let unfinished = self.0.join(format!("{name}.unfinished"));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        private::files(&mut options);
        let mut file = options.open(&unfinished)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&unfinished, self.0.join(name))?;
        File::open(&self.0)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn the_secret_key_is_made_once_for_the_owner_only() {
        let parent = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(&parent.path().join("a/b")).unwrap();
        let first = folder.secret_key().unwrap();
        let second = DataFolder::open(folder.path()).unwrap().secret_key().unwrap();
        assert_eq!(first.expose_secret(), second.expose_secret());
        assert!(first.expose_secret().len() >= 32);
        assert!(!folder.is_open_to_others());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let file = folder.path().join(SECRET_KEY);
            let mode = || fs::metadata(&file).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(), 0o600);
            fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
            folder.secret_key().unwrap();
            assert_eq!(mode(), 0o600, "what others could read is theirs no more");
        }
    }

    #[test]
    fn an_empty_key_file_is_not_taken_for_a_key() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(SECRET_KEY), "\n").unwrap();
        let key = DataFolder::open(folder.path()).unwrap().secret_key().unwrap();
        assert!(!key.expose_secret().is_empty());
    }
}
