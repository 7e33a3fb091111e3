/* kernels/dense_panels.h — weights cut into panels of columns and packed; part of dense_body.h. */
/* SPDX-License-Identifier: Apache-2.0 */

/* Panels share the vectors of a row as evenly as they can: 5 vectors are 3 and 2. */
static inline int64_t panel_count(int64_t n)
{
    int64_t vectors = hg_stride(HG_STORE_REAL, n) / HG_VL;
    return (vectors + HG_PANEL - 1) / HG_PANEL;
}

static inline int64_t panel_start(int64_t n, int64_t panel)
{
    return hg_stride(HG_STORE_REAL, n) / HG_VL * panel / panel_count(n);
}

/* One output is a dot product: its weights are one vector along k instead of a panel. */
static int64_t packed_bytes(int64_t n, int64_t k)
{
    return (int64_t)sizeof(hg_real) * (n == 1 ? hg_stride(HG_STORE_REAL, k) : k * hg_stride(HG_STORE_REAL, n));
}

ALWAYS_INLINE void pack_panels(bool round, const hg_real *w, int64_t out_step, int64_t in_step, int64_t n, int64_t k, const hg_real *mean,
                               void *dst)
{
    hg_real *to = dst;
    memset(dst, 0, (size_t)packed_bytes(n, k));
    for (int64_t panel = 0; panel < panel_count(n); ++panel) {
        int64_t from = panel_start(n, panel) * HG_VL, width = panel_start(n, panel + 1) * HG_VL - from;
        if (n == 1) width = 1;
        for (int64_t i = 0; i < k; ++i, to += width) {
            for (int64_t c = 0; c < width && from + c < n; ++c) {
                const hg_real x = w[(from + c) * out_step + i * in_step] - (mean ? mean[i] : 0);
                to[c] = round ? hg_widen_bf16(hg_round_bf16(x)) : x;
            }
        }
    }
}

static void pack(const hg_real *w, int64_t out_step, int64_t in_step, int64_t n, int64_t k, const hg_real *mean, void *dst)
{
    pack_panels(false, w, out_step, in_step, n, k, mean, dst);
}
