// One member's training: steps of it.
#pragma once

#include "judging.hpp"
#include "optimizers.hpp"

namespace KOHORT_ISA {

using kohort::Chunk;
using kohort::Member;

inline Arena& arena() {
    thread_local Arena own;
    return own;
}

template <class T>
class Trainer {
   public:
    Trainer(const Spec& spec, const Member& member)
        : spec_(spec), member_(member), numbers_(static_cast<const T*>(member.numbers)),
          shape_(Shape::of<T>(spec, member.units)),
          network_(spec, shape_, numbers_, spec.batch, true) {
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

    void run(const Chunk& chunk) {
        arena().begin(bytes());
        layout([](Index count) { return arena().template take<T>(count); });
        network_.place(arena());
        exchange(true);
        exchange_metrics(true);
        const T* pace = static_cast<const T*>(chunk.pace);
        T* losses = static_cast<T*>(chunk.losses);
        for (Index s = 0, first = 0; first < chunk.visited; s++, first += spec_.batch) {
            const Index left = chunk.visited - first;
            const Index rows = left < spec_.batch ? left : spec_.batch;
            draw(chunk, first, rows);
            losses[s] = step(rows, pace + s * kohort::PACE, member_.first + s);
        }
        exchange(false);
        exchange_metrics(false);
    }

   private:
    // Take each piece of memory, so that what is counted is what is taken.
    template <class Take>
    void layout(Take take) {
        variables_ = take(shape_.size);
        gradients_ = take(shape_.trained + panel_);
        state_ = take(shape_.trained * (spec_.trees + averages_));
        scratch_ = take(spec_.outputs * MOST_BLOCK);
        norms_ = take(shape_.widest);
        metrics_ = take(2 * spec_.metric_count);
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

    T number(Number which) const { return network_.number(which); }
    bool uses(std::uint32_t which) const { return spec_.uses & which; }

    // Copy variables and state in, or out.
    void exchange(bool in) {
        T* params = static_cast<T*>(member_.params);
        T* state = spec_.state_in_params ? params : static_cast<T*>(member_.state);
        for (Index i = 0; i < Index(shape_.variables.size()); i++)
            copy(in, params, shape_.variables[i].outer_place, variables_, i);
        for (Index i = 0; i < spec_.scalars; i++) {
            T& outer = state[spec_.scalar_places[i]];
            (in ? scalar_[i] : outer) = in ? outer : scalar_[i];
        }
        for (Index t = 0; t < spec_.trees + averages_; t++)
            for (Index i = 0; i < shape_.trainable; i++)
                copy(in, state, spec_.state_places[t * shape_.trainable + i],
                     state_ + t * shape_.trained, i);
    }

    // Totals and counts of metrics, which begin anew with each epoch.
    void exchange_metrics(bool in) {
        T* params = static_cast<T*>(member_.params);
        for (Index i = 0; i < spec_.metric_count; i++) {
            const Index place = spec_.metrics[i].place;
            if (place < 0) continue;
            for (Index part = 0; part < 2; part++) {
                T &outer = params[place + part], &own = metrics_[2 * i + part];
                (in ? own : outer) = in ? outer : own;
            }
        }
    }

    void copy(bool in, T* outer, Index place, T* own, Index variable) const {
        if (in) shape_.read(outer, place, own, variable);
        else shape_.write(own, outer, place, variable);
    }

    T step(Index rows, const T* pace, Index index) {
        Pass pass{rows, true, true, true, member_.seed, std::int32_t(index), spec_.batch};
        const T* raw = network_.forward(variables_, pass);
        const T* out = network_.activated();
        T loss = 0;
        losses_of(spec_, network_, raw, out, y_, weight_, rows,
                  network_.gradient_of_output(), scratch_,
                  [&](Index row, T value) { loss += weight_[row] * value; });
        if (spec_.metric_count) {
            if (pace[kohort::p_fresh] > 0)
                std::memset(metrics_, 0, 2 * spec_.metric_count * sizeof(T));
            measure(spec_, network_, raw, out, y_, weight_, T(rows), rows, true, metrics_);
        }
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
        for (Index l = 0; l <= spec_.hidden; l++) constrain(l);
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
               !is_penalised(spec_, numbers_);
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
        if (uses(kohort::steady_momentum)) {
            rule.momentum = number(kohort::n_momentum);
            rule.beta_1 = number(kohort::n_beta_1), rule.gain_1 = number(kohort::n_gain_1);
        }
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

    // Keras's MaxNorm over the incoming weights of each unit of a layer.
    void constrain(Index l) {
        const std::int32_t column = spec_.layers[l].max_norm;
        const T limit = network_.number_at(column);
        if (column < 0 || !std::isfinite(limit)) return;
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

    // Keras's exponential moving average, of the weights before they are constrained; a member
    // without one keeps its plain weights, after.
    void average(Index index, bool before_constraint) {
        const bool on = number(kohort::n_averaged) > 0;
        if (!averages_ || on != before_constraint) return;
        T* mean = state_ + spec_.trees * shape_.trained;
        const T stay = on && index > 0 ? number(kohort::n_ema_momentum) : T(0);
        for (Index i = 0; i < shape_.trained; i++)
            mean[i] = on ? stay * mean[i] + (1 - stay) * variables_[i] : variables_[i];
    }

    const Spec& spec_;
    const Member& member_;
    const T* numbers_;
    Shape shape_;
    Network<T> network_;
    bool averages_;
    T *variables_, *gradients_, *state_, *scratch_, *norms_, *metrics_;
    T *y_, *weight_;  // of a batch
    T scalar_[2] = {};
    Index panel_ = 0;
};

}  // namespace KOHORT_ISA
