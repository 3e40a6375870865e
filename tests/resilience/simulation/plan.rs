//! A world as a value: who runs what, which service fails when, who dies at which poll. It prints as the
//! line that replays it.

use std::fmt;
use std::str::FromStr;

use crate::draw::Draw;

/// When nothing fails any more.
pub(crate) const CALM: u64 = 60_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Refuse,
    Reset,
    /// 429 with Retry-After, in seconds.
    Throttle(u64),
    Overload,
    Stall,
    NotFound,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) service: usize,
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) kind: Kind,
    pub(crate) percent: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Crash {
    pub(crate) machine: u32,
    pub(crate) poll: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) machines: u32,
    pub(crate) operations: u64,
    pub(crate) threshold: u64,
    pub(crate) timeout: u64,
    pub(crate) probes: u64,
    pub(crate) attempts: u64,
    pub(crate) total: u64,
    pub(crate) wait: bool,
    /// Calls at once to a service, in each process, and how many may wait.
    pub(crate) places: u64,
    pub(crate) queue: u64,
    pub(crate) faults: Vec<Fault>,
    pub(crate) crashes: Vec<Crash>,
}

impl Plan {
    pub(crate) fn draw(seed: u64) -> Self {
        let mut draw = Draw::new(seed);
        let machines = u32::try_from(draw.of(&[1, 2, 3, 8])).unwrap();
        let kinds = [
            Kind::Refuse,
            Kind::Reset,
            Kind::Throttle(draw.between(1, 8)),
            Kind::Overload,
            Kind::Stall,
            Kind::NotFound,
        ];
        let on = draw.between(1, kinds.len() as u64);
        let faults = (0..draw.between(0, 5))
            .map(|_| {
                let from = draw.between(0, 20_000);
                Fault {
                    service: usize::try_from(draw.between(0, 1)).unwrap(),
                    from,
                    to: from + draw.between(100, 30_000),
                    kind: kinds[usize::try_from(draw.between(0, on - 1)).unwrap()],
                    percent: draw.of(&[30, 70, 100, 100]),
                }
            })
            .collect();
        let crashes = (0..draw.of(&[0, 0, 1, 3]))
            .map(|_| Crash {
                machine: u32::try_from(draw.between(1, u64::from(machines))).unwrap(),
                poll: u32::try_from(draw.between(1, 40)).unwrap(),
            })
            .collect();
        Self {
            seed,
            machines,
            operations: draw.between(1, 8),
            threshold: draw.of(&[1, 2, 3, 3, 5]),
            timeout: draw.of(&[1, 5, 20]),
            probes: draw.of(&[1, 1, 2]),
            attempts: draw.between(1, 6),
            total: draw.of(&[2, 10, 30]),
            wait: draw.chance(30),
            places: draw.of(&[1, 1, 2]),
            queue: draw.of(&[0, 1, 1]),
            faults,
            crashes,
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "seed={} machines={} operations={} threshold={} timeout={} probes={} attempts={} total={} wait={} \
             places={} queue={}",
            self.seed,
            self.machines,
            self.operations,
            self.threshold,
            self.timeout,
            self.probes,
            self.attempts,
            self.total,
            self.wait,
            self.places,
            self.queue,
        )?;
        for fault in &self.faults {
            let kind = match fault.kind {
                Kind::Refuse => "refuse".to_owned(),
                Kind::Reset => "reset".to_owned(),
                Kind::Throttle(seconds) => format!("throttle{seconds}"),
                Kind::Overload => "overload".to_owned(),
                Kind::Stall => "stall".to_owned(),
                Kind::NotFound => "notfound".to_owned(),
            };
            write!(
                f,
                " fault={}@{}ms-{}ms:{kind}{}%",
                fault.service,
                fault.from,
                fault.to,
                format_args!(":{}", fault.percent)
            )?;
        }
        for crash in &self.crashes {
            write!(f, " crash={}@poll{}", crash.machine, crash.poll)?;
        }
        Ok(())
    }
}

impl FromStr for Plan {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let mut plan = Self::draw(0);
        (plan.faults, plan.crashes) = (Vec::new(), Vec::new());
        for word in line.split_whitespace() {
            let (key, value) = word.split_once('=').ok_or_else(|| format!("`{word}` is not key=value"))?;
            let number = || value.parse::<u64>().map_err(|error| format!("{word}: {error}"));
            match key {
                "seed" => plan.seed = number()?,
                "machines" => plan.machines = u32::try_from(number()?).map_err(|error| error.to_string())?,
                "operations" => plan.operations = number()?,
                "threshold" => plan.threshold = number()?,
                "timeout" => plan.timeout = number()?,
                "probes" => plan.probes = number()?,
                "attempts" => plan.attempts = number()?,
                "total" => plan.total = number()?,
                "places" => plan.places = number()?,
                "queue" => plan.queue = number()?,
                "wait" => plan.wait = value == "true",
                "fault" => plan.faults.push(fault(value).ok_or_else(|| format!("`{word}` is not a fault"))?),
                "crash" => plan.crashes.push(crash(value).ok_or_else(|| format!("`{word}` is not a crash"))?),
                other => return Err(format!("there is no `{other}`")),
            }
        }
        Ok(plan)
    }
}

fn fault(text: &str) -> Option<Fault> {
    let (service, rest) = text.split_once('@')?;
    let mut parts = rest.split(':');
    let (from, to) = parts.next()?.split_once('-')?;
    let kind = parts.next()?;
    let kind = match kind.strip_prefix("throttle") {
        Some(seconds) => Kind::Throttle(seconds.parse().ok()?),
        None => match kind {
            "refuse" => Kind::Refuse,
            "reset" => Kind::Reset,
            "overload" => Kind::Overload,
            "stall" => Kind::Stall,
            "notfound" => Kind::NotFound,
            _ => return None,
        },
    };
    Some(Fault {
        service: service.parse().ok()?,
        from: from.strip_suffix("ms")?.parse().ok()?,
        to: to.strip_suffix("ms")?.parse().ok()?,
        kind,
        percent: parts.next()?.strip_suffix('%')?.parse().ok()?,
    })
}

fn crash(text: &str) -> Option<Crash> {
    let (machine, poll) = text.split_once("@poll")?;
    Some(Crash { machine: machine.parse().ok()?, poll: poll.parse().ok()? })
}
