/* energy_loss.c — losses and scattering against published numbers and finite differences. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/near.h"
#include "tracking/energy_loss.h"

static const double pion = 0.13957039, muon = 0.1056583755, proton = 0.93827209;

static void mean_loss_in_silicon(void **state)
{
    (void)state;
    assert_near(hg_silicon_stopping_power(0.3, pion), 1.72938, 1e-5);
    assert_near(hg_silicon_stopping_power(1.0, pion), 1.73733, 1e-5);
    assert_near(hg_silicon_stopping_power(10.0, muon), 2.15469, 1e-5);
    assert_near(hg_silicon_stopping_power(0.5, proton), 4.97996, 1e-5);
    assert_near(hg_silicon_stopping_power(3.5 * muon, muon), 1.66331, 1e-5);
    assert_near(hg_silicon_stopping_power(0.3, pion) * 0.2329, 0.40277, 1e-5);
}

static void most_probable_loss_in_silicon(void **state)
{
    (void)state;
    assert_near(1e3 * hg_silicon_xi(1.0, pion, 0.30), 5.45170, 1e-5);
    assert_near(1e3 * hg_silicon_probable_loss(1.0, pion, 0.30), 78.104, 1e-3);
    assert_near(1e3 * hg_silicon_xi(1.0, pion, 0.15), 2.72585, 1e-5);
    assert_near(1e3 * hg_silicon_probable_loss(1.0, pion, 0.15), 37.163, 1e-3);
}

/* A surface of plain silicon loses what silicon loses, at any momentum and incidence; FWHM 4.018 xi, that is sigma 1.706 xi. */
static void surface_of_silicon(void **state)
{
    (void)state;
    hg_material_surface s = {.cylinder = true, .x_over_x0 = 0.30 / 93.70};
    s.loss_mev = hg_silicon_probable_loss(3.5 * pion, pion, 0.30);
    double sigma;
    assert_near(hg_surface_loss(&s, 1.0, pion, 1.0, &sigma), 0.078104, 1e-6);
    assert_near(sigma, 4.018 / 2.3548 * 5.45170e-3, 2e-6);
    assert_near(hg_surface_loss(&s, 1.0, pion, 0.5, NULL), hg_silicon_probable_loss(1.0, pion, 0.60), 1e-9);
    assert_near(hg_surface_loss(&s, 0.3, proton, 1.0, NULL), hg_silicon_probable_loss(0.3, proton, 0.30), 1e-9);
}

static void scattering_angle(void **state)
{
    (void)state;
    assert_near(hg_scattering_angle(1.0, pion, 0.02), 1.654709e-3, 1e-9);
    assert_near(hg_scattering_angle(0.3, pion, 0.0073), 3.505083e-3, 1e-9);
    assert_near(hg_scattering_angle(10.0, muon, 0.01), 1.122073e-4, 1e-10);
    assert_true(hg_scattering_angle(1.0, pion, 0.0) == 0.0);
}

/* A surface whose loss at the momentum of the test is known: loss_mev is defined at beta gamma 3.5, so scale it there. */
static void momentum_after_a_loss(void **state)
{
    (void)state;
    hg_kalman_options options = {.mass_gev = pion, .energy_loss = true, .scattering = true};
    hg_material_surface surface = {.cylinder = true, .x_over_x0 = 0.01, .loss_mev = 1.0};
    const double wanted[2] = {1.0, 50.0};
    for (int i = 0; i < 2; ++i) {
        surface.loss_mev = 1.0;
        surface.loss_mev = wanted[i] / hg_surface_loss(&surface, 1.0, pion, 1.0, NULL);
        hg_crossing crossing;
        assert_int_equal(hg_material_cross(&options, &surface, 1.0, 1.0, 1, &crossing), 0);
        if (i == 0) assert_near(crossing.qop, 1.0010107232, 1e-10);
        if (i == 1) {
            /* the derivative of a fixed loss, as the fit uses it */
            assert_near(crossing.qop_derivative, 1.11038144, 2e-8);
        }
        assert_near(crossing.theta0_squared, pow(hg_scattering_angle(1.0, pion, 0.01), 2), 1e-15);
        assert_true(crossing.qop_variance > 0.0);
    }
}

/* Out and back gives the momentum again, for any charge, momentum and incidence. */
static void backward_undoes_forward(void **state)
{
    (void)state;
    hg_kalman_options options = {.mass_gev = pion, .energy_loss = true};
    hg_material_surface surface = {.cylinder = false, .x_over_x0 = 0.03, .loss_mev = 1.3};
    for (double qop = -4.0; qop <= 4.0; qop += 0.31) {
        hg_crossing out, back;
        assert_int_equal(hg_material_cross(&options, &surface, qop, 0.5, 1, &out), 0);
        assert_true(fabs(out.qop) > fabs(qop) && out.qop * qop > 0);
        assert_int_equal(hg_material_cross(&options, &surface, out.qop, 0.5, -1, &back), 0);
        assert_near(back.qop / qop, 1.0, 2e-5);
        assert_near(back.qop_derivative * out.qop_derivative, 1.0, 1e-4);
    }
}

static void stopped_and_neutral_particles(void **state)
{
    (void)state;
    hg_kalman_options options = {.mass_gev = pion, .energy_loss = true, .scattering = true};
    hg_material_surface surface = {.cylinder = true, .x_over_x0 = 0.03, .loss_mev = 1.3};
    hg_crossing crossing = {.qop = 7.0};
    assert_int_equal(hg_material_cross(&options, &surface, 1.0 / 0.010, 1.0, 1, &crossing), HG_TRACK_MOMENTUM_LOW);
    assert_true(crossing.qop == 7.0);
    assert_int_equal(hg_material_cross(&options, &surface, 0.0, 1.0, 1, &crossing), 0);
    assert_true(crossing.qop == 0.0 && crossing.theta0_squared == 0.0 && crossing.qop_derivative == 1.0);
    assert_int_equal(hg_material_cross(&options, &surface, 1e-6, 0.0, 1, &crossing), 0);
    assert_true(isfinite(crossing.qop) && isfinite(crossing.theta0_squared));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mean_loss_in_silicon),
        cmocka_unit_test(most_probable_loss_in_silicon),
        cmocka_unit_test(scattering_angle),
        cmocka_unit_test(surface_of_silicon),
        cmocka_unit_test(momentum_after_a_loss),
        cmocka_unit_test(backward_undoes_forward),
        cmocka_unit_test(stopped_and_neutral_particles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
