/* tracking/propagate.h — carrying a particle through a magnetic field to a surface, with or without the Jacobian.
 * Runge-Kutta-Nystroem steps of order 4 with step control (PHYSICS 1.6); thin material is the caller's business. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TRACKING_PROPAGATE_H
#define HG_TRACKING_PROPAGATE_H

#include "hitgraph/detector.h"
#include "hitgraph/field.h"

/* GeV / (T mm) */
#define HG_CURVATURE_CONSTANT 0.299792458e-3

/* Position in mm, unit direction of the momentum, charge over momentum in 1/GeV (0 = a straight line). */
typedef struct hg_free_state {
    double r[3], t[3], qop;
} hg_free_state;

typedef enum hg_surface_kind {
    HG_SURFACE_PLANE,    /* through `point` with unit `normal` */
    HG_SURFACE_DISC,     /* z = point[2] */
    HG_SURFACE_CYLINDER, /* about the z axis, `radius` > 0 */
    HG_SURFACE_LINE      /* closest approach in the transverse plane to the line parallel to z through point[0], point[1] */
} hg_surface_kind;

typedef struct hg_surface {
    hg_surface_kind kind;
    double point[3], normal[3], radius;
} hg_surface;

hg_surface hg_surface_of_module(const hg_module *module);
hg_surface hg_surface_disc(double z);
hg_surface hg_surface_cylinder(double radius);
hg_surface hg_surface_line(double x, double y);

/* Derivatives of position and direction with respect to three parameters of the start: column 0 phi, 1 theta, 2 q/p (3 is padding, zero).
 * Position columns of the start stay what they are: the field's gradient is neglected. [component][column]. */
typedef struct hg_transport {
    double r[3][4], t[3][4];
} hg_transport;

/* The columns of a state whose position does not depend on the angles. */
void hg_transport_start(const hg_free_state *state, hg_transport *transport);

/* What stepping needs to go on: state, field at the state, optional columns, next step length. */
typedef struct hg_stepper {
    const hg_field *field;
    double tolerance; /* mm, on h^2 |k1 - k2 - k3 + k4|_1; the position error of a step is some hundred times smaller */
    hg_free_state state;
    double b[3];             /* field at state.r */
    double step;             /* largest step the control allows next, > 0 */
    hg_transport *transport; /* borrowed; NULL = no Jacobian */
} hg_stepper;

hg_stepper hg_stepper_start(const hg_field *field, double tolerance, const hg_free_state *state, hg_transport *transport);

/* One step of signed length h, not longer than asked; shortened until the error estimate fits. Returns the length done. */
double hg_stepper_step(hg_stepper *stepper, double h);

/* dt/dl = K (q/p) t x B at the present state. */
void hg_stepper_curvature(const hg_stepper *stepper, double k[3]);

/* Estimated signed path length (mm) to a surface, on the parabola or helix of the present field: exact as the distance goes to 0.
 * direction +1: only forward, -1: only backward, 0: the nearer crossing (always so for a line). Returns 0, or HG_TRACK_NOT_REACHED,
 * HG_TRACK_TANGENT. */
int hg_stepper_distance(const hg_stepper *stepper, const hg_surface *surface, int direction, double *path);

/* Steps until the surface is reached within 1e-7 mm along the track. *path (may be NULL) gets the signed length, |path| <= max_path.
 * Returns 0 or bits of hg_track_status: NOT_REACHED (missed, or longer than max_path), TANGENT, NONFINITE. On failure the stepper's state
 * is wherever it came to. Threads: reentrant. */
int hg_stepper_reach(hg_stepper *stepper, const hg_surface *surface, int direction, double max_path, double *path);

/* The one call for users without Jacobian: moves *state to the surface. On failure *state is untouched. */
int hg_propagate(const hg_field *field, double tolerance, const hg_surface *surface, int direction, double max_path, hg_free_state *state,
                 double *path);

#endif
