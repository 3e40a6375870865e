//! Where a ref leads in the end: behind all tags.

use std::sync::atomic::AtomicBool;

use gix::ObjectId;
use gix::objs::{Find, Kind, TagRefIter};

use super::cause::Damage;
use super::objects::Objects;
use super::stoppable::stopped;
use super::{GitError, words};

/// The first object on the way that is no tag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peeled {
    pub(super) id: ObjectId,
    /// What it is; nothing where it is not there.
    kind: Option<Kind>,
}

impl Peeled {
    /// What an object leads to. A stop is heard at each tag.
    pub(super) fn of(
        objects: &Objects,
        mut id: ObjectId,
        stop: &AtomicBool,
        buffer: &mut Vec<u8>,
    ) -> Result<Self, GitError> {
        loop {
            stopped(stop)?;
            let found = objects.try_find(&id, buffer);
            let found = found
                .map_err(|error| words::unless_too_much(&error, || GitError::from(Damage::missing(id))))?;
            match found {
                Some(object) if object.kind == Kind::Tag => {
                    let target = TagRefIter::from_bytes(object.data, id.kind()).target_id();
                    // A tag comes after what it names, so it cannot lead back to itself.
                    id = target.map_err(|_| GitError::from(Damage::unreadable("tag", id)))?;
                }
                other => return Ok(Self { id, kind: other.map(|object| object.kind) }),
            }
        }
    }

    /// What it is.
    ///
    /// # Errors
    /// Where it is not there.
    pub(super) fn kind(self) -> Result<Kind, GitError> {
        self.kind.ok_or_else(|| Damage::missing(self.id).into())
    }

    /// Its id, where it is a commit that is there.
    pub(super) fn commit(self) -> Option<ObjectId> {
        (self.kind == Some(Kind::Commit)).then_some(self.id)
    }
}
