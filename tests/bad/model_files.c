/* tests/bad/model_files.c — models on disk: a round trip, and weights that do not belong to the description. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/stat.h>
#include "../model_tools.h"
#include "../training_tools.h"
#include "base/memory.h"
#include "nn/model/model_files.h"
#include "nn/model/safetensors.h"
#include "tests/leaks.h"

static char directory[] = "/tmp/hitgraph-model-XXXXXX", yaml_path[128], weights_path[128];

static void round_trip(void **state)
{
    (void)state;
    hg_model *model = model_of(toy_yaml), *loaded = NULL;
    must(hg_model_set_metadata(ctx, model, "data", "events 1 to 9"));
    must(hg_model_save(ctx, model, directory));
    must(hg_model_load(ctx, directory, &loaded));
    assert_string_equal(hg_model_yaml(loaded), toy_yaml);
    assert_string_equal(hg_model_metadata(loaded, "data"), "events 1 to 9");
    assert_null(hg_model_metadata(loaded, "model"));
    assert_int_equal(hg_model_n_parameters(loaded), hg_model_n_parameters(model));
    assert_memory_equal(hg_model_parameters(loaded), hg_model_parameters(model), (size_t)hg_model_n_parameters(model) * sizeof(hg_real));
    hg_model_destroy(ctx, loaded);
    hg_model_destroy(ctx, model);
}

/* Weights of the toy model with one tensor left out, renamed, reshaped, made a half float or joined by another one. */
typedef enum change { NOTHING, WITHOUT, RENAMED, TURNED, INTEGERS, SURPLUS, COUNTER } change;

static void write_changed(change what)
{
    hg_model *model = model_of(toy_yaml);
    hg_tensor_list list = {0};
    int64_t number = 3;
    must(hg_model_save(ctx, model, directory));
    must(hg_tensor_list_add(ctx, &list, model, "", hg_model_parameters(model)));
    hg_stored_tensor tensors[32];
    int64_t n = list.n;
    memcpy(tensors, list.tensor, (size_t)n * sizeof *tensors);
    assert_string_equal(tensors[0].name, "encode.0.weight");
    if (what == WITHOUT) tensors[0] = tensors[--n];
    if (what == RENAMED) tensors[0].name = "encoder.0.weight";
    if (what == TURNED) tensors[0].shape[0] = 2, tensors[0].shape[1] = 8;
    if (what == INTEGERS) tensors[0].dtype = HG_DTYPE_I32;
    if (what == SURPLUS || what == COUNTER)
        tensors[n++] = (hg_stored_tensor){
            .name = what == SURPLUS ? "more.bias" : "norm.num_batches_tracked", .dtype = HG_DTYPE_I64, .size = 1, .data = &number};
    must(hg_safetensors_write(ctx, weights_path, n, tensors, 0, NULL));
    hg_tensor_list_clear(ctx, &list);
    hg_model_destroy(ctx, model);
}

static void weights_that_do_not_fit(void **state)
{
    (void)state;
    const struct {
        change what;
        hg_status status;
        const char *message;
    } cases[] = {
        {NOTHING, HG_OK, ""},
        {WITHOUT, HG_ERR_MODEL, "tensor \"encode.0.weight\" is missing"},
        {RENAMED, HG_ERR_MODEL, "tensor \"encode.0.weight\" is missing"},
        {TURNED, HG_ERR_MODEL, "tensor \"encode.0.weight\": shape [2, 8], expected [8, 2]"},
        {INTEGERS, HG_ERR_MODEL, "tensor \"encode.0.weight\" is I32"},
        {SURPLUS, HG_ERR_MODEL, "tensor \"more.bias\" is not part"},
        {COUNTER, HG_OK, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        hg_model *loaded = NULL;
        write_changed(cases[i].what);
        hg_status status = hg_model_load(ctx, directory, &loaded);
        if (status != cases[i].status || !strstr(hg_context_message(ctx), cases[i].message))
            fail_msg("case %zu: %s: %s", i, hg_status_name(status), hg_context_message(ctx));
        if (status < 0) assert_null(loaded);
        hg_model_destroy(ctx, loaded);
    }
}

static void weights_of_another_architecture(void **state)
{
    (void)state;
    hg_model *in = architecture("interaction_network", NULL), *toy_model = model_of(toy_yaml), *loaded = NULL;
    char kept[128];
    snprintf(kept, sizeof kept, "%s/kept", directory);
    must(hg_model_save(ctx, in, directory));
    assert_int_equal(rename(weights_path, kept), 0);
    must(hg_model_save(ctx, toy_model, directory));
    assert_int_equal(rename(kept, weights_path), 0);
    assert_int_equal(hg_model_load(ctx, directory, &loaded), HG_ERR_MODEL);
    assert_non_null(strstr(hg_context_message(ctx), "another architecture"));
    assert_non_null(strstr(hg_context_message(ctx), "\"encode.0.weight\""));
    hg_model_destroy(ctx, in);
    hg_model_destroy(ctx, toy_model);
}

static void files_that_are_missing(void **state)
{
    (void)state;
    hg_model *model = model_of(toy_yaml), *loaded = NULL;
    must(hg_model_save(ctx, model, directory));
    unlink(weights_path);
    assert_int_equal(hg_model_load(ctx, directory, &loaded), HG_ERR_IO);
    assert_non_null(strstr(hg_context_message(ctx), "weights.safetensors"));
    unlink(yaml_path);
    assert_int_equal(hg_model_load(ctx, directory, &loaded), HG_ERR_IO);
    assert_non_null(strstr(hg_context_message(ctx), "model.yaml"));
    assert_int_equal(hg_model_load(ctx, "/nowhere", &loaded), HG_ERR_IO);
    assert_int_equal(hg_model_save(ctx, model, "/dev/null/model"), HG_ERR_IO);
    must(hg_model_save(ctx, model, directory));
    FILE *file = fopen(yaml_path, "ab");
    fputs("nonsense: 1\n", file);
    fclose(file);
    assert_int_equal(hg_model_load(ctx, directory, &loaded), HG_ERR_CONFIG);
    assert_non_null(strstr(hg_context_message(ctx), "model.yaml:"));
    assert_null(loaded);
    hg_model_destroy(ctx, model);
}

static void allocations_may_fail(void **state)
{
    (void)state;
    hg_model *model = model_of(toy_yaml);
    must(hg_model_save(ctx, model, directory));
    size_t before = hg_memory_used(ctx);
    for (int64_t n = 0, loads = 1; n < 100000 && loads; ++n) {
        hg_model *loaded = NULL;
        hg_memory_fail_after(ctx, n);
        hg_status status = hg_model_load(ctx, directory, &loaded);
        hg_memory_fail_after(ctx, -1);
        loads = status < 0;
        if (loads) assert_int_equal(status, HG_ERR_NOMEM);
        hg_model_destroy(ctx, loaded);
        assert_int_equal(hg_memory_used(ctx), before);
    }
    for (int64_t n = 0, saves = 1; n < 100000 && saves; ++n) {
        hg_memory_fail_after(ctx, n);
        saves = hg_model_save(ctx, model, directory) < 0;
        hg_memory_fail_after(ctx, -1);
        assert_int_equal(hg_memory_used(ctx), before);
    }
    hg_model_destroy(ctx, model);
}

static int open_context(void **state)
{
    (void)state;
    if (!mkdtemp(directory)) return -1;
    snprintf(yaml_path, sizeof yaml_path, "%s/model.yaml", directory);
    snprintf(weights_path, sizeof weights_path, "%s/weights.safetensors", directory);
    return hg_context_create(&ctx);
}

static int close_context(void **state)
{
    (void)state;
    unlink(yaml_path);
    unlink(weights_path);
    rmdir(directory);
    return close_without_leaks(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(weights_that_do_not_fit),
        cmocka_unit_test(weights_of_another_architecture),
        cmocka_unit_test(files_that_are_missing),
        cmocka_unit_test(allocations_may_fail),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
