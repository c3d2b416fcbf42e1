// Losses of rows, their gradients, and hits. Outputs lie unit by unit: out[unit * row_length + row].
#pragma once

#include "math.hpp"
#include "normalisation.hpp"
#include "spec.hpp"

namespace KOHORT_ISA {

using kohort::Loss;
using kohort::Spec;

template <class T>
struct LossNumbers {
    T huber_delta, quantile, smoothing, gamma;
    T least;  // probability: cross-entropies of Keras take none below it, or above 1 less it; 0 for any
};

inline bool of_classes(Loss loss) { return loss >= Loss::binary_crossentropy; }
inline bool has_softmax(Loss loss) {
    return loss == Loss::sparse_categorical_crossentropy ||
           loss == Loss::categorical_focal_crossentropy ||
           loss == Loss::categorical_crossentropy;
}

template <class T>
KOHORT_INLINE T sign_of(T x) {
    return x > 0 ? T(1) : (x < 0 ? T(-1) : x);
}

template <class T>
KOHORT_INLINE T power(T base, T exponent) {
    return fast_exp(exponent * fast_log(base));
}

// The loss of one output that has a target of its own, and its derivative.
template <class T>
KOHORT_INLINE void of_pair(Loss loss, const LossNumbers<T>& n, T target, T output, T& value,
                           T& slope) {
    const T error = output - target;
    const T size = error > 0 ? error : -error;
    switch (loss) {
        case Loss::mae:
            value = size, slope = sign_of(error);
            return;
        case Loss::huber: {
            const T inside = size < n.huber_delta ? size : (size != size ? size : n.huber_delta);
            value = inside * (size - T(0.5) * inside), slope = inside * sign_of(error);
            return;
        }
        case Loss::log_cosh:
            value = error + fast_softplus(-2 * error) - T(0.69314718055994530942);
            slope = fast_tanh(error);
            return;
        case Loss::quantile: {
            const T above = -n.quantile * error, below = (1 - n.quantile) * error;
            value = above > below ? above : below;
            slope = error > 0 ? 1 - n.quantile : (error < 0 ? -n.quantile : T(0.5) - n.quantile);
            return;
        }
        case Loss::poisson: {
            const T mean = fast_exp(output);
            value = mean - target * output, slope = mean - target;
            return;
        }
        case Loss::binary_crossentropy:
            if (n.least > 0) {
                const T yes = fast_sigmoid(output), most = 1 - n.least;
                const T p = yes < n.least ? n.least : (yes > most ? most : yes);
                value = -(target * fast_log(p) + (1 - target) * fast_log(1 - p));
                slope = p == yes || p != p ? yes - target : T(0);
                return;
            }
            value = target * fast_softplus(-output) + (1 - target) * fast_softplus(output);
            slope = fast_sigmoid(output) * (1 - target) - fast_sigmoid(-output) * target;
            return;
        case Loss::binary_focal_crossentropy: {
            const T yes = fast_sigmoid(output), no = fast_sigmoid(-output);
            const T entropy =
                target * fast_softplus(-output) + (1 - target) * fast_softplus(output);
            const T wrong = target * no + (1 - target) * yes;
            const T tiny = std::numeric_limits<T>::min();
            const T focus = power(wrong > tiny ? wrong : (wrong != wrong ? wrong : tiny), n.gamma);
            const T focus_slope =
                wrong > tiny ? n.gamma * focus / wrong * (1 - 2 * target) * yes * no : T(0);
            value = focus * entropy;
            slope = focus_slope * entropy + focus * (yes * (1 - target) - no * target);
            return;
        }
        default:
            value = error * error, slope = 2 * error;
    }
}

// Losses of `rows` rows; where `gradient` is given, also weight * d loss / d output, unit by unit.
template <class T>
inline void pairwise_losses(Loss loss, const LossNumbers<T>& n, const T* y, Index targets,
                            const T* out, Index row_length, Index outputs, Index rows,
                            const T* weight, T* values, T* gradient) {
    for (Index r = 0; r < rows; r++) values[r] = 0;
    const bool smooth = of_classes(loss);
    const T share = T(1) / T(outputs);
    T target[64], slopes[64], found[64];
    for (Index j = 0; j < outputs; j++) {
        for (Index r = 0; r < rows; r++) {
            const T t = y[r * targets + (targets == 1 ? 0 : j)];
            target[r] = smooth ? t * (1 - n.smoothing) + n.smoothing / 2 : t;
        }
        const T* o = out + j * row_length;
        const auto all = [&](auto which) {
#pragma GCC ivdep
            for (Index r = 0; r < rows; r++)
                of_pair<T>(decltype(which)::value, n, target[r], o[r], found[r], slopes[r]);
        };
        switch (loss) {
#define KOHORT_CASE(name) \
    case Loss::name: all(std::integral_constant<Loss, Loss::name>{}); break;
            KOHORT_CASE(mse)
            KOHORT_CASE(mae)
            KOHORT_CASE(huber)
            KOHORT_CASE(log_cosh)
            KOHORT_CASE(quantile)
            KOHORT_CASE(poisson)
            KOHORT_CASE(binary_crossentropy)
            KOHORT_CASE(binary_focal_crossentropy)
#undef KOHORT_CASE
            default: break;
        }
        for (Index r = 0; r < rows; r++) values[r] += found[r] * share;
        if (gradient)
            for (Index r = 0; r < rows; r++)
                gradient[j * row_length + r] = weight[r] * share * slopes[r];
    }
}

template <class T>
inline void softmax_losses(Loss loss, const LossNumbers<T>& n, const T* y, Index targets,
                           const T* out, Index row_length, Index outputs, Index rows,
                           const T* weight, T* values, T* gradient, T* scratch) {
    T most[64], total[64], sum[64], label[64];
    for (Index r = 0; r < rows; r++) {
        most[r] = out[r], total[r] = 0, sum[r] = 0, values[r] = 0;
        label[r] = y[r * targets];
    }
    for (Index j = 1; j < outputs; j++)
        for (Index r = 0; r < rows; r++) {
            const T o = out[j * row_length + r];
            most[r] = o > most[r] || o != o ? o : most[r];
        }
    for (Index j = 0; j < outputs; j++)
        for (Index r = 0; r < rows; r++) total[r] += fast_exp(out[j * row_length + r] - most[r]);
    for (Index r = 0; r < rows; r++) total[r] = fast_log(total[r]);
    const T rest = n.smoothing / T(outputs), tiny = std::numeric_limits<T>::min();
    const bool focal = loss == Loss::categorical_focal_crossentropy;
    const bool soft = loss == Loss::categorical_crossentropy;
    // d loss / d log-probability of each class, of which the softmax makes d loss / d output.
    for (Index j = 0; j < outputs; j++)
        for (Index r = 0; r < rows; r++) {
            const T l = out[j * row_length + r] - most[r] - total[r];
            const T hit = soft ? y[r * targets + j] : (Index(label[r]) == j ? T(1) : T(0));
            const T p = hit * (1 - n.smoothing) + rest;
            T g = -p;
            if (focal) {
                const T wrong = -fast_expm1(l);
                const T floor = wrong > tiny ? wrong : (wrong != wrong ? wrong : tiny);
                const T focus = power(floor, n.gamma);
                const T slope = wrong > tiny ? n.gamma * focus / wrong * (wrong - 1) : T(0);
                values[r] -= p != 0 ? p * focus * l : T(0);
                g = p != 0 ? -p * (slope * l + focus) : T(0);
            } else if (n.least > 0) {
                const T q = fast_exp(l), most = 1 - n.least;
                const T kept = q < n.least ? n.least : (q > most ? most : q);
                values[r] -= p != 0 ? p * fast_log(kept) : T(0);
                g = kept == q || q != q ? -p : T(0);
            } else {
                values[r] -= p != 0 ? p * l : T(0);
            }
            sum[r] += g;
            scratch[j * row_length + r] = g;
        }
    if (!gradient) return;
    for (Index j = 0; j < outputs; j++)
        for (Index r = 0; r < rows; r++) {
            const T q = fast_exp(out[j * row_length + r] - most[r] - total[r]);
            gradient[j * row_length + r] = weight[r] * (scratch[j * row_length + r] - q * sum[r]);
        }
}

// What a softmax makes of raw outputs.
template <class T>
inline void softmax(const Blocks& of, const T* raw, T* to) {
    for (Index b = 0; b < of.count; b++) {
        const T* from = raw + of.start(b, 0);
        T* share = to + of.start(b, 0);
        T most[MOST_BLOCK], total[MOST_BLOCK] = {};
        for (Index r = 0; r < of.side; r++) most[r] = from[r];
        for (Index j = 1; j < of.units; j++)
            for (Index r = 0; r < of.side; r++) {
                const T o = from[j * of.side + r];
                most[r] = o > most[r] || o != o ? o : most[r];
            }
        for (Index j = 0; j < of.units; j++)
            for (Index r = 0; r < of.side; r++) {
                share[j * of.side + r] = fast_exp(from[j * of.side + r] - most[r]);
                total[r] += share[j * of.side + r];
            }
        for (Index j = 0; j < of.units; j++)
            for (Index r = 0; r < of.side; r++) share[j * of.side + r] /= total[r];
    }
}

}  // namespace KOHORT_ISA
