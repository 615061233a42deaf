//! What a run does beside its batches, at intervals.

use std::time::{Duration, Instant};

use super::Engine;
use crate::store::{Control, Heartbeat, Probe, Result, Store};

/// A duty that comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chore {
    /// Say that this worker lives, and learn whether to pause.
    Heartbeat,
    /// Look for workers that died.
    BuryTheDead,
    /// Delete a step of old history.
    Prune,
    /// Look at the server's load.
    Look,
}

impl Chore {
    /// In order of urgency.
    const ALL: [Chore; 4] = [
        Chore::Heartbeat,
        Chore::BuryTheDead,
        Chore::Prune,
        Chore::Look,
    ];

    fn every(self) -> Duration {
        Duration::from_secs(match self {
            Chore::Heartbeat | Chore::Look => 5,
            Chore::BuryTheDead => 30,
            Chore::Prune => 3600,
        })
    }
}

/// When each chore was last done.
#[derive(Debug, Default)]
pub struct Chores([Option<Instant>; Chore::ALL.len()]);

impl Chores {
    pub fn due(&self) -> Option<Chore> {
        let is_due = |chore: &Chore| {
            let done = self.0[*chore as usize];
            done.is_none_or(|done| done.elapsed() >= chore.every())
        };
        Chore::ALL.into_iter().find(is_due)
    }

    pub fn done(&mut self, chore: Chore) {
        self.0[chore as usize] = Some(Instant::now());
    }
}

/// Tells the others that this worker lives and which groups it folds. Learns
/// whether every worker is to pause and, with a probe, whether work waits.
///
/// # Errors
/// The database could not be told.
pub async fn send<S: Store>(
    engine: &Engine<S>,
    mode: &'static str,
    paused: bool,
    probe: Option<&Probe>,
) -> Result<Control> {
    let mut told = engine.in_flight.told.lock().await;
    tell(engine, mode, paused, probe, &mut told).await
}

/// Makes sure that what is in flight now has been told: of batches that start
/// together, one tells for all.
///
/// # Errors
/// The database could not be told.
pub async fn announce<S: Store>(engine: &Engine<S>, mode: &'static str) -> Result<()> {
    let version = engine.in_flight.version();
    let mut told = engine.in_flight.told.lock().await;
    if *told < version {
        tell(engine, mode, false, None, &mut told).await?;
    }
    Ok(())
}

async fn tell<S: Store>(
    engine: &Engine<S>,
    mode: &'static str,
    paused: bool,
    probe: Option<&Probe>,
    told: &mut u64,
) -> Result<Control> {
    let (folding, version) = engine.in_flight.list();
    let activity = match (paused, folding.is_empty()) {
        (true, _) => "paused",
        (false, true) => "idle",
        (false, false) => "folding",
    };
    let beat = Heartbeat {
        worker: engine.worker.to_string(),
        mode,
        activity,
        folding,
    };
    let sent = engine.store.heartbeat(&beat, probe).await;
    let control = engine.observe(sent)?;
    *told = version;
    Ok(control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chore_is_due_at_first_and_then_at_its_interval() {
        let mut chores = Chores::default();
        for chore in Chore::ALL {
            assert_eq!(chores.due(), Some(chore));
            chores.done(chore);
        }
        assert_eq!(chores.due(), None);
    }
}
