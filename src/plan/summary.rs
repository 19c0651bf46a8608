//! Counting a plan as Terraform counts: a replacement is one to add and one to destroy, or to forget, a renewal
//! is a change.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Action, Plan, Step};

/// How many of what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// To be made.
    pub add: usize,
    /// To be changed where they are, renewals among them.
    pub change: usize,
    /// To be removed.
    pub destroy: usize,
    /// That stay while their records go, or leave the place.
    pub forget: usize,
    /// That exist already, and are managed from now on.
    #[serde(default)]
    pub import: usize,
    /// Of the changes, renewals.
    pub renew: usize,
}

impl Summary {
    /// Counts one step.
    pub fn count(&mut self, step: &Step) {
        match step.action {
            Action::Create => self.add += 1,
            Action::Update => self.change += 1,
            Action::Renew => {
                self.change += 1;
                self.renew += 1;
            }
            Action::Replace => {
                self.add += 1;
                *(if step.keeps_old { &mut self.forget } else { &mut self.destroy }) += 1;
            }
            Action::Delete => self.destroy += 1,
            Action::Forget => self.forget += 1,
            Action::Import => self.import += 1,
            Action::Move => {}
        }
    }
}

impl Plan {
    /// What the summary line counts.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        self.steps.iter().for_each(|step| summary.count(step));
        summary
    }

    /// Whether carrying it out would change anything: what `-detailed-exitcode` answers.
    pub fn has_changes(&self) -> bool {
        !self.steps.is_empty() || !self.outputs.is_empty()
    }
}
