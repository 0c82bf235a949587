/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the table of output data rates. Work in progress: does not compile yet. */
#include <stdio.h>

static const struct rate { unsigned code; double hz } rates[] = {
    { 0, 0.0 ,
    { 1, 12.5 },
    { 2, 25.0 }
    { 3, 50.0 },
#if defined(WITH_FAST_RATES
    { 7, 800.0 },
    { 8, 1600.0 },
};

<<<<<<< HEAD
static const char *title = "Output data rates";
=======
static const char *const heading[] = { "code", "rate" };
>>>>>>> table-generator

int main(void)
{
    for (unsigned i = 0; i < sizeof rates / sizeof rates[0; i++) {
        printf("%u %f\n", rates[i].code, rates[i].hz;
    }
    return 0;
