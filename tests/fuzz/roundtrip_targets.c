/* roundtrip_targets.c — what was read and written is the same when it is read again. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>
#include "base/text.h"
#include "hitgraph/hdf5_files.h"
#include "hitgraph/metis_files.h"
#include "hitgraph/trackml.h"
#include "nn/model/safetensors.h"
#include "pipeline/track_config.h"
#include "tests/fuzz/fuzz.h"

#define STEM "event000000005"

/* Writing, and reading what was written, fails for want of memory alone. */
static bool goes_on(hg_status status)
{
    fuzz_require(status >= 0 || status == HG_ERR_NOMEM || status == HG_ERR_LIMIT);
    return status >= 0;
}

/* Both or neither, with the same bytes. */
static bool same(const void *a, const void *b, int64_t n, size_t size)
{
    return a && b ? n == 0 || memcmp(a, b, (size_t)n * size) == 0 : !a && !b;
}

#define SAME(a, b, field, n) fuzz_require(same((a)->field, (b)->field, n, sizeof *(a)->field))

/* ---- events ---- */

static void same_hits(const hg_hits *a, const hg_hits *b)
{
    fuzz_require(a->n == b->n);
    SAME(a, b, hit_id, a->n);
    SAME(a, b, x, a->n);
    SAME(a, b, y, a->n);
    SAME(a, b, z, a->n);
    SAME(a, b, volume_id, a->n);
    SAME(a, b, layer_id, a->n);
    SAME(a, b, module_id, a->n);
}

static void same_truth(const hg_truth *a, const hg_truth *b, int64_t n)
{
    SAME(a, b, particle_id, n);
    SAME(a, b, tx, n);
    SAME(a, b, ty, n);
    SAME(a, b, tz, n);
    SAME(a, b, tpx, n);
    SAME(a, b, tpy, n);
    SAME(a, b, tpz, n);
    SAME(a, b, weight, n);
}

static void same_cells(const hg_cells *a, const hg_cells *b, int64_t n_hits)
{
    fuzz_require(a->n == b->n);
    SAME(a, b, offset, n_hits + 1);
    SAME(a, b, ch0, a->n);
    SAME(a, b, ch1, a->n);
    SAME(a, b, value, a->n);
}

static void same_particles(const hg_particles *a, const hg_particles *b)
{
    fuzz_require(a->n == b->n);
    SAME(a, b, particle_id, a->n);
    SAME(a, b, vx, a->n);
    SAME(a, b, vy, a->n);
    SAME(a, b, vz, a->n);
    SAME(a, b, px, a->n);
    SAME(a, b, py, a->n);
    SAME(a, b, pz, a->n);
    SAME(a, b, q, a->n);
    SAME(a, b, nhits, a->n);
    SAME(a, b, pdg, a->n);
}

static hg_status compare_event(const hg_event *event, const char *path, int64_t index)
{
    const hg_event_source source = {5, (char *)(uintptr_t)path, index};
    hg_event *again = NULL;
    const hg_status status = hg_event_read(fuzz_ctx, &source, HG_PART_ALL, &again);
    if (!goes_on(status)) return status;
    fuzz_require(again->has_cells == event->has_cells && again->has_truth == event->has_truth);
    fuzz_require(again->has_particles == event->has_particles);
    same_hits(&event->hits, &again->hits);
    if (event->has_truth) same_truth(&event->truth, &again->truth, event->hits.n);
    if (event->has_cells) same_cells(&event->cells, &again->cells, event->hits.n);
    if (event->has_particles) same_particles(&event->particles, &again->particles);
    hg_event_destroy(fuzz_ctx, again);
    return status;
}

static hg_status write_hdf5(const hg_event *event, const char *path)
{
    hg_events_h5 *file = NULL;
    hg_status status = hg_events_h5_begin(fuzz_ctx, path, NULL, NULL, &file);
    if (status < 0) return status;
    status = hg_events_h5_append(fuzz_ctx, file, event);
    if (status >= 0) return hg_events_h5_commit(fuzz_ctx, file);
    hg_events_h5_abort(fuzz_ctx, file);
    return status;
}

/* From CSV to CSV and to HDF5. */
static hg_status read_event(void)
{
    const hg_event_source source = {5, (char *)(uintptr_t)fuzz_path(STEM), -1};
    hg_event *event = NULL;
    hg_status status = hg_event_read(fuzz_ctx, &source, HG_PART_ALL, &event);
    if (status < 0) return status;
    status = hg_trackml_write(fuzz_ctx, event, fuzz_path("again"), false);
    if (goes_on(status)) status = compare_event(event, fuzz_path("again/" STEM), -1);
    if (goes_on(status)) status = write_hdf5(event, fuzz_path("again.h5"));
    if (goes_on(status)) status = compare_event(event, fuzz_path("again.h5"), 0);
    hg_event_destroy(fuzz_ctx, event);
    return status;
}

/* ---- graphs ---- */

static hg_status compare_metis(const hg_metis_graph *graph)
{
    hg_metis_graph again = {0};
    const hg_status status = hg_metis_graph_read(fuzz_ctx, fuzz_path("again.graph"), &again);
    if (!goes_on(status)) return status;
    const hg_graph *a = graph->graph, *b = again.graph;
    fuzz_require(a->n_nodes == b->n_nodes && a->n_edges == b->n_edges);
    SAME(a, b, sender, a->n_edges);
    SAME(a, b, receiver, a->n_edges);
    SAME(graph, &again, node_weight, a->n_nodes);
    SAME(graph, &again, edge_weight, a->n_edges);
    hg_metis_graph_clear(fuzz_ctx, &again);
    return status;
}

static hg_status read_metis(void)
{
    hg_metis_graph graph = {0};
    hg_status status = hg_metis_graph_read(fuzz_ctx, fuzz_path("a.graph"), &graph);
    if (status < 0) return status;
    status = hg_metis_graph_write(fuzz_ctx, fuzz_path("again.graph"), graph.graph, graph.node_weight, graph.edge_weight);
    if (goes_on(status)) status = compare_metis(&graph);
    hg_metis_graph_clear(fuzz_ctx, &graph);
    return status;
}

/* ---- tensors ---- */

static hg_status compare_tensors(const hg_safetensors *file)
{
    hg_safetensors *again = NULL;
    const hg_status status = hg_safetensors_read(fuzz_ctx, fuzz_path("again.safetensors"), &again);
    if (!goes_on(status)) return status;
    fuzz_require(again->n == file->n);
    for (int64_t t = 0; t < file->n; ++t) {
        const hg_stored_tensor *a = &file->tensor[t], *b = hg_safetensors_find(again, a->name);
        fuzz_require(b && a->dtype == b->dtype && a->rank == b->rank && a->size == b->size);
        fuzz_require(same(a->shape, b->shape, a->rank, sizeof *a->shape));
        fuzz_require(memcmp(a->data, b->data, (size_t)a->size * hg_dtype_size(a->dtype)) == 0);
    }
    hg_safetensors_destroy(fuzz_ctx, again);
    return status;
}

static hg_status read_tensors(void)
{
    hg_safetensors *file = NULL;
    hg_status status = hg_safetensors_read(fuzz_ctx, fuzz_path("a.safetensors"), &file);
    if (status < 0) return status;
    status = hg_safetensors_write(fuzz_ctx, fuzz_path("again.safetensors"), file->n, file->tensor, 0, NULL);
    if (goes_on(status)) status = compare_tensors(file);
    hg_safetensors_destroy(fuzz_ctx, file);
    return status;
}

/* ---- settings ---- */

static void same_settings(const hg_track_config *a, const hg_track_config *b)
{
    static const size_t size[] = {[HG_OPTION_BOOL] = sizeof(bool),
                                  [HG_OPTION_INT] = sizeof(int64_t),
                                  [HG_OPTION_NUMBER] = sizeof(double),
                                  [HG_OPTION_TEXT] = HG_OPTION_TEXT_SIZE,
                                  [HG_OPTION_WORD] = sizeof(int)};
    for (const hg_option *row = hg_track_option_table; row->name; ++row)
        fuzz_require(memcmp((const char *)a + row->offset, (const char *)b + row->offset, size[row->type]) == 0);
}

/* The configuration as `info --config` prints it, read as a file. */
static hg_status read_settings(void)
{
    hg_track_config config, again;
    char *text = NULL;
    hg_status status = hg_track_config_read(fuzz_ctx, "trackml", fuzz_path("settings.yaml"), NULL, 0, &config);
    if (status < 0) return status;
    status = hg_options_print(fuzz_ctx, hg_track_option_table, &config, true, &text);
    if (!goes_on(status)) return status;
    fuzz_write("again.yaml", text, strlen(text));
    hg_free(fuzz_ctx, text);
    status = hg_track_config_read(fuzz_ctx, "trackml", fuzz_path("again.yaml"), NULL, 0, &again);
    if (goes_on(status)) same_settings(&config, &again);
    return status;
}

const fuzz_target fuzz_roundtrip_targets[] = {
    {"roundtrip_hits", STEM "-hits.csv", fuzz_seed_event, read_event, HG_OK, NULL, NULL},
    {"roundtrip_truth", STEM "-truth.csv", fuzz_seed_event, read_event, HG_OK, NULL, NULL},
    {"roundtrip_cells", STEM "-cells.csv", fuzz_seed_event, read_event, HG_OK, NULL, NULL},
    {"roundtrip_particles", STEM "-particles.csv", fuzz_seed_event, read_event, HG_OK, NULL, NULL},
    {"roundtrip_metis", "a.graph", fuzz_seed_metis, read_metis, HG_OK, NULL, NULL},
    {"roundtrip_tensors", "a.safetensors", fuzz_seed_tensors, read_tensors, HG_OK, NULL, NULL},
    {"roundtrip_settings", "settings.yaml", fuzz_seed_settings, read_settings, HG_ERR_CONFIG, NULL, NULL},
    {NULL, NULL, NULL, NULL, HG_OK, NULL, NULL},
};
