#!/bin/sh
# Checks the house: layering, third-party doors, exported names, headers alone in C and C++, banned calls, format, leftovers.
# SPDX-License-Identifier: Apache-2.0
fail=0
complain() { echo "lint: $*"; fail=1; }

rank() {
    case $1 in
    base) echo 1 ;; kernels) echo 2 ;; graph) echo 3 ;; nn | tracking) echo 4 ;; datasets) echo 5 ;; pipeline) echo 6 ;; cli) echo 7 ;; *) echo 0 ;;
    esac
}
room_of() { echo "$1" | sed -E 's#^src/##; s#/.*##'; }

sources=$(git ls-files --cached --others --exclude-standard '*.c' '*.h' | sort -u)
for file in $(echo "$sources" | grep -E '^(src|graph|tracking|datasets)/'); do
    room=$(room_of "$file")
    mine=$(rank "$room")
    for included in $(sed -nE 's#^[[:space:]]*\#[[:space:]]*include[[:space:]]*"(base|kernels|nn|pipeline|cli|graph|tracking|datasets)/.*#\1#p' "$file"); do
        other=$(rank "$included")
        [ "$included" = "$room" ] && continue
        if [ "$other" -ge "$mine" ]; then complain "$file includes $included/, which is not below $room/"; fi
    done
done

nn_rank() { # the rooms of src/nn; metrics stands alone
    case $1 in
    model) echo 1 ;; run) echo 2 ;; forward) echo 3 ;; fused | backward) echo 4 ;; inference) echo 5 ;; training) echo 6 ;; *) echo 0 ;;
    esac
}
for file in $(echo "$sources" | grep -E '^src/nn/'); do
    room=$(echo "$file" | sed -E 's#^src/nn/##; s#/.*##')
    for included in $(sed -nE 's#^[[:space:]]*\#[[:space:]]*include[[:space:]]*"nn/([^/"]*)/.*#\1#p' "$file" | sort -u); do
        [ "$included" = "$room" ] && continue
        if [ "$(nn_rank "$included")" -ge "$(nn_rank "$room")" ]; then complain "$file includes nn/$included/, which is not below nn/$room/"; fi
    done
done

door() { # header pattern, the one file that may include it
    for file in $(echo "$sources" | xargs grep -lE "^[[:space:]]*#[[:space:]]*include[[:space:]]*<$1>" 2>/dev/null); do
        [ "$file" = "$2" ] || complain "$file includes <$1>; its door is $2"
    done
}
door 'hdf5\.h' datasets/hdf5.c
door 'csv\.h' datasets/csv.c
door 'archive.*\.h' datasets/archive.c
door 'metis\.h' graph/partition.c
door 'yaml\.h' src/base/config.c
door 'sqlite3\.h' datasets/sqlite.c
door 'jansson\.h' src/base/json.h
door 'Random123/.*' src/base/random.c
for file in $(echo "$sources" | grep -E '^(graph|tracking)/'); do
    grep -nE '\b(fopen|open|hg_read_file|hg_yaml_read_file)\(' "$file" && complain "$file reads files; graph and tracking never do"
done

library=build/release/libhitgraph.a
nm -g --defined-only "$library" 2>/dev/null | awk 'NF == 3 && $3 !~ /^hg_/ {print $3}' | sort -u | while read -r name; do echo "$name"; done > build/foreign-names
[ -s build/foreign-names ] && complain "names without hg_: $(tr '\n' ' ' < build/foreign-names)"
nm -u "$library" | awk '{print $2}' | grep -xE 'exit|abort|_exit|signal|sigaction|rand|srand|sprintf|strcpy|gets|atoi|setlocale|printf|puts' | sort -u > build/banned-names
[ -s build/banned-names ] && complain "the library calls: $(tr '\n' ' ' < build/banned-names)"
# writable data: only the dispatch table may be written after start, and the lock in front of METIS
objdump -t "$library" 2>/dev/null | awk 'NF > 4 && $(NF-2) ~ /^\.(data|bss)$/ && $(NF-1) != "0000000000000000" && $NF !~ /^(hg_k_|selected_kernels|metis_lock|\.)/ {print $NF}' | sort -u > build/writable-names
[ -s build/writable-names ] && complain "writable globals: $(tr '\n' ' ' < build/writable-names)"

for header in include/hitgraph/*.h include/hitgraph.h; do
    [ -f "$header" ] || continue
    printf '#include "%s"\nint main(void) { return 0; }\n' "${header#include/}" > build/alone.c
    cp build/alone.c build/alone.cpp
    ${CC:-gcc} -std=c17 -Wall -Wextra -Werror -Iinclude -fsyntax-only build/alone.c || complain "$header does not stand alone in C"
    ${CXX:-g++} -std=c++17 -Wall -Wextra -Werror -Iinclude -fsyntax-only build/alone.cpp || complain "$header does not stand alone in C++"
done

for file in $sources; do
    head -3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || complain "$file has no SPDX line"
done
echo "$sources" | xargs grep -nE '\b(TODO|FIXME|XXX|HACK)\b' && complain "left for later"
grep -nE 'reduction\(\+:|#pragma omp atomic' $(echo "$sources" | grep -E '^(src|graph|tracking|datasets)/') && complain "sums whose order depends on threads"
if command -v clang-format > /dev/null; then
    for file in $sources; do clang-format --dry-run -Werror "$file" > /dev/null 2>&1 || complain "$file is not formatted (make format)"; done
fi

echo "for a second look, files over 400 lines:"
wc -l $(echo "$sources" | grep -vE '^tests/') | awk '$2 != "total" && $1 > 400 {print "  " $1 " " $2}'
[ $fail -eq 0 ] && echo "lint: clean"
exit $fail
