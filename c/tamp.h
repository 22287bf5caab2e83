/* A C interface of tamp: pruning of an engine's own tensors, in place. Link the library tamp_c. */
#ifndef TAMP_H
#define TAMP_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#  define TAMP_API
#else
#  define TAMP_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Status of a call. Functions that can fail return one. They write their results only if they
 * return TAMP_OK. */
typedef enum tamp_status {
  TAMP_OK = 0,
  TAMP_SHAPE_ERROR = 1, /* extents that do not fit together */
  TAMP_VALUE_ERROR = 2, /* a number or an argument that cannot be used */
  TAMP_OTHER_ERROR = 3  /* an error of another library, such as a lack of threads */
} tamp_status;

/* Returns the sentence of this thread's last error. It is valid until the thread's next call that
 * fails. Before the first error it is empty. */
TAMP_API const char* tamp_message(void);

/* Returns the version of the library, such as "0.2.0". */
TAMP_API const char* tamp_version(void);

/* Types of number. */
typedef enum tamp_dtype {
  TAMP_F64 = 0,
  TAMP_F32 = 1,
  TAMP_F16 = 2,     /* IEEE 754 binary16 */
  TAMP_BF16 = 3,    /* the upper half of a float */
  TAMP_F8_E4M3 = 4, /* 8 bits of the OCP specification, without infinities */
  TAMP_F8_E5M2 = 5, /* 8 bits of the OCP specification */
  TAMP_I8 = 6       /* whole numbers, without an offset */
} tamp_dtype;

/* A matrix in the engine's memory. Element (i, j) lies i * row_stride + j * col_stride elements
 * behind `data`. Strides may be zero or negative. A weight is (out_features, in_features),
 * activations are (tokens, in_features). The memory must outlive each call that gets the matrix,
 * and no longer. Nothing writes to a matrix whose `read_only` is not 0. */
typedef struct tamp_matrix {
  void* data;
  tamp_dtype type;
  size_t rows, cols;
  ptrdiff_t row_stride, col_stride;
  int read_only;
} tamp_matrix;

/* Returns a matrix whose rows lie one behind the other without gaps. */
static inline tamp_matrix tamp_row_major(void* data, tamp_dtype type, size_t rows, size_t cols) {
  tamp_matrix m;
  m.data = data;
  m.type = type;
  m.rows = rows;
  m.cols = cols;
  m.row_stride = (ptrdiff_t)cols;
  m.col_stride = 1;
  m.read_only = 0;
  return m;
}

/* The engine's threads. `for_each_range` must call run(body, begin, end) for ranges that together
 * cover [0, count) once, from any threads and in any order, and return when all are done. No result
 * depends on the ranges. `run` does not throw. Functions that get a null pointer in place of an
 * executor use the library's own threads: those of OpenMP, if it was built with it. */
typedef struct tamp_executor {
  void* pool;
  void (*for_each_range)(void* pool, size_t count,
                         void (*run)(void* body, size_t begin, size_t end), void* body);
} tamp_executor;

/* Scores: how much a weight w(i, j) matters. Norms of inputs are those of a tamp_column_norm. */
typedef enum tamp_score {
  TAMP_MAGNITUDE = 0, /* |w|; needs no norms */
  TAMP_WANDA = 1,     /* |w| * norm(j) (Sun et al. 2024, arXiv 2306.11695) */
  TAMP_RIA = 2        /* relative importance and activations (Zhang et al. 2024, ICLR) */
} tamp_score;

/* Patterns: which weights are compared. */
typedef enum tamp_pattern {
  TAMP_PER_ROW = 0,    /* the weights of a row; each row drops the same number */
  TAMP_PER_TENSOR = 1, /* all weights of the matrix */
  TAMP_N_OF_M = 2      /* n of m neighbours stay: 1:2, 1:4, 2:4, 4:8 or 8:16 */
} tamp_pattern;

/* A recipe. `sparsity`, in [0, 1], is the fraction of the weights to drop; TAMP_N_OF_M ignores it.
 * `n` and `m` are read by TAMP_N_OF_M alone. */
typedef struct tamp_recipe {
  tamp_score score;
  tamp_pattern pattern;
  double sparsity;
  unsigned n, m;
} tamp_recipe;

/* The norm of each input feature over calibration tokens:
 *
 *     norm(j) = sqrt( sum over calls of ||X[:, j]||^2  /  sum over calls of count )
 */
typedef struct tamp_column_norm tamp_column_norm;

/* Makes a statistic that has seen nothing. Free it with tamp_column_norm_free, which takes a null
 * pointer, too. */
TAMP_API tamp_status tamp_column_norm_new(tamp_column_norm** norms);
TAMP_API void tamp_column_norm_free(tamp_column_norm* norms);
/* Adds one batch of activations, (tokens, in_features). `count` is 1 for one sequence, as Wanda
 * counts. TAMP_VALUE_ERROR: an activation is not finite, or the count is 0. Nothing is added after
 * an error. */
TAMP_API tamp_status tamp_column_norm_add(const tamp_executor* where, tamp_column_norm* norms,
                                          const tamp_matrix* activations, uint64_t count);
/* The number of features, and of tokens added. */
TAMP_API size_t tamp_column_norm_features(const tamp_column_norm* norms);
TAMP_API uint64_t tamp_column_norm_tokens(const tamp_column_norm* norms);
/* Writes one norm for each feature. `size` must be their number. */
TAMP_API tamp_status tamp_column_norm_values(const tamp_column_norm* norms, float* values,
                                             size_t size);

/* A mask: one bit for each weight, 1 if it stays. */
typedef struct tamp_mask tamp_mask;

TAMP_API void tamp_mask_free(tamp_mask* mask);
TAMP_API size_t tamp_mask_rows(const tamp_mask* mask);
TAMP_API size_t tamp_mask_cols(const tamp_mask* mask);
/* The number of weights that stay. */
TAMP_API size_t tamp_mask_count(const tamp_mask* mask);
/* Returns 1 if weight (row, col) stays, and 0 if it is dropped or there is none. */
TAMP_API int tamp_mask_keeps(const tamp_mask* mask, size_t row, size_t col);
/* Returns the words of a row, ceil(cols / 64). Bit j % 64 of word j / 64 is that of column j. The
 * bits past the last column are 0. Null for a row that there is none of. */
TAMP_API const uint64_t* tamp_mask_row(const tamp_mask* mask, size_t row);

/* Chooses the weights that stay. `norms` has `features` numbers, one for each column of the weight;
 * for TAMP_MAGNITUDE it may be null. The weight is only read. Free the mask with tamp_mask_free. */
TAMP_API tamp_status tamp_select(const tamp_executor* where, const tamp_matrix* weight,
                                 const float* norms, size_t features, const tamp_recipe* recipe,
                                 tamp_mask** mask);
/* Makes every dropped weight zero, and leaves the others as they are, to the bit. */
TAMP_API tamp_status tamp_apply(const tamp_executor* where, const tamp_matrix* weight,
                                const tamp_mask* mask);
/* Selects and applies. Writes the number of weights that stay to `kept`, which may be null. */
TAMP_API tamp_status tamp_prune(const tamp_executor* where, const tamp_matrix* weight,
                                const float* norms, size_t features, const tamp_recipe* recipe,
                                size_t* kept);

/* Kinds of tokens. All but TAMP_TEXT are visual tokens, which may be dropped. */
enum { TAMP_TEXT = 0, TAMP_IMAGE = 1, TAMP_AUDIO = 2, TAMP_VIDEO = 3 };

/* Chooses the visual tokens of one sequence that stay, by the attention of its last query: FastV
 * (Chen et al. 2024, arXiv 2403.06764). `attention` is (heads, tokens), after the softmax. `kinds`
 * has one kind for each token. `keep` visual tokens stay, and all others. Writes the tokens that
 * stay, ascending, to `kept`, which has room for `tokens` numbers, and how many they are to
 * `count`. */
TAMP_API tamp_status tamp_attention_top_k(const tamp_matrix* attention, const uint8_t* kinds,
                                          size_t tokens, size_t keep, size_t* kept, size_t* count);

/* A weight that stores only what is kept, and its mask. */
typedef struct tamp_sparse tamp_sparse;

/* Packs a weight and its mask; with a null mask, the weights that are not zero. `type` is that of
 * the stored numbers: TAMP_F32, TAMP_F16, TAMP_BF16, or TAMP_I8 with one scale for 32 columns. */
TAMP_API tamp_status tamp_pack(const tamp_executor* where, const tamp_matrix* weight,
                               const tamp_mask* mask, tamp_dtype type, tamp_sparse** sparse);
TAMP_API void tamp_sparse_free(tamp_sparse* sparse);
/* The bytes of the stored numbers, masks and offsets. */
TAMP_API size_t tamp_sparse_bytes(const tamp_sparse* sparse);
/* y = x * transposed(weight): activations (tokens, cols), results (tokens, rows). */
TAMP_API tamp_status tamp_multiply(const tamp_executor* where, const tamp_sparse* sparse,
                                   const tamp_matrix* x, const tamp_matrix* y);
/* Writes the weight into a dense matrix. Dropped weights become 0. */
TAMP_API tamp_status tamp_unpack(const tamp_executor* where, const tamp_sparse* sparse,
                                 const tamp_matrix* dense);

#ifdef __cplusplus
}
#endif

#endif
