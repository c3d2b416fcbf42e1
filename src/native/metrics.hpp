// Metrics of rows. Outputs lie unit by unit: out[unit * row_length + row].
#pragma once

#include <cmath>

#include "losses.hpp"

namespace KOHORT_ISA {

using kohort::Metric;

// Rows of a block with their targets, shape (row, target).
template <class T>
struct Judged {
    Loss loss;
    const T *y, *raw, *out;  // raw outputs, and what the output's activation makes of them
    Index targets, outputs, row_length;

    T target(Index row, Index output) const {
        return y[row * targets + (targets == 1 ? 0 : output)];
    }
    T output(Index row, Index unit) const { return out[unit * row_length + row]; }

    Index largest_output(Index row) const {
        Index best = 0;
        for (Index j = 1; j < outputs; j++)
            if (output(row, j) > output(row, best)) best = j;
        return best;
    }

    // Whether a classifier is right, told from the raw outputs.
    bool hit(Index row) const {
        if (has_softmax(loss)) return largest_output(row) == Index(y[row * targets]);
        for (Index j = 0; j < outputs; j++)
            if ((raw[j * row_length + row] > 0) != (target(row, j) > T(0.5))) return false;
        return true;
    }

    // The mean of `of(target, output)` over the outputs.
    template <class Of>
    T mean(Index row, Of of) const {
        T total = 0;
        for (Index j = 0; j < outputs; j++) total += of(target(row, j), output(row, j));
        return total / T(outputs);
    }

    T value(Metric metric, Index row) const {
        switch (metric) {
            case Metric::hits: return hit(row);
            case Metric::binary_accuracy:
                return mean(row, [](T t, T o) { return T((o > T(0.5) ? T(1) : T(0)) == t); });
            case Metric::sparse_categorical_accuracy:
                return largest_output(row) == Index(y[row * targets]);
            case Metric::categorical_accuracy: {
                Index best = 0;
                for (Index j = 1; j < targets; j++)
                    if (target(row, j) > target(row, best)) best = j;
                return largest_output(row) == best;
            }
            case Metric::mae: return mean(row, [](T t, T o) { return std::fabs(t - o); });
            default: return mean(row, [](T t, T o) { return (t - o) * (t - o); });
        }
    }
};

}  // namespace KOHORT_ISA
