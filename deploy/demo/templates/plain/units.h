/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Units of the VLA3160. Sensitivity at 25 °C, tolerance ±3 %; noise in µg is not part of this file.
 * Measured by Jürgen Weißflog, Münster lab.
 */
#ifndef VLA3160_UNITS_H
#define VLA3160_UNITS_H

#define VLA3160_COUNTS_PER_G_2G 4096  /* ±2 g */
#define VLA3160_COUNTS_PER_G_4G 2048  /* ±4 g */
#define VLA3160_COUNTS_PER_G_8G 1024  /* ±8 g */
#define VLA3160_COUNTS_PER_G_16G 512  /* ±16 g */
#define VLA3160_TEMPERATURE_ZERO 25   /* °C */
#define VLA3160_OFFSET_LSB_MG 2       /* 2 mg, about 20 µm/s² x 1000 */

#endif
