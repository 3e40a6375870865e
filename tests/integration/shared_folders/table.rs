//! The rows, and who is who.

/// Whom the program runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Us(pub(crate) u32);

/// As both of whom each command is tried.
pub(crate) const EITHER: [Us; 2] = [Us(0), Us(4_242)];

/// Whose something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Us,
    Neighbour,
    Root,
}

impl Who {
    pub(crate) fn number(self, us: Us) -> u32 {
        match self {
            Self::Us => us.0,
            Self::Neighbour => tests::neighbour::NEIGHBOUR,
            Self::Root => 0,
        }
    }
}

/// The folder that is written in. Its group is its owner's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folder {
    pub(crate) owner: Who,
    pub(crate) mode: u32,
    /// An access list lets the neighbour write, also in what is made in it.
    pub(crate) list: bool,
}

impl Folder {
    fn is_trusted(self, us: Us) -> bool {
        [0, us.0].contains(&self.owner.number(us))
    }

    /// The rule's first half: only we or root can put anything into it.
    pub(crate) fn is_alone(self, us: Us) -> bool {
        let group_is_ours = self.owner.number(us) == us.0 && !self.list;
        let group = self.mode & 0o020 != 0 || self.list;
        self.is_trusted(us) && self.mode & 0o002 == 0 && (!group || group_is_ours)
    }

    /// The second: nobody else can exchange what is ours in it.
    pub(crate) fn is_safe_way(self, us: Us) -> bool {
        self.is_alone(us) || (self.is_trusted(us) && self.mode & 0o1000 != 0)
    }

    /// What the kernel lets us do.
    pub(crate) fn lets_us_in(self, us: Us) -> bool {
        us.0 == 0 || self.owner.number(us) == us.0 || self.mode & 0o001 != 0
    }

    pub(crate) fn lets_us_write(self, us: Us) -> bool {
        us.0 == 0 || self.owner.number(us) == us.0 || self.mode & 0o002 != 0
    }
}

/// Where a link leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// To a file of ours beside it.
    Beside,
    /// To a file of ours in a folder of ours elsewhere.
    Outside,
    /// To that folder.
    OutsideFolder,
    /// To a name beside it that nothing has.
    Nowhere,
}

/// What stands at the name that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Nothing,
    File(Who),
    Link(Who, To),
    Fifo(Who),
    Device,
    Folder(Who),
}

pub(crate) const NAMES: [Name; 15] = [
    Name::Nothing,
    Name::File(Who::Us),
    Name::File(Who::Neighbour),
    Name::Link(Who::Us, To::Beside),
    Name::Link(Who::Us, To::Outside),
    Name::Link(Who::Us, To::OutsideFolder),
    Name::Link(Who::Us, To::Nowhere),
    Name::Link(Who::Neighbour, To::Beside),
    Name::Link(Who::Neighbour, To::Outside),
    Name::Link(Who::Neighbour, To::OutsideFolder),
    Name::Link(Who::Neighbour, To::Nowhere),
    Name::Fifo(Who::Us),
    Name::Fifo(Who::Neighbour),
    Name::Device,
    Name::Folder(Who::Neighbour),
];

/// Those that are tried in every folder; all are in some.
const FEW: [Name; 4] =
    [Name::Nothing, Name::File(Who::Neighbour), Name::Link(Who::Neighbour, To::Outside), Name::Device];

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) us: Us,
    pub(crate) folder: Folder,
    pub(crate) name: Name,
}

/// All rows for one of whom the program runs as.
pub(crate) fn rows(us: Us) -> Vec<Row> {
    let owners: &[Who] =
        if us.0 == 0 { &[Who::Us, Who::Neighbour] } else { &[Who::Us, Who::Neighbour, Who::Root] };
    let mut rows = Vec::new();
    for owner in owners {
        for mode in [0o700, 0o755, 0o775, 0o777, 0o1777, 0o2775] {
            let names: &[Name] = if [0o755, 0o1777].contains(&mode) { &NAMES } else { &FEW };
            let folder = Folder { owner: *owner, mode, list: false };
            rows.extend(names.iter().map(|name| Row { us, folder, name: *name }));
        }
    }
    let folder = Folder { owner: Who::Us, mode: 0o755, list: true };
    rows.extend(NAMES.iter().map(|name| Row { us, folder, name: *name }));
    rows
}
