/* fuzz.h — what a fuzz target is, and what targets share: a context, a folder of their own, small valid files to start from. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_FUZZ_H
#define HG_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "datasets/hdf5.h"
#include "hitgraph/context.h"
#include "hitgraph/doublets.h"

/* A dataset of the project's HDF5 files whose numbers are changed. Tables end with path == NULL. */
typedef struct fuzz_column {
    const char *path;
    hg_h5_type type;
    int64_t width; /* as in hg_h5_column */
} fuzz_column;

/* The file of targets that are no readers: what they refuse came from memory, so that their messages need not name it. */
#define FUZZ_INPUT "input"

/* One reader. An input is the bytes of its file, or, with columns, a list of changes to the numbers in the datasets of its first seed: the
 * file is then written anew, so that its checksums are right and the checks behind them are reached. */
typedef struct fuzz_target {
    const char *name, *file;
    bool (*seed)(int number);   /* writes valid file `number` from 0, and the files beside it; false = there are no more */
    hg_status (*read)(void);    /* reads the file, looks at what it got, frees it */
    hg_status other_refusal;    /* a refusal beside HG_ERR_FORMAT, _DATA and _LIMIT; HG_OK = there is none */
    const fuzz_column *columns; /* NULL = inputs are bytes of the file */
    const char *format;         /* of the HDF5 file, with columns */
} fuzz_target;

/* Tables end with name == NULL. */
extern const fuzz_target fuzz_event_targets[], fuzz_graph_targets[], fuzz_model_targets[], fuzz_pulse_targets[], fuzz_kalman_targets[],
    fuzz_builder_targets[], fuzz_command_targets[], fuzz_roundtrip_targets[];

/* Seeds that several targets start from. */
bool fuzz_seed_event(int number);    /* the four CSV files of event 5 */
bool fuzz_seed_metis(int number);    /* a.graph */
bool fuzz_seed_tensors(int number);  /* a.safetensors */
bool fuzz_seed_settings(int number); /* settings.yaml */

/* A map of toy_hits.h, learned by the first call. */
hg_doublet_map *fuzz_toy_map(void);

extern hg_context *fuzz_ctx;

/* What an output pointer holds before a call, and after one that fails. */
extern char fuzz_untouched;
#define FUZZ_UNTOUCHED ((void *)&fuzz_untouched)

/* Target number n over all tables; NULL = there are no more. */
const fuzz_target *fuzz_target_number(int n);
const fuzz_target *fuzz_target_named(const char *name);

/* Works in this folder, for this target, from now on: seeds lie there. Called once. */
void fuzz_begin(const fuzz_target *target, const char *folder);

/* A path in the folder; valid until four more calls. */
const char *fuzz_path(const char *name);
void fuzz_write(const char *name, const void *bytes, size_t length);
/* Whole file; free() it. */
uint8_t *fuzz_read(const char *name, size_t *length);

/* Writes the target's file with the changes that the input asks for: 12 bytes each, see fuzz_numbers.c. */
void fuzz_write_changed(const fuzz_target *target, const uint8_t *input, size_t length);

/* Must hold, else the program aborts and the input is kept. */
#define fuzz_require(condition)                                                                                                            \
    do {                                                                                                                                   \
        if (!(condition)) fuzz_fail(__FILE__, __LINE__, #condition);                                                                       \
    } while (0)
_Noreturn void fuzz_fail(const char *file, int line, const char *what);

/* The library's own work on valid files must succeed. */
void fuzz_must(hg_status status);

/* Runs one input, as libFuzzer calls it. The first byte chooses an allocation that fails: 0 = none, n = the n-th. The reader must return a
 * documented status with a message that names the file, leave no memory and no file open, and touch no output when it refuses. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
