/* datasets/pulse_display.c — an event of a neutrino telescope as SVG: sensors, and where and when there was light. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/display_pulses.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"

#define INK "#6e7781"
#define FAINT "#8c959f"
enum { WIDTH = 1200, HEIGHT = 600, TOP = 70, SIDE = 480, COLOURS = 9, LONGEST_TITLE = 200 };

/* Early to late; each stands out from white and from black alike. */
static const char *const colour[COLOURS] = {"#d1495b", "#e0622f", "#e07b1a", "#c99700", "#7a9a01",
                                            "#2a9d5c", "#0f9fb5", "#2f7ed8", "#5468d4"};

/* Light of one sensor: its pulses taken together. */
typedef struct lit {
    float x, y, z, first, charge;
} lit;

typedef struct picture {
    const hg_pulse_events *events;
    int64_t event;
    lit *lit; /* [n_lit] owned: late ones first, so that early ones lie on top */
    int64_t n_lit;
    float low[3], high[3], early, late;
    double scale; /* pixels per metre, the same in both views */
} picture;

static int by_place(const void *a, const void *b)
{
    const lit *p = a, *q = b;
    if (p->x != q->x) return p->x < q->x ? -1 : 1;
    if (p->y != q->y) return p->y < q->y ? -1 : 1;
    if (p->z != q->z) return p->z < q->z ? -1 : 1;
    return (p->first > q->first) - (p->first < q->first);
}

static int late_first(const void *a, const void *b)
{
    const lit *p = a, *q = b;
    return p->first != q->first ? (p->first < q->first ? 1 : -1) : by_place(a, b);
}

static hg_status gather(hg_context *ctx, picture *p)
{
    hg_status status = HG_OK;
    const hg_pulses *pulses = &p->events->pulses;
    const int64_t begin = p->events->offset[p->event], n = p->events->offset[p->event + 1] - begin;
    HG_TRY(hg_alloc(ctx, &p->lit, n));
    for (int64_t i = 0; i < n; ++i) {
        const int64_t k = begin + i;
        p->lit[i] = (lit){pulses->x[k], pulses->y[k], pulses->z[k], pulses->t[k], pulses->q[k]};
    }
    qsort(p->lit, (size_t)n, sizeof *p->lit, by_place);
    for (int64_t i = 0; i < n; ++i) {
        lit *last = p->n_lit > 0 ? &p->lit[p->n_lit - 1] : NULL;
        if (last && last->x == p->lit[i].x && last->y == p->lit[i].y && last->z == p->lit[i].z)
            last->charge += p->lit[i].charge;
        else
            p->lit[p->n_lit++] = p->lit[i];
    }
    qsort(p->lit, (size_t)p->n_lit, sizeof *p->lit, late_first);
done:
    return status;
}

static int by_value(const void *a, const void *b)
{
    const float *p = a, *q = b;
    return (*p > *q) - (*p < *q);
}

/* Colours cover the middle 90 % of the coincident pulses, or of all: noise lies long before and after. */
static hg_status find_times(hg_context *ctx, picture *p)
{
    hg_status status = HG_OK;
    const hg_pulses *pulses = &p->events->pulses;
    const int64_t begin = p->events->offset[p->event], end = p->events->offset[p->event + 1];
    float *time = NULL;
    int64_t coincident = 0, n = 0;
    HG_TRY(hg_alloc(ctx, &time, end - begin));
    for (int64_t i = begin; pulses->hlc && i < end; ++i) coincident += pulses->hlc[i];
    for (int64_t i = begin; i < end; ++i)
        if (coincident == 0 || pulses->hlc[i]) time[n++] = pulses->t[i];
    qsort(time, (size_t)n, sizeof *time, by_value);
    p->early = n ? time[n / 20] : 0;
    p->late = n ? time[n - 1 - n / 20] : 0;
done:
    hg_free(ctx, time);
    return status;
}

static void widen(picture *p, float x, float y, float z)
{
    const float at[3] = {x, y, z};
    for (int k = 0; k < 3; ++k) {
        p->low[k] = fminf(p->low[k], at[k]);
        p->high[k] = fmaxf(p->high[k], at[k]);
    }
}

static void find_frame(picture *p)
{
    const hg_sensors *s = &p->events->sensors;
    double size = 1;
    for (int k = 0; k < 3; ++k) {
        p->low[k] = INFINITY;
        p->high[k] = -INFINITY;
    }
    for (int64_t i = 0; i < s->n; ++i) widen(p, s->x[i], s->y[i], s->z[i]);
    for (int64_t i = 0; i < p->n_lit; ++i) widen(p, p->lit[i].x, p->lit[i].y, p->lit[i].z);
    if (p->low[0] > p->high[0]) widen(p, 0, 0, 0);
    for (int k = 0; k < 3; ++k) size = fmax(size, (double)(p->high[k] - p->low[k]));
    p->scale = SIDE / size;
}

/* The page's place of a point: view 0 from above, 1 from the side. */
static void place(const picture *p, int view, const double at[3], double page[2])
{
    const int up = view ? 2 : 1;
    const double middle_x = ((double)p->low[0] + (double)p->high[0]) / 2, middle = ((double)p->low[up] + (double)p->high[up]) / 2;
    page[0] = WIDTH * (1 + 2 * view) / 4.0 + p->scale * (at[0] - middle_x);
    page[1] = TOP + SIDE / 2.0 - p->scale * (at[up] - middle);
}

/* From above, the sensors of a string lie on each other: one dot is enough. */
static hg_status draw_sensors(hg_context *ctx, const picture *p, int view, hg_text *svg)
{
    hg_status status = HG_OK;
    const hg_sensors *s = &p->events->sensors;
    HG_TRY(hg_text_append(ctx, svg, "<path stroke=\"%s\" stroke-width=\"%s\" stroke-linecap=\"round\" opacity=\"0.55\" d=\"", FAINT,
                          view ? "1.2" : "2.4"));
    for (int64_t i = 0; i < s->n; ++i) {
        double page[2];
        if (!view && i > 0 && fabsf(s->x[i] - s->x[i - 1]) < 1 && fabsf(s->y[i] - s->y[i - 1]) < 1) continue;
        place(p, view, (const double[]){(double)s->x[i], (double)s->y[i], (double)s->z[i]}, page);
        HG_TRY(hg_text_append(ctx, svg, "M%.1f %.1fh0", page[0], page[1]));
    }
    HG_TRY(hg_text_append(ctx, svg, "\"/>\n"));
done:
    return status;
}

static hg_status draw_light(hg_context *ctx, const picture *p, int view, hg_text *svg)
{
    hg_status status = HG_OK;
    const double span = fmax(1, (double)(p->late - p->early));
    for (int64_t i = 0; i < p->n_lit; ++i) {
        const lit *l = &p->lit[i];
        const double share = fmin(fmax((double)(l->first - p->early) / span, 0), 1), radius = 1.6 * sqrt(1 + 2 * log1p((double)l->charge));
        double page[2];
        place(p, view, (const double[]){(double)l->x, (double)l->y, (double)l->z}, page);
        HG_TRY(hg_text_append(ctx, svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\" fill-opacity=\"0.8\"/>\n", page[0], page[1],
                              radius, colour[(int)(share * (COLOURS - 1) + 0.5)]));
    }
done:
    return status;
}

static hg_status draw_truth(hg_context *ctx, const picture *p, int view, hg_text *svg)
{
    hg_status status = HG_OK;
    const hg_pulse_truth *t = &p->events->truth;
    const float *v = t->vertex ? t->vertex + 4 * p->event : NULL, *d = t->dir ? t->dir + 3 * p->event : NULL;
    const int32_t label = t->label ? t->label[p->event] : HG_CLASS_UNKNOWN;
    const bool inside = label == HG_CLASS_STARTING || label == HG_CLASS_CASCADE;
    const double far = SIDE / p->scale;
    double from[3], to[3], a[2], b[2];
    if (!v || !d) return HG_OK;
    for (int k = 0; k < 3; ++k) {
        from[k] = (double)v[k] - (inside ? 0 : far * (double)d[k]);
        to[k] = (double)v[k] + far * (label == HG_CLASS_CASCADE ? 0.15 : 1) * (double)d[k];
    }
    place(p, view, from, a);
    place(p, view, to, b);
    HG_TRY(hg_text_append(
        ctx, svg, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"1.5\" stroke-dasharray=\"7 5\"/>\n",
        a[0], a[1], b[0], b[1], INK));
    if (inside)
        HG_TRY(hg_text_append(ctx, svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"7\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\"/>\n",
                              a[0], a[1], INK));
done:
    return status;
}

/* Titles come from outside: no markup in them. */
static hg_status put_escaped(hg_context *ctx, const char *text, hg_text *svg)
{
    hg_status status = HG_OK;
    for (int i = 0; text && text[i] && i < LONGEST_TITLE; ++i) {
        const char c = text[i];
        HG_TRY(c == '<'   ? hg_text_append(ctx, svg, "&lt;")
               : c == '&' ? hg_text_append(ctx, svg, "&amp;")
                          : hg_text_append(ctx, svg, "%c", (unsigned char)c < 32 ? ' ' : c));
    }
done:
    return status;
}

/* What was seen, and what the colours and the line mean. */
static hg_status draw_legend(hg_context *ctx, const picture *p, const char *title, hg_text *svg)
{
    hg_status status = HG_OK;
    const hg_pulse_events *e = p->events;
    double charge = 0;
    for (int64_t i = 0; i < p->n_lit; ++i) charge += (double)p->lit[i].charge;
    HG_TRY(hg_text_append(ctx, svg, "<text x=\"30\" y=\"30\" font-size=\"17\" font-weight=\"bold\">"));
    HG_TRY(put_escaped(ctx, title, svg));
    HG_TRY(hg_text_append(ctx, svg, "</text>\n<text x=\"30\" y=\"51\">%" PRId64 " pulses on %" PRId64 " sensors, %.0f photo-electrons",
                          e->offset[p->event + 1] - e->offset[p->event], p->n_lit, charge));
    if (e->truth.label && e->truth.label[p->event] >= 0)
        HG_TRY(hg_text_append(ctx, svg, "; true: %s", hg_event_class_name(e->truth.label[p->event])));
    if (e->truth.energy) HG_TRY(hg_text_append(ctx, svg, ", %.3g GeV", (double)e->truth.energy[p->event]));
    HG_TRY(hg_text_append(
        ctx, svg, "</text>\n<text x=\"30\" y=\"585\">from above: x, y</text><text x=\"630\" y=\"585\">from the side: x, z</text>\n"));
    for (int c = 0; c < COLOURS; ++c)
        HG_TRY(hg_text_append(ctx, svg, "<rect x=\"%d\" y=\"20\" width=\"22\" height=\"12\" fill=\"%s\"/>", 930 + 22 * c, colour[c]));
    HG_TRY(hg_text_append(ctx, svg,
                          "\n<text x=\"930\" y=\"49\">%.0f ns</text><text x=\"1128\" y=\"49\" text-anchor=\"end\">%.0f ns</text>\n",
                          (double)p->early, (double)p->late));
    const double hundred = 100 * p->scale;
    HG_TRY(hg_text_append(ctx, svg,
                          "<path d=\"M%.1f 580h%.1f\" stroke=\"%s\" stroke-width=\"2\"/><text x=\"%.1f\" y=\"585\">100 m</text>\n",
                          1120 - hundred, hundred, INK, 1128.0));
done:
    return status;
}

static hg_status draw(hg_context *ctx, const picture *p, const char *title, hg_text *svg)
{
    hg_status status = HG_OK;
    HG_TRY(hg_text_append(
        ctx, svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"13\" fill=\"%s\">\n"
        "<clipPath id=\"v0\"><rect x=\"0\" y=\"58\" width=\"600\" height=\"504\"/></clipPath>"
        "<clipPath id=\"v1\"><rect x=\"600\" y=\"58\" width=\"600\" height=\"504\"/></clipPath>\n",
        WIDTH, HEIGHT, INK));
    for (int view = 0; view < 2; ++view) {
        HG_TRY(hg_text_append(ctx, svg, "<g clip-path=\"url(#v%d)\">\n", view));
        HG_TRY(draw_sensors(ctx, p, view, svg));
        HG_TRY(draw_truth(ctx, p, view, svg));
        HG_TRY(draw_light(ctx, p, view, svg));
        HG_TRY(hg_text_append(ctx, svg, "</g>\n"));
    }
    HG_TRY(draw_legend(ctx, p, title, svg));
    HG_TRY(hg_text_append(ctx, svg, "</svg>\n"));
done:
    return status;
}

hg_status hg_pulse_display_svg(hg_context *ctx, const hg_pulse_events *events, int64_t event, const char *title, char **svg, size_t *length)
{
    hg_status status = HG_OK;
    picture p = {.events = events, .event = event};
    hg_text text = {.data = NULL};
    HG_CHECK(event >= 0 && event < events->n_events, HG_ERR_ARG, "event %" PRId64 " of %" PRId64 ", expected one of them, counted from 0",
             event, events->n_events);
    HG_TRY(gather(ctx, &p));
    HG_TRY(find_times(ctx, &p));
    find_frame(&p);
    HG_TRY(draw(ctx, &p, title, &text));
    *svg = text.data;
    if (length) *length = text.length;
    text.data = NULL;
done:
    hg_free(ctx, text.data);
    hg_free(ctx, p.lit);
    return status;
}
