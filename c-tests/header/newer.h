/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The flags as other headers spell them, all nine and unguarded: SPELLING 1 <sys/uio.h>; 2 <linux/fs.h> as installed;
 * 3 the same in the kernel's source.
 */
#if SPELLING == 2 || SPELLING == 3
#pragma GCC system_header
#endif
#if SPELLING == 1
#define RWF_HIPRI 0x00000001
#define RWF_DSYNC 0x00000002
#define RWF_SYNC 0x00000004
#define RWF_NOWAIT 0x00000008
#define RWF_APPEND 0x00000010
#define RWF_NOAPPEND 0x00000020
#define RWF_ATOMIC 0x00000040
#define RWF_DONTCACHE 0x00000080
#define RWF_NOSIGNAL 0x00000100
#elif SPELLING == 2
typedef int __kernel_rwf_t;
#define RWF_HIPRI ((__kernel_rwf_t)0x00000001)
#define RWF_DSYNC ((__kernel_rwf_t)0x00000002)
#define RWF_SYNC ((__kernel_rwf_t)0x00000004)
#define RWF_NOWAIT ((__kernel_rwf_t)0x00000008)
#define RWF_APPEND ((__kernel_rwf_t)0x00000010)
#define RWF_NOAPPEND ((__kernel_rwf_t)0x00000020)
#define RWF_ATOMIC ((__kernel_rwf_t)0x00000040)
#define RWF_DONTCACHE ((__kernel_rwf_t)0x00000080)
#define RWF_NOSIGNAL ((__kernel_rwf_t)0x00000100)
#elif SPELLING == 3
#define __force
typedef int __kernel_rwf_t;
#define RWF_HIPRI ((__force __kernel_rwf_t)0x00000001)
#define RWF_DSYNC ((__force __kernel_rwf_t)0x00000002)
#define RWF_SYNC ((__force __kernel_rwf_t)0x00000004)
#define RWF_NOWAIT ((__force __kernel_rwf_t)0x00000008)
#define RWF_APPEND ((__force __kernel_rwf_t)0x00000010)
#define RWF_NOAPPEND ((__force __kernel_rwf_t)0x00000020)
#define RWF_ATOMIC ((__force __kernel_rwf_t)0x00000040)
#define RWF_DONTCACHE ((__force __kernel_rwf_t)0x00000080)
#define RWF_NOSIGNAL ((__force __kernel_rwf_t)0x00000100)
#else
#error "define SPELLING"
#endif

#define IOCB_FLAG_RESFD (1 << 0)
#define IOCB_FLAG_IOPRIO (1 << 1)
