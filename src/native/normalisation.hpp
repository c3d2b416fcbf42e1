// Batch and layer normalisation, forwards and backwards, over blocks of rows.
#pragma once

#include <cmath>

#include "simd.hpp"
#include "spec.hpp"

namespace KOHORT_ISA {

constexpr Index MOST_BLOCK = 32;  // Rows of a block: their activations stay in the fastest cache.

// How values of units lie: x[block][unit][row], of which the last block may have fewer rows.
struct Blocks {
    Index units, side, count, rows;

    Index start(Index block, Index unit) const { return (block * units + unit) * side; }
    Index real(Index block) const {
        const Index left = rows - block * side;
        return left < side ? left : side;
    }
};

template <class T>
inline T sum(const T* x, Index count) {
    using V = typename Simd<T>::Tail;
    V total{};
    Index i = 0;
    for (; i + Simd<T>::tail <= count; i += Simd<T>::tail) total += load<V>(x + i);
    T found = 0;
    for (Index lane = 0; lane < Simd<T>::tail; lane++) found += total[lane];
    for (; i < count; i++) found += x[i];
    return found;
}

// Of each unit over the rows of a batch, Ioffe and Szegedy 2015. `mean` and `factor` (unit,) are kept
// for the way back.
template <class T>
struct BatchNorm {
    const T *gamma, *beta;
    T *moving_mean, *moving_variance;  // (unit,)
    T epsilon, stay;                   // what a step leaves of the moving averages
    T *mean, *factor;

    void forward(const Blocks& of, const T* x, T* to, bool training) const {
        for (Index n = 0; n < of.units; n++) {
            T middle = moving_mean[n], variance = moving_variance[n];
            if (training) {
                measure(of, n, x, middle, variance);
                moving_mean[n] = moving_mean[n] * stay + middle * (1 - stay);
                moving_variance[n] = moving_variance[n] * stay + variance * (1 - stay);
            }
            mean[n] = middle, factor[n] = 1 / std::sqrt(variance + epsilon);
            const T scale = factor[n] * gamma[n], shift = beta[n] - middle * scale;
            for (Index b = 0; b < of.count; b++) {
                const Index start = of.start(b, n);
                for (Index r = 0; r < of.side; r++) to[start + r] = x[start + r] * scale + shift;
            }
        }
    }

    // Turn `d` from the gradient of the result into that of `x`.
    void backward(const Blocks& of, const T* x, T* d, T* of_gamma, T* of_beta) const {
        const T share = T(1) / T(of.rows);
        for (Index n = 0; n < of.units; n++) {
            T along[MOST_BLOCK];
            for (Index b = 0; b < of.count; b++) {
                const Index start = of.start(b, n);
                for (Index r = 0; r < of.side; r++)
                    along[r] = d[start + r] * ((x[start + r] - mean[n]) * factor[n]);
                of_gamma[n] += sum(along, of.real(b));
                of_beta[n] += sum(d + start, of.real(b));
            }
            const T scale = gamma[n] * factor[n];
            for (Index b = 0; b < of.count; b++) {
                const Index start = of.start(b, n), exist = of.real(b);
                for (Index r = 0; r < exist; r++) {
                    const T normal = (x[start + r] - mean[n]) * factor[n];
                    d[start + r] = scale * (d[start + r] - share * of_beta[n] -
                                            share * of_gamma[n] * normal);
                }
                for (Index r = exist; r < of.side; r++) d[start + r] = 0;
            }
        }
    }

   private:
    static void measure(const Blocks& of, Index n, const T* x, T& mean, T& variance) {
        mean = variance = 0;
        for (Index b = 0; b < of.count; b++) mean += sum(x + of.start(b, n), of.real(b));
        mean /= T(of.rows);
        T squares[MOST_BLOCK];
        for (Index b = 0; b < of.count; b++) {
            const T* part = x + of.start(b, n);
            for (Index r = 0; r < of.side; r++) squares[r] = (part[r] - mean) * (part[r] - mean);
            variance += sum(squares, of.real(b));
        }
        variance /= T(of.rows);
    }
};

// Of each row over its units, Ba et al. 2016. `mean` and `factor` (row,) are kept for the way back.
template <class T>
struct LayerNorm {
    const T *gamma, *beta;
    T epsilon;
    T *mean, *factor;

    void forward(const Blocks& of, const T* x, T* to) const {
        const T share = T(1) / T(of.units);
        for (Index b = 0; b < of.count; b++) {
            T* middle = mean + b * of.side;
            T* scale = factor + b * of.side;
            const T* part = x + of.start(b, 0);
            T* result = to + of.start(b, 0);
            for (Index r = 0; r < of.side; r++) middle[r] = scale[r] = 0;
            for (Index n = 0; n < of.units; n++)
                for (Index r = 0; r < of.side; r++) middle[r] += part[n * of.side + r];
            for (Index r = 0; r < of.side; r++) middle[r] *= share;
            for (Index n = 0; n < of.units; n++)
                for (Index r = 0; r < of.side; r++) {
                    const T away = part[n * of.side + r] - middle[r];
                    scale[r] += away * away;
                }
            for (Index r = 0; r < of.side; r++) scale[r] = 1 / std::sqrt(scale[r] * share + epsilon);
            for (Index n = 0; n < of.units; n++)
                for (Index r = 0; r < of.side; r++)
                    result[n * of.side + r] =
                        (part[n * of.side + r] - middle[r]) * scale[r] * gamma[n] + beta[n];
        }
    }

    // Turn `d` from the gradient of the result into that of `x`.
    void backward(const Blocks& of, const T* x, T* d, T* of_gamma, T* of_beta) const {
        const T share = T(1) / T(of.units);
        for (Index b = 0; b < of.count; b++) {
            const T* middle = mean + b * of.side;
            const T* scale = factor + b * of.side;
            const T* part = x + of.start(b, 0);
            T* slope = d + of.start(b, 0);
            T first[MOST_BLOCK] = {}, second[MOST_BLOCK] = {}, along[MOST_BLOCK];
            for (Index n = 0; n < of.units; n++) {
                for (Index r = 0; r < of.side; r++) {
                    const T normal = (part[n * of.side + r] - middle[r]) * scale[r];
                    along[r] = slope[n * of.side + r] * normal;
                    first[r] += slope[n * of.side + r] * gamma[n];
                    second[r] += along[r] * gamma[n];
                }
                of_gamma[n] += sum(along, of.side);
                of_beta[n] += sum(slope + n * of.side, of.side);
            }
            for (Index n = 0; n < of.units; n++)
                for (Index r = 0; r < of.side; r++) {
                    const T normal = (part[n * of.side + r] - middle[r]) * scale[r];
                    slope[n * of.side + r] =
                        scale[r] * (slope[n * of.side + r] * gamma[n] - share * first[r] -
                                    share * second[r] * normal);
                }
        }
    }
};

}  // namespace KOHORT_ISA
