/* tests/gradients/published_models.c — published networks in double: logits, losses, gradient norms to 1e-8. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/published_tests.h"

int main(void)
{
    return run_published(1e-8);
}
