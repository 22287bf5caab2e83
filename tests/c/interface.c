/* The C interface, from C: results by hand, then refusals, each with its sentence. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tamp.h>

static int failures = 0;

#define EXPECT(condition)                            \
  do {                                               \
    if (!(condition)) {                              \
      printf("line %d: %s\n", __LINE__, #condition); \
      ++failures;                                    \
    }                                                \
  } while (0)

#define EXPECT_REFUSED(expected_status, sentence, call)                                \
  do {                                                                                 \
    const tamp_status status = (call);                                                 \
    if (status != (expected_status) || strcmp(tamp_message(), (sentence)) != 0) {      \
      printf("line %d: status %d, \"%s\"\ninstead of \"%s\"\n", __LINE__, (int)status, \
             tamp_message(), (sentence));                                              \
      ++failures;                                                                      \
    }                                                                                  \
  } while (0)

static const tamp_recipe two_of_four = {TAMP_MAGNITUDE, TAMP_N_OF_M, 0, 2, 4};
static const tamp_recipe wanda_half = {TAMP_WANDA, TAMP_PER_ROW, 0.5, 0, 0};

static void prunes_in_place(void) {
  float w[8] = {1, -4, 2, 3, 5, 1, 0.5f, 2};
  const tamp_matrix weight = tamp_row_major(w, TAMP_F32, 2, 4);
  tamp_mask* mask = NULL;
  EXPECT(tamp_select(NULL, &weight, NULL, 0, &two_of_four, &mask) == TAMP_OK);
  EXPECT(tamp_mask_rows(mask) == 2 && tamp_mask_cols(mask) == 4 && tamp_mask_count(mask) == 4);
  EXPECT(!tamp_mask_keeps(mask, 0, 0) && tamp_mask_keeps(mask, 0, 1));
  EXPECT(!tamp_mask_keeps(mask, 2, 0) && !tamp_mask_keeps(mask, 0, 4));
  EXPECT(tamp_mask_row(mask, 0)[0] == 10 && tamp_mask_row(mask, 1)[0] == 9);
  EXPECT(tamp_mask_row(mask, 2) == NULL);
  EXPECT(w[0] == 1);
  EXPECT(tamp_apply(NULL, &weight, mask) == TAMP_OK);
  const float expected[8] = {0, -4, 0, 3, 5, 0, 0, 2};
  EXPECT(memcmp(w, expected, sizeof w) == 0);
  tamp_mask_free(mask);
  tamp_mask_free(NULL);
}

/* Column-major, half precision: 1.0 is 0x3c00, 2.0 is 0x4000, 3.0 is 0x4200, 4.0 is 0x4400. */
static void prunes_other_types_and_strides(void) {
  uint16_t w[8] = {0x3c00, 0x4400, 0x4000, 0x4200, 0x4200, 0x4000, 0x4400, 0x3c00};
  tamp_matrix weight = tamp_row_major(w, TAMP_F16, 2, 4);
  weight.row_stride = 1;
  weight.col_stride = 2;
  size_t kept = 0;
  EXPECT(tamp_prune(NULL, &weight, NULL, 0, &two_of_four, &kept) == TAMP_OK);
  EXPECT(kept == 4);
  const uint16_t expected[8] = {0, 0x4400, 0, 0x4200, 0x4200, 0, 0x4400, 0};
  EXPECT(memcmp(w, expected, sizeof w) == 0);

  int8_t quantised[4] = {-100, 3, 90, 5};
  const tamp_matrix small_numbers = tamp_row_major(quantised, TAMP_I8, 1, 4);
  EXPECT(tamp_prune(NULL, &small_numbers, NULL, 0, &two_of_four, NULL) == TAMP_OK);
  EXPECT(quantised[0] == -100 && quantised[1] == 0 && quantised[2] == 90 && quantised[3] == 0);
}

struct counting_pool {
  size_t ranges;
};

/* The range's halves, the second first. */
static void in_halves(void* pool, size_t count, void (*run)(void*, size_t, size_t), void* body) {
  ((struct counting_pool*)pool)->ranges += 2;
  run(body, count / 2, count);
  run(body, 0, count / 2);
}

static void takes_norms_of_activations(void) {
  float x[6] = {3, 0, 1, 4, 0, 1};
  float w[3] = {1, 9, -3};
  const tamp_matrix activations = tamp_row_major(x, TAMP_F32, 2, 3);
  const tamp_matrix weight = tamp_row_major(w, TAMP_F32, 1, 3);
  struct counting_pool pool = {0};
  const tamp_executor where = {&pool, in_halves};
  tamp_column_norm* norms = NULL;
  EXPECT(tamp_column_norm_new(&norms) == TAMP_OK);
  EXPECT(tamp_column_norm_add(&where, norms, &activations, 1) == TAMP_OK);
  EXPECT(pool.ranges != 0);
  EXPECT(tamp_column_norm_features(norms) == 3 && tamp_column_norm_tokens(norms) == 2);
  float values[3];
  EXPECT(tamp_column_norm_values(norms, values, 3) == TAMP_OK);
  EXPECT(values[0] == 5 && values[1] == 0 && values[2] == sqrtf(2));
  EXPECT_REFUSED(TAMP_SHAPE_ERROR, "tamp_column_norm_values: there are 3 norms, and room for 2",
                 tamp_column_norm_values(norms, values, 2));
  x[0] = NAN;
  EXPECT_REFUSED(TAMP_VALUE_ERROR, "column_norm: the activation of token 0, feature 0 is nan",
                 tamp_column_norm_add(&where, norms, &activations, 1));
  EXPECT(tamp_column_norm_tokens(norms) == 2);
  tamp_column_norm_free(norms);

  /* Scores 5, 0 and 4.2: of three weights half, one, is dropped. */
  size_t kept = 0;
  EXPECT(tamp_prune(&where, &weight, values, 3, &wanda_half, &kept) == TAMP_OK);
  EXPECT(kept == 2 && w[0] == 1 && w[1] == 0 && w[2] == -3);
}

static void multiplies_sparse_weights(void) {
  float w[8] = {1, 0, 2, 0, 0, 3, 0, 4};
  float x[4] = {1, 10, 100, 1000}, y[2] = {-1, -1}, dense[8] = {7, 7, 7, 7, 7, 7, 7, 7};
  const tamp_matrix weight = tamp_row_major(w, TAMP_F32, 2, 4);
  const tamp_matrix activations = tamp_row_major(x, TAMP_F32, 1, 4);
  const tamp_matrix results = tamp_row_major(y, TAMP_F32, 1, 2);
  const tamp_matrix unpacked = tamp_row_major(dense, TAMP_F32, 2, 4);
  const tamp_dtype types[] = {TAMP_F32, TAMP_F16, TAMP_BF16};
  for (int k = 0; k < 3; ++k) {
    tamp_sparse* sparse = NULL;
    EXPECT(tamp_pack(NULL, &weight, NULL, types[k], &sparse) == TAMP_OK);
    EXPECT(tamp_sparse_bytes(sparse) != 0);
    EXPECT(tamp_multiply(NULL, sparse, &activations, &results) == TAMP_OK);
    EXPECT(y[0] == 201 && y[1] == 4030);
    EXPECT(tamp_unpack(NULL, sparse, &unpacked) == TAMP_OK);
    EXPECT(memcmp(w, dense, sizeof w) == 0);
    tamp_sparse_free(sparse);
  }
  tamp_sparse* sparse = NULL;
  EXPECT_REFUSED(TAMP_VALUE_ERROR,
                 "tamp_pack: sparse weights are stored as F32, F16, BF16 or I8, not as the type 0",
                 tamp_pack(NULL, &weight, NULL, TAMP_F64, &sparse));
  EXPECT(sparse == NULL);
  EXPECT_REFUSED(TAMP_VALUE_ERROR, "tamp_multiply: the sparse weight is a null pointer",
                 tamp_multiply(NULL, NULL, &activations, &results));
}

static void selects_tokens(void) {
  /* Two heads. Sums of tokens 1, 2 and 3, which are visual: 0.5, 0.6 and 0.3. */
  float a[10] = {0.1f, 0.3f, 0.2f, 0.2f, 0.2f, 0.3f, 0.2f, 0.4f, 0.1f, 0};
  const uint8_t kinds[5] = {TAMP_TEXT, TAMP_IMAGE, TAMP_IMAGE, TAMP_IMAGE, TAMP_TEXT};
  const tamp_matrix attention = tamp_row_major(a, TAMP_F32, 2, 5);
  size_t kept[5], count = 0;
  EXPECT(tamp_attention_top_k(&attention, kinds, 5, 2, kept, &count) == TAMP_OK);
  EXPECT(count == 4 && kept[0] == 0 && kept[1] == 1 && kept[2] == 2 && kept[3] == 4);
  EXPECT_REFUSED(TAMP_SHAPE_ERROR, "tamp_attention_top_k: the attention is to 5 tokens, of 4",
                 tamp_attention_top_k(&attention, kinds, 4, 2, kept, &count));
}

static void leaves_out_the_second_half(void* pool, size_t count, void (*run)(void*, size_t, size_t),
                                       void* body) {
  (void)pool;
  run(body, 0, count / 2);
}

static void refuses_what_cannot_be_used(void) {
  float w[8] = {1, -4, 2, 3, 5, 1, 0.5f, 2};
  tamp_matrix weight = tamp_row_major(w, TAMP_F32, 2, 4);
  tamp_mask* mask = NULL;
  const float norms[3] = {1, 1, 1};
  EXPECT_REFUSED(TAMP_VALUE_ERROR, "tamp_prune: the weight is a null pointer",
                 tamp_prune(NULL, NULL, NULL, 0, &two_of_four, NULL));
  EXPECT_REFUSED(TAMP_VALUE_ERROR, "tamp_prune: the recipe is a null pointer",
                 tamp_prune(NULL, &weight, NULL, 0, NULL, NULL));
  EXPECT_REFUSED(TAMP_VALUE_ERROR, "tamp_select: the place of the mask is a null pointer",
                 tamp_select(NULL, &weight, NULL, 0, &two_of_four, NULL));
  EXPECT_REFUSED(TAMP_VALUE_ERROR, "tamp_select: the list of norms is a null pointer",
                 tamp_select(NULL, &weight, NULL, 4, &wanda_half, &mask));
  EXPECT_REFUSED(TAMP_SHAPE_ERROR, "select: the weight has 4 columns, the statistics cover 3",
                 tamp_select(NULL, &weight, norms, 3, &wanda_half, &mask));
  const tamp_recipe three_of_five = {TAMP_MAGNITUDE, TAMP_N_OF_M, 0, 3, 5};
  EXPECT_REFUSED(TAMP_VALUE_ERROR,
                 "tamp_prune: there is no pattern 3:5, only 1:2, 1:4, 2:4, 4:8 and 8:16",
                 tamp_prune(NULL, &weight, NULL, 0, &three_of_five, NULL));
  const tamp_recipe too_sparse = {TAMP_MAGNITUDE, TAMP_PER_ROW, 1.5, 0, 0};
  EXPECT_REFUSED(TAMP_VALUE_ERROR, "a sparsity is a fraction in [0, 1], not 1.5",
                 tamp_prune(NULL, &weight, NULL, 0, &too_sparse, NULL));
  weight.read_only = 1;
  EXPECT_REFUSED(TAMP_VALUE_ERROR,
                 "any_view: this tensor of 2 x 4 F32 is read-only and cannot be written to",
                 tamp_prune(NULL, &weight, NULL, 0, &two_of_four, NULL));
  weight.read_only = 0;
  weight.data = NULL;
  EXPECT_REFUSED(TAMP_SHAPE_ERROR, "tensor: 2 x 4 elements lie at a null pointer",
                 tamp_prune(NULL, &weight, NULL, 0, &two_of_four, NULL));
  weight = tamp_row_major(w, (tamp_dtype)9, 2, 4);
  EXPECT_REFUSED(TAMP_VALUE_ERROR,
                 "tamp_prune: the type of the weight is 9, and there are types 0 to 6",
                 tamp_prune(NULL, &weight, NULL, 0, &two_of_four, NULL));
  weight = tamp_row_major(w, TAMP_F32, (size_t)-1, 4);
  EXPECT_REFUSED(
      TAMP_SHAPE_ERROR,
      "any_view: a shape of 18446744073709551615 x 4 is too large; was one of the numbers "
      "negative?",
      tamp_prune(NULL, &weight, NULL, 0, &two_of_four, NULL));
  weight = tamp_row_major(w, TAMP_F32, 2, 4);
  const tamp_executor broken = {NULL, leaves_out_the_second_half}, null_function = {NULL, NULL};
  EXPECT_REFUSED(TAMP_VALUE_ERROR, "the executor ran 1 of 2 indices",
                 tamp_prune(&broken, &weight, NULL, 0, &two_of_four, NULL));
  EXPECT_REFUSED(TAMP_VALUE_ERROR, "tamp_prune: the executor's for_each_range is a null pointer",
                 tamp_prune(&null_function, &weight, NULL, 0, &two_of_four, NULL));
  w[5] = INFINITY;
  EXPECT_REFUSED(TAMP_VALUE_ERROR, "select: the weight in row 1, column 1 is inf",
                 tamp_prune(NULL, &weight, NULL, 0, &two_of_four, NULL));
  EXPECT(w[0] == 1 && w[2] == 2 && mask == NULL);
}

int main(void) {
  EXPECT(strcmp(tamp_message(), "") == 0);
  EXPECT(strlen(tamp_version()) >= 5);
  prunes_in_place();
  prunes_other_types_and_strides();
  takes_norms_of_activations();
  multiplies_sparse_weights();
  selects_tokens();
  refuses_what_cannot_be_used();
  if (failures == 0) puts("All expectations hold");
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
