//! Whether a call fails as it is supposed to.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use howdah_error::Result;

use super::{Experiment, Lab, Verdict};
use crate::finding::Reproducer;

/// Calls, and looks at the failure. A call that comes through decides nothing: it may have gone
/// another way through the function.
#[derive(Debug)]
pub struct CallFails(pub Reproducer);

impl Experiment for CallFails {
    fn run<'a>(&'a self, lab: &'a Lab<'a>) -> BoxFuture<'a, Result<Verdict>> {
        async move {
            let failed = lab.reproduce(&self.0).await?;
            Ok(if failed { Verdict::Proved(self.0.clone(), None) } else { Verdict::Undecided })
        }
        .boxed()
    }
}
