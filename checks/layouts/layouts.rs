//! Every structure of `<libaio.h>` has the size, the alignment and the fields, each at its place,
//! of the Rust type in `src/abi.rs`. Nothing runs: this compiles, or it does not.

#![no_std]

use core::mem::{offset_of, size_of};
use static_assertions::{assert_eq_align, assert_eq_size, const_assert_eq};

/// What bindgen makes of the header.
#[allow(
    clippy::all,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unused
)]
mod c {
    include!(concat!(env!("OUT_DIR"), "/libaio.rs"));
}

#[allow(dead_code)]
#[path = "../../src/abi.rs"]
mod rust;

/// The C type, the Rust type, their fields, and the padding that they have on 32 bits.
macro_rules! same {
    ($c:ident, $rust:ident, $($field:ident)*; $($padding:ident)*) => {
        places!($c, $rust, $($field)*);
        #[cfg(target_pointer_width = "64")]
        all_fields!($c, $rust, $($field)*);
        #[cfg(target_pointer_width = "32")]
        places!($c, $rust, $($padding)*);
        #[cfg(target_pointer_width = "32")]
        all_fields!($c, $rust, $($field)* $($padding)*);
    };
}

macro_rules! places {
    ($c:ident, $rust:ident, $($field:ident)*) => {
        assert_eq_size!(c::$c, rust::$rust);
        assert_eq_align!(c::$c, rust::$rust);
        $(
            const_assert_eq!(offset_of!(c::$c, $field), offset_of!(rust::$rust, $field));
            const_assert_eq!(
                // SAFETY: nothing calls it.
                size_of_field(|s: *const c::$c| unsafe { &raw const (*s).$field }),
                // SAFETY: nothing calls it.
                size_of_field(|s: *const rust::$rust| unsafe { &raw const (*s).$field })
            );
        )*
    };
}

const fn size_of_field<T, F>(_: fn(*const T) -> *const F) -> usize {
    size_of::<F>()
}

/// A pattern must name every field.
macro_rules! all_fields {
    ($c:ident, $rust:ident, $($field:ident)*) => {
        const _: fn(c::$c) = |c::$c { $($field: _),* }| ();
        const _: fn(rust::$rust) = |rust::$rust { $($field: _),* }| ();
    };
}

same!(iocb, iocb, data key aio_rw_flags aio_lio_opcode aio_reqprio aio_fildes u; __pad1);
same!(io_event, io_event, data obj res res2; __pad1 __pad2 __pad3 __pad4);
same!(io_iocb_common, io_iocb_common, buf nbytes offset __pad3 flags resfd; __pad1 __pad2);
same!(io_iocb_vector, io_iocb_vector, vec nr offset; __pad1 __pad2);
same!(io_iocb_poll, io_iocb_poll, events __pad1;);
same!(io_iocb_sockaddr, io_iocb_sockaddr, addr len; __pad1 __pad2);
same!(io_sigset, io_sigset, ss ss_len;);
// The union has no name in the header.
places!(iocb__bindgen_ty_1, iocb_parameters, c v poll saddr);

const_assert_eq!(c::RWF_DONTCACHE, 0x80);
const_assert_eq!(c::IOCB_FLAG_IOPRIO, 1 << 1);

/// No name comes twice, whichever header comes first.
#[cfg(native)]
macro_rules! beside {
    ($($name:literal $module:ident)*) => { $(
        #[allow(clippy::all, non_camel_case_types, non_snake_case, non_upper_case_globals, unused)]
        mod $module {
            include!(concat!(env!("OUT_DIR"), "/", $name, ".rs"));
        }
        const_assert_eq!($module::RWF_DONTCACHE, 0x80);
        const_assert_eq!($module::IOCB_FLAG_IOPRIO, 1 << 1);
    )* };
}

#[cfg(native)]
beside!("before_uio" before_uio "after_uio" after_uio "before_fs" before_fs "after_fs" after_fs);
