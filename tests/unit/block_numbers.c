/* tests/unit/block_numbers.c — norms, reductions, the full block and EdgeConv in float. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "../block_numbers.h"

int main(void)
{
    return run_block_numbers();
}
