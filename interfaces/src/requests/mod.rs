//! Requests in flight: what carries them out, and who is told.
//!
//! One lock guards all that changes here. A thread of the program takes it with its signals blocked, so
//! no handler finds it taken by the code that it interrupted, and none leaves its holder by `longjmp`.
//! Nothing that the program can keep waiting is done while it is held. A forked child finds all of it
//! zero: no request, no thread, no context.
//!
//! | module | holds |
//! |---|---|
//! | [`slot`], [`table`], [`queue`] | a request; all of them; a list of some |
//! | [`process`] | the memory and its lock |
//! | [`words`] | what threads sleep on |
//! | [`pins`], [`pinning`] | the files that a pool has in a descriptor table of its own |
//! | [`carrying_out`] | a request's system call |
//! | [`completing`] | a request ends: result, waiters, notification, lists, syncs |
//! | [`collection`], [`collecting`] | requests that stay until the program collects them |
//! | [`context`], [`ring`] | the context of libaio: submitting, reading what has come |
//! | [`ordering`] | what is carried out in the order of the calls |
//! | [`handing_over`] | a request goes to a pool, or is carried out by its caller |
//! | [`helpers`], [`streams`] | the threads of a pool; its requests that wait for data or room |
//! | [`attendants`], [`telling`], [`notifying`] | the two threads that tell the program, and watch the ring for that |
//! | [`submitting`], [`waiting`], [`cancelling`], [`ending`] | what calls do |

pub(crate) mod attendants;
pub(crate) mod cancelling;
pub(crate) mod carrying_out;
pub(crate) mod collecting;
pub(crate) mod collection;
pub(crate) mod completing;
pub(crate) mod context;
pub(crate) mod ending;
pub(crate) mod handing_over;
pub(crate) mod helpers;
pub(crate) mod notifying;
pub(crate) mod ordering;
pub(crate) mod pinning;
pub(crate) mod pins;
pub(crate) mod process;
pub(crate) mod queue;
pub(crate) mod ring;
pub(crate) mod slot;
pub(crate) mod streams;
pub(crate) mod submitting;
pub(crate) mod table;
pub(crate) mod telling;
pub(crate) mod waiting;
pub(crate) mod words;
