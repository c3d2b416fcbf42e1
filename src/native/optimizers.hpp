// Update rules over a range of variables: each leaves in `g` what is to be added to `p`.
//
// The formulas are those of kohort.recipe.optimizers, which are Keras's.
#pragma once

#include "math.hpp"
#include "spec.hpp"

namespace KOHORT_ISA {

using kohort::Family;

template <class T>
struct Rule {
    Family family;
    bool amsgrad_part, momentum_part, centered_part;
    T rate, momentum, beta_1, gain_1, beta_2, gain_2, rho, gain_rho, epsilon;
    bool nesterov, amsgrad, centered;
    // Of the step, computed once.
    T adam_rate, unbias, of_mean, of_gradient;
};

// Advance the scalars of a state, the number of the step and Nadam's product of momenta, and compute
// what all entries of a step share.
template <class T>
inline void begin_step(Rule<T>& rule, T* scalars) {
    scalars[0] += 1;
    const T count = scalars[0];
    const bool unbiased = rule.family == Family::adam || rule.family == Family::adamax ||
                          rule.family == Family::nadam;
    if (!unbiased) return;
    const T second = std::sqrt(1 - std::pow(rule.beta_2, count));
    if (rule.family == Family::adam)
        rule.adam_rate = rule.rate * second / (1 - std::pow(rule.beta_1, count));
    if (rule.family == Family::adamax)
        rule.adam_rate = rule.rate / (1 - std::pow(rule.beta_1, count));
    if (rule.family == Family::nadam) {
        const T fade = T(0.5) * std::pow(T(0.96), count);
        const T mu = rule.beta_1 * (1 - fade), next = rule.beta_1 * (1 - T(0.96) * fade);
        scalars[1] *= mu;
        rule.of_mean = rule.rate * next / (1 - scalars[1] * next);
        rule.of_gradient = rule.rate * (1 - mu) / (1 - scalars[1]);
        rule.unbias = 1 / second;
    }
}

// `trees` are the state's arrays over the same entries, each `stride` from the one before.
template <class T>
inline void steps_of(const Rule<T>& rule, T* __restrict g, T* trees, Index stride, Index count) {
    T* __restrict s0 = trees;
    T* __restrict s1 = trees + stride;
    const T rate = rule.rate, mu = rule.momentum, epsilon = rule.epsilon;
    switch (rule.family) {
        case Family::sgd:
            for (Index i = 0; i < count; i++) g[i] = -rate * g[i];
            return;
        case Family::momentum:
            if (rule.nesterov) {
                for (Index i = 0; i < count; i++) {
                    s0[i] = mu * s0[i] - rate * g[i];
                    g[i] = mu * s0[i] - rate * g[i];
                }
            } else {
                for (Index i = 0; i < count; i++) g[i] = s0[i] = mu * s0[i] - rate * g[i];
            }
            return;
        case Family::rmsprop: {
            const T rho = rule.rho, gain = rule.gain_rho;
            T* velocity = rule.momentum_part ? s1 : nullptr;
            T* mean = rule.centered_part ? trees + stride * (1 + rule.momentum_part) : nullptr;
            for (Index i = 0; i < count; i++) s0[i] = rho * s0[i] + gain * (g[i] * g[i]);
            if (mean) {
                const T on = rule.centered ? T(1) : T(0);
                for (Index i = 0; i < count; i++) mean[i] = rho * mean[i] + gain * g[i];
                for (Index i = 0; i < count; i++)
                    g[i] = rate * g[i] / std::sqrt(s0[i] - on * (mean[i] * mean[i]) + epsilon);
            } else {
                for (Index i = 0; i < count; i++)
                    g[i] = rate * g[i] / std::sqrt(s0[i] + epsilon);
            }
            if (velocity)
                for (Index i = 0; i < count; i++) g[i] = velocity[i] = mu * velocity[i] + g[i];
            for (Index i = 0; i < count; i++) g[i] = -g[i];
            return;
        }
        case Family::adam: {
            const T gain_1 = rule.gain_1, gain_2 = rule.gain_2, adam_rate = rule.adam_rate;
            if (rule.amsgrad_part) {
                T* __restrict s2 = trees + 2 * stride;
                const bool on = rule.amsgrad;
                for (Index i = 0; i < count; i++) {
                    s0[i] += (g[i] - s0[i]) * gain_1;
                    s1[i] += (g[i] * g[i] - s1[i]) * gain_2;
                    s2[i] = on && (s2[i] > s1[i] || s2[i] != s2[i]) ? s2[i] : s1[i];
                    g[i] = -adam_rate * s0[i] / (std::sqrt(s2[i]) + epsilon);
                }
                return;
            }
            for (Index i = 0; i < count; i++) {
                s0[i] += (g[i] - s0[i]) * gain_1;
                s1[i] += (g[i] * g[i] - s1[i]) * gain_2;
                g[i] = -adam_rate * s0[i] / (std::sqrt(s1[i]) + epsilon);
            }
            return;
        }
        case Family::adamax:
            for (Index i = 0; i < count; i++) {
                const T size = std::fabs(g[i]), old = rule.beta_2 * s1[i];
                s0[i] += (g[i] - s0[i]) * rule.gain_1;
                s1[i] = old > size || old != old ? old : size;
                g[i] = -rule.adam_rate * s0[i] / (s1[i] + epsilon);
            }
            return;
        case Family::nadam: {
            const T gain_1 = 1 - rule.beta_1, gain_2 = 1 - rule.beta_2;
            for (Index i = 0; i < count; i++) {
                s0[i] += (g[i] - s0[i]) * gain_1;
                s1[i] += (g[i] * g[i] - s1[i]) * gain_2;
                g[i] = -(rule.of_mean * s0[i] + rule.of_gradient * g[i]) /
                       (std::sqrt(s1[i]) * rule.unbias + epsilon);
            }
            return;
        }
        case Family::adagrad:
            for (Index i = 0; i < count; i++) {
                s0[i] += g[i] * g[i];
                g[i] = -rate * g[i] / std::sqrt(s0[i] + epsilon);
            }
            return;
        case Family::adadelta:
            for (Index i = 0; i < count; i++) {
                s0[i] = rule.rho * s0[i] + rule.gain_rho * (g[i] * g[i]);
                const T move = -std::sqrt(s1[i] + epsilon) * g[i] / std::sqrt(s0[i] + epsilon);
                s1[i] = rule.rho * s1[i] + rule.gain_rho * (move * move);
                g[i] = rate * move;
            }
            return;
        case Family::lion: {
            const T beta_1 = rule.beta_1, beta_2 = rule.beta_2;
            const T gain_1 = 1 - beta_1, gain_2 = 1 - beta_2;
            for (Index i = 0; i < count; i++) {
                const T ahead = beta_1 * s0[i] + gain_1 * g[i];
                s0[i] = beta_2 * s0[i] + gain_2 * g[i];
                // The sign; 0 and NaN are their own.
                g[i] = ahead > 0 ? -rate : ahead;
                g[i] = ahead < 0 ? rate : g[i];
            }
            return;
        }
    }
}

}  // namespace KOHORT_ISA
