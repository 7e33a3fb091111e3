/* follow_match.c — predictions in batches, and hits tested against them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "base/check.h"
#include "tracking/follow.h"

hg_status hg_job_list_create(hg_context *ctx, int64_t room, const hg_kalman *kalman, hg_job_list *out)
{
    hg_status status = HG_OK;
    hg_job_list jobs = {.kalman = kalman};
    HG_TRY(hg_alloc_unset(ctx, &jobs.from, room * HG_BATCH_STATE));
    HG_TRY(hg_alloc_unset(ctx, &jobs.to, room * HG_BATCH_STATE));
    HG_TRY(hg_alloc_unset(ctx, &jobs.index, 4 * room));
    jobs.from_module = jobs.index + room;
    jobs.to_module = jobs.index + 2 * room;
    jobs.status = jobs.index + 3 * room;
    for (int64_t k = 0; k < room; ++k) jobs.index[k] = (int32_t)k;
    *out = jobs;
    jobs = (hg_job_list){0};
done:
    hg_job_list_free(ctx, &jobs);
    return status;
}

void hg_job_list_free(hg_context *ctx, hg_job_list *jobs)
{
    hg_free(ctx, jobs->from);
    hg_free(ctx, jobs->to);
    hg_free(ctx, jobs->index);
    *jobs = (hg_job_list){0};
}

int32_t hg_job_add(hg_job_list *jobs, const float *state, int32_t from_module, int32_t to_module)
{
    const int64_t row = jobs->n++;
    memcpy(jobs->from + row * HG_BATCH_STATE, state, HG_STATE_NUMBERS * sizeof *state);
    jobs->from_module[row] = from_module;
    jobs->to_module[row] = to_module;
    return (int32_t)row;
}

/* In double, one by one: tracks that curl, or leave the table of the field. */
static int predict_plain(const hg_job_list *jobs, int64_t row, bool to_beam)
{
    const float *from = jobs->from + row * HG_BATCH_STATE;
    float *to = jobs->to + row * HG_BATCH_STATE;
    double par[5], cov[15];
    for (int i = 0; i < 5; ++i) par[i] = (double)from[i];
    for (int i = 0; i < 15; ++i) cov[i] = (double)from[HG_BATCH_COV + i];
    int status = hg_transport_state(jobs->kalman, jobs->from_module[row], to_beam ? -1 : jobs->to_module[row], NULL, par, cov, NULL);
    for (int i = 0; i < 5 && status == 0; ++i) to[i] = (float)par[i];
    for (int i = 0; i < 15 && status == 0; ++i) to[HG_BATCH_COV + i] = (float)cov[i];
    return status;
}

void hg_jobs_run(hg_job_list *jobs, const hg_finder *finder, bool to_beam)
{
    const hg_batch_jobs batch = {
        .n = jobs->n, .from_index = jobs->index, .from_module = jobs->from_module, .to_module = jobs->to_module, .status = jobs->status};
    if (jobs->n == 0) return;
    if (to_beam)
        finder->kernels->predict_perigee(finder->world, jobs->from, &batch, jobs->to);
    else
        finder->kernels->predict(finder->world, jobs->from, &batch, jobs->to);
    for (int64_t row = 0; row < jobs->n; ++row)
        if (jobs->status[row] & HG_BATCH_HARD) jobs->status[row] = predict_plain(jobs, row, to_beam);
}

const float *hg_job_result(const hg_job_list *jobs, int32_t row)
{
    return jobs->status[row] == 0 ? jobs->to + (int64_t)row * HG_BATCH_STATE : NULL;
}

static bool is_positive(const float *cov)
{
    float lower[5][5], pivot[5];
    for (int j = 0; j < 5; ++j) {
        pivot[j] = cov[HG_PACKED(j, j)];
        for (int k = 0; k < j; ++k) pivot[j] -= lower[j][k] * lower[j][k] * pivot[k];
        if (!(pivot[j] > 0.0f && pivot[j] < 1e30f)) return false;
        float per_pivot = 1.0f / pivot[j];
        for (int i = j + 1; i < 5; ++i) {
            float sum = cov[HG_PACKED(i, j)];
            for (int k = 0; k < j; ++k) sum -= lower[i][k] * lower[j][k] * pivot[k];
            lower[i][j] = sum * per_pivot;
        }
    }
    return true;
}

static int packed(int i, int k)
{
    return i >= k ? HG_PACKED(i, k) : HG_PACKED(k, i);
}

/* As in the batch, the row of the measured coordinate is written without a difference. */
static bool update_coordinate(float *state, int c, float value, float variance)
{
    float *cov = state + HG_BATCH_COV, w[5];
    for (int i = 0; i < 5; ++i) w[i] = cov[packed(i, c)];
    if (!(w[c] > 0.0f)) return false;
    const float per_s = 1.0f / (w[c] + variance), scaled = (value - state[c]) * per_s, share = variance * per_s;
    for (int i = 0; i < 5; ++i) {
        const float gain = w[i] * per_s;
        state[i] += w[i] * scaled;
        for (int k = 0; k <= i; ++k) cov[HG_PACKED(i, k)] -= gain * w[k];
    }
    for (int i = 0; i < 5; ++i) cov[packed(i, c)] = w[i] * share;
    return true;
}

bool hg_float_update(float state[HG_STATE_NUMBERS], const hg_hit_record *hit)
{
    const float pi = 3.14159265f;
    float fresh[HG_STATE_NUMBERS], sum = 0.0f;
    memcpy(fresh, state, sizeof fresh);
    for (int c = 0; c < 2; ++c)
        if (hit->variance[c] > 0.0f && !update_coordinate(fresh, c, hit->local[c], hit->variance[c])) return false;
    for (int i = 0; i < 5; ++i) sum += fresh[i];
    if (!(fabsf(sum) < 1e30f) || !(fresh[3] > 0.0f && fresh[3] < pi) || !is_positive(fresh + HG_BATCH_COV)) return false;
    if (fabsf(fresh[2]) > pi) fresh[2] = remainderf(fresh[2], 2.0f * pi);
    memcpy(state, fresh, sizeof fresh);
    return true;
}

static bool is_expected(const hg_walk *walk, int32_t hit)
{
    for (int32_t k = 0; k < walk->n_expected; ++k)
        if (walk->expected[k] == hit) return true;
    return false;
}

/* chi2, and the logarithm of the determinant of the residual's covariance; false if it is not positive. */
static bool distance_of(const float *state, const hg_hit_record *hit, float *chi2, float *log_det)
{
    const float *cov = state + HG_BATCH_COV;
    const float u = hit->local[0] - state[0], v = hit->local[1] - state[1];
    const float a = cov[0] + hit->variance[0], b = cov[1], c = cov[2] + hit->variance[1];
    const bool has_u = hit->variance[0] > 0.0f, has_v = hit->variance[1] > 0.0f;
    if (has_u && has_v) {
        const float det = a * c - b * b;
        *chi2 = (u * u * c - 2.0f * u * v * b + v * v * a) / det;
        *log_det = logf(fmaxf(det, 1e-12f));
        return a > 0.0f && det > 0.0f;
    }
    *chi2 = has_u ? u * u / a : has_v ? v * v / c : 0.0f;
    *log_det = has_u || has_v ? logf(fmaxf(has_u ? a : c, 1e-6f)) : 0.0f;
    return has_u ? a > 0.0f : !has_v || c > 0.0f;
}

bool hg_match_test(const hg_finder *finder, const hg_walk *walk, const float *state, int32_t place, double chi2_max, hg_match *out)
{
    const hg_hit_record *hit = &finder->index.record[place];
    float chi2, log_det;
    if (!distance_of(state, hit, &chi2, &log_det) || !(chi2 <= (float)chi2_max)) return false;
    const float gain = hit->base_gain - 0.5f * (chi2 + log_det);
    *out = (hg_match){.place = place, .gain = gain, .rank = gain, .state = state};
    if (gain > finder->options->gain_min && walk->n_expected == 0) return true;
    if (!is_expected(walk, hit->row)) return gain > finder->options->gain_min;
    out->rank += walk->bonus;
    return gain > finder->options->expected_gain_min;
}

void hg_match_direction(const float *state, float direction[3])
{
    const float sine = sinf(state[3]);
    direction[0] = sine * cosf(state[2]);
    direction[1] = sine * sinf(state[2]);
    direction[2] = cosf(state[3]);
}

bool hg_match_near(const hg_finder *finder, const float *state, const float direction[3], int32_t module, int32_t place)
{
    const hg_hit_record *hit = &finder->index.record[place];
    const float *table = finder->world->tables.module;
    const float *from = table + (int64_t)module * HG_BATCH_MODULE, *to = table + (int64_t)hit->module * HG_BATCH_MODULE;
    const float *u = to + 3, *v = to + 6, *w = to + 9, *t = direction;
    float gap = 0.0f, slope = 0.0f, local[2] = {0.0f, 0.0f};
    float r[3];
    for (int i = 0; i < 3; ++i) {
        r[i] = from[i] - to[i] + from[3 + i] * state[0] + from[6 + i] * state[1];
        gap -= w[i] * r[i];
        slope += w[i] * t[i];
    }
    if (fabsf(slope) < 0.02f) return false;
    const float path = gap / slope;
    for (int i = 0; i < 3; ++i) {
        local[0] += u[i] * (r[i] + path * t[i]);
        local[1] += v[i] * (r[i] + path * t[i]);
    }
    for (int k = 0; k < 2; ++k) {
        if (!(hit->variance[k] > 0.0f)) continue;
        const float far = fabsf(local[k] - hit->local[k]) - 6.0f * (0.05f * fabsf(path) + 0.05f);
        if (far > 0.0f && far * far > 36.0f * (state[HG_BATCH_COV + (k ? 2 : 0)] + hit->variance[k])) return false;
    }
    return true;
}

void hg_match_insert(const hg_finder *finder, const hg_match *match, hg_match *list, int *n)
{
    const int32_t row = finder->index.record[match->place].row;
    int at = (*n)++;
    for (; at > 0; --at) {
        const hg_match *before = &list[at - 1];
        if (!(match->rank > before->rank || (match->rank == before->rank && row < finder->index.record[before->place].row))) break;
        list[at] = *before;
    }
    list[at] = *match;
}

void hg_candidate_append(hg_candidate *candidate, int32_t hit, float gain)
{
    if (candidate->n == HG_CANDIDATE_HITS) return;
    candidate->hit[candidate->n] = hit;
    candidate->gain[candidate->n++] = gain;
    candidate->score += gain;
}

void hg_branch_append(const hg_finder *finder, hg_branch *branch, int32_t hit, float gain)
{
    const int32_t n = branch->candidate.n;
    if (n < HG_CANDIDATE_HITS) branch->modules[n] = (int32_t)finder->input->hit_module[hit];
    hg_candidate_append(&branch->candidate, hit, gain);
}
