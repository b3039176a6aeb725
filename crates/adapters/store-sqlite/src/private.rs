//! Files and folders that only their owner may read (spec 8.2: folder 0700, files 0600). Where the system has no such
//! rights, those of the folder above hold.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    path::Path,
};

/// What the group and all others may do, in the mode of a file.
#[cfg(unix)]
const RIGHTS_OF_OTHERS: u32 = 0o077;

/// Creates a folder and those above it, as far as they are missing, for its owner only.
///
/// # Errors
/// When the system refuses it.
pub fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    folders(&mut builder);
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    builder.create(path)
}

/// Creates an empty file for its owner only; if it exists, others lose what rights they have to it.
pub(crate) fn create_file(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    files(&mut options);
    take_from_others(&options.open(path)?)?;
    Ok(())
}

/// Takes rights away that others have to a file. Whether they had some.
///
/// # Errors
/// When the system refuses it.
#[cfg(unix)]
pub fn take_from_others(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    let mut permissions = file.metadata()?.permissions();
    if permissions.mode() & RIGHTS_OF_OTHERS == 0 {
        return Ok(false);
    }
    permissions.set_mode(permissions.mode() & 0o700);
    file.set_permissions(permissions)?;
    Ok(true)
}

/// Takes rights away that others have to a file. Whether they had some.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn take_from_others(_file: &File) -> io::Result<bool> {
    Ok(false)
}

/// Whether others than its owner have rights to a file or folder.
#[cfg(unix)]
pub fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & RIGHTS_OF_OTHERS != 0)
}

/// Whether others than its owner have rights to a file or folder.
#[cfg(not(unix))]
pub fn is_open_to_others(_path: &Path) -> bool {
    false
}

/// Files made with these options are their owner's only.
#[cfg(unix)]
pub fn files(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

/// Files made with these options are their owner's only.
#[cfg(not(unix))]
pub fn files(_options: &mut OpenOptions) {}

#[cfg(unix)]
fn folders(builder: &mut DirBuilder) {
    use std::os::unix::fs::DirBuilderExt;
    builder.mode(0o700);
}

#[cfg(not(unix))]
fn folders(_builder: &mut DirBuilder) {}
