/* The fleet on one core: a whole training run of one layer at a time, its state in cache from the first step to the last.

   The algebra is that of checks/training.py (run_steps); `Job` is its arguments. Queries are the lanes of a vector, so the
   softmax over keys, the loss and the gradients of all queries run side by side. The readout is composed with the values,
   M = U W_V: then z_i = sum_j a_ij M x_j, dW_V = U^T dM and dU = dM W_V^T, which is exact and saves the value products.

   Layers do not share anything: the caller gives each thread its own range of layers. The numbers of one layer do not depend on
   the range it was in. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if defined(__AVX__)
#include <immintrin.h>
#endif
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif

enum Rule { SGD = 0, EMA = 1, HEAVY_BALL = 2, ADAM = 3 };
enum Loss { CLASSES = 0, DISTRIBUTIONS = 1, SQUARED = 2 };
enum Part { CONTENT = 0, VALUES = 1, READOUT = 2, PARTS = 3 };

/* Arguments of a run; every array is C-ordered and belongs to the caller. Shapes: L layers, S sequences, T tokens, D features,
   K content matrices of R rows, E values, C classes, B row blocks and M column blocks of a content matrix, b sequences a step. */
typedef struct {
  int64_t layers, sequences, tokens, width, matrices, rows, values, classes, row_blocks, column_blocks, steps, batch;
  int64_t rule, loss, subgradient, ball_per_group, record_norms, record_losses;
  int64_t trains[PARTS];
  double temperature, clip, momentum, beta1, beta2, epsilon, decay, reals_max;
  double value_ball, readout_ball;          /* infinity: none */
  const double *content_ball;               /* [K] */
  const double *step;                       /* [steps] */
  const int64_t *row_sizes, *column_sizes;  /* [B], [M] */
  const double *thresholds;                 /* [L, K, B, M]: lam w, before the step size */
  const int64_t *order;                     /* [steps, L, b], or NULL */
  const void *x, *bias, *goal, *share;      /* [L, S, T, D], [L, S, T, T], [L, S, T, C], [L, S, T] of weights > 0 or 0 */
  void *content, *value, *readout;          /* [L, K, R, D], [L, E, D], [L, C, E]: from the first state to the last */
  int64_t *last, *revived, *bad;            /* [L, K, B, M] twice, [L]: step at which a number was not finite, -1 */
  double *peak, *norms, *losses;            /* [L, K, B, M], [steps + 1, L, K, B, M] or NULL, [steps, L] or NULL */
} Job;

#define PASTE2(a, b) a##b
#define PASTE(a, b) PASTE2(a, b)
#define NAME(word) PASTE(word, SUFFIX)

#define REAL float
#define REAL_BYTES 4
#define INTEGER int32_t
#define SUFFIX _f32
#define MANTISSA 23
#define BIAS 127
#define TERMS 7
#define LEAST -87.0f
#define LN2_HIGH 0x1.62e4p-1f
#define LN2_LOW 0x1.7f7d1cp-20f
#define ROUNDER 0x1.8p23f
#define ROUNDOFF 0x1p-24
#define GREATER_512 _mm512_max_ps
#define GREATER_256 _mm256_max_ps
#include "fleet.inc"
#undef REAL
#undef REAL_BYTES
#undef INTEGER
#undef SUFFIX
#undef MANTISSA
#undef BIAS
#undef TERMS
#undef LEAST
#undef LN2_HIGH
#undef LN2_LOW
#undef ROUNDER
#undef ROUNDOFF
#undef GREATER_512
#undef GREATER_256

#define REAL double
#define REAL_BYTES 8
#define INTEGER int64_t
#define SUFFIX _f64
#define MANTISSA 52
#define BIAS 1023
#define TERMS 13
#define LEAST -708.0
#define LN2_HIGH 0x1.62e42fefa0000p-1
#define LN2_LOW 0x1.cf79abc9e3b39p-40
#define ROUNDER 0x1.8p52
#define ROUNDOFF 0x1p-53
#define GREATER_512 _mm512_max_pd
#define GREATER_256 _mm256_max_pd
#include "fleet.inc"

#include "screen.inc"

int64_t localist_vector_bytes(void) { return BYTES; }

int64_t localist_job_bytes(void) { return sizeof(Job); }

/* Reads of the peak: as many independent multiply-adds as registers hold, `rounds` times; returns a number so that it runs. */
double localist_peak_f32(int64_t rounds) {
  typedef float V __attribute__((vector_size(BYTES)));
  V acc[12], a, b;
  for (unsigned l = 0; l < BYTES / 4; l++) a[l] = 0.999f, b[l] = 1e-3f;
  for (int k = 0; k < 12; k++) acc[k] = a * (float)(k + 1);
  for (int64_t r = 0; r < rounds; r++)
    for (int k = 0; k < 12; k++) acc[k] = acc[k] * a + b;
  double total = 0;
  for (int k = 0; k < 12; k++)
    for (unsigned l = 0; l < BYTES / 4; l++) total += acc[k][l];
  return total;
}

/* An empty Python module: it is built and found like any extension, and its functions are called through ctypes. */
static struct PyModuleDef description = {PyModuleDef_HEAD_INIT, "_fleet", "The compiled fleet; use checks.kernel.", -1, NULL, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__fleet(void) { return PyModule_Create(&description); }
