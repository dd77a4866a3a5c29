//! What Linux says of this machine and of the processes on it.

use std::fs;

use serde::Serialize;

use crate::Result;

#[derive(Debug, Serialize)]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub memory_gib: f64,
    pub kernel: String,
}

impl Machine {
    pub fn this() -> Result<Self> {
        let processors = fs::read_to_string("/proc/cpuinfo")?;
        let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let memory = kib(&fs::read_to_string("/proc/meminfo")?, "MemTotal:")?;
        Ok(Self {
            processor: model.map_or("unknown", |(_, model)| model).to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            memory_gib: memory / 1024.0 / 1024.0,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
        })
    }
}

/// The most memory that a process was resident in so far.
pub fn peak_mib(process: u32) -> Result<f64> {
    Ok(kib(&fs::read_to_string(format!("/proc/{process}/status"))?, "VmHWM:")? / 1024.0)
}

fn kib(text: &str, name: &str) -> Result<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).ok_or(format!("no {name}"))?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// How long the processors worked for it. proc(5): utime and stime are fields 14 and 15, in hundredths.
pub fn processor_seconds(process: u32) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, after_name) = text.rsplit_once(')').ok_or("no name in stat")?;
    let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<std::result::Result<f64, _>>()? / 100.0)
}
