//! The machine on which is measured, and how much memory a process has.

use std::{fs, path::Path, time::Duration};

use anyhow::Context as _;

/// What decides how fast things are.
#[derive(Debug, Clone)]
pub struct Machine {
    processor: String,
    cores: usize,
    memory: String,
    kernel: String,
    disk: String,
    load: String,
    date: String,
}

impl Machine {
    /// The machine as it is now.
    pub fn look_at(folder: &Path) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim_start_matches([' ', '\t', ':']).trim().to_owned())
        };
        let unknown = || "unknown".to_owned();
        let kib: u64 = field(&read("/proc/meminfo"), "MemTotal")
            .and_then(|size| size.split(' ').next()?.parse().ok())
            .unwrap_or_default();
        Self {
            processor: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: format!("{:.1} GiB", f64::from(u32::try_from(kib / 1024).unwrap_or(u32::MAX)) / 1024.0),
            kernel: format!("{} {}", read("/proc/sys/kernel/ostype").trim(), read("/proc/sys/kernel/osrelease").trim()),
            disk: file_system(&read("/proc/self/mounts"), folder).unwrap_or_else(unknown),
            load: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
            date: time::OffsetDateTime::now_utc().date().to_string(),
        }
    }

    /// Lines of a list.
    pub fn to_markdown(&self) -> String {
        let Self { processor, cores, memory, kernel, disk, load, date } = self;
        format!(
            "* Measured on {date}, release build.\n\
             * Processor: {processor}, {cores} cores; load average of the machine when it began: {load}.\n\
             * Memory: {memory}. Kernel: {kernel}. File system of the databases: {disk}.\n"
        )
    }
}

/// The kind of file system that a folder is on.
fn file_system(mounts: &str, folder: &Path) -> Option<String> {
    let folder = fs::canonicalize(folder).ok()?;
    let mounted = mounts.lines().filter_map(|line| {
        let mut parts = line.split(' ').skip(1);
        let (place, kind) = (parts.next()?, parts.next()?);
        folder.starts_with(place).then_some((place.len(), kind))
    });
    mounted.max_by_key(|(length, _)| *length).map(|(_, kind)| kind.to_owned())
}

/// The memory that a process has in use (resident set), in bytes.
pub fn memory_of(process: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.trim().split(' ').next().unwrap_or_default().parse()?;
    Ok(kib * 1024)
}

/// The time for which threads of a process have been on a processor, those that have ended among them; to 10 ms.
pub fn processor_time_of(process: u32) -> anyhow::Result<Duration> {
    let status = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in brackets may hold spaces; the times in user mode and in the kernel are the 12th and 13th after it.
    let (_, fields) = status.rsplit_once(')').context("no name in the statistics of a process")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

/// The time for which threads of this process have been on a processor. Unlike the time on the wall it does not depend on
/// what else the machine does; threads that have ended are not counted.
pub fn processor_time() -> anyhow::Result<Duration> {
    let mut nanos = 0;
    for thread in fs::read_dir("/proc/self/task")? {
        let Ok(statistics) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        nanos += statistics.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// Bytes as people read them.
pub fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", f64::from(u32::try_from(bytes / 1000).unwrap_or(u32::MAX)) / 1000.0)
}
