#!/bin/sh
# Which libaio a program loads. To be sourced.

# loaded FILE...: the paths in what the dynamic linker wrote there, with LD_DEBUG=files or libs
loaded() { sed -n 's|.*calling init: \(.*/libaio\.so.*\)|\1|p' "$@" 2>/dev/null | sort -u; }

# would_load PROGRAM: what the dynamic linker finds for it, or nothing
would_load() { ldd "$1" | sed -n 's/.*libaio[^ ]* => \(\/[^ ]*\).*/\1/p'; }
