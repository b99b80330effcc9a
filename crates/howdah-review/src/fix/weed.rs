//! Which fixes of a set make it bad: found by trials of parts of it, few when few are guilty.

use std::collections::BTreeSet;

use howdah_error::Result;

/// Trials of more statements than these together are not made; what is undecided then is taken
/// out. It bounds the time, and leaves the same fixes on every machine.
const MOST_STATEMENTS: usize = 24_000;
/// However few statements there are, and however many.
const MOST_TRIALS: usize = 16;
const LEAST_TRIALS: usize = 6;
/// Of more suspects than this none is tried alone: a trial of a large repository takes seconds.
const MOST_SUSPECTS: usize = 12;
/// Why a fix is taken out without a trial that shows it guilty.
const UNDECIDED: &str = "it is among fixes that are bad together, too many to try each";

/// What a trial says of a set that is not fine.
#[derive(Debug, Clone)]
pub(super) struct Bad {
    pub(super) why: &'static str,
    /// Those to which the trial points; empty when it points to none.
    pub(super) suspects: BTreeSet<usize>,
}

/// What weeding left, and what it took out with the reasons.
#[derive(Debug)]
pub(super) struct Weeded<T> {
    pub(super) kept: Vec<usize>,
    pub(super) guilty: Vec<(usize, &'static str)>,
    /// What the trial of those that are kept gave; `None` when none is.
    pub(super) trial: Option<T>,
}

/// Fixes that wait to be added to those that are kept.
struct Group {
    members: Vec<usize>,
    /// Known to be bad together with those that are kept.
    known: Option<Bad>,
}

/// Takes out the fixes that make a set bad, and no others. `all` is in the order in which fixes
/// are applied, in which every set is tried; of two that are bad together the later is guilty,
/// unless a trial points to the other.
///
/// The set shrinks, the suspects first, until it is fine; what was put aside is then added again
/// in parts, each halved while it is bad. A trial runs so many `statements`.
pub(super) async fn weed<T, F>(all: Vec<usize>, statements: usize, mut run: F) -> Result<Weeded<T>>
where
    F: AsyncFnMut(&[usize]) -> Result<Result<T, Bad>>,
{
    let most = (MOST_STATEMENTS / statements.max(1)).clamp(LEAST_TRIALS, MOST_TRIALS);
    let mut weeded = Weeded { kept: Vec::new(), guilty: Vec::new(), trial: None };
    let mut trials = 0;
    let mut waiting = vec![Group { members: all.clone(), known: None }];
    while let Some(Group { members, known }) = waiting.pop() {
        if members.is_empty() {
            continue;
        }
        let bad = match known {
            Some(bad) => bad,
            None if trials == most => {
                weeded.guilty.extend(members.into_iter().map(|one| (one, UNDECIDED)));
                continue;
            }
            None => {
                trials += 1;
                let set = in_order(&all, &weeded.kept, &members);
                match run(&set).await? {
                    Ok(trial) => {
                        (weeded.kept, weeded.trial) = (set, Some(trial));
                        continue;
                    }
                    Err(bad) => bad,
                }
            }
        };
        if let Some(beneath) = waiting.last_mut() {
            // It is known to be bad only together with all of these.
            beneath.known = None;
        }
        if let &[one] = members.as_slice() {
            weeded.guilty.push((one, bad.why));
            continue;
        }
        let (first, second) = parted(members, &bad.suspects);
        if second.len() > MOST_SUSPECTS && bad.suspects.contains(&second[0]) {
            weeded.guilty.extend(second.into_iter().map(|one| (one, UNDECIDED)));
            waiting.push(Group { members: first, known: None });
            continue;
        }
        waiting.push(Group { members: second, known: Some(bad) });
        waiting.push(Group { members: first, known: None });
    }
    Ok(weeded)
}

/// Both sets together, in the order of `all`.
fn in_order(all: &[usize], kept: &[usize], members: &[usize]) -> Vec<usize> {
    let wanted: BTreeSet<usize> = kept.iter().chain(members).copied().collect();
    all.iter().filter(|one| wanted.contains(one)).copied().collect()
}

/// Those that are tried first, and the others: the suspects, or the later half.
fn parted(members: Vec<usize>, suspects: &BTreeSet<usize>) -> (Vec<usize>, Vec<usize>) {
    let (suspected, others): (Vec<usize>, Vec<usize>) =
        members.iter().partition(|one| suspects.contains(one));
    if !suspected.is_empty() && !others.is_empty() {
        return (others, suspected);
    }
    let mut first = members;
    let second = first.split_off(first.len() / 2);
    (first, second)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Weeds sets of which each in `bad` is bad together; the trial points to what `points` says.
    async fn weeded(
        all: &[usize],
        bad: &[&[usize]],
        points: impl Fn(&[usize]) -> BTreeSet<usize>,
    ) -> (Vec<usize>, Vec<usize>, usize) {
        let mut trials = 0;
        let result = weed(all.to_vec(), 1, async |set: &[usize]| {
            trials += 1;
            let holds = |together: &&[usize]| together.iter().all(|one| set.contains(one));
            let is_bad = bad.iter().any(holds);
            Ok(if is_bad {
                Err(Bad { why: "bad", suspects: points(set) })
            } else {
                Ok(set.to_vec())
            })
        });
        let result = result.await.unwrap();
        assert_eq!(result.trial.unwrap_or_default(), result.kept, "the trial is that of the kept");
        (result.kept, result.guilty.into_iter().map(|(at, _)| at).collect(), trials)
    }

    fn to_none(_: &[usize]) -> BTreeSet<usize> {
        BTreeSet::new()
    }

    #[tokio::test]
    async fn only_the_guilty_fix_is_taken_back() {
        let all = [1, 2, 3, 4, 5];
        assert_eq!(weeded(&all, &[], to_none).await, (all.to_vec(), vec![], 1));
        let (kept, guilty, _) = weeded(&all, &[&[3]], to_none).await;
        assert_eq!((kept, guilty), (vec![1, 2, 4, 5], vec![3]));
        let (kept, guilty, _) = weeded(&all, &[&[1], &[5]], to_none).await;
        assert_eq!((kept, guilty), (vec![2, 3, 4], vec![1, 5]));
        assert_eq!(weeded(&[7], &[&[7]], to_none).await, (vec![], vec![7], 1));
    }

    #[tokio::test]
    async fn of_two_that_are_bad_together_the_later_is_taken_back() {
        let (kept, guilty, _) = weeded(&[1, 2, 3, 4], &[&[1, 4]], to_none).await;
        assert_eq!((kept, guilty), (vec![1, 2, 3], vec![4]));
    }

    #[tokio::test]
    async fn suspects_are_tried_last_and_cost_few_trials() {
        let all: Vec<usize> = (0..200).collect();
        let bad: &[&[usize]] = &[&[3], &[77], &[78], &[199]];
        let points = |set: &[usize]| {
            set.iter().copied().filter(|one| [3, 77, 78, 99, 199].contains(one)).collect()
        };
        let (kept, guilty, trials) = weeded(&all, bad, points).await;
        assert_eq!((kept.len(), guilty), (196, vec![3, 77, 78, 199]));
        assert!(trials <= 10, "{trials} trials");
    }

    #[tokio::test]
    async fn of_many_suspects_none_is_tried_alone() {
        let all: Vec<usize> = (0..100).collect();
        let points = |set: &[usize]| set.iter().copied().filter(|one| *one >= 80).collect();
        let (kept, guilty, trials) = weeded(&all, &[&[85], &[90]], points).await;
        assert_eq!((kept.len(), guilty.len(), trials), (80, 20, 2));
    }

    #[tokio::test]
    async fn suspects_that_are_innocent_are_kept() {
        let all: Vec<usize> = (0..16).collect();
        let points = |set: &[usize]| set.iter().copied().filter(|one| *one < 4).collect();
        let (kept, guilty, _) = weeded(&all, &[&[11]], points).await;
        assert_eq!((kept.len(), guilty), (15, vec![11]));
    }

    #[tokio::test]
    async fn a_plan_that_is_bad_all_over_is_taken_back_after_a_bounded_number_of_trials() {
        let all: Vec<usize> = (0..200).collect();
        let each: Vec<Vec<usize>> = all.iter().map(|one| vec![*one]).collect();
        let bad: Vec<&[usize]> = each.iter().map(Vec::as_slice).collect();
        let (kept, guilty, trials) = weeded(&all, &bad, to_none).await;
        assert_eq!((kept.len(), guilty.len(), trials), (0, 200, MOST_TRIALS));
    }
}
