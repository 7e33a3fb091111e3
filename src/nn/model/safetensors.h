/* nn/model/safetensors.h — named tensors in a file, as PyTorch's safetensors does it: strict reading, atomic writing. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_SAFETENSORS_H
#define HG_NN_SAFETENSORS_H

#include <stdbool.h>
#include "base/json.h"
#include "hitgraph/context.h"
#include "hitgraph/real.h"

enum { HG_TENSOR_RANK = 8 };

typedef enum hg_dtype {
    HG_DTYPE_F64,
    HG_DTYPE_I64,
    HG_DTYPE_U64,
    HG_DTYPE_F32,
    HG_DTYPE_I32,
    HG_DTYPE_U32,
    HG_DTYPE_F16,
    HG_DTYPE_BF16,
    HG_DTYPE_I16,
    HG_DTYPE_U16,
    HG_DTYPE_I8,
    HG_DTYPE_U8,
    HG_DTYPE_BOOL,
    HG_DTYPES,
#ifdef HG_REAL_DOUBLE
    HG_DTYPE_REAL = HG_DTYPE_F64
#else
    HG_DTYPE_REAL = HG_DTYPE_F32
#endif
} hg_dtype;

/* "F32" and so on; bytes of one element. */
const char *hg_dtype_name(hg_dtype dtype);
size_t hg_dtype_size(hg_dtype dtype);

/* Reading: data lies inside the file's buffer, not aligned. Writing: data is the caller's, aligned. */
typedef struct hg_stored_tensor {
    const char *name; /* borrowed */
    hg_dtype dtype;
    int rank;
    int64_t shape[HG_TENSOR_RANK];
    int64_t size; /* elements */
    const void *data;
} hg_stored_tensor;

typedef struct hg_safetensors {
    char *source;   /* owned: name for messages */
    char *buffer;   /* owned */
    json_t *header; /* owned: keeps the names alive */
    int64_t n;
    hg_stored_tensor *tensor; /* [n] owned, sorted by name */
} hg_safetensors;

/* Reads a whole file and checks every rule of the format; where the metadata has hash.NAME (XXH3-64, hexadecimal), the data too.
 * Errors name the tensor: HG_ERR_FORMAT, HG_ERR_LIMIT, HG_ERR_IO, HG_ERR_NOMEM. *out owned by the caller, untouched on error. */
hg_status hg_safetensors_read(hg_context *ctx, const char *path, hg_safetensors **out);
/* The same from memory: buffer[length] (from hg_alloc) is moved to the result, or freed on error. */
hg_status hg_safetensors_parse(hg_context *ctx, const char *source, char *buffer, size_t length, hg_safetensors **out);
void hg_safetensors_destroy(hg_context *ctx, hg_safetensors *file);

/* NULL when there is no such tensor, or no such text in the metadata. */
const hg_stored_tensor *hg_safetensors_find(const hg_safetensors *file, const char *name);
const char *hg_safetensors_metadata(const hg_safetensors *file, const char *key);

/* Numbers of an F64, F32, F16 or BF16 tensor as hg_real, out[tensor->size]. HG_ERR_MODEL another type; HG_ERR_DATA a number that is not
 * finite. */
hg_status hg_safetensors_get(hg_context *ctx, const hg_safetensors *file, const hg_stored_tensor *tensor, hg_real *out);

typedef struct hg_safetensors_text {
    const char *key, *value; /* borrowed */
} hg_safetensors_text;

/* Writes the file whole or not at all, tensors by (size of element descending, name), with hash.NAME for each. The order given does not
 * matter. */
hg_status hg_safetensors_write(hg_context *ctx, const char *path, int64_t n, const hg_stored_tensor *tensor, int64_t n_metadata,
                               const hg_safetensors_text *metadata);

#endif
