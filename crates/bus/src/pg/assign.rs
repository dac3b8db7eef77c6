//! Sharing the partitions of a group fairly, without a coordinator.

/// How many partitions of a topic this member should hold, given all living members that read the topic (by id).
///
/// The quotas of all members add up to the number of partitions, so when everyone gives back what is above its own
/// and takes what is below, each partition finds exactly one holder and none moves without need. The odd ones go to
/// different members for different topics.
pub(super) fn quota(topic: i32, partitions: usize, members: &[i32], me: i32) -> usize {
    if !members.contains(&me) {
        return 0;
    }
    let rank = members.iter().filter(|m| **m < me).count();
    let shift = usize::try_from(topic).unwrap_or(0);
    let odd = (rank + shift) % members.len() < partitions % members.len();
    partitions / members.len() + usize::from(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Quotas add up to the partitions and differ by at most one.
    #[test]
    fn quotas_cover_the_topic_evenly() {
        for partitions in 1..30 {
            for count in 1..10 {
                let members: Vec<i32> = (0..count).map(|i| i * 7 + 3).collect();
                for topic in 1..5 {
                    let quotas: Vec<usize> =
                        members.iter().map(|m| quota(topic, partitions, &members, *m)).collect();
                    assert_eq!(quotas.iter().sum::<usize>(), partitions);
                    assert!(quotas.iter().max().unwrap() - quotas.iter().min().unwrap() <= 1);
                }
            }
        }
    }

    // Who is not among the living holds nothing.
    #[test]
    fn a_stranger_gets_nothing() {
        assert_eq!(quota(1, 12, &[1, 2], 3), 0);
        assert_eq!(quota(1, 12, &[], 3), 0);
    }

    // With one partition a topic, topics spread over the members.
    #[test]
    fn single_partitions_spread() {
        let members = [1, 2, 3];
        let held: usize = (1..=3).map(|topic| quota(topic, 1, &members, 2)).sum();
        assert_eq!(held, 1);
    }
}
