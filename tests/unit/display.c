/* unit/display.c — the picture is well-formed, shows what it says and keeps its size; curves follow their tracks. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "hitgraph/display.h"
#include "tests/near.h"
#include "tracking/curve.h"
#include "tests/leaks.h"

static hg_context *ctx;
static hg_field *field;

static int open_context(void **state)
{
    (void)state;
    return hg_context_create(&ctx) < 0 || hg_field_create_constant(ctx, 2, &field) < 0;
}

static int close_context(void **state)
{
    (void)state;
    hg_field_destroy(ctx, field);
    return close_without_leaks(ctx);
}

/* Positive particles from the origin, transverse momenta from 0.4 GeV on, hits on ten cylinders; then noise. */
enum { LAYERS = 10, TRACKS = 40, NOISE = 60000, HITS = LAYERS * TRACKS + NOISE };

static double x[HITS], y[HITS], z[HITS];
static int32_t volume[HITS], layer[HITS], module[HITS];
static const hg_hits hits = {HITS, NULL, x, y, z, volume, layer, module};

static double radius_mm(double pt)
{
    return pt / (0.299792458e-3 * 2);
}

static hg_tracks *make_event(void)
{
    hg_tracks *tracks = NULL;
    hg_random stream = hg_random_stream(5, 1, 0, 0);
    assert_int_equal(hg_tracks_create(ctx, TRACKS, LAYERS * TRACKS, &tracks), HG_OK);
    for (int32_t t = 0; t < TRACKS; ++t) {
        const double pt = 0.4 + 0.1 * t, phi = hg_random_range(&stream, -3, 3), cot = hg_random_range(&stream, -1, 1), R = radius_mm(pt);
        double *a = tracks->params + 5 * t;
        a[2] = phi, a[3] = atan2(1, cot), a[4] = sin(a[3]) / pt;
        tracks->hit_offset[t + 1] = LAYERS * (t + 1);
        for (int32_t l = 0; l < LAYERS; ++l) {
            const int32_t hit = LAYERS * t + l;
            const double r = 100 * (l + 1), turn = 2 * asin(r / (2 * R));
            tracks->hit[hit] = hit;
            x[hit] = r * cos(phi - turn / 2), y[hit] = r * sin(phi - turn / 2), z[hit] = cot * R * turn;
        }
    }
    for (int64_t i = LAYERS * TRACKS; i < HITS; ++i) {
        x[i] = hg_random_range(&stream, -700, 700), y[i] = hg_random_range(&stream, -700, 700),
        z[i] = hg_random_range(&stream, -1000, 1000);
    }
    return tracks;
}

static int64_t occurrences(const char *text, const char *word)
{
    int64_t n = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += strlen(word)) ++n;
    return n;
}

/* Every element that opens closes, in order; no bare ampersand. */
static void assert_well_formed(const char *svg)
{
    char open[32][32];
    int depth = 0;
    for (const char *at = svg; *at != '\0'; ++at) {
        if (*at == '&') assert_true(at[1] == '#' || strncmp(at, "&gt;", 4) == 0);
        if (*at != '<') continue;
        const char *end = strchr(at, '>');
        assert_non_null(end);
        char name[32] = {0};
        const char *word = at + 1 + (at[1] == '/');
        for (int k = 0; k < 31 && isalpha((unsigned char)word[k]); ++k) name[k] = word[k];
        if (at[1] == '/') {
            assert_true(depth > 0);
            assert_string_equal(open[--depth], name);
        } else if (end[-1] != '/') {
            assert_true(depth < 32);
            strcpy(open[depth++], name);
        }
        at = end;
    }
    assert_int_equal(depth, 0);
}

static void picture_shows_what_it_says(void **state)
{
    (void)state;
    hg_tracks *tracks = make_event();
    char *svg = NULL;
    size_t length = 0;
    hg_display_options options = hg_display_default_options();
    options.title = "a < b & \"c\"";
    options.pt_min_gev = 1.05;
    options.max_tracks = 20;
    assert_int_equal(hg_display_svg(ctx, &hits, NULL, field, tracks, &options, &svg, &length), HG_OK);
    assert_int_equal(strlen(svg), length);
    assert_true((int64_t)length <= options.max_bytes);
    assert_well_formed(svg);
    assert_int_equal(occurrences(svg, "<g stroke=\"#"), 2 * 20 + 2); /* tracks in both views, and the layers' groups */
    assert_non_null(strstr(svg, "20 of 40 tracks drawn"));
    assert_non_null(strstr(svg, "a &#60; b &#38; &#34;c&#34;"));
    assert_null(strstr(svg, "nan"));
    hg_free(ctx, svg);

    options.only_track_hits = true;
    assert_int_equal(hg_display_svg(ctx, &hits, NULL, field, tracks, &options, &svg, &length), HG_OK);
    assert_non_null(strstr(svg, "0 of 60200 other hits"));
    hg_free(ctx, svg);

    options = hg_display_default_options();
    options.max_bytes = 100000;
    options.pt_min_gev = 0;
    assert_int_equal(hg_display_svg(ctx, &hits, NULL, NULL, tracks, &options, &svg, &length), HG_OK);
    assert_true(length <= 100000);
    assert_well_formed(svg);
    hg_free(ctx, svg);
    hg_tracks_destroy(ctx, tracks);
}

static void corners_are_drawn_or_refused(void **state)
{
    (void)state;
    char *svg = NULL;
    const hg_hits none = {0};
    assert_int_equal(hg_display_svg(ctx, &none, NULL, NULL, NULL, NULL, &svg, NULL), HG_OK);
    assert_well_formed(svg);
    hg_free(ctx, svg);
    svg = NULL;
    hg_tracks *tracks = make_event();
    tracks->hit[3] = HITS;
    assert_int_equal(hg_display_svg(ctx, &hits, NULL, field, tracks, NULL, &svg, NULL), HG_ERR_ARG);
    hg_display_options options = hg_display_default_options();
    options.max_bytes = 10;
    assert_int_equal(hg_display_svg(ctx, &hits, NULL, field, NULL, &options, &svg, NULL), HG_ERR_ARG);
    assert_null(svg);
    hg_tracks_destroy(ctx, tracks);
}

static double distance_to_curve(double point[][3], int n, int32_t hit)
{
    double nearest = HUGE_VAL;
    for (int k = 0; k + 1 < n; ++k) {
        double along = 0, length2 = 0, d2 = 0;
        const double p[3] = {x[hit], y[hit], z[hit]};
        for (int c = 0; c < 3; ++c) {
            along += (p[c] - point[k][c]) * (point[k + 1][c] - point[k][c]);
            length2 += (point[k + 1][c] - point[k][c]) * (point[k + 1][c] - point[k][c]);
        }
        const double u = length2 > 0 ? fmin(fmax(along / length2, 0), 1) : 0;
        for (int c = 0; c < 3; ++c) d2 += pow(p[c] - point[k][c] - u * (point[k + 1][c] - point[k][c]), 2);
        nearest = fmin(nearest, sqrt(d2));
    }
    return nearest;
}

/* A pixel of the page is about 4 mm. */
static void curves_pass_their_hits(void **state)
{
    (void)state;
    hg_tracks *tracks = make_event();
    double point[HG_CURVE_POINTS][3];
    for (int fitted = 1; fitted >= 0; --fitted)
        for (int32_t t = 0; t < TRACKS; ++t) {
            tracks->status[t] = fitted ? 0 : HG_TRACK_FAILED;
            const int n = hg_track_curve(&hits, field, tracks, t, point);
            assert_in_range(n, 2, HG_CURVE_POINTS);
            /* the chords to the last hit are a little shorter than the arc */
            for (int32_t l = 0; l < LAYERS; ++l) assert_true(distance_to_curve(point, n, LAYERS * t + l) < (l == LAYERS - 1 ? 8 : 1));
            assert_near(hg_track_pt(&hits, field, tracks, t), 0.4 + 0.1 * t, 1e-9);
        }
    hg_tracks_destroy(ctx, tracks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picture_shows_what_it_says),
        cmocka_unit_test(corners_are_drawn_or_refused),
        cmocka_unit_test(curves_pass_their_hits),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
