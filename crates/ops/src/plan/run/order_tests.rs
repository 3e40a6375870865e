use proptest::prelude::*;

use super::*;

fn node(lane: Lane) -> Node {
    Node {
        lane,
        needs: None,
        after: Vec::new(),
        must: Vec::new(),
        priority: 0,
        joins: false,
        merges: lane == Lane::Apt,
        fetches: lane == Lane::Apt,
        decides: Decides::Nothing,
    }
}

fn file() -> Node {
    node(Lane::Files)
}

fn download() -> Node {
    Node { joins: true, fetches: true, ..node(Lane::Files) }
}

fn packages() -> Node {
    node(Lane::Apt)
}

fn command() -> Node {
    Node { decides: Decides::Dependents, ..node(Lane::Command) }
}

fn needing(node: Node, needs: &[usize]) -> Node {
    Node { needs: Some(needs.to_vec()), ..node }
}

fn turns(order: &mut Order) -> Vec<Turn> {
    std::iter::from_fn(|| order.next()).collect()
}

fn act(at: usize) -> Turn {
    Turn::Act(vec![at])
}

fn fetch(at: usize) -> Turn {
    Turn::Fetch(vec![at])
}

#[test]
fn without_needs_the_order_of_the_file_holds_whatever_fails() {
    let mut order = Order::new(vec![file(), file(), file()], 1, 8);
    assert_eq!(turns(&mut order), [act(0)]);
    order.acted(&[(0, End::Failed)]);
    assert_eq!(turns(&mut order), [act(1)]);
    order.acted(&[(1, End::Left)]);
    assert_eq!(turns(&mut order), [act(2)]);
    order.acted(&[(2, End::Well)]);
    assert_eq!((turns(&mut order), order.left().count()), (vec![], 0));
}

#[test]
fn neighbouring_downloads_do_not_wait_for_one_another() {
    let mut order = Order::new(vec![file(), download(), download(), file()], 1, 8);
    // Their bytes come at once, what is seen of them after what is above.
    assert_eq!(turns(&mut order), [act(0), fetch(1), fetch(2)]);
    order.acted(&[(0, End::Well)]);
    assert_eq!(turns(&mut order), [act(1), act(2)]);
    order.acted(&[(2, End::Well)]);
    assert_eq!(turns(&mut order), []);
    order.acted(&[(1, End::Well)]);
    assert_eq!(turns(&mut order), [act(3)]);
}

#[test]
fn needs_replace_the_order_and_block_on_failure() {
    let nodes = vec![file(), needing(file(), &[0]), needing(file(), &[1]), needing(file(), &[]), file()];
    let mut order = Order::new(nodes, 1, 8);
    assert_eq!(turns(&mut order), [act(0), act(3)]);
    order.acted(&[(0, End::Failed)]);
    let blocked = |at, by| Turn::Blocked(at, Blocked::Failed(by));
    assert_eq!(turns(&mut order), [blocked(1, 0), blocked(2, 1)]);
    order.acted(&[(3, End::Well)]);
    assert_eq!(turns(&mut order), [act(4)]);

    let mut order = Order::new(vec![file(), needing(file(), &[0])], 1, 8);
    assert_eq!(turns(&mut order), [act(0)]);
    order.acted(&[(0, End::Left)]);
    assert_eq!(turns(&mut order), [Turn::Blocked(1, Blocked::Left(0))]);
}

#[test]
fn who_comes_after_waits_and_is_not_blocked() {
    let watcher = Node { after: vec![1], ..needing(node(Lane::Systemd), &[]) };
    let mut order = Order::new(vec![watcher, needing(file(), &[])], 1, 8);
    assert_eq!(turns(&mut order), [act(1)]);
    order.acted(&[(1, End::Failed)]);
    assert_eq!(turns(&mut order), [act(0)]);
    // The same by the order of the file, where what it waits for stands below.
    let watcher = Node { after: vec![1], ..node(Lane::Systemd) };
    let mut order = Order::new(vec![watcher, needing(file(), &[])], 1, 8);
    assert_eq!(turns(&mut order), [act(1)]);
    order.acted(&[(1, End::Well)]);
    assert_eq!(turns(&mut order), [act(0)]);
}

#[test]
fn neighbouring_packages_are_installed_as_one() {
    let nodes = vec![packages(), packages(), needing(packages(), &[]), needing(packages(), &[4]), file()];
    let mut order = Order::new(nodes, 1, 1);
    assert_eq!(turns(&mut order), [Turn::Act(vec![0, 1, 2]), fetch(3)]);
    order.acted(&[(0, End::Well), (1, End::Failed), (2, End::Well)]);
    // The last of them waits for a step below.
    assert_eq!(turns(&mut order), []);
}

#[test]
fn the_longest_way_goes_first_then_the_order_of_the_file() {
    let nodes = vec![
        needing(command(), &[]),
        needing(command(), &[]),
        needing(command(), &[1]),
        needing(command(), &[2]),
        needing(command(), &[0]),
    ];
    let mut order = Order::new(nodes.clone(), 1, 8);
    assert_eq!(turns(&mut order), [act(1)]);
    order.acted(&[(1, End::Well)]);
    assert_eq!(turns(&mut order), [act(0)], "both have one behind them");
    let mut order = Order::new(nodes, 2, 8);
    assert_eq!(turns(&mut order), [act(1), act(0)]);
}

#[test]
fn bytes_wait_for_what_may_decide_which_they_are() {
    let repository = Node { decides: Decides::Packages, ..node(Lane::Files) };
    let nodes = vec![repository.clone(), packages(), needing(download(), &[0]), download()];
    let mut order = Order::new(nodes, 1, 8);
    assert_eq!(turns(&mut order), [act(0), fetch(3)]);
    order.acted(&[(0, End::Well)]);
    assert_eq!(turns(&mut order), [act(1), act(2)]);

    let gate = Node { decides: Decides::All, ..node(Lane::Gate) };
    let mut order = Order::new(vec![gate, download(), needing(download(), &[])], 1, 8);
    assert_eq!(turns(&mut order), [act(0), act(2)]);
    order.acted(&[(0, End::Well)]);
    assert_eq!(turns(&mut order), [act(1)]);
}

#[test]
fn after_a_stop_nothing_begins() {
    let mut order = Order::new(vec![file(), download()], 1, 8);
    order.stop();
    assert_eq!(turns(&mut order), []);
    assert_eq!(order.left().collect::<Vec<_>>(), [0, 1]);
}

fn any_node(at: usize) -> impl Strategy<Value = Node> {
    let lane = prop::sample::select(vec![Lane::Apt, Lane::Command, Lane::Files, Lane::Gate, Lane::Systemd]);
    let needs = prop::option::of(prop::collection::btree_set(0..at.max(1), 0..3));
    let decides =
        prop::sample::select(vec![Decides::Nothing, Decides::Dependents, Decides::Packages, Decides::All]);
    (lane, needs, any::<bool>(), any::<bool>(), decides).prop_map(
        move |(lane, needs, joins, fetches, decides)| {
            let below = |on: &usize| *on < at;
            let needs = needs.map(|needs| needs.into_iter().filter(below).collect());
            Node { needs, joins: joins && lane == Lane::Files, fetches, decides, ..node(lane) }
        },
    )
}

fn any_nodes() -> impl Strategy<Value = Vec<Node>> {
    (1..30_usize).prop_flat_map(|count| (0..count).map(any_node).collect::<Vec<_>>())
}

proptest! {
    /// Whatever the ends and their order: each step ends once, none before what it needs, and lanes hold.
    #[test]
    fn every_step_has_its_end(nodes in any_nodes(), choices in prop::collection::vec(any::<(u8, u8)>(), 1..200), jobs in 1..4_usize) {
        let mut order = Order::new(nodes.clone(), jobs, 4);
        let mut ends: Vec<Option<End>> = vec![None; nodes.len()];
        let (mut acting, mut fetching): (Vec<Vec<usize>>, Vec<Vec<usize>>) = (Vec::new(), Vec::new());
        let mut fetches = vec![0_u8; nodes.len()];
        let mut choices = choices.iter().cycle();
        loop {
            while let Some(turn) = order.next() {
                match turn {
                    Turn::Fetch(group) => {
                        for at in &group {
                            fetches[*at] += 1;
                            prop_assert!(ends[*at].is_none() && nodes[*at].fetches);
                            prop_assert!(!fetching.iter().flatten().any(|other| other == at));
                            prop_assert!(!acting.iter().flatten().any(|other| other == at));
                        }
                        let is_set = group.windows(2).all(|two| two[1] == two[0] + 1);
                        prop_assert!(is_set && (group.len() == 1 || group.iter().all(|at| nodes[*at].merges)));
                        fetching.push(group);
                        prop_assert!(fetching.len() <= 4);
                    }
                    Turn::Blocked(at, why) => {
                        let (by, end) = match why {
                            Blocked::Failed(by) => (by, End::Failed),
                            Blocked::Left(by) => (by, End::Left),
                        };
                        prop_assert_eq!(ends[by], Some(end));
                        prop_assert!(nodes[at].needs.as_ref().unwrap().contains(&by));
                        prop_assert!(ends[at].replace(end).is_none());
                    }
                    Turn::Act(group) => {
                        for at in &group {
                            let node = &nodes[*at];
                            prop_assert!(ends[*at].is_none());
                            for on in node.needs.iter().flatten() {
                                prop_assert_eq!(ends[*on], Some(End::Well));
                            }
                            if node.needs.is_none() {
                                let first = (0..*at).rev().take_while(|at| node.joins && nodes[*at].joins).last();
                                let above = 0..first.unwrap_or(*at);
                                prop_assert!(above.into_iter().all(|above| ends[above].is_some() || group.contains(&above)));
                            }
                        }
                        acting.push(group);
                        let commands = acting.iter().filter(|group| nodes[group[0]].lane == Lane::Command).count();
                        let apt = acting.iter().filter(|group| nodes[group[0]].lane == Lane::Apt).count();
                        prop_assert!(commands <= jobs && apt <= 1);
                    }
                }
            }
            let (which, how) = choices.next().unwrap();
            if acting.is_empty() || (how % 3 == 0 && !fetching.is_empty()) {
                if fetching.is_empty() {
                    break;
                }
                let kept = if which % 2 == 0 { Kept::Nothing } else { Kept::Later };
                let group = fetching.remove(usize::from(*which) % fetching.len());
                order.fetched(group.into_iter().map(|at| (at, kept)));
                if how % 2 == 0 {
                    order.lists_were_read();
                }
                continue;
            }
            let group = acting.remove(usize::from(*which) % acting.len());
            let of = |(place, at): (usize, usize)| {
                let end = match (usize::from(*how) + place) % 5 {
                    0 => End::Failed,
                    1 => End::Left,
                    _ => End::Well,
                };
                (at, end)
            };
            let ended: Vec<(usize, End)> = group.into_iter().enumerate().map(of).collect();
            for (at, end) in &ended {
                prop_assert!(ends[*at].replace(*end).is_none());
            }
            order.acted(&ended);
        }
        prop_assert!(ends.iter().all(Option::is_some), "{ends:?}");
        prop_assert_eq!(order.left().count(), 0);
        prop_assert!(fetches.iter().all(|times| *times <= MOST_LATER + 1), "{fetches:?}");
    }
}

#[test]
fn packages_that_will_be_one_install_are_fetched_as_one() {
    let ends_the_run = Node { merges: false, ..packages() };
    let nodes = vec![
        command(),
        packages(),
        needing(packages(), &[]),
        packages(),
        ends_the_run,
        packages(),
        packages(),
    ];
    let mut order = Order::new(nodes, 1, 8);
    // What nothing keeps back is done; it would have been of the first set otherwise.
    assert_eq!(turns(&mut order), [act(0), act(2), fetch(1), fetch(3), fetch(4), Turn::Fetch(vec![5, 6])]);
    let repository = Node { decides: Decides::Packages, ..node(Lane::Files) };
    let nodes = vec![command(), packages(), packages(), repository, packages()];
    let mut order = Order::new(nodes, 1, 8);
    assert_eq!(turns(&mut order), [act(0), Turn::Fetch(vec![1, 2])]);
}

#[test]
fn what_waits_for_package_lists_is_fetched_once_they_were_read_but_not_for_ever() {
    let mut order = Order::new(vec![command(), packages(), packages()], 1, 8);
    let both = || Turn::Fetch(vec![1, 2]);
    assert_eq!(turns(&mut order), [act(0), both()]);
    for _ in 0..MOST_LATER {
        order.fetched([(1, Kept::Later), (2, Kept::Later)]);
        assert_eq!((turns(&mut order), order.waits_for_lists()), (vec![], true));
        order.lists_were_read();
        assert_eq!((turns(&mut order), order.waits_for_lists()), (vec![both()], false));
    }
    order.fetched([(1, Kept::Later), (2, Kept::Nothing)]);
    assert!(!order.waits_for_lists());
    // What has its turn waits for nothing any more.
    let mut order = Order::new(vec![command(), packages()], 1, 8);
    assert_eq!(turns(&mut order), [act(0), fetch(1)]);
    order.fetched([(1, Kept::Later)]);
    order.acted(&[(0, End::Well)]);
    assert_eq!((turns(&mut order), order.waits_for_lists()), (vec![act(1)], false));
    order.lists_were_read();
    assert_eq!(turns(&mut order), []);
}

#[test]
fn no_more_is_fetched_ahead_than_can_be_kept_open() {
    let mut order = Order::new([vec![command()], vec![download(); 9]].concat(), 1, 2);
    assert_eq!(turns(&mut order), [act(0), fetch(1), fetch(2)]);
    for at in 1..=3 {
        order.fetched([(at, Kept::Held)]);
        assert_eq!(turns(&mut order), [fetch(at + 2)]);
    }
    // Two more are on their way; what is there already takes no place.
    order.fetched([(4, Kept::Held)]);
    assert_eq!(turns(&mut order), []);
    order.fetched([(5, Kept::Nothing)]);
    order.acted(&[(0, End::Well)]);
    assert_eq!(turns(&mut order)[..4], [act(1), act(2), act(3), act(4)]);
}

#[test]
fn of_equals_the_highest_priority_is_first_and_what_must_be_blocks_also_in_the_order_of_the_file() {
    let module = |priority| Node { needs: Some(Vec::new()), priority, ..node(Lane::Module) };
    let mut order = Order::new(vec![module(0), module(5), module(-1)], 1, 8);
    for at in [1, 0, 2] {
        assert_eq!(turns(&mut order), [act(at)]);
        order.acted(&[(at, End::Well)]);
    }
    let must = |on: &[usize]| Node { must: on.to_vec(), ..node(Lane::Module) };
    let mut order = Order::new(vec![must(&[]), must(&[0]), must(&[])], 1, 8);
    assert_eq!(turns(&mut order), [act(0)]);
    order.acted(&[(0, End::Failed)]);
    assert_eq!(turns(&mut order), [Turn::Blocked(1, Blocked::Failed(0)), act(2)]);
}
