// A dense network forwards and backwards over a batch.
//
// What passes between layers lies in blocks of rows, unit by unit within a block:
// x[block][unit][row]. So vectors run along the rows of a batch, and widths need no padding.
#pragma once

#include "activations.hpp"
#include "gemm.hpp"
#include "losses.hpp"
#include "noise.hpp"
#include "shape.hpp"

namespace KOHORT_ISA {

constexpr Index MOST_BLOCK = 32;  // Rows of a block: their activations stay in the fastest cache.

// Which rows pass, and how.
struct Pass {
    Index rows;              // real ones
    bool training = false;   // normalise by the batch, and move the averages
    std::uint32_t noise = 0;  // techniques that draw
    std::uint32_t seed = 0;
    std::int32_t step = 0;
    Index batch = 0;         // rows of a whole batch, on which the noise depends
};

template <class T>
class Network {
   public:
    Network(const Spec& spec, const Shape& shape, const T* numbers, Index most_rows, bool backward)
        : spec_(spec), shape_(shape), numbers_(numbers) {
        side_ = padded<T>(most_rows < MOST_BLOCK ? most_rows : MOST_BLOCK);
        most_blocks_ = (most_rows + side_ - 1) / side_;
        backward_ = backward;
    }

    std::size_t bytes() const {
        std::size_t total = 0;
        layout([&](Index count) { total += Arena::bytes<T>(count); return nullptr; });
        return total;
    }

    void place(Arena& arena) {
        layout([&](Index count) { return arena.take<T>(count); });
    }

    T number(kohort::Number which) const { return numbers_[spec_.column[which]]; }

    // Bring rows of a table, shape (row, feature), into blocks: those that `order` numbers from its
    // `first` entry on, or without it those from the row `first` on.
    void bring(const void* table, const std::int64_t* order, Index first, Index rows) {
        if (spec_.bytes)
            bring_from(static_cast<const std::uint8_t*>(table), order, first, rows);
        else
            bring_from(static_cast<const T*>(table), order, first, rows);
    }

    // Returns the raw outputs: out[block][output][row].
    const T* forward(T* variables, const Pass& pass) {
        blocks_ = (pass.rows + side_ - 1) / side_;
        T* x = input_;
        if (pass.noise & kohort::gaussian_noise) add_noise(x, pass);
        if (pass.noise & kohort::input_dropout)
            drop(x, nullptr, spec_.features, number(kohort::n_input_dropout),
                 INPUT_DROPOUT, pass);
        for (Index l = 0; l < spec_.hidden; l++) x = hidden(l, variables, x, pass);
        product(shape_.layers[spec_.hidden], variables, x, output_);
        return output_;
    }

    // Give the gradients of all trained variables to a sink, layer by layer from the last one on;
    // `gradient_of_output()` holds that of the output. `sink.vector(start)` and, for rows of a kernel,
    // `sink.panel(start)` say where the gradients of entries from `start` on shall be written;
    // `sink.take(gradients, start, count)` is told that they are, and may change their variables.
    template <class Sink>
    void backward(const T* variables, Sink& sink, const Pass& pass) {
        T* d = gradient_;
        T* other = spare_;
        for (Index l = spec_.hidden; l >= 0; l--) {
            const Layer& layer = shape_.layers[l];
            const T* x = l ? memory_[l - 1].out : input_;
            if (l < spec_.hidden) through_hidden(l, variables, sink, d, pass);
            if (l) input_gradient(layer, variables, d, other);
            for (const Index vector : {layer.gamma, layer.beta, layer.alpha})
                if (vector >= 0)
                    sink.take(sink.vector(place(vector)), place(vector),
                              shape_.variables[vector].row);
            bias_gradient(layer, d, sink, l < spec_.hidden && spec_.norm == Norm::batch_before);
            kernel_gradient(layer, x, sink, pass.rows);
            T* swap = d;
            d = other, other = swap;
        }
    }

    T* gradient_of_output() { return gradient_; }
    Index side() const { return side_; }
    Index blocks() const { return blocks_; }

    // Rows of a kernel whose gradient is computed at once.
    static Index panel_rows(Index row) {
        const Index fitting = 24 * 1024 / Index(sizeof(T)) / row / 24 * 24;
        return fitting > 24 ? fitting : 24;
    }

   private:
    template <class Entry>
    void bring_from(const Entry* x, const std::int64_t* order, Index first, Index rows) {
        for (Index start = 0, block = 0; start < rows; start += side_, block++) {
            T* to = input_ + block * spec_.features * side_;
            const Index exist = real(block, rows);
            const Entry* from[MOST_BLOCK];
            for (Index r = 0; r < exist; r++) {
                const Index at = first + start + r;
                from[r] = x + (order ? Index(order[at]) : at) * spec_.features;
            }
            transpose([&](Index r) { return from[r]; }, to, side_, exist, spec_.features);
            // Padding looks like a row: what none looks like might be infinite, and 0 times that.
            for (Index f = 0; exist < side_ && f < spec_.features; f++)
                for (Index r = exist; r < side_; r++) to[f * side_ + r] = to[f * side_ + exist - 1];
        }
    }

    struct Memory {
        T *before, *x, *value, *out;        // product, argument of the activation, its value, result
        T *kept;                            // factors of dropped units
        T *mean, *factor;                   // of the normalisation
    };

    template <class Take>
    void layout(Take take) const {
        auto* self = const_cast<Network*>(this);
        const Index rows = most_blocks_ * side_;
        const bool before = spec_.norm == Norm::batch_before || spec_.norm == Norm::layer_before;
        const bool after = spec_.norm == Norm::batch_after || spec_.norm == Norm::layer_after;
        const bool drops = spec_.uses & (kohort::dropout | kohort::alpha_dropout);
        self->input_ = take(spec_.features * rows);
        self->memory_.resize(spec_.hidden);
        for (Index l = 0; l < spec_.hidden; l++) {
            Memory& m = self->memory_[l];
            const Index units = shape_.layers[l].units, count = units * rows;
            m.before = take(count);
            m.x = before ? take(count) : m.before;
            m.value = in_place() ? m.x : take(count);
            m.out = after ? take(count) : m.value;
            m.kept = drops ? take(count) : nullptr;
            if (drops && !after) m.out = take(count);
            m.mean = spec_.norm == Norm::none ? nullptr : take(units > rows ? units : rows);
            m.factor = spec_.norm == Norm::none ? nullptr : take(units > rows ? units : rows);
        }
        self->output_ = take(spec_.outputs * rows);
        if (!backward_) return;
        self->gradient_ = take(shape_.widest * rows);
        self->spare_ = take(shape_.widest * rows);
        self->turned_ = take(padded<T>(shape_.widest) * rows);
    }

    // Whether the value of the activation may be written over its argument.
    bool in_place() const {
        bool possible = false;
        with_activation<T>(spec_.activation, T(1),
                           [&](auto rule) { possible = decltype(rule)::of_value; });
        return possible;
    }

    Index place(Index variable) const { return shape_.variables[variable].place; }
    Index length() const { return blocks_ * side_; }

    // Rows of a block that are real.
    Index real(Index block, Index rows) const {
        const Index left = rows - block * side_;
        return left < side_ ? left : side_;
    }

    T* hidden(Index l, T* variables, T* x, const Pass& pass) {
        const Layer& layer = shape_.layers[l];
        Memory& m = memory_[l];
        product(layer, variables, x, m.before);
        if (m.x != m.before) normalise(layer, m, variables, m.before, m.x, pass);
        each_activation(layer, variables, [&](auto rule, Index start, Index count) {
            if (m.value == m.x)
                activate(rule, m.x + start, count);
            else
                activate(rule, m.x + start, m.value + start, count);
        });
        T* out = m.value;
        if (spec_.norm == Norm::batch_after || spec_.norm == Norm::layer_after)
            normalise(layer, m, variables, m.value, m.out, pass), out = m.out;
        if (!(pass.noise & (kohort::dropout | kohort::alpha_dropout))) {
            last_out(m, out, layer.units);
            return m.out;
        }
        last_out(m, out, layer.units);
        if (pass.noise & kohort::dropout)
            drop(m.out, m.kept, layer.units, number(kohort::n_dropout), std::uint32_t(l), pass);
        if (pass.noise & kohort::alpha_dropout)
            drop_alpha(m.out, m.kept, layer.units, std::uint32_t(l), pass);
        return m.out;
    }

    void last_out(Memory& m, const T* found, Index units) {
        if (m.out != found) std::memcpy(m.out, found, units * length() * sizeof(T));
    }

    void product(const Layer& layer, const T* variables, const T* x, T* to) {
        const Variable& kernel = shape_.variables[layer.kernel];
        for (Index block = 0; block < blocks_; block++) {
            Product<T> job{layer.units, side_, layer.inputs,
                           variables + kernel.place, 1, kernel.row,
                           x + block * layer.inputs * side_, side_,
                           to + block * layer.units * side_, side_};
            job.start = variables + place(layer.bias);
            multiply(job);
        }
    }

    // The gradient of a bias, on the way of which the layer's own is turned for that of its kernel.
    template <class Sink>
    void bias_gradient(const Layer& layer, const T* d, Sink& sink, bool cancelled) {
        const Variable& kernel = shape_.variables[layer.kernel];
        const Index start = place(layer.bias);
        T* bias = sink.vector(start);
        for (Index n = 0; n < kernel.row; n++) bias[n] = 0;
        for (Index block = 0; block < blocks_; block++) {
            const T* part = d + block * layer.units * side_;
            for (Index n = 0; n < layer.units; n++) bias[n] += sum(part + n * side_, side_);
            T* turned = turned_ + block * side_ * kernel.row;
            transpose([&](Index r) { return part + r * side_; }, turned, kernel.row, layer.units,
                      side_);
            for (Index r = 0; r < side_; r++)
                for (Index n = layer.units; n < kernel.row; n++) turned[r * kernel.row + n] = 0;
        }
        // Subtracting the batch's mean cancels the bias: what is left is rounding.
        for (Index n = 0; cancelled && n < kernel.row; n++) bias[n] = 0;
        sink.take(bias, start, kernel.row);
    }

    // Some rows of a kernel at a time: a sink that updates them finds them in the fastest cache.
    template <class Sink>
    void kernel_gradient(const Layer& layer, const T* x, Sink& sink, Index rows) {
        const Variable& kernel = shape_.variables[layer.kernel];
        const Index panel = panel_rows(kernel.row);
        for (Index row = 0; row < layer.inputs; row += panel) {
            const Index count = layer.inputs - row < panel ? layer.inputs - row : panel;
            const Index start = kernel.place + row * kernel.row;
            Product<T> job{count, kernel.row, side_,
                           x + row * side_, side_, 1,
                           turned_, kernel.row,
                           sink.panel(start), kernel.row};
            job.blocks = blocks_;
            job.a_block = layer.inputs * side_, job.p_block = side_ * kernel.row;
            job.last_depth = real(blocks_ - 1, rows);
            multiply(job);
            sink.take(job.c, start, count * kernel.row);
        }
    }

    void input_gradient(const Layer& layer, const T* variables, const T* d, T* to) {
        const Variable& kernel = shape_.variables[layer.kernel];
        for (Index block = 0; block < blocks_; block++) {
            Product<T> job{layer.inputs, side_, layer.units,
                           variables + kernel.place, kernel.row, 1,
                           d + block * layer.units * side_, side_,
                           to + block * layer.inputs * side_, side_};
            multiply(job);
        }
    }

    template <class Sink>
    void through_hidden(Index l, const T* variables, Sink& sink, T* d, const Pass& pass) {
        const Layer& layer = shape_.layers[l];
        Memory& m = memory_[l];
        const Index count = layer.units * length();
        if (pass.noise & (kohort::dropout | kohort::alpha_dropout)) {
#pragma GCC ivdep
            for (Index i = 0; i < count; i++) d[i] *= m.kept[i];
        }
        if (spec_.norm == Norm::batch_after || spec_.norm == Norm::layer_after)
            through_norm(layer, m, variables, sink, m.value, d, pass);
        if (layer.alpha >= 0) slopes_gradient(layer, m, sink.vector(place(layer.alpha)), d);
        each_activation(layer, variables, [&](auto rule, Index start, Index size) {
            chain(rule, m.x + start, m.value + start, d + start, size);
        });
        if (spec_.norm == Norm::batch_before || spec_.norm == Norm::layer_before)
            through_norm(layer, m, variables, sink, m.before, d, pass);
    }

    // Call `use(rule, start, count)` for each range of a layer's buffers that shares a rule.
    template <class Use>
    void each_activation(const Layer& layer, const T* variables, Use use) const {
        if (layer.alpha < 0) {
            with_activation<T>(spec_.activation, number(kohort::n_activation_alpha), [&](auto rule) {
                use(rule, Index(0), layer.units * length());
            });
            return;
        }
        const T* alpha = variables + place(layer.alpha);
        for (Index block = 0; block < blocks_; block++)
            for (Index n = 0; n < layer.units; n++)
                use(LeakyRelu<T>{alpha[n]}, (block * layer.units + n) * side_, side_);
    }

    void slopes_gradient(const Layer& layer, const Memory& m, T* alpha, const T* d) const {
        for (Index n = 0; n < layer.units; n++) alpha[n] = 0;
        for (Index block = 0; block < blocks_; block++)
            for (Index n = 0; n < layer.units; n++) {
                const Index start = (block * layer.units + n) * side_;
                for (Index r = 0; r < side_; r++)
                    alpha[n] += m.x[start + r] > 0 ? T(0) : d[start + r] * m.x[start + r];
            }
    }

    static T sum(const T* x, Index count) {
        using V = typename Simd<T>::Tail;
        V total{};
        Index i = 0;
        for (; i + Simd<T>::tail <= count; i += Simd<T>::tail) total += load<V>(x + i);
        T found = 0;
        for (Index lane = 0; lane < Simd<T>::tail; lane++) found += total[lane];
        for (; i < count; i++) found += x[i];
        return found;
    }

    bool over_rows() const {
        return spec_.norm == Norm::batch_before || spec_.norm == Norm::batch_after;
    }

    void normalise(const Layer& layer, Memory& m, T* variables, const T* x, T* to,
                   const Pass& pass) {
        const T* gamma = variables + place(layer.gamma);
        const T* beta = variables + place(layer.beta);
        const T epsilon = number(kohort::n_norm_epsilon);
        if (!over_rows()) return normalise_rows(layer, m, gamma, beta, epsilon, x, to);
        T* moving_mean = variables + place(layer.mean);
        T* moving_variance = variables + place(layer.variance);
        const T stay = number(kohort::n_batch_norm_momentum);
        for (Index n = 0; n < layer.units; n++) {
            T mean = moving_mean[n], variance = moving_variance[n];
            if (pass.training) {
                mean = variance = 0;
                for (Index b = 0; b < blocks_; b++)
                    mean += sum(x + (b * layer.units + n) * side_, real(b, pass.rows));
                mean /= T(pass.rows);
                T squares[MOST_BLOCK];
                for (Index b = 0; b < blocks_; b++) {
                    const T* part = x + (b * layer.units + n) * side_;
                    for (Index r = 0; r < side_; r++)
                        squares[r] = (part[r] - mean) * (part[r] - mean);
                    variance += sum(squares, real(b, pass.rows));
                }
                variance /= T(pass.rows);
                moving_mean[n] = moving_mean[n] * stay + mean * (1 - stay);
                moving_variance[n] = moving_variance[n] * stay + variance * (1 - stay);
            }
            m.mean[n] = mean, m.factor[n] = 1 / std::sqrt(variance + epsilon);
            const T factor = m.factor[n] * gamma[n], shift = beta[n] - mean * factor;
            for (Index b = 0; b < blocks_; b++) {
                const Index start = (b * layer.units + n) * side_;
                for (Index r = 0; r < side_; r++) to[start + r] = x[start + r] * factor + shift;
            }
        }
    }

    void normalise_rows(const Layer& layer, Memory& m, const T* gamma, const T* beta, T epsilon,
                        const T* x, T* to) {
        const T share = T(1) / T(layer.units);
        for (Index b = 0; b < blocks_; b++) {
            T* mean = m.mean + b * side_;
            T* factor = m.factor + b * side_;
            const T* part = x + b * layer.units * side_;
            T* result = to + b * layer.units * side_;
            for (Index r = 0; r < side_; r++) mean[r] = factor[r] = 0;
            for (Index n = 0; n < layer.units; n++)
                for (Index r = 0; r < side_; r++) mean[r] += part[n * side_ + r];
            for (Index r = 0; r < side_; r++) mean[r] *= share;
            for (Index n = 0; n < layer.units; n++)
                for (Index r = 0; r < side_; r++) {
                    const T away = part[n * side_ + r] - mean[r];
                    factor[r] += away * away;
                }
            for (Index r = 0; r < side_; r++) factor[r] = 1 / std::sqrt(factor[r] * share + epsilon);
            for (Index n = 0; n < layer.units; n++)
                for (Index r = 0; r < side_; r++)
                    result[n * side_ + r] =
                        (part[n * side_ + r] - mean[r]) * factor[r] * gamma[n] + beta[n];
        }
    }

    template <class Sink>
    void through_norm(const Layer& layer, const Memory& m, const T* variables, Sink& sink,
                      const T* x, T* d, const Pass& pass) const {
        const T* gamma = variables + place(layer.gamma);
        T* of_gamma = sink.vector(place(layer.gamma));
        T* of_beta = sink.vector(place(layer.beta));
        for (Index n = 0; n < layer.units; n++) of_gamma[n] = of_beta[n] = 0;
        if (!over_rows()) return through_norm_of_rows(layer, m, gamma, of_gamma, of_beta, x, d);
        for (Index n = 0; n < layer.units; n++) {
            const T mean = m.mean[n], factor = m.factor[n];
            T along[MOST_BLOCK];
            for (Index b = 0; b < blocks_; b++) {
                const Index start = (b * layer.units + n) * side_;
                for (Index r = 0; r < side_; r++)
                    along[r] = d[start + r] * ((x[start + r] - mean) * factor);
                of_gamma[n] += sum(along, real(b, pass.rows));
                of_beta[n] += sum(d + start, real(b, pass.rows));
            }
            const T share = T(1) / T(pass.rows), scale = gamma[n] * factor;
            for (Index b = 0; b < blocks_; b++) {
                const Index start = (b * layer.units + n) * side_, exist = real(b, pass.rows);
                for (Index r = 0; r < exist; r++) {
                    const T normal = (x[start + r] - mean) * factor;
                    d[start + r] = scale * (d[start + r] - share * of_beta[n] -
                                            share * of_gamma[n] * normal);
                }
                for (Index r = exist; r < side_; r++) d[start + r] = 0;
            }
        }
    }

    void through_norm_of_rows(const Layer& layer, const Memory& m, const T* gamma, T* of_gamma,
                              T* of_beta, const T* x, T* d) const {
        const T share = T(1) / T(layer.units);
        for (Index b = 0; b < blocks_; b++) {
            const T* mean = m.mean + b * side_;
            const T* factor = m.factor + b * side_;
            const T* part = x + b * layer.units * side_;
            T* slope = d + b * layer.units * side_;
            T first[MOST_BLOCK] = {}, second[MOST_BLOCK] = {}, along[MOST_BLOCK];
            for (Index n = 0; n < layer.units; n++) {
                for (Index r = 0; r < side_; r++) {
                    const T normal = (part[n * side_ + r] - mean[r]) * factor[r];
                    along[r] = slope[n * side_ + r] * normal;
                    first[r] += slope[n * side_ + r] * gamma[n];
                    second[r] += along[r] * gamma[n];
                }
                of_gamma[n] += sum(along, side_);
                of_beta[n] += sum(slope + n * side_, side_);
            }
            for (Index n = 0; n < layer.units; n++)
                for (Index r = 0; r < side_; r++) {
                    const T normal = (part[n * side_ + r] - mean[r]) * factor[r];
                    slope[n * side_ + r] =
                        factor[r] * (slope[n * side_ + r] * gamma[n] - share * first[r] -
                                     share * second[r] * normal);
                }
        }
    }

    // Inverted dropout; the factors are kept for the way back unless `kept` is null.
    void drop(T* x, T* kept, Index units, T rate, std::uint32_t stream, const Pass& pass) const {
        drop_to(x, kept, units, rate, stream, pass, 1 / (1 - rate), 0, 0);
    }

    // Keras's AlphaDropout: dropped units take SELU's lower limit; mean and variance are kept.
    void drop_alpha(T* x, T* kept, Index units, std::uint32_t stream, const Pass& pass) const {
        const T rate = number(kohort::n_alpha_dropout), limit = -SELU_ALPHA<T> * SELU_SCALE<T>;
        const T scale = 1 / std::sqrt((1 - rate) * (1 + rate * limit * limit));
        const T shift = -scale * limit * rate;
        drop_to(x, kept, units, rate, stream, pass, scale, scale * limit, shift);
    }

    // x = (x survives ? x * scale : dropped) + shift
    void drop_to(T* x, T* kept, Index units, T rate, std::uint32_t stream, const Pass& pass,
                 T scale, T dropped, T shift) const {
        const Noise noise(pass.seed, pass.step, stream);
        for (Index b = 0; b < blocks_; b++) {
            const Index exist = real(b, pass.rows);
            const Survivors survivors(noise, double(rate), b * side_, exist, pass.batch);
            for (Index unit = 0; unit < units; unit++) {
                const Index start = (b * units + unit) * side_;
                T own[MOST_BLOCK];
                T* factor = kept ? kept + start : own;
                for (Index r = 0; r < exist; r++)
                    factor[r] = survivors.keeps(r, unit) ? scale : T(0);
                // Not a product: what is dropped may not be finite.
                for (Index r = 0; r < exist; r++)
                    x[start + r] = (factor[r] != 0 ? x[start + r] * scale : dropped) + shift;
            }
        }
    }

    void add_noise(T* x, const Pass& pass) const {
        const Noise noise(pass.seed, pass.step, GAUSSIAN_NOISE);
        const T deviation = number(kohort::n_gaussian_noise);
        for (Index b = 0; b < blocks_; b++) {
            const Index exist = real(b, pass.rows);
            std::uint32_t rows[MOST_BLOCK];
            for (Index r = 0; r < exist; r++) rows[r] = noise.row(b * side_ + r);
            for (Index f = 0; f < spec_.features; f++) {
                T* values = x + (b * spec_.features + f) * side_;
#pragma GCC ivdep
                for (Index r = 0; r < exist; r++)
                    values[r] += deviation * T(normal_of(Noise::bits(rows[r], f)));
            }
        }
    }

    const Spec& spec_;
    const Shape& shape_;
    const T* numbers_;
    Index side_, most_blocks_, blocks_ = 0;
    bool backward_;
    T *input_, *output_, *gradient_, *spare_, *turned_;
    std::vector<Memory> memory_;
};

}  // namespace KOHORT_ISA
