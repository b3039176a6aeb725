//! The machine that the server runs on, read with `sysinfo`.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use procession_http::{Fill, HostMeter, HostReading};
use sysinfo::{Disks, MINIMUM_CPU_UPDATE_INTERVAL, System};

/// Reads the machine, at most as often as that tells something new.
#[derive(Debug)]
pub struct Machine {
    /// Where the data lies.
    folder: PathBuf,
    watched: Mutex<Watched>,
}

#[derive(Debug)]
struct Watched {
    system: System,
    /// When the processors were last looked at, and how busy they had been then; the first look tells nothing.
    looked_at: Instant,
    cpu_percent: Option<f32>,
}

impl Machine {
    /// The machine with the data in this folder; `None` where nothing can be told of it.
    pub fn with_data_in(folder: PathBuf) -> Option<Self> {
        let mut system = System::new().ok()?;
        system.refresh_cpu_usage();
        Some(Self { folder, watched: Mutex::new(Watched { system, looked_at: Instant::now(), cpu_percent: None }) })
    }

    /// The disk of the data: of all that hold its folder, the one mounted deepest.
    fn disk(&self) -> Option<Fill> {
        let folder = self.folder.canonicalize().ok()?;
        let disks = Disks::new_with_refreshed_list().ok()?;
        let holding = disks.iter().filter(|disk| folder.starts_with(disk.mount_point()));
        let disk = holding.max_by_key(|disk| disk.mount_point().components().count())?;
        let total = disk.total_space();
        Some(Fill { used: total.saturating_sub(disk.available_space()), total })
    }
}

impl HostMeter for Machine {
    fn read(&self) -> HostReading {
        let disk = self.disk();
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.looked_at.elapsed() >= MINIMUM_CPU_UPDATE_INTERVAL {
            watched.system.refresh_cpu_usage();
            watched.cpu_percent = Some(watched.system.global_cpu_usage());
            watched.looked_at = Instant::now();
        }
        watched.system.refresh_memory();
        let system = &watched.system;
        HostReading {
            cpu_percent: watched.cpu_percent,
            cpus: system.cpus().len(),
            memory: Fill { used: system.used_memory(), total: system.total_memory() },
            disk,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_read_within_its_bounds() {
        let machine = Machine::with_data_in(std::env::temp_dir()).unwrap();
        assert_eq!(machine.read().cpu_percent, None, "nothing can be said yet");
        std::thread::sleep(MINIMUM_CPU_UPDATE_INTERVAL);
        let reading = machine.read();
        assert!((0.0..=100.0).contains(&reading.cpu_percent.unwrap()), "{reading:?}");
        assert!(reading.cpus > 0, "{reading:?}");
        assert!(reading.memory.used > 0 && reading.memory.used <= reading.memory.total, "{reading:?}");
    }
}
