/* fit.c — closure of the track fit on toy muons, outliers, threads, bad input. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "tests/near.h"
#include "tests/toy_muons.h"

static hg_field *nothing; /* no field at all */

static void pulls_are_standard(bool forward, bool daf)
{
    static const char *const name[5] = {"d0", "z0", "phi", "theta", "q/p"};
    hg_kalman kalman = toy_kalman(forward);
    kalman.options.daf = daf;
    make_toys(&kalman, forward);
    hg_tracks *tracks = tracks_of(toys, TOYS, measurements);
    assert_true(hg_fit_tracks(ctx, &kalman, measurements, tracks) >= 0);
    double sum[5] = {0}, sum2[5] = {0}, stiffness = 0, chi2 = 0, ndf = 0;
    int n = 0;
    for (int t = 0; t < TOYS; ++t) {
        if (tracks->status[t] >= HG_TRACK_FAILED) continue;
        ++n;
        chi2 += tracks->chi2[t];
        ndf += tracks->ndf[t];
        assert_true(hg_cov_is_positive(&tracks->cov[15 * t]));
        for (int p = 0; p < 5; ++p) {
            double difference = tracks->params[5 * t + p] - toys[t].truth[p];
            if (p == 2) difference = remainder(difference, 2 * pi);
            double pull = difference / sqrt(tracks->cov[15 * t + p * (p + 3) / 2]);
            sum[p] += pull;
            sum2[p] += pull * pull;
            if (p == 4) stiffness += pull * copysign(1.0, toys[t].truth[4]);
        }
    }
    assert_true(n >= TOYS - 2);
    for (int p = 0; p < 5; ++p) {
        double mean = sum[p] / n, width = sqrt(sum2[p] / n - mean * mean);
        print_message("    %-5s pull mean %+.3f width %.3f\n", name[p], mean, width);
    }
    print_message("    |q/p| pull mean %+.3f, chi2/ndf %.4f\n", stiffness / n, chi2 / ndf);
    for (int p = 0; p < 5; ++p) {
        double mean = sum[p] / n;
        assert_near(mean, 0.0, 0.05);
        assert_near(sqrt(sum2[p] / n - mean * mean), 1.0, 0.05);
    }
    assert_near(stiffness / n, 0.0, 0.05); /* what both charges have in common */
    assert_near(chi2 / ndf, 1.0, 0.02);
    hg_tracks_destroy(ctx, tracks);
}

static void pulls_of_barrel_muons(void **state)
{
    (void)state;
    pulls_are_standard(false, false);
}

static void pulls_of_forward_muons(void **state)
{
    (void)state;
    pulls_are_standard(true, false);
}

static void pulls_of_the_annealing_filter(void **state)
{
    (void)state;
    pulls_are_standard(false, true);
}

/* One hit in twenty tracks moved by 2 mm: it is found, and the pulls stay. */
static void find_outliers(bool daf)
{
    enum { N = 400 };
    hg_kalman kalman = toy_kalman(false);
    kalman.options.daf = daf;
    make_toys(&kalman, false);
    for (int t = 0; t < N; ++t) toys[t].hit[t % LAYERS].local[0] += t & 1 ? 2.0 : -2.0;
    hg_tracks *tracks = tracks_of(toys, N, measurements);
    assert_int_equal(hg_fit_tracks(ctx, &kalman, measurements, tracks), HG_OK);
    int found = 0, wrong = 0;
    double sum2 = 0;
    for (int t = 0; t < N; ++t) {
        for (int k = 0; k < LAYERS; ++k) {
            const float weight = tracks->weight[LAYERS * t + k];
            bool out = tracks->outlier[LAYERS * t + k];
            assert_true(daf ? out == (weight < 0.5f) && weight >= 0.0f && weight <= 1.0f : weight == (out ? 0.0f : 1.0f));
            if (k == t % LAYERS) found += out;
            if (k != t % LAYERS) wrong += out;
        }
        if (tracks->status[t] & HG_TRACK_OUTLIERS)
            sum2 += pow((tracks->params[5 * t + 4] - toys[t].truth[4]), 2) / tracks->cov[15 * t + 14];
    }
    print_message("    found %d of %d, %d good hits lost, q/p pull %.3f\n", found, N, wrong, sqrt(sum2 / N));
    assert_true(found >= N - 4);
    assert_true(wrong <= N / 40); /* of 9 N */
    assert_near(sqrt(sum2 / N), 1.0, 0.15);
    hg_tracks_destroy(ctx, tracks);
}

static void outliers_are_left_out(void **state)
{
    (void)state;
    find_outliers(false);
}

static void outliers_lose_their_weight(void **state)
{
    (void)state;
    find_outliers(true);
}

/* One hit in twenty of forward muons is another's: often two on a track, and on few discs one of them hides the other. */
static void annealing_finds_several_outliers(void **state)
{
    (void)state;
    enum { N = 1000 };
    static bool moved[N][HITS_MAX];
    hg_kalman kalman = toy_kalman(true);
    hg_random random = hg_random_stream(7, 1, 0, 0);
    int n_moved = 0, kept = 0, lost = 0, failed = 0, far = 0;
    double sum2 = 0;
    kalman.options.daf = true;
    make_toys(&kalman, true);
    for (int t = 0; t < N; ++t) {
        for (int k = 0; k < toys[t].n; ++k) {
            moved[t][k] = hg_random_uniform(&random) < 0.05;
            if (!moved[t][k]) continue;
            for (int c = 0; c < 2; ++c) toys[t].hit[k].local[c] += (k & 1 ? 1 : -1) * hg_random_range(&random, 0.3, 5.0);
            ++n_moved;
        }
    }
    hg_tracks *tracks = tracks_of(toys, N, measurements);
    assert_true(hg_fit_tracks(ctx, &kalman, measurements, tracks) >= 0);
    for (int t = 0; t < N; ++t) {
        failed += tracks->status[t] >= HG_TRACK_FAILED;
        if (tracks->status[t] >= HG_TRACK_FAILED) continue;
        for (int k = 0; k < toys[t].n; ++k) {
            const bool out = tracks->outlier[tracks->hit_offset[t] + k];
            kept += moved[t][k] && !out;
            lost += !moved[t][k] && out;
        }
        const double pull = (tracks->params[5 * t + 4] - toys[t].truth[4]) / sqrt(tracks->cov[15 * t + 14]);
        far += fabs(pull) > 5.0;
        sum2 += fabs(pull) > 5.0 ? 0.0 : pull * pull;
    }
    print_message("    %d tracks failed, %d far off, %d of %d outliers kept, %d good hits lost, q/p pull %.3f\n", failed, far, kept,
                  n_moved, lost, sqrt(sum2 / (N - failed - far)));
    assert_true(failed + far <= N / 500);
    assert_true(kept <= n_moved / 100);
    assert_true(lost <= N / 100); /* of 9 N */
    assert_near(sqrt(sum2 / (N - failed - far)), 1.0, 0.06);
    hg_tracks_destroy(ctx, tracks);
}

/* Gross outliers bend the first pass as far as round the wrong way; such fits are given up, never handed out. */
static void annealing_never_turns_a_track_round(void **state)
{
    (void)state;
    enum { N = 500 };
    hg_kalman kalman = toy_kalman(false);
    hg_random random = hg_random_stream(8, 1, 0, 0);
    int n_fitted = 0, n_turned = 0;
    kalman.options.daf = true;
    make_toys(&kalman, false);
    for (int t = 0; t < N; ++t) {
        for (int k = 0; k < LAYERS; ++k) {
            if (hg_random_uniform(&random) < 0.2) toys[t].hit[k].local[0] += hg_random_range(&random, -100.0, 100.0);
        }
    }
    hg_tracks *tracks = tracks_of(toys, N, measurements);
    assert_true(hg_fit_tracks(ctx, &kalman, measurements, tracks) >= 0);
    for (int t = 0; t < N; ++t) {
        const bool fitted = tracks->status[t] < HG_TRACK_FAILED;
        n_fitted += fitted;
        n_turned += fitted && fabs(remainder(tracks->params[5 * t + 2] - toys[t].truth[2], 2 * pi)) > 2.5;
    }
    print_message("    %d of %d tracks fitted, %d turned round\n", n_fitted, N, n_turned);
    assert_true(n_fitted >= 3 * N / 4);
    assert_int_equal(n_turned, 0);
    hg_tracks_destroy(ctx, tracks);
}

/* The whole fit with either smoother. */
static void both_smoothers_give_the_same_tracks(void **state)
{
    (void)state;
    enum { N = 300 };
    hg_kalman kalman = toy_kalman(false);
    hg_filter_step steps[HITS_MAX];
    make_toys(&kalman, false);
    hg_tracks *tracks[2];
    for (int rts = 0; rts < 2; ++rts) {
        tracks[rts] = tracks_of(toys, N, measurements);
        kalman.options.rts = rts;
        for (int64_t t = 0; t < N; ++t) hg_fit_one(&kalman, measurements, NULL, steps, tracks[rts], t);
    }
    for (int t = 0; t < N; ++t) {
        assert_int_equal(tracks[0]->status[t], tracks[1]->status[t]);
        for (int p = 0; p < 5; ++p) {
            const double sigma = sqrt(tracks[0]->cov[15 * t + p * (p + 3) / 2]);
            assert_near(tracks[1]->params[5 * t + p], tracks[0]->params[5 * t + p], 1e-5 * sigma);
            assert_near(sqrt(tracks[1]->cov[15 * t + p * (p + 3) / 2]), sigma, 1e-5 * sigma);
        }
    }
    for (int rts = 0; rts < 2; ++rts) hg_tracks_destroy(ctx, tracks[rts]);
}

static void same_bits_for_any_number_of_threads(void **state)
{
    (void)state;
    enum { N = 500 };
    hg_kalman kalman = toy_kalman(true);
    make_toys(&kalman, true);
    hg_tracks *reference = tracks_of(toys, N, measurements);
    assert_int_equal(hg_context_set_threads(ctx, 1), HG_OK);
    assert_true(hg_fit_tracks(ctx, &kalman, measurements, reference) >= 0);
    for (int threads = 2; threads <= 4; ++threads) {
        hg_tracks *tracks = tracks_of(toys, N, measurements);
        assert_int_equal(hg_context_set_threads(ctx, threads), HG_OK);
        assert_true(hg_fit_tracks(ctx, &kalman, measurements, tracks) >= 0);
        assert_memory_equal(tracks->params, reference->params, N * 5 * sizeof *tracks->params);
        assert_memory_equal(tracks->cov, reference->cov, N * 15 * sizeof *tracks->cov);
        assert_memory_equal(tracks->chi2, reference->chi2, N * sizeof *tracks->chi2);
        assert_memory_equal(tracks->status, reference->status, N * sizeof *tracks->status);
        hg_tracks_destroy(ctx, tracks);
    }
    assert_int_equal(hg_context_set_threads(ctx, 2), HG_OK);
    hg_tracks_destroy(ctx, reference);
}

static int fit_alone(const hg_kalman *kalman, const toy_track *toy)
{
    hg_measurement own[HITS_MAX];
    hg_tracks *tracks = tracks_of(toy, 1, own);
    assert_true(hg_fit_tracks(ctx, kalman, own, tracks) >= 0);
    int status = tracks->status[0];
    bool failed = status >= HG_TRACK_FAILED;
    assert_true(isfinite(tracks->chi2[0]) && tracks->chi2[0] >= 0.0);
    for (int i = 0; i < 5; ++i) assert_true(failed ? tracks->params[i] == 0.0 : isfinite(tracks->params[i]));
    if (!failed) assert_true(hg_cov_is_positive(tracks->cov) && tracks->ndf[0] >= 0);
    hg_tracks_destroy(ctx, tracks);
    return status;
}

/* The three fits that there are: in batches, annealing, and with the smoother of Rauch, Tung and Striebel. */
enum { FITS = 3 };
static hg_kalman kalman_of_fit(int k)
{
    hg_kalman kalman = toy_kalman(false);
    kalman.options.daf = k == 1;
    kalman.options.rts = k == 2;
    return kalman;
}

static void bad_tracks_have_a_status_in(int fit)
{
    const hg_kalman kalman = kalman_of_fit(fit);
    make_toys(&kalman, false);
    toy_track t = toys[0];
    for (t.n = 0; t.n < 3; ++t.n) assert_true(fit_alone(&kalman, &t) & HG_TRACK_TOO_FEW_HITS);
    t = toys[0];
    t.hit[4].local[0] = NAN;
    assert_true(fit_alone(&kalman, &t) & HG_TRACK_NONFINITE);
    t = toys[0];
    t.hit[4].variance[1] = NAN;
    assert_true(fit_alone(&kalman, &t) & HG_TRACK_NONFINITE);
    t = toys[0];
    t.hit[2].module = N_MODULES;
    assert_true(fit_alone(&kalman, &t) & HG_TRACK_FAILED);
    t = toys[0];
    for (int k = 0; k < t.n; ++k) t.hit[k].module = t.hit[0].module; /* all on one module */
    assert_true(fit_alone(&kalman, &t) & HG_TRACK_FAILED);
    t = toys[0];
    for (int k = 0; k < t.n; ++k) t.hit[k] = t.hit[0]; /* one hit many times */
    assert_true(fit_alone(&kalman, &t) & HG_TRACK_FAILED);
    t.n = 3; /* the fewest hits, in one place or on one module */
    assert_true(fit_alone(&kalman, &t) & HG_TRACK_FAILED);
    for (int k = 0; k < t.n; ++k) t.hit[k].local[0] += k;
    assert_true(fit_alone(&kalman, &t) & HG_TRACK_FAILED);
    assert_true(simulate(&kalman, 1, false, 1e6, 1e6 + 1, &t)); /* 1e6 GeV */
    assert_true(fit_alone(&kalman, &t) < HG_TRACK_FAILED);
    hg_kalman no_field = kalman; /* q/p is then free, or a straight line exactly */
    no_field.field = nothing;
    fit_alone(&no_field, &t);
    t = toys[0];
    for (int k = 0; k < t.n; ++k) t.hit[k].local[0] *= k & 1 ? 30 : -30; /* some 10 MeV, if it were a track */
    fit_alone(&kalman, &t);
}

static void bad_tracks_have_a_status(void **state)
{
    (void)state;
    for (int fit = 0; fit < FITS; ++fit) bad_tracks_have_a_status_in(fit);
}

/* Tracks of random hits on random modules, one to ten of them: never NaN, never a bad covariance. */
static void random_hits_never_give_nan_in(int fit)
{
    const hg_kalman kalman = kalman_of_fit(fit);
    for (uint64_t trial = 0; trial < 700; ++trial) {
        hg_random random = hg_random_stream(99, 1, 0, trial);
        toy_track t = {.n = (int)hg_random_below(&random, HITS_MAX + 1)};
        for (int k = 0; k < t.n; ++k) {
            int64_t module = hg_random_below(&random, N_MODULES);
            double spread = trial % 3 ? 10.0 : 1000.0, sigma = trial % 5 ? 0.02 : 5.0;
            t.hit[k] = (hg_measurement){.module = trial % 4 ? (k * RING + module % RING) % N_MODULES : module,
                                        .local = {spread * hg_random_normal(&random), spread * hg_random_normal(&random)},
                                        .variance = {sigma * sigma, trial % 7 ? 1.0 : 0.0}};
        }
        fit_alone(&kalman, &t);
    }
}

static void random_hits_never_give_nan(void **state)
{
    (void)state;
    for (int fit = 0; fit < FITS; ++fit) random_hits_never_give_nan_in(fit);
}

/* Errors that differ by many powers of ten leave a covariance that is positive, also for who reads it in double, or a status. */
static void errors_of_all_sizes(void **state)
{
    (void)state;
    hg_kalman kalman = toy_kalman(false);
    make_toys(&kalman, false);
    kalman.material = NULL;
    for (int t = 0; t < TOYS; ++t) {
        for (int k = 0; k < LAYERS; ++k) toys[t].hit[k].variance[1] *= 1e6;
        toys[t].hit[0].variance[0] *= pow(10, -t % 24);
    }
    hg_tracks *tracks = tracks_of(toys, TOYS, measurements);
    assert_true(hg_fit_tracks(ctx, &kalman, measurements, tracks) >= 0);
    for (int t = 0; t < TOYS; ++t) assert_true(tracks->status[t] >= HG_TRACK_FAILED || hg_cov_is_positive(&tracks->cov[15 * t]));
    hg_tracks_destroy(ctx, tracks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pulls_of_barrel_muons),
        cmocka_unit_test(pulls_of_forward_muons),
        cmocka_unit_test(pulls_of_the_annealing_filter),
        cmocka_unit_test(outliers_are_left_out),
        cmocka_unit_test(outliers_lose_their_weight),
        cmocka_unit_test(annealing_finds_several_outliers),
        cmocka_unit_test(annealing_never_turns_a_track_round),
        cmocka_unit_test(both_smoothers_give_the_same_tracks),
        cmocka_unit_test(same_bits_for_any_number_of_threads),
        cmocka_unit_test(bad_tracks_have_a_status),
        cmocka_unit_test(random_hits_never_give_nan),
        cmocka_unit_test(errors_of_all_sizes),
    };
    const double center[3] = {-149.0, -152.0, -150.0};
    if (hg_context_create(&ctx) != HG_OK || hg_field_create_solenoid(ctx, 1247.0, 2612.0, 1.991, center, &coil) != HG_OK) return 1;
    if (hg_field_create_constant(ctx, 0.0, &nothing) != HG_OK) return 1;
    detector = toy_detector();
    rings = toy_material(false);
    discs = toy_material(true);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hg_material_destroy(ctx, rings);
    hg_material_destroy(ctx, discs);
    hg_detector_destroy(ctx, detector);
    hg_field_destroy(ctx, nothing);
    hg_field_destroy(ctx, coil);
    return failed + close_without_leaks(ctx);
}
