//! The data folder (spec 8.2): for its owner only, with the key that signs tokens.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use procession_application::access::random_secret;
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
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        private_folder(&mut builder);
        builder.create(path).map_err(|reason| DataFolderError { path: path.to_owned(), reason })?;
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
                only_for_the_owner(&path).map_err(failed)?;
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
            let mut builder = DirBuilder::new();
            builder.recursive(true);
            private_folder(&mut builder);
            builder.create(folder)?;
        }
        self.write_private(name, content)
    }

    /// Whether others than its owner may look into it.
    #[cfg(unix)]
    pub fn is_open_to_others(&self) -> bool {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(&self.0).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
    }

    /// Whether others than its owner may look into it.
    #[cfg(not(unix))]
    pub const fn is_open_to_others(&self) -> bool {
        false
    }

    /// Writes a file for its owner only, whole or not at all.
    fn write_private(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let unfinished = self.0.join(format!("{name}.unfinished"));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        private_file(&mut options);
        let mut file = options.open(&unfinished)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&unfinished, self.0.join(name))?;
        File::open(&self.0)?.sync_all()
    }
}

#[cfg(unix)]
fn private_folder(builder: &mut DirBuilder) {
    use std::os::unix::fs::DirBuilderExt;
    builder.mode(0o700);
}

/// What the group and all others may do, in the mode of a file.
#[cfg(unix)]
const RIGHTS_OF_OTHERS: u32 = 0o077;

/// Takes rights to a file away that others have.
#[cfg(unix)]
fn only_for_the_owner(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & RIGHTS_OF_OTHERS == 0 {
        return Ok(());
    }
    tracing::warn!(file = %path.display(), "others could read this file; from now on they can't");
    fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o700))
}

#[cfg(unix)]
fn private_file(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

/// Elsewhere the rights of the folder above hold.
#[cfg(not(unix))]
fn private_folder(_builder: &mut DirBuilder) {}

#[cfg(not(unix))]
fn only_for_the_owner(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn private_file(_options: &mut OpenOptions) {}

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
