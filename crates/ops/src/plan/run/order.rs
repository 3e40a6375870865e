//! Whose turn it is: which steps may begin, in which lane, and what an end means to the others. Without I/O and
//! without a clock, so that the same ends in the same order give the same turns.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(crate) use super::node::{Decides, Lane, Node};
use super::node::{barriers, heights};
pub(crate) use super::turn::{Blocked, End, Kept, Turn};

/// So often package lists are waited for before a step's turn: where they are never whole, its turn does without.
const MOST_LATER: u8 = 3;

/// Who is first among those that are ready: the longest way, then the priority, then the place.
type Rank = (Reverse<usize>, Reverse<i32>, usize);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Acting,
    Ended,
}

/// The turns of one run.
#[derive(Debug)]
pub(crate) struct Order {
    nodes: Vec<Node>,
    states: Vec<State>,
    /// Needs and steps it comes after that have not ended.
    waits_for: Vec<usize>,
    /// What decides for its bytes and has not ended.
    fetch_waits_for: Vec<usize>,
    /// Who counts the end of this one: by needs and by `after`; by its bytes.
    waiters: Vec<Vec<usize>>,
    fetch_waiters: Vec<Vec<usize>>,
    /// All before this place must have ended.
    barriers: Vec<usize>,
    /// The longest way from here along needs.
    heights: Vec<usize>,
    /// All before this place have ended.
    ended_before: usize,
    /// The next in the order of the file whose barrier is looked at.
    next_in_order: usize,
    ready: BTreeMap<Lane, BTreeSet<Rank>>,
    fetchable: BTreeSet<usize>,
    /// Those that are to be fetched once package lists were read, and how often each was one of them.
    later: BTreeSet<usize>,
    were_later: BTreeMap<usize, u8>,
    said: VecDeque<Turn>,
    acting: BTreeMap<Lane, usize>,
    fetching: usize,
    /// What was fetched and waits for its turn.
    held: BTreeSet<usize>,
    most_commands: usize,
    most_fetches: usize,
    is_stopped: bool,
}

impl Order {
    /// The turns of these steps; `jobs` commands at once, and so many fetches.
    pub(crate) fn new(nodes: Vec<Node>, jobs: usize, fetches: usize) -> Self {
        let count = nodes.len();
        let mut order = Self {
            states: vec![State::Waiting; count],
            waits_for: vec![0; count],
            fetch_waits_for: vec![0; count],
            waiters: vec![Vec::new(); count],
            fetch_waiters: vec![Vec::new(); count],
            barriers: barriers(&nodes),
            heights: heights(&nodes),
            ended_before: 0,
            next_in_order: 0,
            ready: BTreeMap::new(),
            fetchable: BTreeSet::new(),
            later: BTreeSet::new(),
            were_later: BTreeMap::new(),
            said: VecDeque::new(),
            acting: BTreeMap::new(),
            fetching: 0,
            held: BTreeSet::new(),
            most_commands: jobs.max(1),
            most_fetches: fetches.max(1),
            is_stopped: false,
            nodes,
        };
        order.count();
        let free: Vec<usize> = (0..count)
            .filter(|at| order.is(*at, |node| node.needs.is_some()) && order.waits_for.get(*at) == Some(&0))
            .collect();
        free.into_iter().for_each(|at| order.make_ready(at));
        order.go_on_in_order();
        order
    }

    fn count(&mut self) {
        let mut decides_for_all = Vec::new();
        let mut decides_for_packages = Vec::new();
        let add = |waits: &mut Vec<usize>, waiters: &mut Vec<Vec<usize>>, of: usize, on: usize| {
            if let (Some(count), Some(list)) = (waits.get_mut(of), waiters.get_mut(on)) {
                *count += 1;
                list.push(of);
            }
        };
        for (at, node) in self.nodes.iter().enumerate() {
            let needs = node.needs.as_deref().unwrap_or_default();
            for on in needs.iter().chain(&node.after).chain(&node.must) {
                add(&mut self.waits_for, &mut self.waiters, at, *on);
            }
            if node.fetches {
                let decides =
                    |on: &&usize| self.nodes.get(**on).is_some_and(|node| node.decides != Decides::Nothing);
                let mut on: BTreeSet<usize> = needs.iter().filter(decides).copied().collect();
                if node.needs.is_none() {
                    on.extend(&decides_for_all);
                }
                if node.lane == Lane::Apt {
                    on.extend(&decides_for_packages);
                }
                for on in on {
                    add(&mut self.fetch_waits_for, &mut self.fetch_waiters, at, on);
                }
                if self.fetch_waits_for.get(at) == Some(&0) {
                    self.fetchable.insert(at);
                }
            }
            match node.decides {
                Decides::All => decides_for_all.push(at),
                Decides::Packages => decides_for_packages.push(at),
                Decides::Nothing | Decides::Dependents => {}
            }
        }
    }

    fn is(&self, at: usize, what: impl FnOnce(&Node) -> bool) -> bool {
        self.nodes.get(at).is_some_and(what)
    }

    fn state(&self, at: usize) -> State {
        self.states.get(at).copied().unwrap_or(State::Ended)
    }

    fn make_ready(&mut self, at: usize) {
        let (Some(node), Some(height)) = (self.nodes.get(at), self.heights.get(at)) else { return };
        self.ready.entry(node.lane).or_default().insert((Reverse(*height), Reverse(node.priority), at));
    }

    /// Makes those ready that go by the order of the file, and for which all before has ended.
    fn go_on_in_order(&mut self) {
        while self.state(self.ended_before) == State::Ended && self.ended_before < self.nodes.len() {
            self.ended_before += 1;
        }
        while let Some(barrier) = self.barriers.get(self.next_in_order) {
            let at = self.next_in_order;
            if self.is(at, |node| node.needs.is_none()) {
                if *barrier > self.ended_before {
                    return;
                }
                if self.state(at) == State::Waiting && self.waits_for.get(at) == Some(&0) {
                    self.make_ready(at);
                }
            }
            self.next_in_order += 1;
        }
    }

    /// What to begin, or to say, now. Nothing until the next end, where it is nothing.
    pub(crate) fn next(&mut self) -> Option<Turn> {
        if let Some(said) = self.said.pop_front() {
            return Some(said);
        }
        if self.is_stopped {
            return None;
        }
        let limits = |lane: Lane| match lane {
            Lane::Apt | Lane::Systemd | Lane::Module => 1,
            Lane::Command => self.most_commands,
            Lane::Gate => self.most_fetches,
            // One half of them may wait for the disk.
            Lane::Files => self.most_fetches.saturating_mul(2),
        };
        let has_place = |lane: &Lane| self.acting.get(lane).copied().unwrap_or_default() < limits(*lane);
        let ready = self.ready.iter().filter(|(lane, _)| has_place(lane));
        let first = ready.filter_map(|(lane, all)| Some((*all.first()?, *lane))).min();
        if let Some(((_, _, at), lane)) = first {
            let group = self.group(at);
            for at in &group {
                self.leave_ready(*at);
                self.set(*at, State::Acting);
                self.fetchable.remove(at);
                self.later.remove(at);
                self.held.remove(at);
            }
            *self.acting.entry(lane).or_default() += 1;
            return Some(Turn::Act(group));
        }
        // Each of them is an open file: who comes later fetches when its turn has come.
        if self.fetching < self.most_fetches
            && self.held.len() < self.most_fetches.saturating_mul(2)
            && let Some(at) = self.fetchable.pop_first()
        {
            self.fetching += 1;
            return Some(Turn::Fetch(self.fetch_group(at)));
        }
        None
    }

    /// It and those that are done with it: its neighbours below that nothing else keeps back.
    fn group(&self, first: usize) -> Vec<usize> {
        let mut group = vec![first];
        if !self.is(first, |node| node.merges) {
            return group;
        }
        let by_order = self.is(first, |node| node.needs.is_none());
        for at in first + 1..self.nodes.len() {
            let Some(node) = self.nodes.get(at).filter(|node| node.merges) else { break };
            // What goes by order comes after those of the group alone, all others above have ended.
            let may = match node.needs {
                None => by_order && self.waits_for.get(at) == Some(&0),
                Some(_) => self.waits_for.get(at) == Some(&0),
            };
            if !may || self.state(at) != State::Waiting {
                break;
            }
            group.push(at);
        }
        group
    }

    /// It and those whose bytes are fetched with its own: neighbours below that will be done with it, as far as that is
    /// known by now.
    fn fetch_group(&mut self, first: usize) -> Vec<usize> {
        let mut group = vec![first];
        if !self.is(first, |node| node.merges) {
            return group;
        }
        let by_order = self.is(first, |node| node.needs.is_none());
        for at in first + 1..self.nodes.len() {
            let may = self.is(at, |node| node.merges && (by_order || node.needs.is_some()));
            if !may || !self.fetchable.remove(&at) {
                break;
            }
            group.push(at);
        }
        group
    }

    fn leave_ready(&mut self, at: usize) {
        let (Some(node), Some(height)) = (self.nodes.get(at), self.heights.get(at)) else { return };
        if let Some(ready) = self.ready.get_mut(&node.lane) {
            ready.remove(&(Reverse(*height), Reverse(node.priority), at));
        }
    }

    fn set(&mut self, at: usize, state: State) {
        if let Some(place) = self.states.get_mut(at) {
            *place = state;
        }
    }

    /// What was to be fetched for these steps, as one, is there, or cannot be; what is kept of each until its turn.
    pub(crate) fn fetched(&mut self, group: impl IntoIterator<Item = (usize, Kept)>) {
        self.fetching = self.fetching.saturating_sub(1);
        for (at, kept) in group {
            match kept {
                _ if self.state(at) != State::Waiting => {}
                Kept::Nothing => {}
                Kept::Held => drop(self.held.insert(at)),
                Kept::Later => {
                    let times = self.were_later.entry(at).or_default();
                    *times += 1;
                    if *times <= MOST_LATER {
                        self.later.insert(at);
                    }
                }
            }
        }
    }

    /// Whether somebody waits for package lists to be read.
    pub(crate) fn waits_for_lists(&self) -> bool {
        !self.later.is_empty()
    }

    /// Package lists were read.
    pub(crate) fn lists_were_read(&mut self) {
        self.fetchable.append(&mut self.later);
    }

    /// A group that was begun has ended, each of it in its way.
    pub(crate) fn acted(&mut self, ends: &[(usize, End)]) {
        if let Some(lane) = ends.first().and_then(|(at, _)| self.nodes.get(*at)).map(|node| node.lane)
            && let Some(acting) = self.acting.get_mut(&lane)
        {
            *acting = acting.saturating_sub(1);
        }
        for (at, end) in ends {
            self.end(*at, *end);
        }
        self.go_on_in_order();
    }

    fn end(&mut self, at: usize, end: End) {
        self.set(at, State::Ended);
        let mut ended = vec![(at, end)];
        while let Some((at, end)) = ended.pop() {
            for waiter in self.fetch_waiters.get_mut(at).map(std::mem::take).unwrap_or_default() {
                self.let_fetch(waiter);
            }
            for waiter in self.waiters.get_mut(at).map(std::mem::take).unwrap_or_default() {
                if let Some(count) = self.waits_for.get_mut(waiter) {
                    *count = count.saturating_sub(1);
                }
                if self.state(waiter) != State::Waiting {
                    continue;
                }
                let needs = |node: &Node| {
                    node.needs.as_ref().is_some_and(|needs| needs.contains(&at)) || node.must.contains(&at)
                };
                let blocked = match end {
                    End::Well => None,
                    _ if !self.is(waiter, needs) => None,
                    End::Failed => Some((Blocked::Failed(at), End::Failed)),
                    End::Left => Some((Blocked::Left(at), End::Left)),
                };
                if let Some((why, end)) = blocked {
                    self.leave_ready(waiter);
                    self.fetchable.remove(&waiter);
                    self.later.remove(&waiter);
                    self.held.remove(&waiter);
                    self.set(waiter, State::Ended);
                    self.said.push_back(Turn::Blocked(waiter, why));
                    ended.push((waiter, end));
                } else if self.waits_for.get(waiter) == Some(&0) {
                    let passed = self
                        .barriers
                        .get(waiter)
                        .is_some_and(|barrier| *barrier <= self.ended_before && waiter < self.next_in_order);
                    if self.is(waiter, |node| node.needs.is_some()) || passed {
                        self.make_ready(waiter);
                    }
                }
            }
        }
    }

    fn let_fetch(&mut self, at: usize) {
        let Some(count) = self.fetch_waits_for.get_mut(at) else { return };
        *count = count.saturating_sub(1);
        if *count == 0 && self.state(at) == State::Waiting {
            self.fetchable.insert(at);
        }
    }

    /// Nothing is begun any more.
    pub(crate) fn stop(&mut self) {
        self.is_stopped = true;
    }

    /// Whether nothing is begun any more.
    pub(crate) const fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// Those that have not ended, in order.
    #[cfg(test)]
    pub(crate) fn left(&self) -> impl Iterator<Item = usize> {
        let all = self.states.iter().enumerate();
        all.filter(|(_, state)| **state != State::Ended).map(|(at, _)| at)
    }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
