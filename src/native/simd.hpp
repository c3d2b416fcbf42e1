// Vectors of the instruction set that this source is compiled for, behind the compiler's extensions.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__AVX512F__)
#define KOHORT_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define KOHORT_VECTOR_BYTES 32
#else
#define KOHORT_VECTOR_BYTES 16
#endif

#if defined(__AVX512F__) || defined(__aarch64__)
#define KOHORT_MANY_REGISTERS 1
#else
#define KOHORT_MANY_REGISTERS 0
#endif

#define KOHORT_INLINE inline __attribute__((always_inline))

namespace KOHORT_ISA {

using Index = std::ptrdiff_t;

// Full vectors, and vectors of half the size for what is left of a row (none below 32 bytes).
template <class T>
struct Simd {
    static constexpr int bytes = KOHORT_VECTOR_BYTES;
    static constexpr int tail_bytes = bytes >= 32 ? bytes / 2 : bytes;
    typedef T Full __attribute__((vector_size(bytes)));
    typedef T Tail __attribute__((vector_size(tail_bytes)));
    static constexpr Index lanes = bytes / sizeof(T);
    static constexpr Index tail = tail_bytes / sizeof(T);
};

template <class V, class T>
KOHORT_INLINE V load(const T* from) {
    V value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

template <class V, class T>
KOHORT_INLINE void store(T* to, V value) {
    std::memcpy(to, &value, sizeof value);
}

template <class V, class T>
KOHORT_INLINE V broadcast(T value) {
    return value - V{};
}

KOHORT_INLINE Index rounded_up(Index count, Index step) { return (count + step - 1) / step * step; }

template <class T>
KOHORT_INLINE Index padded(Index count) {
    return rounded_up(count, Simd<T>::tail);
}

}  // namespace KOHORT_ISA
