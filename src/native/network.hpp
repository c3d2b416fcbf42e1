// A dense network forwards and backwards over a batch.
//
// What passes between layers lies in blocks of rows, unit by unit within a block:
// x[block][unit][row]. So vectors run along the rows of a batch, and widths need no padding.
#pragma once

#include "activations.hpp"
#include "dropping.hpp"
#include "gemm.hpp"
#include "losses.hpp"
#include "normalisation.hpp"
#include "shape.hpp"

namespace KOHORT_ISA {

// Which rows pass, and how.
struct Pass {
    Index rows;              // real ones
    bool training = false;   // normalise by the batch, and move the averages
    bool drops = false, noisy = false;  // whether dropout, and noise on the features, are on
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

    // A number by its place in a row of numbers, 0 where there is none.
    T number_at(std::int32_t column) const { return column < 0 ? T(0) : numbers_[column]; }
    T number(kohort::Number which) const { return number_at(spec_.column[which]); }

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
        rows_ = pass.rows;
        blocks_ = (pass.rows + side_ - 1) / side_;
        T* x = input_;
        if (spec_.standardised) standardise(variables);
        if (pass.noisy && spec_.uses & kohort::gaussian_noise)
            add_noise(within(spec_.features), x, number(kohort::n_gaussian_noise), drawing(pass));
        if (pass.drops && spec_.uses & kohort::input_dropout)
            drop<T>(spec_, within(spec_.features), x, nullptr, number(kohort::n_input_dropout),
                 spec_.input_stream, drawing(pass));
        for (Index l = 0; l < spec_.hidden; l++) x = hidden(l, variables, x, pass);
        product(shape_.layers[spec_.hidden], variables, x, output_);
        return output_;
    }

    // What the output layer's activation makes of the raw outputs.
    const T* activated() {
        if (!activates()) return output_;
        if (spec_.uses & kohort::softmax_output)
            softmax(within(spec_.outputs), output_, activated_);
        else
            with_output_activation([&](auto rule) {
                activate(rule, output_, activated_, spec_.outputs * length());
            });
        return activated_;
    }

    // Turn the gradient of the activated outputs into that of the raw ones.
    void through_output() {
        with_output_activation([&](auto rule) {
            chain(rule, output_, activated_, gradient_, spec_.outputs * length());
        });
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
            turn(layer, d);
            if (layer.bias >= 0)
                bias_gradient(layer, d, sink, norm_of(spec_.layers[l]) == Norm::batch_before);
            kernel_gradient(layer, x, sink);
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
            const Index left = rows - start, exist = left < side_ ? left : side_;
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
        self->input_ = take(spec_.features * rows);
        self->memory_.resize(spec_.hidden);
        for (Index l = 0; l < spec_.hidden; l++) {
            const LayerSpec& spec = spec_.layers[l];
            const Norm norm = norm_of(spec);
            const bool drops = spec.dropout >= 0 || spec.alpha_dropout >= 0;
            Memory& m = self->memory_[l];
            const Index units = shape_.layers[l].units, count = units * rows;
            m.before = take(count);
            m.x = is_before(norm) ? take(count) : m.before;
            m.value = in_place(spec) ? m.x : take(count);
            m.out = is_after(norm) ? take(count) : m.value;
            m.kept = drops ? take(count) : nullptr;
            if (drops && !is_after(norm)) m.out = take(count);
            m.mean = norm == Norm::none ? nullptr : take(units > rows ? units : rows);
            m.factor = norm == Norm::none ? nullptr : take(units > rows ? units : rows);
        }
        self->output_ = take(spec_.outputs * rows);
        if (activates()) self->activated_ = take(spec_.outputs * rows);
        if (!backward_) return;
        self->gradient_ = take(shape_.widest * rows);
        self->spare_ = take(shape_.widest * rows);
        self->turned_ = take(padded<T>(shape_.widest) * rows);
    }

    // Whether the output layer has an activation.
    bool activates() const {
        return spec_.uses & kohort::softmax_output ||
               Activation(spec_.layers[spec_.hidden].activation) != Activation::linear;
    }

    // Whether the value of the activation may be written over its argument.
    static bool in_place(const LayerSpec& layer) {
        bool possible = false;
        with_activation<T>(Activation(layer.activation), T(1),
                           [&](auto rule) { possible = decltype(rule)::of_value; });
        return possible;
    }

    Index place(Index variable) const { return shape_.variables[variable].place; }
    Index length() const { return blocks_ * side_; }
    Blocks within(Index units) const { return {units, side_, blocks_, rows_}; }
    static Drawing drawing(const Pass& pass) { return {pass.seed, pass.step, pass.batch}; }

    template <class Use>
    void with_output_activation(Use use) const {
        const LayerSpec& layer = spec_.layers[spec_.hidden];
        with_activation<T>(Activation(layer.activation), number_at(layer.alpha), use);
    }

    void standardise(const T* variables) {
        const T* centre = variables + place(shape_.centre);
        const T* scale = variables + place(shape_.scale);
        for (Index b = 0; b < blocks_; b++)
            for (Index f = 0; f < spec_.features; f++) {
                T* x = input_ + (b * spec_.features + f) * side_;
                for (Index r = 0; r < side_; r++) x[r] = (x[r] - centre[f]) * scale[f];
            }
    }

    T* hidden(Index l, T* variables, T* x, const Pass& pass) {
        const Layer& layer = shape_.layers[l];
        const LayerSpec& spec = spec_.layers[l];
        const Norm norm = norm_of(spec);
        Memory& m = memory_[l];
        product(layer, variables, x, m.before);
        if (is_before(norm)) normalise(l, variables, m.before, m.x, pass);
        each_activation(l, variables, [&](auto rule, Index start, Index count) {
            if (m.value == m.x)
                activate(rule, m.x + start, count);
            else
                activate(rule, m.x + start, m.value + start, count);
        });
        if (is_after(norm))
            normalise(l, variables, m.value, m.out, pass);
        else if (m.out != m.value)
            std::memcpy(m.out, m.value, layer.units * length() * sizeof(T));
        if (pass.drops && spec.dropout >= 0)
            drop(spec_, within(layer.units), m.out, m.kept, number_at(spec.dropout), spec.stream,
                 drawing(pass));
        if (pass.drops && spec.alpha_dropout >= 0)
            drop_alpha(within(layer.units), m.out, m.kept, number_at(spec.alpha_dropout),
                       spec.stream, drawing(pass));
        return m.out;
    }

    // Whether a layer's dropout has left factors in this pass.
    bool dropped(const LayerSpec& layer, const Pass& pass) const {
        return pass.drops &&
               ((layer.dropout >= 0 && drops(spec_, number_at(layer.dropout))) ||
                (layer.alpha_dropout >= 0 && number_at(layer.alpha_dropout) > 0));
    }

    void product(const Layer& layer, const T* variables, const T* x, T* to) {
        const Variable& kernel = shape_.variables[layer.kernel];
        for (Index block = 0; block < blocks_; block++) {
            Product<T> job{layer.units, side_, layer.inputs,
                           variables + kernel.place, 1, kernel.row,
                           x + block * layer.inputs * side_, side_,
                           to + block * layer.units * side_, side_};
            if (layer.bias >= 0) job.start = variables + place(layer.bias);
            multiply(job);
        }
    }

    // Turn a layer's own gradient for that of its kernel: turned[row][unit].
    void turn(const Layer& layer, const T* d) {
        const Index row = shape_.variables[layer.kernel].row;
        for (Index block = 0; block < blocks_; block++) {
            T* turned = turned_ + block * side_ * row;
            const T* part = d + block * layer.units * side_;
            transpose([&](Index r) { return part + r * side_; }, turned, row, layer.units, side_);
            for (Index r = 0; r < side_; r++)
                for (Index n = layer.units; n < row; n++) turned[r * row + n] = 0;
        }
    }

    template <class Sink>
    void bias_gradient(const Layer& layer, const T* d, Sink& sink, bool cancelled) {
        const Index row = shape_.variables[layer.bias].row, start = place(layer.bias);
        T* bias = sink.vector(start);
        for (Index n = 0; n < row; n++) bias[n] = 0;
        // Subtracting the batch's mean cancels the bias: what would be left is rounding.
        for (Index block = 0; !cancelled && block < blocks_; block++)
            for (Index n = 0; n < layer.units; n++)
                bias[n] += sum(d + (block * layer.units + n) * side_, side_);
        sink.take(bias, start, row);
    }

    // Some rows of a kernel at a time: a sink that updates them finds them in the fastest cache.
    template <class Sink>
    void kernel_gradient(const Layer& layer, const T* x, Sink& sink) {
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
            job.last_depth = within(layer.inputs).real(blocks_ - 1);
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
        const LayerSpec& spec = spec_.layers[l];
        Memory& m = memory_[l];
        const Index count = layer.units * length();
        if (dropped(spec, pass)) {
#pragma GCC ivdep
            for (Index i = 0; i < count; i++) d[i] *= m.kept[i];
        }
        if (is_after(norm_of(spec))) through_norm(l, variables, sink, m.value, d);
        if (layer.alpha >= 0) slopes_gradient(layer, m, sink.vector(place(layer.alpha)), d);
        each_activation(l, variables, [&](auto rule, Index start, Index size) {
            chain(rule, m.x + start, m.value + start, d + start, size);
        });
        if (is_before(norm_of(spec))) through_norm(l, variables, sink, m.before, d);
    }

    // Call `use(rule, start, count)` for each range of a layer's buffers that shares a rule.
    template <class Use>
    void each_activation(Index l, const T* variables, Use use) const {
        const Layer& layer = shape_.layers[l];
        const LayerSpec& spec = spec_.layers[l];
        if (layer.alpha < 0) {
            with_activation<T>(Activation(spec.activation), number_at(spec.alpha), [&](auto rule) {
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

    BatchNorm<T> batch_norm(Index l, T* variables) const {
        const Layer& layer = shape_.layers[l];
        const LayerSpec& spec = spec_.layers[l];
        const Memory& m = memory_[l];
        return {variables + place(layer.gamma), variables + place(layer.beta),
                variables + place(layer.mean),  variables + place(layer.variance),
                number_at(spec.epsilon),        number_at(spec.momentum),
                m.mean,                         m.factor};
    }

    LayerNorm<T> layer_norm(Index l, const T* variables) const {
        const Layer& layer = shape_.layers[l];
        const Memory& m = memory_[l];
        return {variables + place(layer.gamma), variables + place(layer.beta),
                number_at(spec_.layers[l].epsilon), m.mean, m.factor};
    }

    void normalise(Index l, T* variables, const T* x, T* to, const Pass& pass) {
        const Blocks blocks = within(shape_.layers[l].units);
        if (over_rows(norm_of(spec_.layers[l])))
            batch_norm(l, variables).forward(blocks, x, to, pass.training);
        else
            layer_norm(l, variables).forward(blocks, x, to);
    }

    template <class Sink>
    void through_norm(Index l, const T* variables, Sink& sink, const T* x, T* d) {
        const Layer& layer = shape_.layers[l];
        T* of_gamma = sink.vector(place(layer.gamma));
        T* of_beta = sink.vector(place(layer.beta));
        for (Index n = 0; n < layer.units; n++) of_gamma[n] = of_beta[n] = 0;
        const Blocks blocks = within(layer.units);
        if (over_rows(norm_of(spec_.layers[l])))
            batch_norm(l, const_cast<T*>(variables)).backward(blocks, x, d, of_gamma, of_beta);
        else
            layer_norm(l, variables).backward(blocks, x, d, of_gamma, of_beta);
    }

    const Spec& spec_;
    const Shape& shape_;
    const T* numbers_;
    Index side_, most_blocks_, blocks_ = 0, rows_ = 0;
    bool backward_;
    T *input_, *output_, *activated_, *gradient_, *spare_, *turned_;
    std::vector<Memory> memory_;
};

}  // namespace KOHORT_ISA
