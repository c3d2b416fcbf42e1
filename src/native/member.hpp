// One member: steps of its training, its judgement, its predictions.
#pragma once

#include "network.hpp"
#include "optimizers.hpp"

namespace KOHORT_ISA {

using kohort::Chunk;
using kohort::Member;
using kohort::Number;
using kohort::Sampling;
using kohort::Table;

inline Arena& arena() {
    thread_local Arena own;
    return own;
}

template <class T>
LossNumbers<T> loss_numbers(const Spec& spec, const T* numbers) {
    const auto number = [&](Number which) { return numbers[spec.column[which]]; };
    const bool smooth = spec.uses & kohort::label_smoothing;
    return {number(kohort::n_huber_delta), number(kohort::n_quantile),
            smooth ? number(kohort::n_label_smoothing) : T(0), number(kohort::n_focal_gamma)};
}

// Losses of the rows that have passed; `use(row, loss)` gets each. Where `gradient` is given, it
// becomes weight * d loss / d output.
template <class T, class Use>
inline void losses_of(const Spec& spec, const LossNumbers<T>& numbers, const Network<T>& network,
                      const T* out, const T* y, const T* weight, Index rows, T* gradient,
                      T* scratch, Use use) {
    const Index side = network.side();
    T values[MOST_BLOCK];
    for (Index b = 0; b < network.blocks(); b++) {
        const Index start = b * side, left = rows - start, count = left < side ? left : side;
        const T* o = out + b * spec.outputs * side;
        T* g = gradient ? gradient + b * spec.outputs * side : nullptr;
        if (has_softmax(spec.loss))
            softmax_losses(spec.loss, numbers, y + start * spec.targets, spec.targets, o, side,
                           spec.outputs, count, weight + start, values, g, scratch);
        else
            pairwise_losses(spec.loss, numbers, y + start * spec.targets, spec.targets, o, side,
                            spec.outputs, count, weight + start, values, g);
        if (g)
            for (Index n = 0; n < spec.outputs; n++)
                for (Index r = count; r < side; r++) g[n * side + r] = 0;
        for (Index r = 0; r < count; r++) use(start + r, values[r]);
    }
}

// Keras's L1L2 over all kernels; its gradient is added to `gradients` unless that is null.
template <class T>
T penalty_of(const Spec& spec, const Shape& shape, const T* numbers, const T* variables,
             T* gradients) {
    const auto factor = [&](std::uint32_t use, Number which) {
        const T found = spec.uses & use ? numbers[spec.column[which]] : T(0);
        return found > 0 ? found : T(0);
    };
    const T l1 = factor(kohort::l1, kohort::n_l1), l2 = factor(kohort::l2, kohort::n_l2);
    if (l1 == 0 && l2 == 0) return 0;
    using V = typename Simd<T>::Full;
    constexpr Index lanes = Simd<T>::lanes;
    V sizes{}, squares{};
    T size = 0, square = 0;
    const auto slope = [&](auto w, auto one) {
        return l1 * ((w > 0 ? one : one - one) - (w < 0 ? one : one - one)) + 2 * l2 * w;
    };
    for (Index i = 0; i < shape.trainable; i++) {
        const Variable& v = shape.variables[i];
        for (Index r = 0; v.kernel && r < v.rows; r++) {
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
    }
    for (Index lane = 0; lane < lanes; lane++) size += sizes[lane], square += squares[lane];
    // A term that is not used must not see its sum overflow.
    return (l1 > 0 ? l1 * size : T(0)) + (l2 > 0 ? l2 * square : T(0));
}

template <class T>
class Trainer {
   public:
    Trainer(const Spec& spec, const Member& member)
        : spec_(spec), member_(member), numbers_(static_cast<const T*>(member.numbers)),
          shape_(Shape::of<T>(spec, member.units)),
          network_(spec, shape_, numbers_, spec.batch, true) {
        trees_ = trees_of(spec.family, spec.uses), scalars_ = scalars_of(spec.family);
        averages_ = (spec.uses & kohort::averaging) != 0;
        for (const Variable& v : shape_.variables) {
            const Index rows = Network<T>::panel_rows(v.row);
            const Index panel = (rows < v.rows ? rows : v.rows) * v.row;
            panel_ = panel > panel_ ? panel : panel_;
        }
    }

    std::size_t bytes() {
        std::size_t total = network_.bytes();
        layout([&](Index count) { total += Arena::bytes<T>(count); return nullptr; });
        return total;
    }

    // Entries of a row of the optimizer's state, averages included.
    Index state_size() const { return scalars_ + (trees_ + averages_) * shape_.outer_trained; }
    Index size() const { return shape_.outer_size; }

    void run(const Chunk& chunk) {
        arena().begin(bytes());
        layout([](Index count) { return arena().template take<T>(count); });
        network_.place(arena());
        exchange(true);
        const T* pace = static_cast<const T*>(chunk.pace);
        T* losses = static_cast<T*>(chunk.losses);
        for (Index s = 0, first = 0; first < chunk.visited; s++, first += spec_.batch) {
            const Index left = chunk.visited - first;
            const Index rows = left < spec_.batch ? left : spec_.batch;
            draw(chunk, first, rows);
            losses[s] = step(rows, pace + s * kohort::PACE, member_.first + s);
        }
        exchange(false);
    }

   private:
    // Take each piece of memory, so that what is counted is what is taken.
    template <class Take>
    void layout(Take take) {
        variables_ = take(shape_.size);
        gradients_ = take(shape_.trained + panel_);
        state_ = take(shape_.trained * (trees_ + averages_));
        scratch_ = take(spec_.outputs * MOST_BLOCK);
        norms_ = take(shape_.widest);
        y_ = take(spec_.batch * spec_.targets);
        weight_ = take(spec_.batch);
    }

    // Gather a batch: features into blocks, targets, and each row's share of the batch's loss.
    void draw(const Chunk& chunk, Index first, Index rows) {
        network_.bring(chunk.x, chunk.ready ? nullptr : chunk.order, first, rows);
        const T* y = static_cast<const T*>(chunk.y);
        const T share = T(1) / T(rows);
        for (Index r = 0; r < rows; r++) {
            const Index row = Index(chunk.order[first + r]);
            std::memcpy(y_ + r * spec_.targets, y + row * spec_.targets, spec_.targets * sizeof(T));
            weight_[r] = chunk.weight ? T(double(share) * chunk.weight[row]) : share;
        }
    }

    T number(Number which) const { return numbers_[spec_.column[which]]; }
    bool uses(std::uint32_t which) const { return spec_.uses & which; }

    // Copy variables and state in, or out.
    void exchange(bool in) {
        T* params = static_cast<T*>(member_.params);
        T* state = static_cast<T*>(member_.state);
        const Index all = Index(shape_.variables.size());
        if (in) shape_.read(params, variables_, all);
        else shape_.write(variables_, params, all);
        for (Index i = 0; i < scalars_; i++) (in ? scalar_[i] : state[i]) = in ? state[i] : scalar_[i];
        for (Index t = 0; t < trees_ + averages_; t++) {
            T* outer = state + scalars_ + t * shape_.outer_trained;
            T* own = state_ + t * shape_.trained;
            if (in) shape_.read(outer, own, shape_.trainable);
            else shape_.write(own, outer, shape_.trainable);
        }
    }

    T step(Index rows, const T* pace, Index index) {
        Pass pass{rows, true, noise(), member_.seed, std::int32_t(index), spec_.batch};
        const T* out = network_.forward(variables_, pass);
        T loss = 0;
        losses_of(spec_, loss_numbers(spec_, numbers_), network_, out, y_, weight_, rows,
                  network_.gradient_of_output(), scratch_,
                  [&](Index row, T value) { loss += weight_[row] * value; });
        Rule<T> rule = rule_of(pace);
        begin_step(rule, scalar_);
        if (separable()) {
            Updating sink{*this, rule};
            network_.backward(variables_, sink, pass);
        } else {
            Keeping sink{gradients_};
            network_.backward(variables_, sink, pass);
            loss += penalty_of(spec_, shape_, numbers_, variables_, gradients_);
            follow(rule, pace);
        }
        average(index, true);
        if (uses(kohort::max_norm) && std::isfinite(number(kohort::n_max_norm))) constrain();
        average(index, false);
        return loss;
    }

    // Keeps all gradients of a step, for what depends on all of them.
    struct Keeping {
        T* gradients;
        T* vector(Index start) const { return gradients + start; }
        T* panel(Index start) const { return gradients + start; }
        void take(const T*, Index, Index) const {}
    };

    // Updates variables as soon as their gradients are known, which then need no memory of their own
    // but that of some rows of a kernel.
    struct Updating {
        Trainer& trainer;
        const Rule<T>& rule;
        T* vector(Index start) const { return trainer.gradients_ + start; }
        T* panel(Index) const { return trainer.gradients_ + trainer.shape_.trained; }
        void take(T* gradients, Index start, Index count) const {
            trainer.update(rule, gradients, start, count);
        }
    };

    // Whether each entry's step depends on its own gradient alone.
    bool separable() const {
        const auto on = [&](std::uint32_t use, Number which) {
            return uses(use) && number(which) > 0 && !std::isinf(number(which));
        };
        return !uses(kohort::freezing) && !on(kohort::clipvalue, kohort::n_clipvalue) &&
               !on(kohort::clipnorm, kohort::n_clipnorm) &&
               !on(kohort::global_clipnorm, kohort::n_global_clipnorm) &&
               !on(kohort::l1, kohort::n_l1) && !on(kohort::l2, kohort::n_l2);
    }

    // Let `count` entries of the variables from `start` on take their step; `g` holds their gradients.
    void update(const Rule<T>& rule, T* __restrict g, Index start, Index count) {
        steps_of(rule, g, state_ + start, shape_.trained, count);
        T* __restrict w = variables_ + start;
        if (uses(kohort::weight_decay)) {
            const T shrink = rule.rate * number(kohort::n_weight_decay);
            for (Index i = 0; i < count; i++) w[i] += g[i] - shrink * w[i];
        } else {
            for (Index i = 0; i < count; i++) w[i] += g[i];
        }
    }

    // Techniques that draw, of which the member's own number says that it uses them.
    std::uint32_t noise() const {
        std::uint32_t found = 0;
        const auto add = [&](std::uint32_t use, Number which) {
            if (uses(use) && number(which) > 0) found |= use;
        };
        add(kohort::dropout, kohort::n_dropout);
        add(kohort::input_dropout, kohort::n_input_dropout);
        add(kohort::alpha_dropout, kohort::n_alpha_dropout);
        add(kohort::gaussian_noise, kohort::n_gaussian_noise);
        return found;
    }

    // What a step makes of all gradients together: thaw, clip, update.
    void follow(const Rule<T>& rule, const T* pace) {
        const bool free = !uses(kohort::freezing) || pace[kohort::p_thawed] > 0;
        const Index hidden = shape_.before_output;
        if (!free) std::memset(gradients_, 0, hidden * sizeof(T));
        clip();
        if (free)
            update(rule, gradients_, 0, hidden);
        else  // The state goes on, the variables stay.
            steps_of(rule, gradients_, state_, shape_.trained, hidden);
        update(rule, gradients_ + hidden, hidden, shape_.trained - hidden);
    }

    Rule<T> rule_of(const T* pace) const {
        Rule<T> rule{};
        rule.family = spec_.family;
        rule.amsgrad_part = uses(kohort::amsgrad);
        rule.momentum_part = uses(kohort::momentum_used);
        rule.centered_part = uses(kohort::centered);
        rule.rate = pace[kohort::p_learning_rate], rule.momentum = pace[kohort::p_momentum];
        rule.beta_1 = pace[kohort::p_beta_1], rule.gain_1 = pace[kohort::p_gain_1];
        rule.beta_2 = number(kohort::n_beta_2), rule.gain_2 = number(kohort::n_gain_2);
        rule.rho = number(kohort::n_rho), rule.gain_rho = number(kohort::n_gain_rho);
        rule.epsilon = number(kohort::n_epsilon);
        rule.nesterov = number(kohort::n_nesterov) > 0;
        rule.amsgrad = number(kohort::n_amsgrad) > 0;
        rule.centered = number(kohort::n_centered) > 0;
        return rule;
    }

    static T squared_norm(const T* x, Index count) {
        using V = typename Simd<T>::Full;
        V total{};
        Index i = 0;
        for (; i + Simd<T>::lanes <= count; i += Simd<T>::lanes) {
            const V part = load<V>(x + i);
            total += part * part;
        }
        T found = 0;
        for (Index lane = 0; lane < Simd<T>::lanes; lane++) found += total[lane];
        for (; i < count; i++) found += x[i] * x[i];
        return found;
    }

    static void scale(T* x, Index count, T factor) {
        for (Index i = 0; i < count; i++) x[i] *= factor;
    }

    void clip() {
        if (uses(kohort::clipnorm)) {
            const T limit = number(kohort::n_clipnorm);
            for (Index i = 0; !std::isinf(limit) && i < shape_.trainable; i++) {
                const Variable& v = shape_.variables[i];
                T* g = gradients_ + v.place;
                const T norm = std::sqrt(squared_norm(g, v.rows * v.row));
                scale(g, v.rows * v.row, limit / (norm > limit || norm != norm ? norm : limit));
            }
        }
        if (uses(kohort::global_clipnorm)) {
            const T limit = number(kohort::n_global_clipnorm);
            if (!std::isinf(limit)) {
                const T norm = std::sqrt(squared_norm(gradients_, shape_.trained));
                const T nan = std::numeric_limits<T>::quiet_NaN();
                scale(gradients_, shape_.trained,
                      std::isfinite(norm) ? limit / (norm > limit ? norm : limit) : nan);
            }
        }
        if (uses(kohort::clipvalue)) {
            const T limit = number(kohort::n_clipvalue);
            for (Index i = 0; i < shape_.trained; i++)
                gradients_[i] = gradients_[i] < -limit  ? -limit
                                : gradients_[i] > limit ? limit
                                                        : gradients_[i];
        }
    }

    // Keras's MaxNorm over the incoming weights of each hidden unit.
    void constrain() {
        const T limit = number(kohort::n_max_norm);
        for (Index l = 0; l < spec_.hidden; l++) {
            const Variable& v = shape_.variables[shape_.layers[l].kernel];
            T* __restrict factor = norms_;
            for (Index c = 0; c < v.columns; c++) factor[c] = 0;
            for (Index r = 0; r < v.rows; r++) {
                const T* w = variables_ + v.place + r * v.row;
                for (Index c = 0; c < v.columns; c++) factor[c] += w[c] * w[c];
            }
            for (Index c = 0; c < v.columns; c++) {
                const T norm = std::sqrt(factor[c]);
                factor[c] = (norm < limit || norm != norm ? norm : limit) / (T(1e-7) + norm);
            }
            for (Index r = 0; r < v.rows; r++) {
                T* w = variables_ + v.place + r * v.row;
                for (Index c = 0; c < v.columns; c++) w[c] *= factor[c];
            }
        }
    }

    // Keras's exponential moving average, of the weights before they are constrained; a member
    // without one keeps its plain weights, after.
    void average(Index index, bool before_constraint) {
        const bool on = number(kohort::n_averaged) > 0;
        if (!averages_ || on != before_constraint) return;
        T* mean = state_ + trees_ * shape_.trained;
        const T stay = on && index > 0 ? number(kohort::n_ema_momentum) : T(0);
        for (Index i = 0; i < shape_.trained; i++)
            mean[i] = on ? stay * mean[i] + (1 - stay) * variables_[i] : variables_[i];
    }

    const Spec& spec_;
    const Member& member_;
    const T* numbers_;
    Shape shape_;
    Network<T> network_;
    Index trees_, scalars_;
    bool averages_;
    T *variables_, *gradients_, *state_, *scratch_, *norms_;
    T *y_, *weight_;  // of a batch
    T scalar_[2] = {};
    Index panel_ = 0;
};

// A member's network for passes without training, over blocks of rows.
template <class T>
class Reader {
   public:
    Reader(const Spec& spec, const Member& member, Index most_rows)
        : spec_(spec), numbers_(static_cast<const T*>(member.numbers)),
          shape_(Shape::of<T>(spec, member.units)),
          network_(spec, shape_, numbers_, most_rows, false) {
        arena().begin(network_.bytes() + Arena::bytes<T>(shape_.size) +
                      Arena::bytes<T>(spec.outputs * MOST_BLOCK));
        variables_ = arena().template take<T>(shape_.size);
        scratch_ = arena().template take<T>(spec.outputs * MOST_BLOCK);
        network_.place(arena());
        shape_.read(static_cast<const T*>(member.params), variables_,
                    Index(shape_.variables.size()));
    }

    const T* pass(const Table& table, Index first, const Pass& how) {
        network_.bring(table.x, nullptr, first, how.rows);
        return network_.forward(variables_, how);
    }

    void judge(const Table& table, T* sums) {
        const T* y = static_cast<const T*>(table.y);
        const T* weight = static_cast<const T*>(table.weight);
        const LossNumbers<T> numbers = loss_numbers(spec_, numbers_);
        double loss = 0, right = 0;
        for (Index start = 0; start < table.rows; start += MOST_BLOCK) {
            const Index rows = rest(table.rows, start);
            const T* out = pass(table, start, {rows});
            losses_of<T>(spec_, numbers, network_, out, y + start * spec_.targets, weight + start,
                         rows, nullptr, scratch_, [&](Index row, T value) {
                             loss += double(weight[start + row] * value);
                         });
            right += double(hits(spec_.loss, y + start * spec_.targets, spec_.targets, out,
                                 network_.side(), spec_.outputs, rows));
        }
        sums[0] = T(loss), sums[1] = T(right), sums[2] = penalty_of<T>(spec_, shape_, numbers_, variables_, nullptr);
    }

    void outputs(const Table& table, Index first, const Pass& how, T* to) {
        const T* out = pass(table, first, how);
        const Index side = network_.side();
        for (Index b = 0; b < network_.blocks(); b++)
            for (Index r = 0; r < side && b * side + r < how.rows; r++)
                for (Index n = 0; n < spec_.outputs; n++)
                    to[(b * side + r) * spec_.outputs + n] = out[(b * spec_.outputs + n) * side + r];
    }

    static Index rest(Index rows, Index start, Index block = MOST_BLOCK) {
        return rows - start < block ? rows - start : block;
    }

   private:
    const Spec& spec_;
    const T* numbers_;
    Shape shape_;
    Network<T> network_;
    T *variables_, *scratch_;
};

template <class T>
std::size_t memory(const Spec& spec) {
    return Trainer<T>(spec, {nullptr, nullptr, nullptr, spec.widths, 0, 0}).bytes();
}

template <class T>
kohort::Sizes sizes(const Spec& spec) {
    const Trainer<T> trainer(spec, {nullptr, nullptr, nullptr, spec.widths, 0, 0});
    return {trainer.size(), trainer.state_size()};
}

template <class T>
void train(const Spec& spec, const Member& member, const Chunk& chunk) {
    Trainer<T>(spec, member).run(chunk);
}

template <class T>
void judge(const Spec& spec, const Member& member, const Table& table, void* sums) {
    Reader<T>(spec, member, MOST_BLOCK).judge(table, static_cast<T*>(sums));
}

template <class T>
void predict(const Spec& spec, const Member& member, const Table& table, void* outputs) {
    Reader<T> reader(spec, member, MOST_BLOCK);
    for (Index start = 0; start < table.rows; start += MOST_BLOCK)
        reader.outputs(table, start, {Reader<T>::rest(table.rows, start)},
                       static_cast<T*>(outputs) + start * spec.outputs);
}

template <class T>
void sample(const Spec& spec, const Member& member, const Table& table, const Sampling& sampling,
            void* outputs) {
    Reader<T> reader(spec, member, sampling.block);
    for (Index start = 0, number = 0; start < table.rows; start += sampling.block, number++)
        for (Index index = 0; index < sampling.passes; index++) {
            Pass how{Reader<T>::rest(table.rows, start, sampling.block)};
            how.noise = spec.uses & (kohort::dropout | kohort::input_dropout | kohort::alpha_dropout);
            how.seed = mix(sampling.seed + std::uint32_t(sampling.position + number));
            how.step = std::int32_t(index), how.batch = sampling.block;
            reader.outputs(table, start, how,
                           static_cast<T*>(outputs) +
                               (index * table.rows + start) * spec.outputs);
        }
}

}  // namespace KOHORT_ISA
