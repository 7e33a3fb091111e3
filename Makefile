# hitgraph: `make help` lists the targets. Objects live in build/VARIANT; the user's CFLAGS are appended, never replaced.
# SPDX-License-Identifier: Apache-2.0
VERSION := 0.1.0
CC ?= gcc
VARIANT ?= release
JOBS ?= 2
PREFIX ?= /usr/local
PYTHON ?= python3
BUILD := build/$(VARIANT)

PACKAGES := gcc g++ make pkg-config libhdf5-dev libcsv-dev libmetis-dev libarchive-dev libyaml-dev libjansson-dev librandom123-dev libxxhash-dev zlib1g-dev libsqlite3-dev sqlite3 libcmocka-dev clang-format
PKG_CONFIG ?= pkg-config
HDF5_CFLAGS ?= $(shell $(PKG_CONFIG) --cflags hdf5-serial 2>/dev/null || $(PKG_CONFIG) --cflags hdf5 2>/dev/null)
HDF5_LIBS ?= $(shell $(PKG_CONFIG) --libs hdf5-serial 2>/dev/null || $(PKG_CONFIG) --libs hdf5 2>/dev/null)
OTHER_CFLAGS ?= $(shell $(PKG_CONFIG) --cflags jansson libarchive yaml-0.1 libxxhash sqlite3 2>/dev/null)
OTHER_LIBS ?= $(shell $(PKG_CONFIG) --libs jansson libarchive yaml-0.1 libxxhash sqlite3 2>/dev/null)
CSV_LIBS ?= -lcsv
METIS_LIBS ?= -lmetis
ZLIB_LIBS ?= -lz
CMOCKA_LIBS ?= -lcmocka

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wvla -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes
OPTIMISE_release := -O3
OPTIMISE_double := -O2 -DHG_REAL_DOUBLE
OPTIMISE_debug := -O0 -g3
OPTIMISE_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPTIMISE_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
# not -O1: there clang 14 loses the signs of AVX-512 lanes (tests/physics/batch tells)
OPTIMISE_tsan := -O2 -g -fsanitize=thread
BASE_CFLAGS := -std=c17 -D_GNU_SOURCE -fopenmp -fno-math-errno -fno-trapping-math -ffp-contract=off -fvisibility=hidden -fPIC \
               -DHG_VERSION='"$(VERSION)"' $(OPTIMISE_$(VARIANT)) $(WARNINGS)
# The kernels alone may contract a*b+c into one operation; each unit but generic.c is compiled for its instruction set, chosen at run time.
KERNEL_CFLAGS := -ffp-contract=fast -Wno-psabi
KERNEL_CFLAGS_avx2 := -march=x86-64-v3
KERNEL_CFLAGS_avx512 := -march=x86-64-v4 -mprefer-vector-width=512
KERNEL_CFLAGS_avx2_double = $(KERNEL_CFLAGS_avx2)
KERNEL_CFLAGS_avx512_double = $(KERNEL_CFLAGS_avx512)
KERNEL_CFLAGS_avx512bf16 := $(KERNEL_CFLAGS_avx512) -mavx512bf16
KERNEL_CFLAGS_amx := $(KERNEL_CFLAGS_avx512bf16) -mamx-tile -mamx-bf16
ifneq (,$(findstring x86_64,$(shell $(CC) -dumpmachine)))
X86_TABLES := -DHG_X86_TABLES
else
KERNEL_CFLAGS_avx2 :=
KERNEL_CFLAGS_avx512 :=
KERNEL_CFLAGS_avx512bf16 :=
KERNEL_CFLAGS_amx :=
endif
# gcc unrolls loops over 16 lanes, and then finds no loop to make vectors of, unless it is told to leave them.
LANES_CFLAGS := $(if $(findstring clang,$(shell $(CC) --version 2>/dev/null)),,--param=max-completely-peel-times=8)
INCLUDES := -Iinclude -I. -Isrc
LIBS := $(HDF5_LIBS) $(OTHER_LIBS) $(CSV_LIBS) $(METIS_LIBS) $(ZLIB_LIBS) -lm
COMPILE = $(CC) $(BASE_CFLAGS) $(INCLUDES) $(HDF5_CFLAGS) $(OTHER_CFLAGS) $(CFLAGS) -MMD -MP
LINK = $(CC) $(BASE_CFLAGS) $(CFLAGS) $(LDFLAGS)

LIBRARY_SOURCES := $(sort $(wildcard src/base/*.c src/kernels/*.c src/nn/*/*.c src/pipeline/*.c graph/*.c tracking/*.c datasets/*.c))
CLI_SOURCES := $(sort $(wildcard src/cli/*.c))
VERB_SOURCES := $(filter-out src/cli/main.c,$(CLI_SOURCES))
TEST_SOURCES := $(sort $(wildcard tests/unit/*.c tests/physics/*.c tests/bad/*.c tests/repro/*.c))
DOUBLE_TEST_SOURCES := $(sort $(wildcard tests/gradients/*.c))
BENCH_SOURCES := $(sort $(wildcard bench/*.c))
FUZZ_SOURCES := $(sort $(wildcard tests/fuzz/*.c))
FUZZER := $(BUILD)/tests/fuzz/readers
LIBRARY_OBJECTS := $(LIBRARY_SOURCES:%.c=$(BUILD)/%.o)
LIBRARY := $(BUILD)/libhitgraph.a
PROGRAM := $(BUILD)/hitgraph
TESTS := $(TEST_SOURCES:%.c=$(BUILD)/%)
BENCHES := $(BENCH_SOURCES:%.c=$(BUILD)/%)

.PHONY: help all deps demo demo-icecube models check check-asan check-tsan fuzz fuzz-clang parity arm-kernels lint format bench install uninstall clean tests
.DEFAULT_GOAL := all
.SECONDARY:

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | awk -F '\t' '{printf "  make %-14s %s\n", $$1, $$2}'

all: $(PROGRAM) ## build the library and the program build/hitgraph
ifeq ($(VARIANT),release)
all: build/hitgraph
build/hitgraph: $(PROGRAM)
	@cp -f $< $@
endif

deps: ## install the Debian packages that the build and the tests need
	@sh tests/install-packages.sh $(PACKAGES)

$(LIBRARY): $(LIBRARY_OBJECTS)
	@rm -f $@
	@$(AR) rcs $@ $^
	@echo "  AR    $@"

$(PROGRAM): $(CLI_SOURCES:%.c=$(BUILD)/%.o) $(LIBRARY)
	@$(LINK) -o $@ $^ $(LIBS)
	@echo "  LINK  $@"

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(COMPILE) -c -o $@ $<

$(BUILD)/src/kernels/%.o: src/kernels/%.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(COMPILE) $(X86_TABLES) $(KERNEL_CFLAGS) $(KERNEL_CFLAGS_$*) -c -o $@ $<

$(BUILD)/tracking/batch_%.o: tracking/batch_%.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(COMPILE) $(X86_TABLES) $(KERNEL_CFLAGS) $(KERNEL_CFLAGS_$*) -c -o $@ $<

$(BUILD)/graph/doublet_batch_%.o: graph/doublet_batch_%.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(COMPILE) $(X86_TABLES) $(LANES_CFLAGS) $(KERNEL_CFLAGS_$*) -c -o $@ $<

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(LIBRARY)
	@$(LINK) -o $@ $< $(LIBRARY) $(CMOCKA_LIBS) $(LIBS)

$(BUILD)/bench/%: $(BUILD)/bench/%.o $(LIBRARY)
	@$(LINK) -o $@ $< $(LIBRARY) $(LIBS)

$(FUZZER): $(FUZZ_SOURCES:%.c=$(BUILD)/%.o) $(VERB_SOURCES:%.c=$(BUILD)/%.o) $(LIBRARY)
	@$(LINK) -o $@ $^ $(CMOCKA_LIBS) $(LIBS)

DEMO := build/demo
demo: ## the main job on a built-in event: simulate, find and fit tracks, draw them
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@rm -rf $(DEMO)
	@build/hitgraph simulate --events 1 --pileup 30 --seed 1 --out $(DEMO)/events
	@build/hitgraph track --preset simulated --detector $(DEMO)/events/detectors.csv --out $(DEMO) $(DEMO)/events
	@build/hitgraph display $(DEMO)/tracks.h5 $(DEMO)/events --only-track-hits --pt-min 0.5 --max-kb 300 --out $(DEMO)/event.svg
	@echo "the picture is $(DEMO)/event.svg, the tracks are $(DEMO)/tracks.h5 and $(DEMO)/submission.csv"

DEMO_ICECUBE := build/demo-icecube
demo-icecube: ## simulated events of a neutrino telescope: classify them and compare with the truth and with what needs no network
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@rm -rf $(DEMO_ICECUBE)
	@mkdir -p $(DEMO_ICECUBE)
	@build/hitgraph simulate --preset icecube --level 1 --events 3000 --seed 21 --out $(DEMO_ICECUBE)/events.h5
	@build/hitgraph classify --model datasets/models/icecube/level1 --out $(DEMO_ICECUBE)/scores.csv $(DEMO_ICECUBE)/events.h5
	@build/hitgraph evaluate --baselines $(DEMO_ICECUBE)/scores.csv $(DEMO_ICECUBE)/events.h5
	@build/hitgraph display $(DEMO_ICECUBE)/events.h5 --event 0 --out $(DEMO_ICECUBE)/event.svg
	@echo "the picture is $(DEMO_ICECUBE)/event.svg, the scores are $(DEMO_ICECUBE)/scores.csv; simulated events, no telescope's performance"

models: all ## train the shipped models again: make models DATA=directory of TrackML-like events
	@sh datasets/models/trackml/train.sh $(DATA)
	@sh datasets/models/simulated/learn.sh

tests: $(TESTS) $(FUZZER) $(PROGRAM)

check: ## run all tests (parallel build, both cores); ends with 'N passed, N failed'
	@$(MAKE) --no-print-directory -j$(JOBS) all tests
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=double tests-double
	@sh tests/run.sh $(TESTS) $(FUZZER) $(DOUBLE_TEST_SOURCES:%.c=build/double/%)

.PHONY: tests-double
tests-double: $(DOUBLE_TEST_SOURCES:%.c=$(BUILD)/%)

check-asan: ## the tests under the address and undefined-behaviour sanitizers
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=asan tests
	@sh tests/run.sh $(TEST_SOURCES:%.c=build/asan/%) build/asan/tests/fuzz/readers

# A new seed each time, unless given; what went wrong is kept in build/fuzz-kept.
SECONDS := 15
SEED := $(shell date +%s)
fuzz: ## change valid files at random and read them, under the sanitizers: make fuzz SECONDS=60 (for each reader) SEED=1
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=asan build/asan/tests/fuzz/readers
	@echo "seed $(SEED)"; build/asan/tests/fuzz/readers -s $(SEED) -t $(SECONDS) -j $(JOBS)

build/fuzz/tests/fuzz/libfuzzer: $(filter-out %/mutator.o,$(FUZZ_SOURCES:%.c=build/fuzz/%.o)) $(VERB_SOURCES:%.c=build/fuzz/%.o) build/fuzz/libhitgraph.a
	@$(LINK) -fsanitize=fuzzer -o $@ $^ $(CMOCKA_LIBS) $(LIBS)

# libFuzzer's inputs are guided by what they reach. The program takes its target from its name.
fuzz-clang: ## the same with libFuzzer (needs clang, libomp-dev): make fuzz-clang SECONDS=60
	@if ! command -v clang >/dev/null; then echo "SKIP fuzz-clang: clang is not installed"; exit 0; fi; \
	$(MAKE) --no-print-directory -j$(JOBS) CC=clang VARIANT=fuzz build/fuzz/tests/fuzz/libfuzzer build/fuzz/tests/fuzz/readers || exit 1; \
	FUZZ_FOLDER=$$(mktemp -d) || exit 1; export FUZZ_FOLDER; trap 'rm -rf "$$FUZZ_FOLDER"' EXIT; mkdir -p build/fuzz-kept; \
	for target in $$(build/fuzz/tests/fuzz/readers -w build/fuzz/seeds); do \
	echo "== $$target"; rm -rf "$${FUZZ_FOLDER:?}"/*; cp -f build/fuzz/tests/fuzz/libfuzzer build/fuzz/$$target || exit 1; \
	build/fuzz/$$target -max_total_time=$(SECONDS) -max_len=16384 -timeout=20 -rss_limit_mb=4096 -artifact_prefix=build/fuzz-kept/$$target- \
	build/fuzz/seeds/$$target 2> build/fuzz/log || { cat build/fuzz/log; exit 1; }; tail -n 1 build/fuzz/log; done

# gcc's OpenMP runtime is not instrumented and gives false reports; clang's tells the sanitizer about its barriers through Archer
ARCHER := $(firstword $(wildcard /usr/lib/llvm-*/lib/libarcher.so))
check-tsan: ## the tests under the thread sanitizer (needs clang, libclang-rt-14-dev, libomp-dev)
	@$(MAKE) --no-print-directory -j$(JOBS) CC=clang VARIANT=tsan tests
	@TSAN_OPTIONS=ignore_noninstrumented_modules=1 OMP_TOOL_LIBRARIES=$(ARCHER) sh tests/run.sh $(TEST_SOURCES:%.c=build/tsan/%)

# An optional package: PYTHON is an interpreter that may have it.
parity: ## compare published networks with PyTorch, outputs and gradients: make parity PYTHON=python3
	@if ! $(PYTHON) -c 'import torch' 2>/dev/null; then echo "SKIP parity: PyTorch is not installed (pip install torch==2.13.0)"; exit 0; fi; \
	for v in release double; do $(MAKE) --no-print-directory -j$(JOBS) VARIANT=$$v build/$$v/tests/parity/run_model || exit 1; done; \
	$(PYTHON) tests/parity/parity.py build/release/tests/parity/run_model build/double/tests/parity/run_model

# An optional package: the kernels of every machine, compiled for Arm with NEON and with SVE. They are not run.
ARM_CC ?= aarch64-linux-gnu-gcc
ARM_COMPILE = $(ARM_CC) $(BASE_CFLAGS) -Werror $(INCLUDES) $(KERNEL_CFLAGS)
arm-kernels: ## compile the kernels for Arm, NEON and SVE (needs gcc-aarch64-linux-gnu)
	@if ! command -v $(ARM_CC) >/dev/null; then echo "SKIP arm-kernels: $(ARM_CC) is not installed (Debian: gcc-aarch64-linux-gnu)"; exit 0; fi; \
	mkdir -p build/arm; for arch in armv8-a armv8.2-a+sve; do \
	$(ARM_COMPILE) -march=$$arch -c -o build/arm/kernels-$$arch.o src/kernels/generic.c || exit 1; echo "  CC    src/kernels/generic.c for $$arch"; done

lint: all arm-kernels ## layering, exported names, headers alone in C and C++
	@sh tests/lint/lint.sh

format: ## clang-format the sources in place
	@clang-format -i $$(git ls-files '*.c' '*.h')

bench: $(BENCHES) ## build and run the benchmark programs (bench/engine without its large graphs)
	@for b in $(BENCHES); do echo "== $$b"; case $$b in */engine) $$b --quick ;; *) $$b ;; esac || exit 1; done

install: all ## install program, library, headers under PREFIX (DESTDIR honoured)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib $(DESTDIR)$(PREFIX)/include/hitgraph $(DESTDIR)$(PREFIX)/share/hitgraph
	install $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/hitgraph
	install -m 644 $(LIBRARY) $(DESTDIR)$(PREFIX)/lib/
	install -m 644 include/hitgraph/*.h $(DESTDIR)$(PREFIX)/include/hitgraph/
	install -m 644 include/hitgraph.h $(DESTDIR)$(PREFIX)/include/
	cp -r datasets/models datasets/presets $(DESTDIR)$(PREFIX)/share/hitgraph/

uninstall: ## remove what install put there
	rm -rf $(DESTDIR)$(PREFIX)/bin/hitgraph $(DESTDIR)$(PREFIX)/lib/libhitgraph.a $(DESTDIR)$(PREFIX)/include/hitgraph $(DESTDIR)$(PREFIX)/include/hitgraph.h $(DESTDIR)$(PREFIX)/share/hitgraph

clean: ## remove build/
	rm -rf build

-include $(LIBRARY_OBJECTS:.o=.d) $(CLI_SOURCES:%.c=$(BUILD)/%.d) $(TEST_SOURCES:%.c=$(BUILD)/%.d) $(BENCH_SOURCES:%.c=$(BUILD)/%.d) $(FUZZ_SOURCES:%.c=$(BUILD)/%.d) \
         $(DOUBLE_TEST_SOURCES:%.c=$(BUILD)/%.d) $(BUILD)/tests/parity/run_model.d
