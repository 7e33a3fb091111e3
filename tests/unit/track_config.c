/* tests/unit/track_config.c — settings of the main job: defaults agree with the rooms' own, text reads back, mistakes have a place. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/datasets.h"

#include "base/data_path.h"
#include "pipeline/track_config.h"

static const char *const presets[] = {"trackml", "trackml-barrel", "trackml-challenge"};

static hg_track_config read_config(const char *preset, const char *file, const char *const *setting, int n)
{
    hg_track_config config;
    must(hg_track_config_read(ctx, preset, file, setting, n, &config));
    return config;
}

static hg_track_config defaults(void)
{
    hg_track_config config = {0};
    must(hg_options_set_defaults(ctx, hg_track_option_table, &config));
    return config;
}

/* What the table says by default must be what each room does by itself, member by member. */
static void defaults_are_those_of_the_rooms(void **state)
{
    (void)state;
    const hg_track_config config = defaults();
    const hg_finder_options f = hg_track_config_finder(&config), g = hg_finder_default_options();
    const hg_doublet_options d = hg_track_config_doublets(&config), e = hg_doublet_default_options();
    const hg_kalman_options k = hg_track_config_kalman(&config), l = hg_kalman_default_options();
    const hg_doublet_learn_options learn = hg_doublet_default_learn_options();
#define SAME(a, b, member)                                                                                                                 \
    if ((a).member != (b).member) fail_msg("%s: the table says %g, the room %g", #member, (double)(a).member, (double)(b).member)
    SAME(f, g, builder);
    SAME(f, g, n_passes);
    for (int p = 0; p < g.n_passes; ++p) {
        SAME(f, g, pass[p].doublets);
        SAME(f, g, pass[p].doublet_min);
        SAME(f, g, pass[p].triplet_min);
        SAME(f, g, pass[p].chain_min);
        SAME(f, g, pass[p].hits_min);
        SAME(f, g, pass[p].layers_min);
        SAME(f, g, pass[p].score_min);
    }
    SAME(f, g, n_branches);
    SAME(f, g, return_branches);
    SAME(f, g, holes_max);
    SAME(f, g, chi2_max);
    SAME(f, g, overlap_chi2_max);
    SAME(f, g, hole_penalty);
    SAME(f, g, kept_min);
    SAME(f, g, material_scale);
    SAME(f, g, beam_sigma_mm);
    SAME(f, g, overlap_min);
    SAME(f, g, overlap_mm);
    SAME(d, e, mode);
    SAME(d, e, overlaps);
    SAME(d, e, clusters);
    SAME(d, e, score_shift);
    SAME(d, e, window_scale);
    SAME(d, e, module_triplets);
    SAME(d, e, triplet_window);
    SAME(d, e, triplet_cost);
    SAME(d, e, neighbour_tables);
    SAME(d, e, neighbour_shift);
    SAME(k, l, mass_gev);
    SAME(k, l, outlier_chi2_2d);
    SAME(k, l, outlier_chi2_1d);
    SAME(k, l, step_tolerance_mm);
    SAME(k, l, start_inflation);
    SAME(k, l, scattering);
    SAME(k, l, energy_loss);
#undef SAME
    assert_float_equal(config.learn_efficiency, learn.efficiency, 0);
    assert_float_equal(config.learn_overlap_efficiency, learn.overlap_efficiency, 0);
    assert_float_equal(config.learn_module_efficiency, hg_module_default_learn_options().efficiency, 0);
    assert_int_equal(config.learn_module_tracks, hg_module_default_learn_options().fewest);
    char path[HG_PATH_SIZE];
    assert_int_equal(hg_data_path(ctx, config.calibration, path), HG_OK);
}

/* Settings reach the option that their name promises, and no other. */
static void settings_reach_the_rooms(void **state)
{
    (void)state;
    static const char *const setting[] = {
        "graph.mode=windows",   "graph.window_scale=2.5", "tracking.builder=chains",        "tracking.pass2.chain_min=6",
        "fit.scattering=false", "fit.outlier_chi2_1d=9",  "tracking.pass5.doublet_min=0.25"};
    const hg_track_config config = read_config("trackml", NULL, setting, (int)(sizeof setting / sizeof *setting));
    hg_finder_options f = hg_track_config_finder(&config), g = hg_finder_default_options();
    hg_doublet_options d = hg_track_config_doublets(&config);
    hg_kalman_options k = hg_track_config_kalman(&config);
    assert_int_equal(d.mode, HG_DOUBLETS_WINDOWS);
    assert_float_equal(d.window_scale, 2.5, 0);
    assert_int_equal(f.builder, HG_FINDER_CHAINS);
    assert_int_equal(f.pass[1].chain_min, 6);
    assert_float_equal(f.pass[4].doublet_min, 0.25, 0);
    assert_float_equal(f.pass[3].doublet_min, g.pass[3].doublet_min, 0);
    assert_false(k.scattering);
    assert_true(k.energy_loss);
    assert_float_equal(k.outlier_chi2_1d, 9, 0);
    static const char *const builders[] = {"follow", "chains", "components", "walk", "junctions"};
    for (int b = HG_FINDER_FOLLOW; b <= HG_FINDER_JUNCTIONS; ++b) {
        char text[64];
        snprintf(text, sizeof text, "tracking.builder=%s", builders[b]);
        const hg_track_config built = read_config("trackml", NULL, (const char *const[]){text}, 1);
        assert_int_equal(hg_track_config_finder(&built).builder, b);
    }
}

static bool same_value(const hg_option *row, const hg_track_config *a, const hg_track_config *b)
{
    const char *p = (const char *)a + row->offset, *q = (const char *)b + row->offset;
    switch (row->type) {
    case HG_OPTION_BOOL:
        return *(const bool *)p == *(const bool *)q;
    case HG_OPTION_INT:
        return *(const int64_t *)p == *(const int64_t *)q;
    case HG_OPTION_NUMBER:
        return memcmp(p, q, sizeof(double)) == 0;
    case HG_OPTION_TEXT:
        return strcmp(p, q) == 0;
    case HG_OPTION_WORD:
        return *(const int *)p == *(const int *)q;
    }
    return false;
}

/* Another legal value than the one there is. */
static void change_value(const hg_option *row, hg_track_config *config)
{
    char *p = (char *)config + row->offset;
    switch (row->type) {
    case HG_OPTION_BOOL:
        *(bool *)p = !*(bool *)p;
        break;
    case HG_OPTION_INT:
        *(int64_t *)p = *(int64_t *)p == (int64_t)row->low ? (int64_t)row->high : (int64_t)row->low;
        break;
    case HG_OPTION_NUMBER:
        *(double *)p = row->low + (row->high - row->low) / 7;
        break;
    case HG_OPTION_TEXT:
        snprintf(p, HG_OPTION_TEXT_SIZE, "a dir/%s: #1 \"x\" 'y' \\ \t end", row->name);
        break;
    case HG_OPTION_WORD:
        *(int *)p = *(int *)p == 0;
        break;
    }
}

static void expect_reads_back(const hg_track_config *config, bool with_help)
{
    char *text = NULL;
    must(hg_options_print(ctx, hg_track_option_table, config, with_help, &text));
    write_text("printed.yaml", text);
    hg_free(ctx, text);
    const hg_track_config again = read_config("trackml", in_folder("printed.yaml"), NULL, 0);
    for (const hg_option *row = hg_track_option_table; row->name; ++row) {
        if (!same_value(row, config, &again)) fail_msg("%s does not read back the same", row->name);
    }
}

static void printed_settings_read_back(void **state)
{
    (void)state;
    hg_track_config config = defaults();
    expect_reads_back(&config, true);
    for (const hg_option *row = hg_track_option_table; row->name; ++row) {
        const hg_track_config before = config;
        change_value(row, &config);
        assert_false(same_value(row, &before, &config));
        /* no two rows share a member */
        for (const hg_option *other = hg_track_option_table; other->name; ++other)
            assert_true(other == row || same_value(other, &before, &config));
    }
    expect_reads_back(&config, false);
    expect_reads_back(&config, true);
}

static void presets_load(void **state)
{
    (void)state;
    char path[96];
    for (size_t p = 0; p < sizeof presets / sizeof *presets; ++p) {
        const hg_track_config by_name = read_config(presets[p], NULL, NULL, 0);
        snprintf(path, sizeof path, "datasets/presets/%s.yaml", presets[p]);
        const hg_track_config by_path = read_config(path, NULL, NULL, 0);
        for (const hg_option *row = hg_track_option_table; row->name; ++row) assert_true(same_value(row, &by_name, &by_path));
        assert_string_equal(by_name.field, "solenoid:1247,5224,1.991,-149,-152,-150");
    }
    assert_string_equal(read_config("trackml", NULL, NULL, 0).material, "models/trackml/calibration.yaml");
    assert_string_equal(read_config("trackml-challenge", NULL, NULL, 0).material, "challenge");
}

/* The file goes over the preset, single settings over the file, the last one wins. */
static void order_of_precedence(void **state)
{
    (void)state;
    static const char *const setting[] = {"triplets.min_score=0.25", "doublets.min_score=0.3", "doublets.min_score=0.35"};
    write_text("over.yaml", "fit: {material: trackml-like}\ndoublets:\n  min_score: 0.2\ntriplets:\n  min_score: 0.9\n");
    const hg_track_config file = read_config("trackml-challenge", in_folder("over.yaml"), NULL, 0);
    assert_string_equal(file.material, "trackml-like");
    assert_float_equal(file.doublet_min, 0.2, 0);
    assert_float_equal(file.triplet_min, 0.9, 0);
    const hg_track_config both = read_config("trackml", in_folder("over.yaml"), setting, 3);
    assert_float_equal(both.doublet_min, 0.35, 0);
    assert_float_equal(both.triplet_min, 0.25, 0);
}

static void mistakes_have_a_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message[2];
    } files[] = {
        {"graph:\n  mode: tables\n  overlap: true\n", {"wrong.yaml:3:", "'graph.overlap'"}},
        {"graph:\n  mode: tables\n  overlap: true\n", {"nearest", "graph.overlaps"}},
        {"grpah:\n  mode: tables\n", {"wrong.yaml:", "grpah"}},
        {"graph:\n  overlaps: perhaps\n", {"wrong.yaml:2:13", "perhaps"}},
        {"graph:\n  mode: tabels\n", {"wrong.yaml:2:9", "tables"}},
        {"tracking:\n  passes: 2.5\n", {"wrong.yaml:2:11", "2.5"}},
        {"tracking:\n  passes: 99\n", {"wrong.yaml:2:11", "99"}},
        {"tracking:\n  chi2_max: nan\n", {"wrong.yaml:2:13", "nan"}},
        {"tracking:\n  chi2_max: [1]\n", {"wrong.yaml:2:13", ""}},
        {"graph: tables\n", {"wrong.yaml:1:", "graph"}},
        {"graph:\n  mode: tables\n  mode: windows\n", {"wrong.yaml:3:", "mode"}},
        {"graph:\n\tmode: tables\n", {"wrong.yaml:2:", ""}},
    };
    hg_track_config config = defaults();
    const hg_track_config untouched = config;
    for (size_t i = 0; i < sizeof files / sizeof *files; ++i) {
        write_text("wrong.yaml", files[i].text);
        const hg_status status = hg_track_config_read(ctx, "trackml", in_folder("wrong.yaml"), NULL, 0, &config);
        expect_failure(status, HG_ERR_CONFIG, files[i].message[0]);
        expect_failure(status, HG_ERR_CONFIG, files[i].message[1]);
        for (const hg_option *row = hg_track_option_table; row->name; ++row) assert_true(same_value(row, &config, &untouched));
    }
    static const char *const settings[] = {"graph.mode", "=1", "graph=1", "graph.none=1", "tracking.chi2_max=", "tracking.holes_max=-1"};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; ++i)
        expect_failure(hg_track_config_read(ctx, "trackml", NULL, settings + i, 1, &config), HG_ERR_CONFIG, "");
    expect_failure(hg_track_config_read(ctx, "trackmll", NULL, NULL, 0, &config), HG_ERR_CONFIG, "unknown preset 'trackmll'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_rooms),
        cmocka_unit_test(settings_reach_the_rooms),
        cmocka_unit_test(printed_settings_read_back),
        cmocka_unit_test(presets_load),
        cmocka_unit_test(order_of_precedence),
        cmocka_unit_test(mistakes_have_a_place),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
