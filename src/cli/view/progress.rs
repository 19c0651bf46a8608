//! What runs, for how long, and what it waits for: a board that hears a worker's news and tells lines. Draws nothing.

use std::collections::BTreeMap;

use super::event::left_behind;
use super::style::Style;
use crate::address::Address;
use crate::engine::progress::News;
use crate::job::{Failure, Job, JobId};
use crate::plan::{Action, Step, Work};
use crate::time::{Duration, Timestamp};

/// A line says that a job is still running after this long, and again after this long.
const STILL_EVERY: Duration = Duration::from_secs(10);

/// The jobs that run now.
#[derive(Debug, Default)]
pub struct Board {
    running: BTreeMap<JobId, Running>,
}

#[derive(Debug)]
struct Running {
    address: Address,
    action: Action,
    words: Words,
    since: Timestamp,
    told: Timestamp,
    effect: String,
    waits: Option<(Timestamp, String)>,
}

/// A job that runs on.
#[derive(Debug, PartialEq, Eq)]
pub struct Still {
    /// Which.
    pub job: JobId,
    /// What it is about.
    pub address: Address,
    /// What it does.
    pub action: Action,
    /// For how long.
    pub elapsed: Duration,
    /// All of that in words.
    pub line: String,
}

/// Terraform's words for an action: while it runs, and when it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// `Creating`
    pub doing: &'static str,
    /// `Creation`
    pub done: &'static str,
}

/// The words for a step.
pub fn words(step: &Step) -> Words {
    let (doing, done) = match (step.action, step.work) {
        (Action::Create, _) => ("Creating", "Creation"),
        (Action::Import, _) => ("Importing", "Import"),
        (Action::Renew, Work::Issue) => ("Renewing", "Renewal"),
        (Action::Update | Action::Renew | Action::Move, _) => ("Modifying", "Modifications"),
        (Action::Replace, _) => ("Replacing", "Replacement"),
        (Action::Delete, _) => ("Destroying", "Destruction"),
        (Action::Forget, _) => ("Forgetting", "Forgetting"),
    };
    Words { doing, done }
}

/// A length of time in whole seconds, as Terraform shows it: `0s`, `1m10s`.
pub fn elapsed(time: Duration) -> String {
    Duration::from_secs(time.millis().max(0) / 1000).to_string()
}

impl Board {
    /// Hears a piece of news and says what is to be told of it for good.
    pub fn hear(&mut self, news: &News<'_>, now: Timestamp, style: Style) -> Option<String> {
        match news {
            News::Started(job) => self.start(job, now, style),
            News::Doing { job, effect } => {
                let line = self.running.get_mut(*job)?;
                (line.effect, line.waits) = ((*effect).to_owned(), None);
                None
            }
            News::Waiting { job, until, why } => {
                let line = self.running.get_mut(*job)?;
                line.waits = Some((*until, (*why).to_owned()));
                None
            }
            News::LeftBehind { job, publication, why } => {
                let warning = format!("Warning: {}", left_behind(publication, why));
                Some(format!("{}: {}", job.address(), style.yellow(&warning)))
            }
            News::Succeeded(job) => Some(self.succeed(job, now, style)),
            News::Failed { job, failure } => Some(self.fail(job, failure, style)),
            News::Skipped { job, because } => {
                self.running.remove(&job.id);
                Some(format!("{}: {}", job.address(), style.yellow(&format!("Skipped, because {because} failed"))))
            }
            News::Looking(_) | News::Looked(_) => None,
        }
    }

    /// A job that is taken up again after a wait began long before.
    fn start(&mut self, job: &Job, now: Timestamp, style: Style) -> Option<String> {
        if let Some(line) = self.running.get_mut(&job.id) {
            line.waits = None;
            return None;
        }
        let words = words(&job.step);
        let (address, action) = (job.address().clone(), job.step.action);
        let text = style.bold(&format!("{address}: {}...", words.doing));
        let line = Running { address, action, words, since: now, told: now, effect: String::new(), waits: None };
        self.running.insert(job.id.clone(), line);
        Some(text)
    }

    fn succeed(&mut self, job: &Job, now: Timestamp, style: Style) -> String {
        let since = self.running.remove(&job.id).map_or(now, |line| line.since);
        let words = words(&job.step);
        style.bold(&format!("{}: {} complete after {}", job.address(), words.done, elapsed(now.since(since))))
    }

    fn fail(&mut self, job: &Job, failure: &Failure, style: Style) -> String {
        self.running.remove(&job.id);
        let first = failure.message.lines().next().unwrap_or_default();
        format!("{}: {} {first}", job.address(), style.red(&format!("{} failed:", words(&job.step).done)))
    }

    /// `Still creating...`, for every job that has not been told of for ten seconds.
    pub fn still(&mut self, now: Timestamp) -> Vec<Still> {
        let due = self.running.iter_mut().filter(|(_, line)| now.since(line.told) >= STILL_EVERY);
        let tell = |(job, line): (&JobId, &mut Running)| Still {
            job: job.clone(),
            address: line.address.clone(),
            action: line.action,
            elapsed: now.since(line.since),
            line: line.tell(now),
        };
        due.map(tell).collect()
    }

    /// What a terminal shows now, one line a job, at most `height` lines of at most `width` columns.
    pub fn picture(&self, now: Timestamp, width: usize, height: usize) -> Vec<String> {
        let mut lines: Vec<&Running> = self.running.values().collect();
        lines.sort_by_key(|line| line.since);
        let hidden = lines.len().saturating_sub(height);
        let mut shown: Vec<String> = lines.iter().take(height).map(|line| cut(&line.picture(now), width)).collect();
        if hidden > 0 {
            shown.push(cut(&format!("  and {hidden} more"), width));
        }
        shown
    }
}

impl Running {
    fn tell(&mut self, now: Timestamp) -> String {
        self.told = now;
        let doing = self.words.doing.to_lowercase();
        let waits = self.waits.as_ref().map(|(_, why)| format!(" ({why})")).unwrap_or_default();
        format!("{}: Still {doing}... [{} elapsed]{waits}", self.address, elapsed(now.since(self.since)))
    }

    fn picture(&self, now: Timestamp) -> String {
        let state = match &self.waits {
            Some((until, why)) if *until > now => format!("waits {}: {why}", elapsed(until.since(now))),
            Some((_, why)) => why.clone(),
            None => self.effect.clone(),
        };
        format!("  {} {}  {}  {state}", self.words.doing.to_lowercase(), self.address, elapsed(now.since(self.since)))
    }
}

fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{RunId, sample};

    fn job() -> Job {
        sample::job(1, sample::step("certificate.www", Work::Issue))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    #[test]
    fn a_job_is_told_as_terraform_tells_it() {
        let (job, style) = (job(), Style::new(false));
        let mut board = Board::default();
        let begun = board.hear(&News::Started(&job), at(0), style);
        assert_eq!(begun.as_deref(), Some("certificate.www: Creating..."));
        assert_eq!(board.still(at(9)), []);
        let waits = News::Waiting { job: &job.id, until: at(40), why: "propagation" };
        assert_eq!(board.hear(&waits, at(9), style), None);
        let still = board.still(at(10));
        assert_eq!(still[0].line, "certificate.www: Still creating... [10s elapsed] (propagation)");
        assert_eq!((still.len(), still[0].elapsed, &still[0].job), (1, Duration::from_secs(10), &job.id));
        assert_eq!(board.picture(at(12), 80, 5), ["  creating certificate.www  12s  waits 28s: propagation"]);
        assert_eq!(board.hear(&News::Started(&job), at(41), style), None, "it goes on, it does not begin again");
        let done = board.hear(&News::Succeeded(&job), at(70), style);
        assert_eq!(done.as_deref(), Some("certificate.www: Creation complete after 1m10s"));
        assert!(board.picture(at(71), 80, 5).is_empty());
    }

    #[test]
    fn a_picture_keeps_to_its_frame() {
        let mut board = Board::default();
        for number in 0..4 {
            let job = Job { id: RunId("r".to_owned()).job(number), ..job() };
            board.hear(&News::Started(&job), at(0), Style::new(false));
        }
        let picture = board.picture(at(0), 20, 2);
        assert_eq!(picture, ["  creating certific…", "  creating certific…", "  and 2 more"]);
    }
}
