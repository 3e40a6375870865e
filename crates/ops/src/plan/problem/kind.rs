//! The kinds of problems.

use thiserror::Error;

use super::expected::Expected;
use super::ring::{Link, Ring};
use super::said::{listed, near};
use crate::apt::InvalidReason;
use crate::download::ChecksumError;
use crate::foreign::Foreign;
use crate::plan::ids::InvalidId;
use crate::plan::module::ModuleProblemKind;
use crate::plan::step::Place;
use crate::settings::{InvalidBytes, InvalidDuration};

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProblemKind {
    /// It is larger than a plan may be.
    #[error("a plan has at most 4 MiB")]
    TooLarge,
    /// It is not text.
    #[error("this is not UTF-8 text")]
    NotText,
    /// It is not YAML.
    #[error("this is not YAML: {0}")]
    Syntax(Foreign),
    /// More than a plan needs, aliases counted as often as they are used.
    #[error("a plan has at most 200,000 values and keys, counting what aliases stand for")]
    TooMuch,
    /// Groups in groups in groups.
    #[error("a plan is at most 16 levels deep")]
    TooDeep,
    /// Something behind `---`.
    #[error("only one document is read")]
    SecondDocument,
    /// Nothing at all.
    #[error("the plan is empty")]
    Empty,
    /// A key that is a list or a group.
    #[error("a key is a text")]
    KeyIsNoText,
    /// An alias within what it stands for.
    #[error("the alias stands in what it stands for")]
    AliasInItself,
    /// `!tag`.
    #[error("the tag `{0}` means nothing here")]
    Tag(Foreign),
    /// A key twice in one group.
    #[error("the key stands here twice; it is in line {} already", first.line)]
    DuplicateKey {
        /// Where it stands first.
        first: Place,
    },
    /// A key that there is not.
    #[error("there is no key `{key}` here{}", near(near_key.as_ref()))]
    UnknownKey {
        /// As it stands.
        key: Foreign,
        /// One that is written nearly so.
        near_key: Option<Foreign>,
    },
    /// A key without which nothing can be done.
    #[error("`{key}` is missing")]
    MissingKey {
        /// Which.
        key: &'static str,
    },
    /// A value of another type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What is taken.
        expected: Expected,
        /// What it is.
        found: Expected,
    },
    /// A value that is no group of keys.
    #[error("expected a group of keys, found {found}; its keys are {}", listed(keys))]
    NoGroup {
        /// What it is.
        found: Expected,
        /// What there is.
        keys: &'static [&'static str],
    },
    /// A version of the file's form that is not known.
    #[error("only `version: 1` is known")]
    Version,
    /// None of those of which there must be one.
    #[error("one of {} is missing", listed(keys))]
    NoneOf {
        /// Which there are.
        keys: Vec<&'static str>,
    },
    /// Keys that do not go together.
    #[error("`{first}` and `{second}` do not go together")]
    Together {
        /// One of them.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A key that means something only beside another.
    #[error("`{key}` means something only beside `{beside}`")]
    OnlyBeside {
        /// Which.
        key: &'static str,
        /// What is missing.
        beside: &'static str,
    },
    /// A step that does nothing.
    #[error("a step does one thing: one of {} is missing", listed(keys))]
    NoAction {
        /// What there is.
        keys: Vec<&'static str>,
    },
    /// A step that does several things.
    #[error("a step does one thing, and this one has `{first}` already: write two steps")]
    SecondAction {
        /// The key of the first.
        first: &'static str,
    },
    /// A name that is none.
    #[error("`{given}` is no name: {reason}")]
    Id {
        /// As it stands.
        given: Foreign,
        /// What is wrong with it.
        reason: InvalidId,
    },
    /// The name of a variable that is none.
    #[error("`{given}` is no name of a variable: it has a-z, A-Z, 0-9 and `_`, no digit first, 64 at most")]
    VariableName {
        /// As it stands.
        given: Foreign,
    },
    /// A name of a variable that means something already.
    #[error("`{given}` means something else already: take another name")]
    ReservedName {
        /// Which.
        given: Foreign,
    },
    /// Two steps of one name.
    #[error("there is a step `{id}` already, in line {}", first.line)]
    DuplicateId {
        /// The name.
        id: Foreign,
        /// Where the first stands.
        first: Place,
    },
    /// An item of `each` that cannot be in a name.
    #[error("an item of `each` is a text of 1 to 128 characters that can be seen")]
    Item,
    /// More steps than a plan may have.
    #[error("a plan has at most 10,000 steps, counting those of each item")]
    TooManySteps,
    /// More text than a plan may come to.
    #[error("filled in, a plan has at most 64 MiB of text")]
    TooMuchText,
    /// A step that there is not.
    #[error("there is no step `{id}`{}", near(near_id.as_ref()))]
    UnknownStep {
        /// As it stands.
        id: Foreign,
        /// One that is written nearly so.
        near_id: Option<Foreign>,
    },
    /// A step that names itself.
    #[error("a step cannot wait for itself")]
    Itself,
    /// Steps that wait for each other.
    #[error("the steps wait for each other: {}", Ring(links))]
    Ring {
        /// Each waits for the next, and the last for the first.
        links: Vec<Link>,
    },
    /// An old name that a step has.
    #[error("`{id}` is the name of a step of today; `was` is one that no step has any more")]
    StillThere {
        /// The name.
        id: Foreign,
    },
    /// An old name that two steps claim.
    #[error("`{id}` is what another step was already")]
    WasTwice {
        /// The name.
        id: Foreign,
    },
    /// What is remembered by the plan's name, which there is not.
    #[error("`{key}` is remembered by the plan's name: give it one, `name: ...` at the top")]
    NeedsName {
        /// The key that needs it.
        key: &'static str,
    },
    /// A command that would be run each time.
    #[error("say when it need not run: one of {}; or `always: true`", listed(keys))]
    NoGuard {
        /// What there is.
        keys: Vec<&'static str>,
    },
    /// A name in `${...}` that there is not.
    #[error("`{reference}` is not defined{}", near(near_name.as_ref()))]
    Undefined {
        /// As it stands.
        reference: Foreign,
        /// One that is written nearly so.
        near_name: Option<Foreign>,
    },
    /// `${` without a name behind it.
    #[error("`{reference}` names nothing: a reference is `${{name}}`; `$${{` stands for `${{`")]
    Reference {
        /// As it stands, cut.
        reference: Foreign,
    },
    /// A secret where it would be seen or kept.
    #[error("a secret can stand in `headers`, `env` and `file.content` only")]
    SecretHere,
    /// An empty text.
    #[error("it is empty")]
    EmptyText,
    /// A list without anything in it.
    #[error("the list is empty")]
    EmptyList,
    /// A group without anything in it.
    #[error("it says nothing")]
    SaysNothing,
    /// A character that cannot be there.
    #[error("a control character cannot stand here")]
    Control,
    /// A word that is several.
    #[error("`{given}` is not one word")]
    NotAWord {
        /// As it stands.
        given: Foreign,
    },
    /// A path that ends in `/` where a file is meant.
    #[error("{path} names a folder; write the name of a file in it")]
    NotAFile {
        /// As it stands.
        path: Foreign,
    },
    /// A path that cannot be one.
    #[error("this is no path")]
    NotAPath,
    /// Rights that are not written as they are meant.
    #[error("rights are written as text of octal digits, such as \"0644\", in quotes")]
    Mode,
    /// A value that is none of those there are.
    #[error("`{given}` is none of {}{}", listed(values), near(near_value.as_ref()))]
    NoneOfThese {
        /// As it stands.
        given: Foreign,
        /// What there is.
        values: &'static [&'static str],
        /// One that is written nearly so.
        near_value: Option<Foreign>,
    },
    /// No whole number, or one out of its range.
    #[error("expected a whole number from {least} to {most}, found `{given}`")]
    Range {
        /// As it stands.
        given: Foreign,
        /// The least.
        least: u32,
        /// The most.
        most: u32,
    },
    /// No duration.
    #[error(transparent)]
    Duration(InvalidDuration),
    /// A limit of no time.
    #[error("it must be longer than nothing")]
    NoTime,
    /// No number of bytes.
    #[error(transparent)]
    Bytes(InvalidBytes),
    /// No URL.
    #[error("{0}")]
    Url(Foreign),
    /// A URL with a user or password in it.
    #[error("a URL in a plan has no user and no password: use `secrets` and `headers`, or a netrc file")]
    Userinfo,
    /// A URL of a repository with something behind a `?`.
    #[error("the URL of a repository in a plan has no `?`: what stands behind it may be a secret")]
    RepositoryQuery,
    /// No checksum.
    #[error(transparent)]
    Checksum(ChecksumError),
    /// No fingerprint.
    #[error("a fingerprint has 40 or 64 hexadecimal digits")]
    Fingerprint,
    /// A key that comes over the network, and that nothing is held against.
    #[error("a key from a server is held against its `sha256` or `fingerprint`: one of them is missing")]
    UncheckedKey,
    /// No package.
    #[error("`{given}` is no package to install: {reason}")]
    Package {
        /// As it stands.
        given: Foreign,
        /// What is wrong with it.
        reason: InvalidReason,
    },
    /// A package that is asked for in two ways.
    #[error("`{given}` is in this list twice")]
    PackageTwice {
        /// Which.
        given: Foreign,
    },
    /// No repository to clone from, no branch, no commit.
    #[error("{0}")]
    Git(Foreign),
    /// The name of no file of a repository.
    #[error("`{given}` cannot be a file's name: give it a `name` of a-z, A-Z, 0-9, `.`, `_`, `-`")]
    FileName {
        /// As it stands.
        given: Foreign,
    },
    /// No header.
    #[error("`{given}` is no name of a header")]
    HeaderName {
        /// As it stands.
        given: Foreign,
    },
    /// No variable of an environment.
    #[error("`{given}` is no name of an environment variable")]
    EnvName {
        /// As it stands.
        given: Foreign,
    },
    /// No unit.
    #[error("`{given}` is no unit of systemd")]
    Unit {
        /// As it stands.
        given: Foreign,
    },
    /// No host and port.
    #[error("`{given}` is no host and port: write it as `example.com:443`")]
    HostPort {
        /// As it stands.
        given: Foreign,
    },
    /// No name of a host.
    #[error("`{given}` is no name of a host")]
    HostName {
        /// As it stands.
        given: Foreign,
    },
    /// A module that there is not.
    #[error("there is no module `{name}`{}", near(near_name.as_ref()))]
    UnknownModule {
        /// As it stands.
        name: Foreign,
        /// One that is written nearly so.
        near_name: Option<Foreign>,
    },
    /// A module, of which this program has none.
    #[error(
        "there is no module `{name}`: this program has none at all, one with modules is built of its own"
    )]
    NoModules {
        /// As it stands.
        name: Foreign,
    },
    /// The module of a step says so.
    #[error(transparent)]
    Module(ModuleProblemKind),
    /// This build cannot do it.
    #[error("this build of the program has no git")]
    NoGit,
}
