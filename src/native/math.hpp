// Elementary functions without branches, so that loops over them become vector code.
//
// Errors are a few units in the last place. NaN stays NaN; results that are too large are infinite.
#pragma once

#include <cmath>
#include <limits>
#include <type_traits>

#include "simd.hpp"

namespace KOHORT_ISA {

template <class T>
struct Bits;
template <>
struct Bits<float> {
    using Whole = std::int32_t;
    static constexpr int mantissa = 23, bias = 127, terms_exp = 7, terms_log = 5, terms_log1p = 8;
    static constexpr float most = 88.72283f, least = -87.33654f;
    static constexpr float ln2_high = 0.693145752f, ln2_low = 1.42860677e-6f;
    static constexpr float rounder = 12582912.0f;
};
template <>
struct Bits<double> {
    using Whole = std::int64_t;
    static constexpr int mantissa = 52, bias = 1023, terms_exp = 13, terms_log = 11,
                         terms_log1p = 17;
    static constexpr double most = 709.782712893384, least = -708.396418532264;
    static constexpr double ln2_high = 0.69314718036912381649, ln2_low = 1.9082149292705877e-10;
    static constexpr double rounder = 6755399441055744.0;
};

template <class T>
KOHORT_INLINE T positive_part(T x) {
    return x > 0 ? x : (x != x ? x : T(0));
}

// 2**n as the bits of its exponent, for n within the exponents of normal numbers.
template <class T>
KOHORT_INLINE T power_of_two(typename Bits<T>::Whole n) {
    return std::bit_cast<T>((n + Bits<T>::bias) << Bits<T>::mantissa);
}

// exp(x) = 2**n (1 + p): p is the Taylor series of expm1 over |r| <= ln(2) / 2. The largest exponent
// does not fit; there it is 2**(n - 1) (1 + q), with q = 1 + 2 p.
template <class T>
KOHORT_INLINE void exp_parts(T x, T& scale, T& p) {
    using B = Bits<T>;
    x = x < B::least ? B::least : (x > B::most ? B::most : x);
    T n = x * T(1.44269504088896340736) + B::rounder;
    n -= B::rounder;
    T r = x - n * B::ln2_high - n * B::ln2_low;
    T series = T(1) / T(B::terms_exp);
#pragma GCC unroll 16
    for (int k = B::terms_exp - 1; k >= 1; k--) series = T(1) / T(k) * (T(1) + r * series);
    // series = (1 + r/2 (1 + r/3 (...))), so that expm1(r) = r series.
    p = r * series;
    using W = typename B::Whole;
    const W whole = W(n);
    scale = power_of_two<T>(whole > B::bias ? W(B::bias) : whole);
    p = whole > B::bias ? 1 + 2 * p : p;
}

template <class T>
KOHORT_INLINE T fast_exp(T x) {
    T scale, p;
    exp_parts(x, scale, p);
    T value = scale + scale * p;
    value = x > Bits<T>::most ? std::numeric_limits<T>::infinity() : value;
    value = x < Bits<T>::least ? T(0) : value;
    return x != x ? x : value;
}

template <class T>
KOHORT_INLINE T fast_expm1(T x) {
    T scale, p;
    exp_parts(x, scale, p);
    T value = scale * p + (scale - 1);
    value = x > Bits<T>::most ? std::numeric_limits<T>::infinity() : value;
    return x != x ? x : value;
}

// 2 artanh(s), for |s| <= 1/3.
template <class T, int terms>
KOHORT_INLINE T twice_artanh(T s) {
    const T square = s * s;
    T series = T(1) / T(2 * terms + 1);
#pragma GCC unroll 20
    for (int k = terms - 1; k >= 0; k--) series = T(1) / T(2 * k + 1) + square * series;
    return 2 * s * series;
}

// log(1 + u) for 0 <= u <= 1.
template <class T>
KOHORT_INLINE T fast_log1p(T u) {
    return twice_artanh<T, Bits<T>::terms_log1p>(u / (2 + u));
}

// log(x) for normal x > 0, and for infinity.
template <class T>
KOHORT_INLINE T fast_log(T x) {
    using B = Bits<T>;
    using W = typename B::Whole;
    const W bits = std::bit_cast<W>(x);
    W exponent = (bits >> B::mantissa) - B::bias;
    T m = std::bit_cast<T>((bits & ((W(1) << B::mantissa) - 1)) | (W(B::bias) << B::mantissa));
    const bool large = m > T(1.41421356237309504880);
    m = large ? m / 2 : m;
    exponent = large ? exponent + 1 : exponent;
    const T n = T(exponent);
    const T value =
        n * B::ln2_high + (twice_artanh<T, B::terms_log>((m - 1) / (m + 1)) + n * B::ln2_low);
    return x <= std::numeric_limits<T>::max() ? value : x;
}

template <class T>
KOHORT_INLINE T fast_sigmoid(T x) {
    return 1 / (1 + fast_exp(-x));
}

template <class T>
KOHORT_INLINE T fast_softplus(T x) {
    return positive_part(x) + fast_log1p(fast_exp(x > 0 ? -x : x));
}

template <class T>
KOHORT_INLINE T fast_tanh(T x) {
    const T e = fast_expm1(-2 * (x > 0 ? x : -x));
    const T size = -e / (e + 2);
    return x > 0 ? size : -size;
}

// The error function: a series about 0, and exp(-x^2) times a polynomial beyond.
KOHORT_INLINE double fast_erf(double x) { return std::erf(x); }

KOHORT_INLINE float fast_erf(float x) {
    const float size = x > 0 ? x : -x;
    const float square = size * size;
#include "erf.inc"
    const float value = size < 1 ? inner : outer;
    const float signed_value = x > 0 ? value : -value;
    return x != x ? x : signed_value;
}

// Inverse of the error function (Giles 2010, "Approximating the erfinv function"), single precision.
KOHORT_INLINE float erfinv(float x) {
    static constexpr float central[] = {2.81022636e-08f, 3.43273939e-07f, -3.5233877e-06f,
                                        -4.39150654e-06f, 0.00021858087f, -0.00125372503f,
                                        -0.00417768164f, 0.246640727f, 1.50140941f};
    static constexpr float outer[] = {-0.000200214257f, 0.000100950558f, 0.00134934322f,
                                      -0.00367342844f, 0.00573950773f, -0.0076224613f,
                                      0.00943887047f, 1.00167406f, 2.83297682f};
    float w = -fast_log((1 - x) * (1 + x));
    const bool small = w < 5;
    w = small ? w - 2.5f : std::sqrt(w) - 3;
    float p = small ? central[0] : outer[0];
    for (int k = 1; k < 9; k++) p = (small ? central[k] : outer[k]) + p * w;
    return p * x;
}

}  // namespace KOHORT_ISA
