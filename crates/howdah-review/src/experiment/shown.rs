//! Whether a reproducer shows what it promises.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use howdah_error::Result;

use super::{Experiment, Lab, Verdict};
use crate::finding::Reproducer;

/// Runs the reproducer of a finding before it is believed.
#[derive(Debug)]
pub struct Shown(pub Reproducer);

impl Experiment for Shown {
    fn run<'a>(&'a self, lab: &'a Lab<'a>) -> BoxFuture<'a, Result<Verdict>> {
        async move {
            let shown = lab.reproduce(&self.0).await?;
            Ok(if shown { Verdict::Proved(self.0.clone(), None) } else { Verdict::Undecided })
        }
        .boxed()
    }
}
