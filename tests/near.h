/* near.h — comparison of doubles in tests (cmocka's own compares floats). */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_NEAR_H
#define HG_TESTS_NEAR_H

#include <math.h>

/* |found - expected| <= tolerance; NaN never passes. */
#define assert_near(found, expected, tolerance)                                                                                            \
    do {                                                                                                                                   \
        double found_ = (found), expected_ = (expected), tolerance_ = (tolerance);                                                         \
        if (!(fabs(found_ - expected_) <= tolerance_))                                                                                     \
            fail_msg("%s: found %.12g, expected %.12g +- %.3g", #found, found_, expected_, tolerance_);                                    \
    } while (0)

#endif
