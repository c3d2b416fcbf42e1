// What a caller says of a network and of a call; the same for every instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kohort {

using Index = std::ptrdiff_t;

// The order of each list is that of the names in kohort.engine.compilers.native.
enum class Activation : int {
    relu, leaky_relu, prelu, elu, selu, softplus, silu, swish, gelu, gelu_tanh, mish, tanh, sigmoid,
    softsign, hard_sigmoid, relu6, celu, hard_silu, hard_swish, exponential, linear
};
enum class Norm : int { none, batch_before, batch_after, layer_before, layer_after };
enum class Loss : int {
    mse, mae, huber, log_cosh, quantile, poisson, binary_crossentropy,
    sparse_categorical_crossentropy, binary_focal_crossentropy, categorical_focal_crossentropy
};
enum class Family : int {
    sgd, momentum, rmsprop, adam, adamax, nadam, adagrad, adadelta, lion
};
enum Use : std::uint32_t {
    label_smoothing = 1u << 0, weight_decay = 1u << 1, clipvalue = 1u << 2, clipnorm = 1u << 3,
    global_clipnorm = 1u << 4, averaging = 1u << 5, freezing = 1u << 6, l1 = 1u << 7, l2 = 1u << 8,
    max_norm = 1u << 9, dropout = 1u << 10, input_dropout = 1u << 11, alpha_dropout = 1u << 12,
    gaussian_noise = 1u << 13, amsgrad = 1u << 14, centered = 1u << 15, momentum_used = 1u << 16
};
enum Number : int {
    n_activation_alpha, n_batch_norm_momentum, n_norm_epsilon, n_huber_delta, n_quantile,
    n_label_smoothing, n_focal_gamma, n_nesterov, n_amsgrad, n_centered, n_weight_decay, n_beta_2,
    n_gain_2, n_rho, n_gain_rho, n_epsilon, n_ema_momentum, n_averaged, n_clipvalue, n_clipnorm,
    n_global_clipnorm, n_l1, n_l2, n_max_norm, n_dropout, n_input_dropout, n_alpha_dropout,
    n_gaussian_noise, NUMBERS
};
enum Pace : int { p_learning_rate, p_momentum, p_beta_1, p_gain_1, p_thawed, p_fresh, PACE };

struct Spec {
    Index features, outputs, hidden;
    const std::int32_t* widths;  // (hidden,), as variables lie in a row of parameters
    Activation activation;
    Norm norm;
    Loss loss;
    Family family;
    std::uint32_t uses;
    Index batch;                 // rows of a whole batch
    Index targets;               // columns of y
    const std::int32_t* column;  // (NUMBERS,), where each number lies in a row of numbers
    Index columns;               // of a row of numbers
    bool bytes;                  // whether features are bytes, and not numbers of the network's type
};

// One member in a chunk of steps. Pointers are to its own part of each array.
struct Member {
    void* params;                // (size,), read and written
    void* state;                 // (state size,), read and written
    const void* numbers;         // (columns,)
    const std::int32_t* units;   // (hidden,), real widths
    std::uint32_t seed;
    std::int32_t first;          // number of the first step
};

// Its next steps: rows of a table by their numbers, batch after batch.
struct Chunk {
    const void* x;               // (row, feature)
    const void* y;               // (row, target)
    const double* weight;        // (row,); null where each weighs 1
    const std::int64_t* order;   // (visited,), numbers of rows
    Index visited;
    bool ready;                  // whether x holds the visited rows alone, in their order
    const void* pace;            // (step, PACE)
    void* losses;                // (step,), written
};

struct Table {
    const void* x;               // (row, feature)
    const void* y;               // (row, target); null for outputs alone
    const void* weight;          // (row,)
    Index rows;
};

// Passes with noise left on: of each block of rows, every pass draws its own.
struct Sampling {
    std::uint32_t seed;
    std::int32_t position;       // blocks of rows before the first
    Index passes, block;
};

// Entries of a member's rows.
struct Sizes {
    Index params, state;
};

struct Kernels {
    Sizes (*sizes)(const Spec&);
    // Bytes that training takes beside what is given to it, at the widths of the specification.
    std::size_t (*memory)(const Spec&);
    void (*train)(const Spec&, const Member&, const Chunk&);
    // Sums of weighted losses and of hits over the rows, then the penalty: three numbers.
    void (*judge)(const Spec&, const Member&, const Table&, void* sums);
    void (*predict)(const Spec&, const Member&, const Table&, void* outputs);
    void (*sample)(const Spec&, const Member&, const Table&, const Sampling&, void* outputs);
};

struct Precisions {
    Kernels single_precision, double_precision;
};

}  // namespace kohort
