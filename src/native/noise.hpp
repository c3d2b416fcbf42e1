// Random bits of a member's own: an integer hash of its seed, step, layer, row and unit.
//
// The same numbers as kohort.networks.randomness, bit for bit.
#pragma once

#include "math.hpp"

namespace KOHORT_ISA {

constexpr std::uint32_t INPUT_DROPOUT = 1u << 20, GAUSSIAN_NOISE = (1u << 20) + 1;

KOHORT_INLINE std::uint32_t mix(std::uint32_t bits) {
    bits ^= bits >> 16;
    bits *= 0x85EBCA6Bu;
    bits ^= bits >> 13;
    bits *= 0xC2B2AE35u;
    return bits ^ (bits >> 16);
}

struct Noise {
    std::uint32_t start;

    Noise(std::uint32_t seed, std::int32_t step, std::uint32_t stream) {
        start = mix(seed ^ (0x9E3779B9u * (stream + 1)));
        start = mix(start + std::uint32_t(step) * 0x9E3779B1u);
    }

    KOHORT_INLINE std::uint32_t row(Index number) const {
        return mix(start ^ (std::uint32_t(number) * 0x85EBCA77u));
    }

    KOHORT_INLINE static std::uint32_t bits(std::uint32_t row, Index unit) {
        return mix(row + std::uint32_t(unit) * 0xC2B2AE3Du);
    }
};

// Which units of some rows survive dropout. One pattern of 32 bits decides for two rows: one in the
// first and one in the second half of a whole batch.
struct Survivors {
    std::uint32_t rows[64], shift[64], limit;

    Survivors(const Noise& noise, double rate, Index first, Index count, Index batch) {
        limit = std::uint32_t(std::nearbyint(rate * 65536));
        const Index half = (batch + 1) / 2;
        for (Index r = 0; r < count; r++) {
            const Index number = first + r;
            rows[r] = noise.row(number < half ? number : number - half);
            shift[r] = number < half ? 0 : 16;
        }
    }

    KOHORT_INLINE bool keeps(Index row, Index unit) const {
        return ((Noise::bits(rows[row], unit) >> shift[row]) & 0xFFFFu) >= limit;
    }
};

// The same as `jax.random.bernoulli` makes of such bits, in which Keras's layers draw their masks;
// `share` is the probability to survive, rounded to single precision.
struct KerasSurvivors {
    std::uint32_t rows[64], limit;

    // The bits of one generator of a model, see kohort.networks.lifted.functions.
    static Noise noise(std::uint32_t seed, std::int32_t step, std::uint32_t generator) {
        return Noise(mix(seed + 0x9E3779B9u * (generator + 1)), std::int32_t(1024u * std::uint32_t(step)), 0);
    }

    KerasSurvivors(const Noise& noise, double share, Index first, Index count) {
        limit = std::uint32_t(std::ceil(share * 0x1p23));
        for (Index r = 0; r < count; r++) rows[r] = noise.row(first + r);
    }

    KOHORT_INLINE bool keeps(Index row, Index unit) const {
        return (Noise::bits(rows[row], unit) >> 9) < limit;
    }
};

KOHORT_INLINE float normal_of(std::uint32_t bits) {
    const float uniform = float(bits >> 9) * 0x1p-23f + 0x1p-24f;
    return 1.41421356237309504880f * erfinv(2 * uniform - 1);
}

}  // namespace KOHORT_ISA
