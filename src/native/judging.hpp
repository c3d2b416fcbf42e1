// What is told of rows that have passed: losses, penalties, metrics.
#pragma once

#include "metrics.hpp"
#include "network.hpp"

namespace KOHORT_ISA {

using kohort::Number;

template <class T>
LossNumbers<T> loss_numbers(const Spec& spec, const Network<T>& network) {
    const auto where = [&](std::uint32_t use, Number which) {
        return spec.uses & use ? network.number(which) : T(0);
    };
    return {network.number(kohort::n_huber_delta), network.number(kohort::n_quantile),
            where(kohort::label_smoothing, kohort::n_label_smoothing),
            network.number(kohort::n_focal_gamma),
            where(kohort::clipped_probabilities, kohort::n_least_probability)};
}

// Losses of the rows that have passed, `use(row, loss)` gets each. Where `gradient` is given, it
// becomes weight * d loss / d raw output. A cross-entropy of probabilities is told from raw outputs.
template <class T, class Use>
inline void losses_of(const Spec& spec, Network<T>& network, const T* raw,
                      const T* out, const T* y, const T* weight, Index rows, T* gradient,
                      T* scratch, Use use) {
    const bool of_raw = raw == out || spec.uses & kohort::clipped_probabilities;
    const LossNumbers<T> own = loss_numbers(spec, network);
    const Index side = network.side();
    T values[MOST_BLOCK];
    for (Index b = 0; b < network.blocks(); b++) {
        const Index start = b * side, left = rows - start, count = left < side ? left : side;
        const T* o = (of_raw ? raw : out) + b * spec.outputs * side;
        T* g = gradient ? gradient + b * spec.outputs * side : nullptr;
        const T* target = y + start * spec.targets;
        if (has_softmax(spec.loss))
            softmax_losses(spec.loss, own, target, spec.targets, o, side, spec.outputs, count,
                           weight + start, values, g, scratch);
        else
            pairwise_losses(spec.loss, own, target, spec.targets, o, side, spec.outputs, count,
                            weight + start, values, g);
        if (g)
            for (Index n = 0; n < spec.outputs; n++)
                for (Index r = count; r < side; r++) g[n * side + r] = 0;
        for (Index r = 0; r < count; r++) use(start + r, values[r]);
    }
    if (gradient && !of_raw) network.through_output();
}

// Add what metrics make of the rows that have passed: `sums` (metric, 2) holds totals and counts.
// A row weighs `weight * share` where a metric asks for weights. In training, only those that have a
// place count.
template <class T, class Sum>
inline void measure(const Spec& spec, const Network<T>& network, const T* raw, const T* out,
                    const T* y, const T* weight, T share, Index rows, bool training, Sum* sums) {
    const Index side = network.side();
    for (Index i = 0; i < spec.metric_count; i++) {
        const kohort::MetricSpec& metric = spec.metrics[i];
        if (training && metric.place < 0) continue;
        Sum total = 0, count = 0;
        for (Index row = 0; row < rows; row++) {
            const Index start = row / side * side, place = row / side * spec.outputs * side;
            const Judged<T> judged{spec.loss,    y + start * spec.targets, raw + place, out + place,
                                   spec.targets, spec.outputs,             side};
            const T own = metric.weighted ? weight[row] * share : T(1);
            total += own * judged.value(Metric(metric.metric), row - start);
            count += own;
        }
        sums[2 * i] += total, sums[2 * i + 1] += count;
    }
}

// Whether a member has weights that a penalty draws towards 0.
template <class T>
bool is_penalised(const Spec& spec, const T* numbers) {
    for (Index l = 0; l <= spec.hidden; l++)
        for (const std::int32_t column : {spec.layers[l].l1, spec.layers[l].l2})
            if (column >= 0 && numbers[column] > 0) return true;
    return false;
}

// Keras's L1L2 over a kernel; its gradient is added to `gradients` unless that is null.
template <class T>
T penalty_of(const Variable& v, T l1, T l2, const T* variables, T* gradients) {
    using V = typename Simd<T>::Full;
    constexpr Index lanes = Simd<T>::lanes;
    V sizes{}, squares{};
    T size = 0, square = 0;
    const auto slope = [&](auto w, auto one) {
        return l1 * ((w > 0 ? one : one - one) - (w < 0 ? one : one - one)) + 2 * l2 * w;
    };
    for (Index r = 0; r < v.rows; r++) {
        Index c = v.place + r * v.row;
        const Index end = c + v.columns;
        for (; c + lanes <= end; c += lanes) {
            const V w = load<V>(variables + c);
            sizes += w < 0 ? -w : w;
            squares += w * w;
            if (gradients)
                store(gradients + c, load<V>(gradients + c) + slope(w, broadcast<V>(T(1))));
        }
        for (; c < end; c++) {
            const T w = variables[c];
            size += std::fabs(w), square += w * w;
            if (gradients) gradients[c] += slope(w, T(1));
        }
    }
    for (Index lane = 0; lane < lanes; lane++) size += sizes[lane], square += squares[lane];
    // A term that is not used must not see its sum overflow.
    return (l1 > 0 ? l1 * size : T(0)) + (l2 > 0 ? l2 * square : T(0));
}

// Of all kernels.
template <class T>
T penalty_of(const Spec& spec, const Shape& shape, const T* numbers, const T* variables,
             T* gradients) {
    const auto factor = [&](std::int32_t column) {
        return column >= 0 && numbers[column] > 0 ? numbers[column] : T(0);
    };
    T total = 0;
    for (Index l = 0; l <= spec.hidden; l++) {
        const T l1 = factor(spec.layers[l].l1), l2 = factor(spec.layers[l].l2);
        if (l1 > 0 || l2 > 0)
            total += penalty_of(shape.variables[shape.layers[l].kernel], l1, l2, variables, gradients);
    }
    return total;
}

}  // namespace KOHORT_ISA
