//! What a cluster runs on and with: minikube's flags, of which rkube has what there is to choose.

use std::str::FromStr;

use clap::{Args, ValueEnum};

/// Flags of `rkube start`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Machine {
    /// The container engine; without it the first one that answers. A cluster stays with the one that it was made with.
    #[arg(short, long, env = "RKUBE_DRIVER", hide_env_values = true, value_enum)]
    pub(crate) driver: Option<Driver>,
    /// What runs containers in the nodes; there is one.
    #[arg(
        short,
        long,
        env = "RKUBE_CONTAINER_RUNTIME",
        hide_env_values = true,
        value_enum,
        default_value_t = Runtime::Containerd
    )]
    pub(crate) container_runtime: Runtime,
    /// The version that is expected, such as v1.36: rkube has the one that `rkube version` says, and refuses others.
    #[arg(
        long,
        env = "RKUBE_KUBERNETES_VERSION",
        hide_env_values = true,
        value_name = "VERSION",
        default_value = "stable"
    )]
    pub(crate) kubernetes_version: String,
    /// Processors that each node may use, such as 2 or 1.5; no-limit by default. Only a new cluster takes another value. Nodes
    /// report whole processors, and several nodes may have more in sum than the machine.
    #[arg(long, env = "RKUBE_CPUS", hide_env_values = true, value_name = "NUMBER")]
    pub(crate) cpus: Option<Cpus>,
    /// Memory that each node may use, such as 4g or 4096mb; a plain number is mebibytes; no-limit by default. Only a new cluster
    /// takes another value.
    #[arg(long, env = "RKUBE_MEMORY", hide_env_values = true, value_name = "SIZE")]
    pub(crate) memory: Option<Memory>,
}

/// Container engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Driver {
    /// Docker.
    Docker,
    /// Podman.
    Podman,
}

impl From<Driver> for cluster::Driver {
    fn from(driver: Driver) -> Self {
        match driver {
            Driver::Docker => Self::Docker,
            Driver::Podman => Self::Podman,
        }
    }
}

/// Container runtimes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Runtime {
    /// containerd.
    Containerd,
}

/// Words for all that there is.
const ALL: [&str; 2] = ["max", "no-limit"];

/// Thousandths of processors; nothing for all that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cpus(pub(crate) Option<u32>);

impl FromStr for Cpus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if ALL.contains(&text) {
            return Ok(Self(None));
        }
        let number = decimal(text).map(|number| number * 1000.0);
        match number.filter(|milli| *milli <= f64::from(u32::MAX)) {
            Some(milli) => Ok(Self(Some(milli.round() as u32))),
            None => Err("must be a number such as 2 or 1.5, or no-limit".to_owned()),
        }
    }
}

/// Bytes; nothing for all that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory(pub(crate) Option<u64>);

impl FromStr for Memory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if ALL.contains(&text) {
            return Ok(Self(None));
        }
        let lower = text.to_ascii_lowercase();
        let number = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        // as minikube has it: two to the power of ten whichever way it is written, and mebibytes without a unit
        let shift = match &lower[number.len()..] {
            "b" => Some(0),
            "k" | "kb" | "ki" | "kib" => Some(10),
            "" | "m" | "mb" | "mi" | "mib" => Some(20),
            "g" | "gb" | "gi" | "gib" => Some(30),
            "t" | "tb" | "ti" | "tib" => Some(40),
            _ => None,
        };
        let bytes = decimal(number).zip(shift);
        let bytes = bytes.map(|(number, shift)| number * (1_u64 << shift) as f64);
        match bytes.filter(|bytes| *bytes <= i64::MAX as f64) {
            Some(bytes) => Ok(Self(Some(bytes as u64))),
            None => Err("must be a size such as 4g, 4096mb or 4096, or no-limit".to_owned()),
        }
    }
}

/// Digits, with or without a point: no sign, no exponent, no infinity.
fn decimal(text: &str) -> Option<f64> {
    let plain = text.chars().all(|c| c.is_ascii_digit() || c == '.');
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_numbers_or_all() {
        for (text, milli) in [
            ("2", Some(2000)),
            ("1.5", Some(1500)),
            ("no-limit", None),
            ("max", None),
        ] {
            assert_eq!(text.parse(), Ok(Cpus(milli)), "{text}");
        }
        for text in ["", "-1", "two", "1e3", "inf", "9999999999"] {
            assert!(text.parse::<Cpus>().unwrap_err().contains("no-limit"), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_in_all_their_spellings() {
        let gibibytes = |count: u64| Ok(Memory(Some(count << 30)));
        for text in ["4g", "4096", "4096mb", "4096MiB", "4Gi", "4GB", "4.0g"] {
            assert_eq!(text.parse(), gibibytes(4), "{text}");
        }
        assert_eq!("1.5g".parse(), Ok(Memory(Some(3 << 29))));
        assert_eq!("max".parse(), Ok(Memory(None)));
        for text in ["", "g", "4x", "-4g", "4 g", "4gg", "99999999999t"] {
            assert!(text.parse::<Memory>().unwrap_err().contains("such as 4g"), "{text}");
        }
    }
}
