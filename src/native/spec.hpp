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
    sparse_categorical_crossentropy, binary_focal_crossentropy, categorical_focal_crossentropy,
    categorical_crossentropy
};
enum class Metric : int {
    hits, binary_accuracy, categorical_accuracy, sparse_categorical_accuracy, mse, mae, rmse
};
enum class Family : int {
    sgd, momentum, rmsprop, adam, adamax, nadam, adagrad, adadelta, lion
};
enum Use : std::uint32_t {
    label_smoothing = 1u << 0, weight_decay = 1u << 1, clipvalue = 1u << 2, clipnorm = 1u << 3,
    global_clipnorm = 1u << 4, averaging = 1u << 5, freezing = 1u << 6, input_dropout = 1u << 7,
    gaussian_noise = 1u << 8, amsgrad = 1u << 9, centered = 1u << 10, momentum_used = 1u << 11,
    softmax_output = 1u << 12, clipped_probabilities = 1u << 13, keras_noise = 1u << 14,
    steady_momentum = 1u << 15
};
enum Number : int {
    n_huber_delta, n_quantile, n_label_smoothing, n_focal_gamma, n_nesterov, n_amsgrad,
    n_centered, n_weight_decay, n_beta_2, n_gain_2, n_rho, n_gain_rho, n_epsilon, n_ema_momentum,
    n_averaged, n_clipvalue, n_clipnorm, n_global_clipnorm, n_input_dropout, n_gaussian_noise,
    n_least_probability, n_momentum, n_beta_1, n_gain_1, NUMBERS
};
enum Pace : int { p_learning_rate, p_momentum, p_beta_1, p_gain_1, p_thawed, p_fresh, PACE };

// A dense layer and what follows it: normalisation and activation in either order, then dropout.
// The fields are those of kohort.networks.dense_chain.ChainLayer, in its order.
struct LayerSpec {
    std::int32_t width;  // as its variables lie in a row of parameters
    std::int32_t activation, norm;
    std::int32_t bias;   // whether it has one
    std::int32_t stream;  // of the random numbers that its dropout draws
    // Where its numbers lie in a row of numbers; -1 for none.
    std::int32_t alpha, momentum, epsilon, dropout, alpha_dropout, l1, l2, max_norm;
};

struct MetricSpec {
    std::int32_t metric;
    std::int32_t weighted;  // whether rows count by their weights
    std::int32_t place;     // in a row of parameters: total and count; -1 where only judging asks
};

struct Spec {
    Index features, outputs, hidden;
    const LayerSpec* layers;     // (hidden + 1,), the output layer last
    bool standardised;           // whether features are scaled by two arrays among the variables
    Loss loss;
    Family family;
    std::uint32_t uses;
    Index batch;                 // rows of a whole batch
    Index targets;               // columns of y
    const std::int32_t* column;  // (NUMBERS,), where each number lies in a row of numbers; -1 for 0
    Index columns;               // of a row of numbers
    std::int32_t input_stream;   // of the random numbers of the input's dropout
    // Where variables lie in a row of parameters, in the order of Shape::of.
    const std::int32_t* places;
    // Where a state's scalars and its arrays (tree, trained variable) lie: in a row of states, or of
    // parameters. The last array holds averages if they are used.
    const std::int32_t *scalar_places, *state_places;
    Index scalars, trees;
    bool state_in_params;
    const MetricSpec* metrics;
    Index metric_count;
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

struct Kernels {
    // Bytes that training takes beside what is given to it, at the widths of the specification.
    std::size_t (*memory)(const Spec&);
    void (*train)(const Spec&, const Member&, const Chunk&);
    // The sum of weighted losses over the rows, the penalty, then each metric's total and count.
    void (*judge)(const Spec&, const Member&, const Table&, void* sums);
    void (*predict)(const Spec&, const Member&, const Table&, void* outputs);
    void (*sample)(const Spec&, const Member&, const Table&, const Sampling&, void* outputs);
};

struct Precisions {
    Kernels single_precision, double_precision;
};

}  // namespace kohort
