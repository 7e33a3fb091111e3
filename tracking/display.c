/* tracking/display.c — an event as SVG: layers, hits and tracks in the transverse and the longitudinal view. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"
#include "hitgraph/display.h"
#include "tracking/curve.h"

/* Coordinates are tenths of a pixel, so that whole numbers are exact enough and short. */
enum { WIDTH = 12000, HEIGHT = 6000, TOP = 700, BOTTOM = 5300, MIN_BYTES = 100000, MAX_GREY_HITS = 20000, BYTES_PER_DOT = 13 };

/* Every colour stands out from white and from black alike. */
#define INK "#6e7781"
#define FAINT "#8c959f"
static const char *const palette[] = {"#d1495b", "#2f7ed8", "#2a9d5c", "#e07b1a", "#8e63ce", "#0f9fb5",
                                      "#c2569b", "#7a9a01", "#b5651d", "#5468d4", "#d69a00", "#e0567f"};
enum { N_COLOURS = sizeof palette / sizeof palette[0] };

/* From mm to the page: horizontal and vertical coordinate, each with its own scale. */
typedef struct view {
    bool along;            /* r against z, otherwise y against x */
    double x0, y0, sx, sy; /* page = x0 + sx * horizontal, y0 - sy * vertical */
} view;

typedef struct page_point {
    int x, y;
} page_point;

typedef struct display {
    hg_context *ctx;
    const hg_hits *hits;
    const hg_detector *detector;
    const hg_field *field;
    const hg_tracks *tracks;
    hg_display_options options;
    double r_max, z_max; /* what is seen, mm */
    view view[2];
    uint8_t *state; /* [hits] what is known of a hit, bits below */
    int32_t *drawn; /* [n_drawn] tracks, harder ones first */
    int64_t n_drawn, n_eligible, n_unused, n_grey;
} display;

enum { HIT_DRAWN = 1, HIT_IN_BARREL = 2 };

hg_display_options hg_display_default_options(void)
{
    return (hg_display_options){.title = NULL, .pt_min_gev = 1, .max_tracks = 150, .only_track_hits = false, .max_bytes = 700000};
}

static page_point place(const view *v, const double p[3])
{
    const double horizontal = v->along ? p[2] : p[0], vertical = v->along ? hypot(p[0], p[1]) : p[1];
    /* whatever lies far outside is cut by the view's clip path; whole numbers must hold it all the same */
    const double x = fmin(fmax(v->x0 + v->sx * horizontal, -WIDTH), 2 * WIDTH),
                 y = fmin(fmax(v->y0 - v->sy * vertical, -HEIGHT), 2 * HEIGHT);
    return (page_point){(int)lround(x), (int)lround(y)};
}

static page_point place_hit(const display *d, const view *v, int64_t hit)
{
    return place(v, (const double[3]){d->hits->x[hit], d->hits->y[hit], d->hits->z[hit]});
}

static void choose_views(display *d)
{
    d->r_max = d->z_max = 0;
    for (int64_t l = 0; d->detector != NULL && l < d->detector->n_layers; ++l) {
        const hg_layer *layer = &d->detector->layers[l];
        d->r_max = fmax(d->r_max, layer->r_max);
        d->z_max = fmax(d->z_max, fmax(fabs(layer->z_min), fabs(layer->z_max)));
    }
    for (int64_t i = 0; d->detector == NULL && i < d->hits->n; ++i) {
        d->r_max = fmax(d->r_max, hypot(d->hits->x[i], d->hits->y[i]));
        d->z_max = fmax(d->z_max, fabs(d->hits->z[i]));
    }
    d->r_max = 1.02 * fmax(d->r_max, 1);
    d->z_max = 1.02 * fmax(d->z_max, 1);
    const double across = (BOTTOM - TOP) / (2 * d->r_max), left = 5700, right = WIDTH - 200;
    d->view[0] = (view){false, 200 + across * d->r_max, 0.5 * (TOP + BOTTOM), across, across};
    d->view[1] = (view){true, 0.5 * (left + right), BOTTOM, (right - left) / (2 * d->z_max), (BOTTOM - TOP) / d->r_max};
}

typedef struct ranked_track {
    double pt;
    int32_t track;
} ranked_track;

static int compare_pt(const void *a, const void *b)
{
    const ranked_track *p = a, *q = b;
    if (p->pt != q->pt) return p->pt > q->pt ? -1 : 1;
    return (p->track > q->track) - (p->track < q->track);
}

static hg_status choose_tracks(display *d)
{
    hg_status status = HG_OK;
    hg_context *ctx = d->ctx;
    ranked_track *ranked = NULL;
    const int64_t n = d->tracks == NULL ? 0 : d->tracks->n;

    HG_TRY(hg_alloc(ctx, &ranked, n));
    HG_TRY(hg_alloc(ctx, &d->drawn, n));
    for (int64_t k = 0; n > 0 && k < d->tracks->hit_offset[n]; ++k)
        HG_CHECK(d->tracks->hit[k] >= 0 && d->tracks->hit[k] < d->hits->n, HG_ERR_ARG,
                 "a track has hit row %" PRId32 ", expected 0 .. %" PRId64, d->tracks->hit[k], d->hits->n - 1);
    for (int64_t t = 0; t < n; ++t) {
        const double pt = hg_track_pt(d->hits, d->field, d->tracks, t);
        if (pt > d->options.pt_min_gev && isfinite(pt)) ranked[d->n_eligible++] = (ranked_track){pt, (int32_t)t};
    }
    qsort(ranked, (size_t)d->n_eligible, sizeof *ranked, compare_pt);
    d->n_drawn = d->n_eligible < d->options.max_tracks ? d->n_eligible : d->options.max_tracks;
    /* evenly spread over the ranks, the hardest one included: bent tracks belong into the picture as well */
    for (int64_t k = 0; k < d->n_drawn; ++k) d->drawn[k] = ranked[k * d->n_eligible / d->n_drawn].track;
done:
    hg_free(ctx, ranked);
    return status;
}

static hg_status look_at_hits(display *d)
{
    hg_status status = HG_OK;
    HG_TRY(hg_alloc(d->ctx, &d->state, d->hits->n));
    for (int64_t i = 0; i < d->hits->n; ++i) {
        const int64_t module =
            d->detector == NULL ? -1 : hg_detector_find(d->detector, d->hits->volume_id[i], d->hits->layer_id[i], d->hits->module_id[i]);
        if (module < 0 || d->detector->layers[d->detector->module_layer[module]].barrel) d->state[i] |= HIT_IN_BARREL;
    }
done:
    return status;
}

/* ---- pieces of the page ---- */

static hg_status write_track(display *d, hg_text *text, const view *v, int32_t track)
{
    hg_status status = HG_OK;
    hg_context *ctx = d->ctx;
    double point[HG_CURVE_POINTS][3];
    const int n = hg_track_curve(d->hits, d->field, d->tracks, track, point);

    HG_TRY(hg_text_append(ctx, text, "<path d=\""));
    page_point before = {0, 0};
    for (int k = 0; k < n; ++k) {
        const page_point p = place(v, point[k]);
        if (k > 0 && p.x == before.x && p.y == before.y) continue;
        HG_TRY(k == 0 ? hg_text_append(ctx, text, "M%d %dl", p.x, p.y)
                      : hg_text_append(ctx, text, "%d %d ", p.x - before.x, p.y - before.y));
        before = p;
    }
    HG_TRY(hg_text_append(ctx, text, "\"/>"));
done:
    return status;
}

/* A dot is a line of no length with round ends: the shortest way to say it. */
static hg_status write_dot(hg_context *ctx, hg_text *text, page_point p, page_point *before)
{
    const hg_status status = hg_text_append(ctx, text, "m%d %dh0", p.x - before->x, p.y - before->y);
    *before = p;
    return status;
}

static hg_status write_track_hits(display *d, hg_text *text, const view *v, int32_t track)
{
    hg_status status = HG_OK;
    page_point before = {0, 0};
    HG_TRY(hg_text_append(d->ctx, text, "<path stroke-width=\"38\" d=\"M0 0"));
    for (int64_t k = d->tracks->hit_offset[track]; k < d->tracks->hit_offset[track + 1]; ++k)
        HG_TRY(write_dot(d->ctx, text, place_hit(d, v, d->tracks->hit[k]), &before));
    HG_TRY(hg_text_append(d->ctx, text, "\"/>"));
done:
    return status;
}

/* Tracks of both views until they take their share of the page. */
static hg_status write_tracks(display *d, hg_text text[2])
{
    hg_status status = HG_OK;
    int64_t k = 0;
    for (; k < d->n_drawn && (int64_t)(text[0].length + text[1].length) < d->options.max_bytes / 2; ++k) {
        const int32_t track = d->drawn[k];
        for (int v = 0; v < 2; ++v) {
            HG_TRY(hg_text_append(d->ctx, &text[v], "<g stroke=\"%s\">", palette[k % N_COLOURS]));
            HG_TRY(write_track(d, &text[v], &d->view[v], track));
            HG_TRY(write_track_hits(d, &text[v], &d->view[v], track));
            HG_TRY(hg_text_append(d->ctx, &text[v], "</g>\n"));
        }
        for (int64_t h = d->tracks->hit_offset[track]; h < d->tracks->hit_offset[track + 1]; ++h) d->state[d->tracks->hit[h]] |= HIT_DRAWN;
    }
    d->n_drawn = k;
done:
    return status;
}

/* Hits of no drawn track, evenly thinned out in the order of the file, which mostly is that of the modules. */
static hg_status write_grey_hits(display *d, hg_text text[2], int64_t room)
{
    hg_status status = HG_OK;
    page_point before[2] = {{0, 0}, {0, 0}};
    int64_t seen = 0;
    for (int64_t i = 0; i < d->hits->n; ++i) d->n_unused += !(d->state[i] & HIT_DRAWN);
    int64_t wanted = d->options.only_track_hits ? 0 : room / (2 * BYTES_PER_DOT);
    if (wanted > MAX_GREY_HITS) wanted = MAX_GREY_HITS;
    if (wanted > d->n_unused) wanted = d->n_unused;
    for (int v = 0; v < 2; ++v)
        HG_TRY(hg_text_append(d->ctx, &text[v], "<path stroke=\"" FAINT "\" stroke-opacity=\".55\" stroke-width=\"16\" d=\"M0 0"));
    for (int64_t i = 0; i < d->hits->n; ++i) {
        if (d->state[i] & HIT_DRAWN) continue;
        const bool chosen = (seen + 1) * wanted / d->n_unused > seen * wanted / d->n_unused;
        ++seen;
        if (!chosen) continue;
        ++d->n_grey;
        for (int v = 0; v < 2; ++v)
            if (v == 1 || (d->state[i] & HIT_IN_BARREL)) HG_TRY(write_dot(d->ctx, &text[v], place_hit(d, &d->view[v], i), &before[v]));
    }
    for (int v = 0; v < 2; ++v) HG_TRY(hg_text_append(d->ctx, &text[v], "\"/>\n"));
done:
    return status;
}

static hg_status write_layers(display *d, hg_text *text, const view *v)
{
    hg_status status = HG_OK;
    HG_TRY(hg_text_append(d->ctx, text, "<g stroke=\"" FAINT "\" stroke-opacity=\".5\" stroke-width=\"10\">"));
    for (int64_t l = 0; d->detector != NULL && l < d->detector->n_layers; ++l) {
        const hg_layer *layer = &d->detector->layers[l];
        if (!v->along) {
            if (layer->barrel)
                HG_TRY(hg_text_append(d->ctx, text, "<circle cx=\"%.0f\" cy=\"%.0f\" r=\"%.0f\"/>", v->x0, v->y0, v->sx * layer->r));
            continue;
        }
        const page_point a =
            place(v, (const double[3]){layer->barrel ? layer->r : layer->r_min, 0, layer->barrel ? layer->z_min : layer->z});
        const page_point b =
            place(v, (const double[3]){layer->barrel ? layer->r : layer->r_max, 0, layer->barrel ? layer->z_max : layer->z});
        HG_TRY(hg_text_append(d->ctx, text, "<path d=\"M%d %dL%d %d\"/>", a.x, a.y, b.x, b.y));
    }
    HG_TRY(hg_text_append(d->ctx, text, "</g>\n"));
done:
    return status;
}

/* The largest round length that fills at most this many mm. */
static double round_length(double at_most)
{
    const double power = pow(10, floor(log10(at_most)));
    return at_most >= 5 * power ? 5 * power : at_most >= 2 * power ? 2 * power : power;
}

/* A bar from (x, y) to the right, or upwards, with its length beside it. */
static hg_status write_scale_bar(display *d, hg_text *text, double x, double y, bool upright, double scale, double mm)
{
    const double length = scale * mm;
    if (upright)
        return hg_text_append(
            d->ctx, text,
            "<path fill=\"none\" stroke=\"" INK
            "\" stroke-width=\"14\" d=\"M%.0f %.0fm-50 0h50v%.0fh-50\"/><text x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">r</text><text "
            "x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">%g mm</text>\n",
            x, y, -length, x - 90, y - length / 2 - 30, x - 90, y - length / 2 + 130, mm);
    return hg_text_append(d->ctx, text,
                          "<path fill=\"none\" stroke=\"" INK
                          "\" stroke-width=\"14\" d=\"M%.0f %.0fv-50m0 50h%.0fv-50\"/><text x=\"%.0f\" y=\"%.0f\">%s%g mm</text>\n",
                          x, y, length, x + length + 60, y + 20, scale == d->view[0].sx ? "" : "z ", mm);
}

static hg_status write_escaped(hg_context *ctx, hg_text *text, const char *words)
{
    hg_status status = HG_OK;
    for (; *words != '\0' && status >= 0; ++words) {
        const unsigned char c = (unsigned char)*words;
        if (c == '<' || c == '>' || c == '&' || c == '"')
            status = hg_text_append(ctx, text, "&#%d;", c);
        else if (c >= ' ')
            status = hg_text_append(ctx, text, "%c", c);
    }
    return status;
}

static hg_status write_head(display *d, hg_text *text)
{
    hg_status status = HG_OK;
    HG_TRY(hg_text_append(d->ctx, text,
                          "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" fill=\"none\" "
                          "stroke-linecap=\"round\" stroke-linejoin=\"round\" font-family=\"sans-serif\">\n",
                          WIDTH / 10, HEIGHT / 10, WIDTH, HEIGHT));
    if (d->options.title != NULL) {
        HG_TRY(hg_text_append(d->ctx, text, "<title>"));
        HG_TRY(write_escaped(d->ctx, text, d->options.title));
        HG_TRY(hg_text_append(d->ctx, text, "</title>\n<text x=\"200\" y=\"300\" font-size=\"210\" font-weight=\"600\" fill=\"" INK "\">"));
        HG_TRY(write_escaped(d->ctx, text, d->options.title));
        HG_TRY(hg_text_append(d->ctx, text, "</text>\n"));
    }
    const int right = (int)(d->view[1].x0 - d->view[1].sx * d->z_max);
    HG_TRY(hg_text_append(d->ctx, text,
                          "<g font-size=\"150\" fill=\"" INK
                          "\"><text x=\"200\" y=\"590\">x\xe2\x80\x93y, seen along the beam (grey: barrel hits)</text>"
                          "<text x=\"%d\" y=\"590\">r\xe2\x80\x93z, r stretched %.1f times</text></g>\n",
                          right, d->view[1].sy / d->view[1].sx));
    HG_TRY(hg_text_append(
        d->ctx, text,
        "<clipPath id=\"c0\"><path d=\"M100 %dH%dV%dH100z\"/></clipPath><clipPath id=\"c1\"><path d=\"M%d %dH%dV%dH%dz\"/></clipPath>\n",
        TOP - 50, right - 150, BOTTOM + 50, right - 100, TOP - 50, WIDTH - 100, BOTTOM + 50, right - 100));
done:
    return status;
}

static hg_status write_foot(display *d, hg_text *text)
{
    hg_status status = HG_OK;
    const view *across = &d->view[0], *along = &d->view[1];
    const double right = along->x0 - along->sx * d->z_max;
    HG_TRY(hg_text_append(d->ctx, text, "<g font-size=\"140\" fill=\"" INK "\">"));
    HG_TRY(write_scale_bar(d, text, 220, BOTTOM + 40, false, across->sx, round_length(0.3 * d->r_max)));
    HG_TRY(write_scale_bar(d, text, right, BOTTOM + 190, false, along->sx, round_length(0.2 * d->z_max)));
    HG_TRY(write_scale_bar(d, text, right - 130, BOTTOM, true, along->sy, round_length(0.2 * d->r_max)));
    HG_TRY(hg_text_append(
        d->ctx, text,
        "<path d=\"M220 5790h0\" stroke=\"%s\" stroke-width=\"60\"/><path d=\"M420 5790h260\" stroke=\"%s\" stroke-width=\"22\"/>"
        "<text x=\"760\" y=\"5840\">%" PRId64 " of %" PRId64 " tracks drawn, with their hits; pT &gt; %g GeV</text>",
        palette[0], palette[1], d->n_drawn, d->tracks == NULL ? 0 : d->tracks->n, d->options.pt_min_gev));
    HG_TRY(hg_text_append(d->ctx, text,
                          "<path d=\"M%.0f 5790h0\" stroke=\"" FAINT "\" stroke-width=\"36\"/><text x=\"%.0f\" y=\"5840\">%" PRId64
                          " of %" PRId64 " other hits drawn; %" PRId64 " hits in all</text></g>\n</svg>\n",
                          right + 60, right + 160, d->n_grey, d->n_unused, d->hits->n));
done:
    return status;
}

/* ---- the whole ---- */

static hg_status write_page(display *d, hg_text *page)
{
    hg_status status = HG_OK;
    hg_context *ctx = d->ctx;
    hg_text tracks[2] = {{0}}, grey[2] = {{0}};

    HG_TRY(write_tracks(d, tracks));
    HG_TRY(write_grey_hits(d, grey, d->options.max_bytes - (int64_t)(tracks[0].length + tracks[1].length) - MIN_BYTES / 4));
    HG_TRY(write_head(d, page));
    for (int v = 0; v < 2; ++v) {
        HG_TRY(hg_text_append(ctx, page, "<g clip-path=\"url(#c%d)\">\n", v));
        HG_TRY(write_layers(d, page, &d->view[v]));
        HG_TRY(
            hg_text_append(ctx, page, "%s<g stroke-width=\"14\">%s</g></g>\n", grey[v].data, tracks[v].length == 0 ? "" : tracks[v].data));
    }
    HG_TRY(write_foot(d, page));
done:
    for (int v = 0; v < 2; ++v) {
        hg_free(ctx, tracks[v].data);
        hg_free(ctx, grey[v].data);
    }
    return status;
}

hg_status hg_display_svg(hg_context *ctx, const hg_hits *hits, const hg_detector *detector, const hg_field *field, const hg_tracks *tracks,
                         const hg_display_options *options, char **svg, size_t *length)
{
    hg_status status = HG_OK;
    hg_text page = {0};
    display d = {.ctx = ctx, .hits = hits, .detector = detector, .field = field, .tracks = tracks};

    d.options = options == NULL ? hg_display_default_options() : *options;
    HG_CHECK(d.options.max_bytes >= MIN_BYTES, HG_ERR_ARG, "max_bytes is %" PRId64 ", expected at least %d", d.options.max_bytes,
             MIN_BYTES);
    choose_views(&d);
    HG_TRY(choose_tracks(&d));
    HG_TRY(look_at_hits(&d));
    HG_TRY(write_page(&d, &page));
    *svg = page.data;
    if (length != NULL) *length = page.length;
    page.data = NULL;
done:
    hg_free(ctx, page.data);
    hg_free(ctx, d.state);
    hg_free(ctx, d.drawn);
    return status;
}
