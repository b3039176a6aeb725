//! Files and folders that only their owner may read (spec 8.2: folder 0700, files 0600).

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    path::Path,
};

/// Creates a folder and those above it, as far as they are missing, for its owner only.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
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
    take_from_others(&options.open(path)?)
}

/// What the group and all others may do, in the mode of a file.
#[cfg(unix)]
const RIGHTS_OF_OTHERS: u32 = 0o077;

#[cfg(unix)]
fn take_from_others(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut permissions = file.metadata()?.permissions();
    if permissions.mode() & RIGHTS_OF_OTHERS == 0 {
        return Ok(());
    }
    permissions.set_mode(permissions.mode() & 0o700);
    file.set_permissions(permissions)
}

#[cfg(not(unix))]
fn take_from_others(_file: &File) -> io::Result<()> {
    Ok(())
}

/// Files made with these options are their owner's only.
#[cfg(unix)]
pub(crate) fn files(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

#[cfg(unix)]
fn folders(builder: &mut DirBuilder) {
    use std::os::unix::fs::DirBuilderExt;
    builder.mode(0o700);
}

/// Elsewhere the rights of the folder hold.
#[cfg(not(unix))]
pub(crate) fn files(_options: &mut OpenOptions) {}

#[cfg(not(unix))]
fn folders(_builder: &mut DirBuilder) {}
