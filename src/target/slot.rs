//! One slot on a machine that holds files: the [`Target`] of every kind that puts files somewhere. Looks, lets the layout
//! decide, has the machine do it, then has the service take it up.

use async_trait::async_trait;

use super::files::{Files, Layout};
use super::machine::{Action, Machine, Question, Seen};
use super::pair::{self, Finding};
use super::verify::{Commands, Endpoint};
use super::{endpoint, plain, versioned};
use crate::observed::SlotContent;
use crate::ports::PortResult;
use crate::ports::target::{Bundle, Cleared, Holder, Previous, Restored, Served, Target, held};

/// A slot.
pub struct Slot<M> {
    /// Where it is, for people.
    pub name: String,
    /// Names of the machine, each as good as the others: a path is the same place on machines that share a name.
    pub machines: Vec<String>,
    /// Its files.
    pub files: Files,
    /// What makes the service take them up.
    pub commands: Commands,
    /// Who is asked afterwards.
    pub endpoint: Option<Endpoint>,
    /// Where it is.
    pub machine: M,
}

impl<M: Machine> Slot<M> {
    async fn look(&self, questions: fn(&Files) -> Vec<Question>) -> PortResult<Seen> {
        self.machine.look(questions(&self.files)).await
    }

    /// Carries out changes; when one fails, what was begun is cleared away, so that no copy of a key is left behind.
    async fn change(&self, actions: Vec<Action>) -> PortResult<()> {
        if actions.is_empty() {
            return Ok(());
        }
        let done = self.machine.change(actions).await;
        if done.is_err() {
            // The first error is the one to report; the next installation clears away as well.
            let _ = self.machine.change(clear(&self.files)).await;
        }
        done
    }

    /// Whether what was there before is there, whole. Where nothing can be written, nothing was replaced either, and it is
    /// no harm that nothing could be tidied up: the next installation does that.
    async fn is_in_force(&self, previous: &Previous) -> bool {
        let Ok(seen) = self.look(before_change).await else { return false };
        previous.fingerprint.is_some()
            && pair::fingerprint(&self.files, &seen) == previous.fingerprint
            && pair::is_consistent(&pair::set(&self.files), &seen)
    }

    /// What tells a path from those on other machines.
    fn names(&self, path: &str) -> impl Iterator<Item = String> {
        // Paths on other hosts are absolute already.
        let path = std::path::absolute(path).map_or_else(|_| path.into(), |path| path.to_string_lossy().into_owned());
        self.machines.iter().map(move |machine| format!("{machine}:{path}"))
    }

    async fn take_up(&self) -> PortResult<()> {
        for words in [&self.commands.test, &self.commands.reload].into_iter().flatten() {
            self.machine.run(words, self.commands.timeout).await?;
        }
        Ok(())
    }
}

/// What every layout asks before it changes anything.
fn before_change(files: &Files) -> Vec<Question> {
    match &files.layout {
        Layout::Versioned { directory } => versioned::questions(directory),
        Layout::Plain { files } => plain::questions(files),
    }
}

/// The paths that make up the slot.
fn written(files: &Files) -> Vec<String> {
    match &files.layout {
        Layout::Versioned { directory } => vec![directory.clone()],
        Layout::Plain { files } => plain::kept(files),
    }
}

fn clear(files: &Files) -> Vec<Action> {
    match &files.layout {
        Layout::Versioned { directory } => versioned::clear(directory),
        Layout::Plain { files } => plain::clear(files),
    }
}

#[async_trait]
impl<M: Machine> Target for Slot<M> {
    fn slot(&self) -> String {
        self.name.clone()
    }

    async fn inspect(&self) -> PortResult<SlotContent> {
        let seen = self.look(|files| pair::set(files).questions_to_inspect()).await?;
        match pair::judge(&self.files, &seen) {
            Finding::Clear(content) => Ok(content),
            Finding::AskKey { path, leaf } => {
                let spki = self.machine.public_key(&path).await?;
                let wrong = spki.is_some_and(|spki| spki != leaf.spki);
                let fault = wrong.then(|| format!("the private key in {path} does not belong to the certificate"));
                Ok(SlotContent::Present { fingerprint: leaf.fingerprint, fault })
            }
        }
    }

    async fn previous(&self) -> PortResult<Previous> {
        let seen = self.look(before_change).await?;
        let fingerprint = pair::fingerprint(&self.files, &seen);
        // What would be refused later is refused here, where nothing has been touched that would have to be put back.
        let handle = match &self.files.layout {
            Layout::Versioned { directory } => {
                versioned::guard(directory, &seen)?;
                versioned::handle(directory, &seen)
            }
            Layout::Plain { files } => {
                plain::guard(files, &seen)?;
                plain::handle(fingerprint)
            }
        };
        let holder = pair::holder(&self.files, &seen).map(str::to_owned);
        Ok(Previous { fingerprint, handle, holder })
    }

    async fn install(&self, bundle: &Bundle) -> PortResult<()> {
        let seen = self.look(before_change).await?;
        if let Some(other) = pair::holder(&self.files, &seen).filter(|one| bundle.is_kept_out_by(one)) {
            return Err(held(&self.name, other));
        }
        let actions = match &self.files.layout {
            Layout::Versioned { directory } => versioned::install(directory, &self.files, &seen, bundle)?,
            Layout::Plain { files } => plain::install(files, &self.files, &seen, bundle)?,
        };
        self.change(actions).await?;
        self.take_up().await
    }

    async fn verify(&self) -> PortResult<Served> {
        let Some(endpoint) = &self.endpoint else { return Ok(Served::NotAsked) };
        let seen = self.look(|files| pair::set(files).questions()).await?;
        endpoint::ask(endpoint, pair::leaf(&self.files, &seen).as_ref()).await
    }

    async fn restore(&self, holder: &str, previous: &Previous) -> PortResult<Restored> {
        let questions = match &self.files.layout {
            Layout::Versioned { directory } => versioned::questions(directory),
            Layout::Plain { files } => plain::questions_to_restore(files, &previous.handle),
        };
        let seen = self.machine.look(questions).await?;
        let is_third = |found: &str| found != holder && Some(found) != previous.holder.as_deref();
        if pair::holder(&self.files, &seen).is_some_and(is_third) {
            return Ok(Restored::TakenUp);
        }
        let actions = match &self.files.layout {
            Layout::Versioned { directory } => versioned::restore(directory, &seen, &previous.handle)?,
            Layout::Plain { files } => plain::restore(files, &self.files, &seen, previous)?,
        };
        if let Err(fault) = self.change(actions).await
            && !self.is_in_force(previous).await
        {
            return Err(fault);
        }
        // Where nothing was before, there is nothing to take up: a test of the service would only fail on missing files.
        let taken_up = if previous.fingerprint.is_some() { self.take_up().await } else { Ok(()) };
        Ok(taken_up.map_or_else(Restored::NotTakenUp, |()| Restored::TakenUp))
    }

    fn places(&self) -> Vec<String> {
        written(&self.files).iter().flat_map(|path| self.names(path)).collect()
    }

    async fn remove_except(&self, holder: &Holder, kept: &[String]) -> PortResult<Cleared> {
        let is_kept = |path: &str| self.names(path).any(|name| kept.contains(&name));
        if written(&self.files).iter().all(|path| is_kept(path)) {
            return Ok(Cleared::Removed);
        }
        let seen = self.look(before_change).await?;
        if !pair::is_held_by(&self.files, &seen, holder) {
            return Ok(Cleared::Foreign);
        }
        let actions = match &self.files.layout {
            Layout::Versioned { directory } => versioned::remove(directory, &seen),
            Layout::Plain { files } => {
                let earlier = self.machine.look(plain::earlier_manifests(files, &seen)).await?;
                plain::remove(files, &self.files, &seen, &earlier, is_kept)
            }
        };
        self.change(actions).await.map(|()| Cleared::Removed)
    }
}
