// Dropout, of kohort's own and of Keras's kind, and noise, over blocks of rows.
#pragma once

#include "activations.hpp"
#include "noise.hpp"
#include "normalisation.hpp"
#include "spec.hpp"

namespace KOHORT_ISA {

using kohort::Spec;

// On what the random numbers of a pass depend, beside the layer.
struct Drawing {
    std::uint32_t seed;
    std::int32_t step;
    Index batch;  // rows of a whole batch
};

// x = (x survives ? x * scale : dropped) + shift; `survivors(block)` says who survives. The factors
// are kept for the way back unless `kept` is null.
template <class T, class Who>
inline void drop_to(const Blocks& of, T* x, T* kept, T scale, T dropped, T shift, Who survivors) {
    for (Index b = 0; b < of.count; b++) {
        const Index exist = of.real(b);
        const auto living = survivors(b);
        for (Index unit = 0; unit < of.units; unit++) {
            const Index start = of.start(b, unit);
            T own[MOST_BLOCK];
            T* factor = kept ? kept + start : own;
            for (Index r = 0; r < exist; r++) factor[r] = living.keeps(r, unit) ? scale : T(0);
            // Not a product: what is dropped may not be finite.
            for (Index r = 0; r < exist; r++)
                x[start + r] = (factor[r] != 0 ? x[start + r] * scale : dropped) + shift;
        }
    }
}

// Whether a layer's number drops anything: a rate or, with Keras's noise, the share that survives.
template <class T>
inline bool drops(const Spec& spec, T number) {
    return spec.uses & kohort::keras_noise ? number < 1 : number > 0;
}

// Inverted dropout, Srivastava et al. 2014.
template <class T>
inline void drop(const Spec& spec, const Blocks& of, T* x, T* kept, T number, std::uint32_t stream,
                 const Drawing& from) {
    if (!drops(spec, number)) return;
    if (spec.uses & kohort::keras_noise) {
        const Noise noise = KerasSurvivors::noise(from.seed, from.step, stream);
        drop_to(of, x, kept, 1 / number, T(0), T(0), [&](Index b) {
            return KerasSurvivors(noise, double(number), b * of.side, of.real(b));
        });
        return;
    }
    const Noise noise(from.seed, from.step, stream);
    drop_to(of, x, kept, 1 / (1 - number), T(0), T(0), [&](Index b) {
        return Survivors(noise, double(number), b * of.side, of.real(b), from.batch);
    });
}

// Keras's AlphaDropout: dropped units take SELU's lower limit; mean and variance are kept.
template <class T>
inline void drop_alpha(const Blocks& of, T* x, T* kept, T rate, std::uint32_t stream,
                       const Drawing& from) {
    if (!(rate > 0)) return;
    const T limit = -SELU_ALPHA<T> * SELU_SCALE<T>;
    const T scale = 1 / std::sqrt((1 - rate) * (1 + rate * limit * limit));
    const T shift = -scale * limit * rate;
    const Noise noise(from.seed, from.step, stream);
    drop_to(of, x, kept, scale, scale * limit, shift, [&](Index b) {
        return Survivors(noise, double(rate), b * of.side, of.real(b), from.batch);
    });
}

// Normal noise, Bishop 1995.
template <class T>
inline void add_noise(const Blocks& of, T* x, T deviation, const Drawing& from) {
    if (!(deviation > 0)) return;
    const Noise noise(from.seed, from.step, GAUSSIAN_NOISE);
    for (Index b = 0; b < of.count; b++) {
        const Index exist = of.real(b);
        std::uint32_t rows[MOST_BLOCK];
        for (Index r = 0; r < exist; r++) rows[r] = noise.row(b * of.side + r);
        for (Index f = 0; f < of.units; f++) {
            T* values = x + of.start(b, f);
#pragma GCC ivdep
            for (Index r = 0; r < exist; r++)
                values[r] += deviation * T(normal_of(Noise::bits(rows[r], f)));
        }
    }
}

}  // namespace KOHORT_ISA
